//! The access log: one line for each request, at the end of its answer.
//!
//! Its fields carry the names of OpenTelemetry's conventions, in text as in JSON; those that do not apply are left out.
//! Durations are in seconds, lengths in bytes. A path is shown as it came (without parameters behind a semicolon), and
//! so are run ids; of a query only the names are; of headers only `User-Agent`, unless it is said to be secret, and the
//! trace id. Whatever a client sends is cut and escaped, so that it is a part of one line.

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, header};
use tracing::Level;

use crate::enrich::Fallback;
use crate::proxy::FromClient;
use crate::rollout::Rule;
use crate::telemetry::{KnownVersion, Served, Target, trace_id};
use crate::variant::Variant;

/// More of a user agent than anybody would read.
const LONGEST_AGENT: usize = 256;

/// What a line tells of the request beyond what is counted.
#[derive(Debug)]
pub(super) struct Asked {
    target: Target,
    client: Option<IpAddr>,
    agent: Option<String>,
    trace: Option<String>,
    variant: Option<&'static str>,
    reason: Option<&'static str>,
    upstream: Option<Duration>,
}

impl Asked {
    /// `trace` is the id of the trace that gloss records it in; without one, its caller's counts.
    pub(super) fn of(request: &Request<FromClient>, trace: Option<String>) -> Self {
        Self {
            target: Target::of(request),
            client: client_of(request),
            agent: request.headers().get(header::USER_AGENT).filter(|agent| !agent.is_sensitive()).map(cut),
            trace: trace.or_else(|| trace_id(request.headers()).map(str::to_owned)),
            variant: None,
            reason: None,
            upstream: None,
        }
    }

    /// `labels` are the headers of the answer where it is a status request's. Only gloss's own words are believed.
    pub(super) fn answered(&mut self, labels: Option<&HeaderMap>, upstream: Option<Duration>) {
        self.upstream = upstream;
        let Some(labels) = labels else { return };
        let said = |name: &str| labels.get(name).and_then(|value| value.to_str().ok());
        self.variant = said("gloss-variant").and_then(Variant::from_word).map(Variant::as_str);
        let reasons = Rule::ALL.map(Rule::as_str).into_iter().chain(Fallback::ALL.map(Fallback::as_str));
        self.reason =
            said("gloss-reason").and_then(|said| reasons.into_iter().find(|reason| *reason == said));
    }

    pub(super) fn log(&self, served: &Served<'_>) {
        let outcome = served.outcome;
        let seconds = |took: Duration| (took.as_secs_f64() * 1e6).round() / 1e6;
        tracing::event!(
            target: "gloss::access",
            Level::INFO,
            "http.request.method" = outcome.method.as_str(),
            "http.request.method_original" = self.target.unknown_method(),
            "url.path" = self.target.path().to_string(),
            "url.query" = self.target.query_names().map(|names| names.to_string()),
            "http.route" = served.route.map(|route| &**route),
            "http.response.status_code" = outcome.status.map(|status| status.as_u16()),
            "http.server.request.duration" = seconds(served.took),
            "http.client.request.duration" = self.upstream.map(seconds),
            "http.request.body.size" = served.received_bytes,
            "http.response.body.size" = served.sent_bytes,
            "network.protocol.version" = outcome.version.map(KnownVersion::as_str),
            "error.type" = outcome.error,
            "gloss.variant" = self.variant,
            "gloss.reason" = self.reason,
            "client.address" = self.client.map(tracing::field::display),
            "user_agent.original" = self.agent,
            trace_id = self.trace,
            "request"
        );
    }
}

/// The other end of the request's connection.
pub(super) fn client_of(request: &Request<FromClient>) -> Option<IpAddr> {
    request.body().client().0.map(|address| address.ip().to_canonical())
}

/// A header's value as text of bounded length, without what a terminal would obey.
fn cut(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_AGENT)]);
    let directs = |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.replace(|letter: char| letter.is_control() || directs(letter), "\u{fffd}")
}
