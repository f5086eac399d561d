//! The way from a command to a gloss by its URL, and what such commands are told on their command lines.

use std::time::Duration;

use anyhow::{Context, Result};
use http::{HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::proxy::{
    BodyPatience, Client, ClientParams, Forward, ForwardParams, HopParams, ProxyError, TlsParams, Tunnels,
    Upstream,
};
use crate::route::StatusRoute;
use crate::run_id::RunId;
use crate::telemetry::Metrics;

/// The longest answer that is read, in bytes.
pub(super) const MAX_ANSWER_BYTES: usize = 64 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than gloss waits for the service, as a rule.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

// Where status requests go, and what they say; a documentation comment would become the commands' own.
#[derive(Debug, clap::Args)]
pub(super) struct Asking {
    /// Where gloss is, as http, https or unix URL
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8880")]
    pub(super) url: String,
    /// A header to send, such as 'x-api-key: KEY'; may be repeated
    #[arg(long, value_name = "K: V", value_parser = header)]
    pub(super) header: Vec<(HeaderName, HeaderValue)>,
    /// The path of status requests
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/api/v1/workflows/claude-code/run/{run_id}/status",
        value_parser = route
    )]
    pub(super) route: String,
}

/// Sends requests to the gloss at `url`, which is http, https or unix; nothing is connected yet. Has to be called on a tokio
/// runtime.
pub(super) fn to(url: &str) -> Result<Forward> {
    let upstream = Upstream::parse(url.trim_end_matches('/'), &TlsParams::default())
        .with_context(|| format!("--url {url}"))?;
    let params = ClientParams {
        upstream,
        connect_timeout: CONNECT_TIMEOUT,
        response_timeout: ANSWER_TIMEOUT,
        idle_timeout: Duration::from_secs(4),
        max_idle: 1,
        preserve_header_case: false,
    };
    let forward = ForwardParams {
        opt_in_header: HeaderName::from_static("gloss"),
        rewrite_host: true,
        // Its requests have neither bodies nor many headers.
        body_patience: BodyPatience { pause: ANSWER_TIMEOUT, min_rate: 0 },
        max_headers: usize::MAX,
        hops: HopParams::default(),
        preserve_header_case: false,
    };
    let tunnels = Tunnels::new(TaskTracker::new(), CancellationToken::new(), Metrics::new());
    Ok(Forward::new(Client::new(params, Metrics::new()), forward, tunnels))
}

/// An error with its causes, in one line.
pub(super) fn why(error: &ProxyError) -> String {
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        why = format!("{why}: {error}");
        cause = error.source();
    }
    why
}

/// What the service says of an error, in the form of FastAPI, after a colon; empty where it says nothing.
pub(super) fn detail(body: &[u8]) -> String {
    let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = json.get("detail").and_then(|detail| detail.as_str()).unwrap_or_default();
    let shown: String = detail.chars().filter(|letter| !letter.is_control()).take(200).collect();
    if shown.is_empty() { shown } else { format!(": {shown}") }
}

/// Reads a run id.
pub(super) fn run_id(text: &str) -> Result<RunId, String> {
    RunId::new(text).ok_or_else(|| "letters, digits, '_', '-' and '.', at most 128 of them".to_owned())
}

/// Reads `name: value`; the value is shown nowhere.
pub(super) fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write it as 'name: value'")?;
    let name = name.trim().parse().map_err(|_| "the name is no header's name")?;
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_| "the value cannot be sent")?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// Reads the template of a status route.
pub(super) fn route(text: &str) -> Result<String, String> {
    StatusRoute::parse(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}
