//! Counters and histograms of gloss's own, and the registry of all.
//!
//! Every label set is created up front, so that a scrape shows each reason from the start.
//! No label ever carries a run id, a path or anything that a client sent.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::decisions::DecisionMetrics;
use super::exposition::Exposition;
use super::http::HttpMetrics;
use super::operation::OperationMetrics;
use super::outcomes::{Answered, SpanFate};
#[cfg(target_os = "linux")]
use super::process::ProcessCollector;
use super::run_logs::RunLogMetrics;
use super::shield::ShieldMetrics;
use super::streams::StreamMetrics;
use crate::enrich::Fallback;
use crate::openapi::Unfit;
use crate::rollout::Decision;

/// The process's metrics; a clone counts into the same.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    error: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

/// How long the stages of one enrichment took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// From forwarding the request to the end of the upstream's answer (basic: to its head).
    pub upstream: Duration,
    /// Reading and folding the log; runs beside the upstream's time.
    pub logs: Duration,
    /// What the client waited beyond the upstream's answer.
    pub enrich: Duration,
}

struct Inner {
    registry: Registry,
    decisions: DecisionMetrics,
    rescues: Family<ErrorLabels, Counter>,
    upstream_retries: Counter,
    log_lookups: Counter,
    log_reads: Counter,
    log_bytes: Counter,
    cache_bytes: Gauge,
    cache_entries: Gauge,
    connections: Gauge,
    upgraded: Gauge,
    held_bytes: Gauge,
    refusals: Family<ReasonLabels, Counter>,
    descriptions: Family<OutcomeLabels, Counter>,
    operation: OperationMetrics,
    http: HttpMetrics,
    run_logs: RunLogMetrics,
    streams: StreamMetrics,
    shield: ShieldMetrics,
    spans: Family<ResultLabels, Counter>,
}

/// Upper bounds of the duration buckets, in seconds: 0.1 ms to 10 s.
pub(super) const DURATION_BUCKETS: [f64; 13] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry of its own, with every reason at zero.
    pub fn new() -> Self {
        let mut inner = Inner {
            registry: Registry::default(),
            decisions: DecisionMetrics::default(),
            rescues: Family::default(),
            upstream_retries: Counter::default(),
            log_lookups: Counter::default(),
            log_reads: Counter::default(),
            log_bytes: Counter::default(),
            cache_bytes: Gauge::default(),
            cache_entries: Gauge::default(),
            connections: Gauge::default(),
            upgraded: Gauge::default(),
            held_bytes: Gauge::default(),
            refusals: Family::default(),
            descriptions: Family::default(),
            operation: OperationMetrics::default(),
            http: HttpMetrics::default(),
            run_logs: RunLogMetrics::default(),
            streams: StreamMetrics::default(),
            shield: ShieldMetrics::default(),
            spans: Family::default(),
        };
        inner.register();
        inner.touch();
        Self(Arc::new(inner))
    }

    /// A status request was decided on.
    pub fn decision(&self, decision: Decision) {
        self.0.decisions.decision(decision);
    }

    /// A client that was to get the enhanced answer got it (`None`) or the basic one.
    pub fn enrichment(&self, fallback: Option<Fallback>) {
        self.0.decisions.enrichment(fallback);
    }

    /// An enrichment in the shadow would have ended so.
    pub fn shadow(&self, fallback: Option<Fallback>) {
        self.0.decisions.shadow(fallback);
    }

    /// An enrichment in the shadow came to nothing because the client left, or the answer broke off, before its end.
    pub fn shadow_abandoned(&self) {
        self.0.decisions.shadow_abandoned();
    }

    /// How long the stages of a status request took that was answered so; a basic answer as decided has none but the
    /// upstream's.
    pub fn stages(&self, answered: Answered, times: &StageTimes) {
        self.0.decisions.stages(answered, times);
    }

    /// A request got an answer of gloss's own, for an error of RFC 9209's registry.
    pub fn rescue(&self, error: &'static str) {
        self.0.rescues.get_or_create(&ErrorLabels { error }).inc();
    }

    /// A request was sent a second time because its pooled connection turned out dead.
    pub fn upstream_retry(&self) {
        self.0.upstream_retries.inc();
    }

    /// A log was looked up.
    pub fn log_lookup(&self) {
        self.0.log_lookups.inc();
    }

    /// One read of a log brought this many bytes.
    pub fn log_read(&self, bytes: usize) {
        self.0.log_reads.inc();
        self.0.log_bytes.inc_by(bytes as u64);
    }

    /// The analyses in the cache now.
    pub fn cache(&self, entries: u64, bytes: u64) {
        self.0.cache_entries.set(entries.try_into().unwrap_or(i64::MAX));
        self.0.cache_bytes.set(bytes.try_into().unwrap_or(i64::MAX));
    }

    /// A client's connection opened; it counts as open until the value is dropped.
    pub fn connection(&self) -> OpenConnection {
        self.0.connections.inc();
        OpenConnection(self.0.connections.clone())
    }

    /// A client's connection was upgraded; it counts as such until the value is dropped.
    pub fn upgraded_connection(&self) -> OpenConnection {
        self.0.upgraded.inc();
        OpenConnection(self.0.upgraded.clone())
    }

    /// So many more bytes of answers are held in memory.
    pub fn held_more(&self, bytes: usize) {
        self.0.held_bytes.inc_by(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// So many bytes of answers are no longer held in memory.
    pub fn held_less(&self, bytes: usize) {
        self.0.held_bytes.dec_by(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// A client's connection was ended for this reason.
    pub fn refusal(&self, reason: &'static str) {
        self.0.refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// The reasons for which connections may be ended, so that those which never happened show as zero.
    pub fn refusals(&self, reasons: impl IntoIterator<Item = &'static str>) {
        for reason in reasons {
            drop(self.0.refusals.get_or_create(&ReasonLabels { reason }));
        }
    }

    /// How many clients' connections are open; those that were upgraded are no longer among them.
    pub fn open_connections(&self) -> i64 {
        self.0.connections.get()
    }

    /// The service's description of itself was asked for, and this came of adding to it.
    pub fn description(&self, outcome: &'static str) {
        self.0.descriptions.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// What operators and the machine do to gloss.
    pub fn operation(&self) -> &OperationMetrics {
        &self.0.operation
    }

    /// So many spans of traces came to this.
    pub fn spans(&self, fate: SpanFate, count: usize) {
        self.0.spans.get_or_create(&ResultLabels { result: fate.as_str() }).inc_by(count as u64);
    }

    /// Requests and answers of HTTP, whatever they are about.
    pub fn http(&self) -> &HttpMetrics {
        &self.0.http
    }

    /// What run logs hold, and the cache of their analyses.
    pub fn run_logs(&self) -> &RunLogMetrics {
        &self.0.run_logs
    }

    /// Live updates.
    pub fn streams(&self) -> &StreamMetrics {
        &self.0.streams
    }

    /// What the shield does.
    pub fn shield(&self) -> &ShieldMetrics {
        &self.0.shield
    }

    /// Everything, as text for people and older scrapers.
    pub fn text(&self) -> String {
        self.exposition(Exposition::Text)
    }

    /// Everything, in the form that a scrape asks for.
    pub fn exposition(&self, form: Exposition) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.0.registry);
        form.of(text)
    }
}

/// A client's connection that is open.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Inner {
    fn register(&mut self) {
        self.http.register(&mut self.registry);
        #[cfg(target_os = "linux")]
        self.registry.register_collector(Box::new(ProcessCollector));
        let registry = self.registry.sub_registry_with_prefix("gloss");
        registry.register("build", "What is running", Info::new(build()));
        self.decisions.register(registry);
        registry.register(
            "rescues",
            "Requests that gloss answered itself, by error type of RFC 9209",
            self.rescues.clone(),
        );
        registry.register(
            "upstream_retries",
            "Requests sent again because their pooled connection was dead",
            self.upstream_retries.clone(),
        );
        registry.register("log_lookups", "Run logs looked up", self.log_lookups.clone());
        registry.register("log_reads", "Reads from run logs", self.log_reads.clone());
        registry.register("log_read_bytes", "Bytes read from run logs", self.log_bytes.clone());
        registry.register(
            "cache_bytes",
            "Estimated memory of the analyses in the cache",
            self.cache_bytes.clone(),
        );
        registry.register("cache_entries", "Analyses in the cache", self.cache_entries.clone());
        registry.register(
            "connections",
            "Open connections of clients, but for those that were upgraded",
            self.connections.clone(),
        );
        registry.register(
            "upgraded_connections",
            "Open connections of clients that were upgraded; they count against server.max_connections, too",
            self.upgraded.clone(),
        );
        registry.register(
            "held_bytes",
            "Bytes of answers that were read in advance and are held in memory",
            self.held_bytes.clone(),
        );
        registry.register(
            "refused_connections",
            "Connections of clients that gloss ended, by reason",
            self.refusals.clone(),
        );
        registry.register(
            "trace_spans",
            "Spans of traces: recorded, and then exported or failed; the rest waits or was dropped for want of room",
            self.spans.clone(),
        );
        registry.register(
            "descriptions",
            "Requests for the service's OpenAPI document that was to be added to, by what the client got",
            self.descriptions.clone(),
        );
        self.run_logs.register(registry);
        self.streams.register(registry);
        self.shield.register(registry);
        self.operation.register(registry);
    }

    /// Creates every label set, so that a reason that never happened shows as zero.
    fn touch(&self) {
        self.operation.touch();
        self.decisions.touch();
        for outcome in ["enhanced"].into_iter().chain(Unfit::ALL.map(Unfit::as_str)) {
            drop(self.descriptions.get_or_create(&OutcomeLabels { outcome }));
        }
        self.run_logs.touch();
        self.streams.touch();
        self.shield.touch();
        for fate in SpanFate::ALL {
            drop(self.spans.get_or_create(&ResultLabels { result: fate.as_str() }));
        }
    }
}

/// The version, and the revision where whoever built it said which: `GLOSS_REVISION` in the environment of the build.
fn build() -> [(&'static str, &'static str); 2] {
    let revision = option_env!("GLOSS_REVISION").filter(|revision| !revision.is_empty());
    [("version", env!("CARGO_PKG_VERSION")), ("revision", revision.unwrap_or("unknown"))]
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_there_before_anything_happened() {
        let text = Metrics::new().text();
        for reason in Fallback::ALL {
            let line = format!("gloss_enrichments_total{{outcome=\"{}\"}} 0", reason.as_str());
            assert!(text.contains(&line), "{line}");
        }
        assert!(text.contains("gloss_decisions_total{variant=\"enhanced\",rule=\"percent\"} 0"));
    }

    #[test]
    fn what_is_counted_shows() {
        let metrics = Metrics::new();
        metrics.enrichment(Some(Fallback::NoLog));
        metrics.log_read(1024);
        let open = metrics.connection();
        let text = metrics.text();
        assert!(text.contains("gloss_enrichments_total{outcome=\"no-log\"} 1"));
        assert!(text.contains("gloss_log_read_bytes_total 1024"));
        assert!(text.contains("gloss_connections 1"));
        drop(open);
        assert!(metrics.text().contains("gloss_connections 0"));
    }
}
