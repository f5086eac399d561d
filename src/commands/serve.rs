//! `gloss serve`: the proxy.
//!
//! Prints where it listens once it does, logs to stderr, reloads its configuration on SIGHUP and when the file changes,
//! drains on SIGTERM or SIGINT, and ends at once on the second. The exit code of a drain is 0, also when its time was up
//! before all was done: how long requests may take then is the operator's own word, and a service manager that saw a
//! failure in every restart with an open WebSocket would help nobody. The log says what was cut off.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

mod live;
mod places;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::Utc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Layer;
use tower_http::catch_panic::{CatchPanic, CatchPanicLayer, DefaultResponseForPanic};
use tower_http::sensitive_headers::SetSensitiveRequestHeaders;

use self::live::Live;
use super::{Failure, runtime};
use crate::admin::{Access, Admin, AdminParams, Readiness, RunPages};
use crate::comparison::Comparison;
use crate::config::{self, Config, ListenAddress, Loaded, Sources};
use crate::enrich::{Fallback, Kept};
use crate::proxy::{ProxyError, Tunnels};
use crate::reload::{FileWatch, Reloader, Swap};
use crate::server::{self, Listener, Refusal, ServerParams};
use crate::stack::{self, MakeTracker};
use crate::stream::Streams;
use crate::switch::RolloutSwitch;
use crate::systemd;
use crate::telemetry::{LogControl, Metrics, init_logging, log_panics};

/// Run the proxy in front of a service
///
/// Forwards everything unchanged; adds notes to status answers of callers who ask, by the header "Gloss: enhanced" or
/// the query "enhanced=true".
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  gloss serve --upstream http://127.0.0.1:8000 --logs /srv/api/logs\n  \
                        gloss serve --config /etc/gloss/gloss.toml --percent 10\n\n\
                        Flags beat GLOSS_* variables (GLOSS_UPSTREAM, GLOSS_LOGS, GLOSS_ROLLOUT_PERCENT, …) beat the file \
                        beat the defaults.")]
pub struct Args {
    /// The configuration file (TOML); config/gloss.toml has every key
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where clients connect [default: 127.0.0.1:8880]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where operators connect, or "off" [default: 127.0.0.1:8881]
    #[arg(long, value_name = "ADDR|off")]
    admin: Option<String>,
    /// The service behind
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Where the run logs are: a folder, or several sources with commas between them ("body" is the service's own answer,
    /// "transcripts" are Claude Code's) [default: body]
    #[arg(long, value_name = "DIR|URL")]
    logs: Option<String>,
    /// What callers get who do not ask for anything [default: basic]
    #[arg(long, value_name = "VARIANT", value_parser = ["basic", "enhanced", "shadow"])]
    variant: Option<String>,
    /// Share of runs that get the enhanced answer unasked, 0 to 100 [default: 0]
    #[arg(long, value_name = "N")]
    percent: Option<String>,
}

impl Args {
    fn sources(&self) -> Sources {
        let flags = [
            ("--listen", "listen", &self.listen),
            ("--admin", "admin.listen", &self.admin),
            ("--upstream", "upstream.url", &self.upstream),
            ("--logs", "logs.sources", &self.logs),
            ("--variant", "rollout.default", &self.variant),
            ("--percent", "rollout.percent", &self.percent),
        ];
        let given = flags.into_iter().filter_map(|(flag, key, value)| Some((flag, key, value.clone()?)));
        Sources::from_process(self.config.clone(), given.collect())
    }
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let sources = args.sources();
    // Before it is read, so that no change goes unnoticed.
    let file = sources.file().map(|path| FileWatch::begin(&path));
    let loaded = config::load(&sources)?;
    let logging = init_logging(&loaded.config.telemetry.log_level, loaded.config.telemetry.log_format);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(missing) = server::make_room(loaded.config.server.max_connections) {
        tracing::warn!("{missing}");
    }
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let drain = CancellationToken::new();
        drain_on_signal(&drain)?;
        let metrics = Metrics::new();
        log_panics(metrics.clone());
        let clients = clients(&loaded.config.listen).await?;
        let mut gloss = Gloss::serving(clients, loaded, metrics, Box::new(stack::tracker)).await?;
        // From here on SIGHUP ends nothing any more.
        gloss.reload_from(Reloads { sources, file, hangup: signal(SignalKind::hangup())?, logging });
        places::announce(&gloss.loaded.config.logs.sources);
        gloss.announce(&mut io::stdout())?;
        gloss.serve(drain).await;
        Ok(())
    });
    // A read that hangs in a file system must not keep the process.
    runtime.shutdown_background();
    outcome
}

/// The socket that a service manager opened for clients, else one of gloss's own at the address that is configured.
async fn clients(listen: &ListenAddress) -> anyhow::Result<Listener> {
    let handed = systemd::handed_over().context("the socket of the service manager cannot be used")?;
    let Some(socket) = handed else { return bind("listen", listen).await };
    tracing::info!("clients connect to the service manager's socket: listen ({listen}) does not count");
    Ok(Listener::take_over(socket)?)
}

/// Cancels `drain` at the first SIGTERM or SIGINT and ends the process at the second, with 1. Has to be called on a tokio
/// runtime.
pub fn drain_on_signal(drain: &CancellationToken) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let drain = drain.clone();
    tokio::spawn(async move {
        let mut either = async || tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} };
        either().await;
        drain.cancel();
        either().await;
        tracing::warn!("ending at once, on the second signal");
        std::process::exit(1);
    });
    Ok(())
}

/// What a process needs to read its configuration again.
#[derive(Debug)]
pub struct Reloads {
    /// Where it was loaded from.
    pub sources: Sources,
    /// The file, if there is one that is to be watched.
    pub file: Option<FileWatch>,
    /// Brings the signal to reload.
    pub hangup: Signal,
    /// What is logged.
    pub logging: LogControl,
}

/// How many operators' connections there may be at a time, whatever clients may have.
const MAX_OPERATORS: usize = 256;

/// How long the server itself waits in a drain: whoever runs it ends the wait, by the time that is configured then.
const NO_LIMIT: Duration = Duration::from_hours(24 * 365);

/// The proxy with its listeners bound, ready to serve.
pub struct Gloss {
    loaded: Loaded,
    shared: stack::Shared,
    make_tracker: MakeTracker,
    reloads: Option<Reloads>,
    clients: Listener,
    operators: Option<Listener>,
    open_tunnels: TaskTracker,
    end_tunnels: CancellationToken,
    end_streams: CancellationToken,
}

impl Gloss {
    /// Binds the listeners; nothing is accepted yet. Logs are read by what `make_tracker` makes.
    pub async fn bind(loaded: Loaded, metrics: Metrics, make_tracker: MakeTracker) -> anyhow::Result<Self> {
        let clients = bind("listen", &loaded.config.listen).await?;
        Self::serving(clients, loaded, metrics, make_tracker).await
    }

    /// The same for clients of a socket that listens already.
    async fn serving(
        clients: Listener,
        loaded: Loaded,
        metrics: Metrics,
        make_tracker: MakeTracker,
    ) -> anyhow::Result<Self> {
        let config = &loaded.config;
        let tracker = make_tracker(config, &metrics).context("the log sources cannot be set up")?;
        let operators = match &config.admin {
            Some(admin) => Some(bind("admin.listen", &ListenAddress::Tcp(admin.listen)).await?),
            None => None,
        };
        metrics.operation().config_in_force(loaded.fingerprint());
        let (open_tunnels, end_tunnels) = (TaskTracker::new(), CancellationToken::new());
        let tunnels = Tunnels::new(open_tunnels.clone(), end_tunnels.clone(), metrics.clone());
        metrics.refusals(Refusal::ALL.map(Refusal::as_str).into_iter().chain(ProxyError::REFUSALS));
        let kept = config.rollout_kept.clone();
        let (overrides, file) = kept.map(|kept| (kept.overrides, kept.file)).unzip();
        let rollout =
            RolloutSwitch::new(config.rollout.clone(), overrides.unwrap_or_default(), file, metrics.clone());
        let end_streams = CancellationToken::new();
        let streams = Streams::new(end_streams.clone(), metrics.clone());
        let comparison = Comparison::new(Utc::now(), Fallback::ALL.map(Fallback::as_str));
        let traces = stack::traces(config, &metrics)?;
        let kept = Kept::default();
        let shared = stack::Shared { metrics, tracker, rollout, comparison, kept, streams, tunnels, traces };
        let reloads = None;
        Ok(Self {
            loaded,
            shared,
            make_tracker,
            reloads,
            clients,
            operators,
            open_tunnels,
            end_tunnels,
            end_streams,
        })
    }

    /// Has the configuration reloaded while it serves; otherwise it stays what it is.
    pub fn reload_from(&mut self, reloads: Reloads) {
        self.reloads = Some(reloads);
    }

    /// Where clients connect.
    pub fn address(&self) -> io::Result<ListenAddress> {
        self.clients.address()
    }

    /// Where operators connect, unless that is off.
    pub fn admin_address(&self) -> Option<ListenAddress> {
        self.operators.as_ref().and_then(|listener| listener.address().ok())
    }

    /// Writes a line for each listener, for people and for scripts that asked for port 0.
    pub fn announce(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "gloss: listening on {}", self.address()?)?;
        if let Some(admin) = self.admin_address() {
            writeln!(out, "gloss: admin on {admin}")?;
        }
        out.flush()
    }

    /// Serves until `drain` is cancelled and what was in flight has finished, or the drain's time is up.
    pub async fn serve(self, drain: CancellationToken) {
        let Self { loaded, shared, make_tracker, reloads, clients, operators, .. } = self;
        let (open_tunnels, end_tunnels, end_streams) =
            (self.open_tunnels, self.end_tunnels, self.end_streams);
        let params = server_params(&loaded.config);
        let (readiness, metrics, traces) =
            (Readiness::default(), shared.metrics.clone(), shared.traces.clone());
        let operators_end = CancellationToken::new();
        let (drain_timeout, patience) = watch::channel(loaded.config.drain_timeout);
        let stack = Swap::new(stack::build(&loaded.config, &shared));
        let pages = Swap::new(operator_pages(&loaded.config, &readiness, &shared));
        if let Some(listener) = operators {
            // Operators' connections are not counted among the clients'.
            let params = ServerParams { max_connections: MAX_OPERATORS, ..params };
            tokio::spawn(server::run(listener, pages.clone(), params, Metrics::new(), operators_end.clone()));
        }
        let served = server::run(clients, stack.clone(), params, metrics.clone(), drain.clone());
        if let Some(Reloads { sources, file, hangup, logging }) = reloads {
            let readiness = readiness.clone();
            let exchange = Box::new(move |config: &Config, shared: &stack::Shared| {
                stack.set(stack::build(config, shared));
                pages.set(operator_pages(config, &readiness, shared));
            });
            let live = Live { shared, make_tracker, exchange, drain_timeout, logging };
            let reloader = Reloader::new(sources, loaded, live.installer(), metrics.clone());
            tokio::spawn(drain.clone().run_until_cancelled_owned(reloader.run(hangup, file)));
        }
        tokio::spawn(systemd::watchdog());
        readiness.set(true);
        systemd::ready("serving");
        let deadline = async {
            drain.cancelled().await;
            readiness.set(false);
            // Their clients connect again, to whoever takes over.
            end_streams.cancel();
            systemd::stopping();
            let (connections, upgraded) = (metrics.open_connections(), open_tunnels.len());
            tracing::info!(connections, upgraded, "draining: no new connections, what is in flight finishes");
            let patience = *patience.borrow();
            tokio::time::sleep(patience).await;
        };
        let all = async {
            served.await;
            open_tunnels.close();
            open_tunnels.wait().await;
        };
        tokio::select! {
            // In this order, so that the begin of the drain is told however short it is.
            biased;
            () = deadline => {
                let (connections, upgraded) = (metrics.open_connections(), open_tunnels.len());
                tracing::warn!(connections, upgraded, "the drain's time is up: what was in flight is cut off");
            }
            () = all => tracing::info!("drained: everything in flight has finished"),
        }
        end_tunnels.cancel();
        operators_end.cancel();
        if let Some(traces) = traces {
            // It waits for the collector, on a thread that may wait. A panic in it has been told.
            let _ = tokio::task::spawn_blocking(move || traces.finish()).await;
        }
    }
}

impl fmt::Debug for Gloss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gloss").field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// What operators are answered by. A page that fails costs that page.
fn operator_pages(
    config: &Config,
    readiness: &Readiness,
    shared: &stack::Shared,
) -> SetSensitiveRequestHeaders<CatchPanic<Admin, DefaultResponseForPanic>> {
    let admin = config.admin.as_ref();
    let access = Access {
        token: admin.and_then(|admin| admin.token.clone()),
        hosts: admin.map(|admin| admin.hosts.clone()).unwrap_or_default(),
    };
    let admin = Admin::new(AdminParams {
        access,
        readiness: readiness.clone(),
        metrics: shared.metrics.clone(),
        tracker: shared.tracker.clone(),
        rollout: shared.rollout.clone(),
        comparison: shared.comparison.clone(),
        runs: RunPages::new(shared.tracker.clone(), shared.streams.end()),
    });
    SetSensitiveRequestHeaders::from_shared(
        CatchPanicLayer::new().layer(admin),
        Arc::clone(&config.secret_headers),
    )
}

fn server_params(config: &Config) -> ServerParams {
    let server = config.server;
    ServerParams {
        header_timeout: server.header_timeout,
        idle_timeout: server.idle_timeout,
        write_timeout: server.write_timeout,
        max_header_bytes: server.max_header_bytes,
        max_headers: server.max_headers,
        max_connections: server.max_connections,
        drain_timeout: NO_LIMIT,
        preserve_header_case: config.proxy.preserve_header_case,
    }
}

async fn bind(key: &str, address: &ListenAddress) -> anyhow::Result<Listener> {
    let bound = Listener::bind(address).await;
    bound.with_context(|| format!("{key}: cannot listen on {address}; choose another by --listen or --admin"))
}
