//! HTTP metrics by OpenTelemetry's semantic conventions, under the names which they have in Prometheus.
//!
//! However a client misbehaves, the label sets are few: methods that are not known are one (`_OTHER`), routes are the
//! configured templates, and statuses are those from 100 to 599. A request looks its figures up without allocating.

mod outcome;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use self::outcome::EncodeAsLabel;
use super::lookup::Lookup;

pub use self::outcome::{HttpOutcome, KnownMethod, KnownVersion};

/// Upper bounds in seconds, as the conventions advise for HTTP durations.
const DURATION_BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Upper bounds in bytes: 1 KiB to 16 MiB.
const SIZE_BUCKETS: [f64; 8] =
    [1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0];

/// TLS for clients is terminated before gloss: this is what it is spoken to in.
const SCHEME: (&str, &str) = ("url_scheme", "http");

#[derive(Debug, Clone, PartialEq, Eq)]
struct ServerLabels {
    outcome: HttpOutcome,
    route: Option<Arc<str>>,
}

impl Hash for ServerLabels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.outcome.packed() << 1 | u64::from(self.route.is_some()));
    }
}

impl EncodeLabelSet for ServerLabels {
    fn encode(&self, labels: &mut LabelSetEncoder<'_>) -> fmt::Result {
        self.outcome.encode(labels, 500)?;
        if let Some(route) = &self.route {
            ("http_route", &**route).encode_as_label(labels)?;
        }
        SCHEME.encode_as_label(labels)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ActiveLabels(KnownMethod);

impl EncodeLabelSet for ActiveLabels {
    fn encode(&self, labels: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("http_request_method", self.0.as_str()).encode_as_label(labels)?;
        SCHEME.encode_as_label(labels)
    }
}

/// Whom gloss calls: a name or address and its port, or the path of a socket without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// What is spoken there: `http` or `https`.
    pub scheme: &'static str,
    /// The name, the address, or the path.
    pub address: String,
    /// The port, where there is one.
    pub port: Option<u16>,
}

impl Peer {
    /// The beginning of a URL of it.
    pub(super) fn origin(&self) -> String {
        match (self.port, self.address.contains(':')) {
            (Some(port), false) => format!("{}://{}:{port}", self.scheme, self.address),
            (Some(port), true) => format!("{}://[{}]:{port}", self.scheme, self.address),
            (None, _) => format!("{}://localhost", self.scheme),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ClientLabels {
    outcome: HttpOutcome,
    peer: Arc<Peer>,
}

impl Hash for ClientLabels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.outcome.packed());
    }
}

impl EncodeLabelSet for ClientLabels {
    fn encode(&self, labels: &mut LabelSetEncoder<'_>) -> fmt::Result {
        self.outcome.encode(labels, 400)?;
        ("server_address", self.peer.address.as_str()).encode_as_label(labels)?;
        self.peer.port.map_or(Ok(()), |port| ("server_port", port).encode_as_label(labels))
    }
}

/// What is observed of a client's request.
#[derive(Debug)]
struct ServerSeries {
    durations: Histogram,
    request_sizes: Histogram,
    response_sizes: Histogram,
}

/// Makes histograms with the same buckets.
#[derive(Debug, Clone, Copy)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

type Histograms<L> = Family<L, Histogram, Buckets>;

/// The metrics of requests that clients make of gloss, and gloss of the upstream; registered with the others, see
/// [`Metrics`](super::Metrics).
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    durations: Histograms<ServerLabels>,
    request_sizes: Histograms<ServerLabels>,
    response_sizes: Histograms<ServerLabels>,
    active: Family<ActiveLabels, Gauge>,
    /// Those of `active`, by method.
    active_of: [Gauge; KnownMethod::ALL.len()],
    calls: Histograms<ClientLabels>,
    served: Lookup<ServerLabels, ServerSeries>,
    called: Lookup<ClientLabels, Histogram>,
}

/// How a client's request went.
#[derive(Debug, Clone, Copy)]
pub struct Served<'a> {
    /// As labels tell it.
    pub outcome: HttpOutcome,
    /// The template of its route; `None` where it came on none that gloss knows.
    pub route: Option<&'a Arc<str>>,
    /// From its head to the end of its answer.
    pub took: Duration,
    /// The length of its body, where it was told beforehand.
    pub received_bytes: Option<u64>,
    /// The length of the answer's body.
    pub sent_bytes: u64,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        let (durations, sizes) = (Buckets(&DURATION_BUCKETS), Buckets(&SIZE_BUCKETS));
        let active = Family::<ActiveLabels, Gauge>::default();
        let active_of = KnownMethod::ALL.map(|method| active.get_or_create_owned(&ActiveLabels(method)));
        Self {
            durations: Family::new_with_constructor(durations),
            request_sizes: Family::new_with_constructor(sizes),
            response_sizes: Family::new_with_constructor(sizes),
            active,
            active_of,
            calls: Family::new_with_constructor(durations),
            served: Lookup::default(),
            called: Lookup::default(),
        }
    }
}

impl HttpMetrics {
    /// A client's request is in flight from now on.
    pub fn began(&self, method: KnownMethod) {
        self.active_of[method as usize].inc();
    }

    /// It no longer is.
    pub fn ended(&self, served: &Served<'_>) {
        self.active_of[served.outcome.method as usize].dec();
        let labels = ServerLabels { outcome: served.outcome, route: served.route.cloned() };
        let make = |labels: &ServerLabels| ServerSeries {
            durations: self.durations.get_or_create_owned(labels),
            request_sizes: self.request_sizes.get_or_create_owned(labels),
            response_sizes: self.response_sizes.get_or_create_owned(labels),
        };
        self.served.with(labels, make, |series| {
            series.durations.observe(served.took.as_secs_f64());
            series.response_sizes.observe(served.sent_bytes as f64);
            if let Some(received) = served.received_bytes {
                series.request_sizes.observe(received as f64);
            }
        });
    }

    /// The upstream took so long to begin its answer, or to fail.
    pub fn called(&self, outcome: HttpOutcome, peer: &Arc<Peer>, took: Duration) {
        let labels = ClientLabels { outcome, peer: Arc::clone(peer) };
        let make = |labels: &ClientLabels| self.calls.get_or_create_owned(labels);
        self.called.with(labels, make, |calls| calls.observe(took.as_secs_f64()));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_server_request_duration_seconds",
            "Time from the head of a client's request to the end of its answer",
            self.durations.clone(),
        );
        registry.register(
            "http_server_active_requests",
            "Requests of clients in flight",
            self.active.clone(),
        );
        registry.register(
            "http_server_request_body_size_bytes",
            "Length of the bodies of clients' requests, where it was told beforehand",
            self.request_sizes.clone(),
        );
        registry.register(
            "http_server_response_body_size_bytes",
            "Length of the bodies of answers to clients",
            self.response_sizes.clone(),
        );
        registry.register(
            "http_client_request_duration_seconds",
            "Time from sending a request to the upstream to the head of its answer",
            self.calls.clone(),
        );
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode, Version};
    use prometheus_client::encoding::text::encode;

    use super::*;

    const PLAIN: HttpOutcome = HttpOutcome {
        method: KnownMethod::Get,
        version: Some(KnownVersion::Http11),
        status: Some(StatusCode::OK),
        error: None,
    };

    fn text(metrics: &HttpMetrics) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        metrics.register(&mut registry);
        encode(&mut text, &registry).unwrap();
        text
    }

    fn served(outcome: HttpOutcome, route: Option<&Arc<str>>) -> Served<'_> {
        Served { outcome, route, took: Duration::from_millis(7), received_bytes: Some(0), sent_bytes: 2000 }
    }

    #[test]
    fn a_request_is_counted_under_what_it_was_and_what_became_of_it() {
        let (metrics, route) = (HttpMetrics::default(), Arc::from("/run/{run_id}"));
        metrics.began(KnownMethod::Get);
        assert!(
            text(&metrics).contains("active_requests{http_request_method=\"GET\",url_scheme=\"http\"} 1")
        );
        metrics.ended(&served(PLAIN, Some(&route)));
        let text = text(&metrics);
        assert!(
            text.contains("active_requests{http_request_method=\"GET\",url_scheme=\"http\"} 0"),
            "{text}"
        );
        let labels = "http_request_method=\"GET\",http_response_status_code=\"200\",network_protocol_version=\"1.1\",\
                      http_route=\"/run/{run_id}\",url_scheme=\"http\"";
        for line in [
            format!("http_server_request_duration_seconds_count{{{labels}}} 1"),
            format!("http_server_request_body_size_bytes_sum{{{labels}}} 0.0"),
            format!("http_server_response_body_size_bytes_sum{{{labels}}} 2000.0"),
        ] {
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert!(!text.contains("error_type"), "{text}");
    }

    #[test]
    fn the_type_of_an_error_is_its_name_or_its_status() {
        let metrics = HttpMetrics::default();
        let of_status = |status| HttpOutcome { status: Some(status), ..PLAIN };
        metrics.ended(&served(of_status(StatusCode::NOT_FOUND), None));
        assert!(!text(&metrics).contains("error_type"), "a server that answers 404 has done its work");
        metrics.ended(&served(of_status(StatusCode::INTERNAL_SERVER_ERROR), None));
        assert!(text(&metrics).contains("error_type=\"500\""));
        let named = HttpOutcome { error: Some("dns_error"), ..of_status(StatusCode::BAD_GATEWAY) };
        metrics.ended(&served(named, None));
        assert!(text(&metrics).contains("error_type=\"dns_error\""));
        let peer = Arc::new(Peer { scheme: "http", address: "api".to_owned(), port: Some(81) });
        metrics.called(of_status(StatusCode::NOT_FOUND), &peer, Duration::ZERO);
        let text = text(&metrics);
        assert!(text.contains("error_type=\"404\",server_address=\"api\",server_port=\"81\"} 1"), "{text}");
    }

    #[test]
    fn whatever_clients_ask_the_labels_stay_few() {
        let metrics = HttpMetrics::default();
        for n in 0..100 {
            let method = Method::from_bytes(format!("M{n}").as_bytes()).unwrap();
            let status = StatusCode::from_u16(600 + n).unwrap();
            let outcome = HttpOutcome { method: KnownMethod::of(&method), status: Some(status), ..PLAIN };
            metrics
                .ended(&served(HttpOutcome { version: KnownVersion::of(Version::HTTP_3), ..outcome }, None));
        }
        let series: std::collections::HashSet<_> = text(&metrics)
            .lines()
            .filter(|line| line.contains("duration_seconds_count"))
            .map(str::to_owned)
            .collect();
        assert_eq!(series.len(), 1, "{series:?}");
    }
}
