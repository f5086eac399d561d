//! The way from a command to a gloss, or to a service, by its URL, and what such commands are told on their command lines.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::proxy::{
    BodyPatience, Client, ClientParams, Forward, ForwardParams, HopParams, ProxyError, TlsParams, Tunnels,
    Upstream,
};
use crate::route::{DEFAULT_STATUS_ROUTE, StatusRoute};
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
        default_value = DEFAULT_STATUS_ROUTE,
        value_parser = route
    )]
    pub(super) route: String,
}

/// Sends requests to the gloss at `url`, which is http, https or unix; nothing is connected yet. Has to be called on a tokio
/// runtime.
pub(super) fn to(url: &str) -> Result<Forward> {
    let upstream = Upstream::parse(url.trim_end_matches('/'), &TlsParams::default());
    Ok(by(upstream.with_context(|| format!("--url {url}"))?))
}

/// The same for a URL that was read already.
pub(super) fn by(upstream: Upstream) -> Forward {
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
    Forward::new(Client::new(params, Metrics::new()), forward, tunnels)
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// From asking to the last byte.
    pub(super) took: Duration,
}

impl Answer {
    /// A header's value, where it is there and a text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Asks for `target`, a path with or without a query, with these headers.
///
/// # Errors
/// In words: nobody answers, or the answer broke off.
pub(super) async fn get(
    service: &Forward,
    target: &str,
    headers: &[(HeaderName, HeaderValue)],
) -> Result<Answer, String> {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = target.parse::<Uri>().map_err(|error| format!("{target}: {error}"))?;
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("gloss"));
    for (name, value) in headers {
        request.headers_mut().append(name, value.clone());
    }
    let began = Instant::now();
    let response = service.clone().oneshot(request).await.map_err(|error| why(&error))?;
    let (head, body) = response.into_parts();
    let whole = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    let took = began.elapsed();
    let body = whole.map_err(|error| format!("the answer broke off: {error}"))?.to_bytes();
    Ok(Answer { status: head.status, headers: head.headers, body, took })
}

/// An error with its causes, in one line.
pub(super) fn why(error: &ProxyError) -> String {
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let said = error.to_string();
        // Many tell their cause themselves.
        if !why.ends_with(&said) {
            why = format!("{why}: {said}");
        }
        cause = error.source();
    }
    why
}

/// Who answers so instead of with a run's status, and why: gloss itself, which says so by `Proxy-Status`, or the service.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> String {
    let told = headers.get("proxy-status").and_then(|told| told.to_str().ok());
    let detail = detail(body);
    match told.and_then(own_error) {
        Some(error) => format!("gloss answers {} itself ({error}){detail}", status.as_u16()),
        None => format!("the service answers {status}{detail}"),
    }
}

/// The error for which gloss answers itself, of a `Proxy-Status` such as `gloss; error=connection_refused`; `None` where the
/// header is another's.
fn own_error(proxy_status: &str) -> Option<&str> {
    let mut parts = proxy_status.split(';').map(str::trim);
    parts.next().filter(|name| *name == "gloss")?;
    parts.find_map(|part| part.strip_prefix("error="))
}

/// What is said of an error, in the form of FastAPI, after a colon; empty where nothing is.
fn detail(body: &[u8]) -> String {
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
