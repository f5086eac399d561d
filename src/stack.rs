//! The one place which names every layer a request passes, outermost first.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tower::{Service, ServiceBuilder};
use url::Url;

use crate::analysis::{Limits, LogSourceKind};
use crate::comparison::Comparison;
use crate::config::{Config, SourceConfig};
use crate::enrich::{Descriptions, EnrichLayer, EnrichParams, Kept};
use crate::observe::{Collector, MarkSecretsLayer, ObserveLayer, ObserveParams, ObservedBody};
use crate::openapi::DescriptionParams;
use crate::proxy::{
    Body, BodyPatience, Client, ClientParams, Forward, ForwardParams, Forwarding, FromClient, RescueLayer,
    Tunnels,
};
use crate::route::Router;
use crate::runlog::{FileSource, Guarded, LogSource, Place, Role, Template, Tracker, TrackerParams};
#[cfg(feature = "objects")]
use crate::runlog::{ObjectParams, ObjectSource};
use crate::shield::key::IgnoredHeaders;
use crate::shield::{ShieldLayer, ShieldParams};
use crate::stream::{Pace, Streams};
use crate::switch::RolloutSwitch;
use crate::telemetry::{Metrics, TraceParams, TraceSetupError, Traces};

/// How long a collector of traces may take, to connect and to answer.
const COLLECTOR_PATIENCE: Duration = Duration::from_secs(10);

/// What the layers share with the rest of the process.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Where everything is counted.
    pub metrics: Metrics,
    /// The analyses; `None` where none are made, as in tests.
    pub tracker: Option<Tracker>,
    /// The rollout in force.
    pub rollout: RolloutSwitch,
    /// What the A/B measures.
    pub comparison: Comparison,
    /// What enrichment remembers and has under way.
    pub kept: Kept,
    /// Live updates under way.
    pub streams: Streams,
    /// Connections that were upgraded.
    pub tunnels: Tunnels,
    /// Where requests are traced; `None` when that is off.
    pub traces: Option<Traces>,
}

/// Makes the tracker that a configuration asks for.
pub type MakeTracker = Box<dyn Fn(&Config, &Metrics) -> io::Result<Option<Tracker>> + Send + Sync>;

/// Builds the service that every client's connection gets a clone of. Has to be called on a tokio runtime.
pub fn build(
    config: &Config,
    shared: &Shared,
) -> impl Service<
    Request<FromClient>,
    Response = Response<ObservedBody<Body>>,
    Error = Infallible,
    Future: Future<Output = Result<Response<ObservedBody<Body>>, Infallible>> + Send,
> + Clone
+ Send
+ Sync
+ use<> {
    // Only the access log wants to know.
    let client =
        Client::new(client_params(config), shared.metrics.clone()).timed(config.telemetry.access_log);
    let secret = Arc::clone(&config.secret_headers);
    ServiceBuilder::new()
        // First of all, so that no layer can show a credential, even by accident.
        .layer(MarkSecretsLayer::new(secret))
        // Around everything that may answer, so that every answer is counted, timed and logged, to its last byte.
        .layer(ObserveLayer::new(observe_params(config), shared.traces.clone(), shared.metrics.clone()))
        // Around all that can fail, so that every failure and every panic further in becomes an answer.
        .layer(RescueLayer::new(shared.metrics.clone()))
        // Before forwarding, because it changes what is asked of the upstream, and after it, because it adds to what
        // the upstream answers.
        .layer(EnrichLayer::new(
            enrich_params(config, shared),
            shared.tracker.clone(),
            shared.streams.clone(),
            shared.metrics.clone(),
        ))
        // Before forwarding, so that what is kept is the upstream's own answer and notes are made anew.
        .layer(ShieldLayer::new(shield_params(config), &shared.metrics))
        .service(Forward::new(client, forward_params(config), shared.tunnels.clone()))
}

/// The tracker over the configured log sources.
///
/// # Errors
/// When the threads of a source or the tracker cannot be started.
pub fn tracker(config: &Config, metrics: &Metrics) -> io::Result<Option<Tracker>> {
    tracker_over(places(config)?, config, metrics).map(Some)
}

/// The storages that the configuration names, in its order.
///
/// # Errors
/// When the threads of one cannot be started.
pub fn places(config: &Config) -> io::Result<Vec<Place>> {
    let place = |source: &SourceConfig| match source {
        SourceConfig::Folder { root, templates } => {
            let files = FileSource::start(root.clone(), LogSourceKind::File)?;
            Ok(Some(Place { source: Arc::new(files), templates: templates.clone(), role: Role::Leads }))
        }
        SourceConfig::Transcripts { root } => {
            let files = FileSource::start(root.clone(), LogSourceKind::Transcript)?;
            let templates = vec![Template::transcripts()];
            Ok(Some(Place { source: Arc::new(files), templates, role: Role::Fills }))
        }
        SourceConfig::Body => Ok(None),
        SourceConfig::ObjectStore { url, templates } | SourceConfig::Http { url, templates } => {
            let source = objects(url, config)?;
            Ok(Some(Place { source, templates: templates.clone(), role: Role::Leads }))
        }
    };
    config.logs.sources.iter().filter_map(|source| place(source).transpose()).collect()
}

/// The storage at a URL.
///
/// # Errors
/// When its client cannot be set up, or this build has none for it.
#[cfg(feature = "objects")]
fn objects(url: &Url, config: &Config) -> io::Result<Arc<dyn LogSource>> {
    let params = ObjectParams { url: url.clone(), max_skip: config.logs.max_bytes_per_poll };
    let source = ObjectSource::new(&params)
        .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, format!("{url}: {why}")))?;
    Ok(Arc::new(source))
}

#[cfg(not(feature = "objects"))]
fn objects(url: &Url, _config: &Config) -> io::Result<Arc<dyn LogSource>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, format!("{url} cannot be read by this build")))
}

/// The tracker over any places: the seam by which tests put in one that fails.
///
/// # Errors
/// When the tracker's threads cannot be started.
pub fn tracker_over(places: Vec<Place>, config: &Config, metrics: &Metrics) -> io::Result<Tracker> {
    let params = TrackerParams {
        limits: Limits { max_line_bytes: config.logs.max_line_bytes },
        prior: Arc::clone(&config.prior),
        max_bytes_per_poll: config.logs.max_bytes_per_poll,
        cache_bytes: config.cache.max_bytes,
        cache_idle: config.cache.idle,
    };
    let guarded =
        |place: Place| Place { source: Arc::new(Guarded::new(place.source, metrics.clone())), ..place };
    Tracker::start(places.into_iter().map(guarded).collect(), params, metrics.clone())
}

/// The traces that a configuration asks for. Has to be called on a tokio runtime.
///
/// # Errors
/// When their exporter cannot be set up.
pub fn traces(config: &Config, metrics: &Metrics) -> Result<Option<Traces>, TraceSetupError> {
    let Some(wanted) = &config.telemetry.traces else { return Ok(None) };
    let params = ClientParams {
        upstream: wanted.collector.clone(),
        connect_timeout: COLLECTOR_PATIENCE,
        response_timeout: COLLECTOR_PATIENCE,
        idle_timeout: COLLECTOR_PATIENCE,
        // An export every few seconds: a connection of its own each time never turns out dead.
        max_idle: 0,
        preserve_header_case: false,
    };
    // What is asked of the collector is not counted with what is asked of the upstream.
    let collector = Collector::new(Client::new(params, Metrics::new()));
    let params = TraceParams {
        endpoint: wanted.endpoint.clone(),
        sample_ratio: wanted.sample_ratio,
        propagate: wanted.propagate,
    };
    Traces::start(&params, collector, metrics).map(Some)
}

fn client_params(config: &Config) -> ClientParams {
    ClientParams {
        upstream: config.upstream.url.clone(),
        connect_timeout: config.upstream.connect_timeout,
        response_timeout: config.upstream.response_timeout,
        idle_timeout: config.upstream.idle_timeout,
        max_idle: config.upstream.max_idle,
        preserve_header_case: config.proxy.preserve_header_case,
    }
}

fn shield_params(config: &Config) -> Option<ShieldParams> {
    let shield = config.shield.as_ref()?;
    let hops = config.proxy.hops;
    Some(ShieldParams {
        routes: config.routes.clone(),
        lifetime: shield.lifetime,
        max_bytes: shield.max_bytes,
        ignored: IgnoredHeaders::new(config.opt_in_header.clone(), shield.ignore_headers.iter().cloned()),
        by_address: hops.forwarded != Forwarding::Off || hops.x_forwarded != Forwarding::Off,
        max_body_bytes: config.enrich.max_body_bytes,
        max_held_bytes: config.enrich.max_held_bytes,
        body_timeout: config.enrich.body_timeout,
    })
}

fn observe_params(config: &Config) -> ObserveParams {
    ObserveParams { routes: config.routes.clone(), access_log: config.telemetry.access_log }
}

fn forward_params(config: &Config) -> ForwardParams {
    ForwardParams {
        opt_in_header: config.opt_in_header.clone(),
        body_patience: BodyPatience {
            pause: config.server.body_timeout,
            min_rate: config.server.body_min_rate,
        },
        max_headers: config.server.max_headers,
        rewrite_host: config.proxy.rewrite_host,
        hops: config.proxy.hops,
        preserve_header_case: config.proxy.preserve_header_case,
    }
}

fn enrich_params(config: &Config, shared: &Shared) -> EnrichParams {
    EnrichParams {
        router: Router::new(config.routes.clone(), config.opt_in_header.clone()).with_compare(config.compare),
        start_routes: config.start_routes.clone(),
        process_check: config.process_check,
        rollout: shared.rollout.clone(),
        comparison: shared.comparison.clone(),
        opt_in_header: config.opt_in_header.clone(),
        expose_headers: config.expose_headers,
        budget: config.enrich.budget,
        max_body_bytes: config.enrich.max_body_bytes,
        max_held_bytes: config.enrich.max_held_bytes,
        body_timeout: config.enrich.body_timeout,
        storage_patience: config.logs.timeout,
        own_logs: config.logs.sources.contains(&SourceConfig::Body),
        max_concurrent: config.enrich.max_concurrent,
        kept: shared.kept.clone(),
        failed: config.enrich.failed,
        compat_fields: config.enrich.compat_fields,
        pace: Pace { upstream: config.stream.upstream_interval, heartbeat: config.stream.heartbeat },
        max_streams: config.stream.max,
        is_shielded: config.shield.is_some(),
        descriptions: config.enrich.openapi.then(|| descriptions(config)),
    }
}

fn descriptions(config: &Config) -> Descriptions {
    let params = DescriptionParams {
        routes: config.routes.clone(),
        opt_in_header: config.opt_in_header.clone(),
        compat_fields: config.enrich.compat_fields,
    };
    Descriptions { paths: config.descriptions.clone(), params }
}
