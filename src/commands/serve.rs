//! `gloss serve`: the proxy.
//!
//! Prints where it listens once it does, logs to stderr, drains on SIGTERM or SIGINT, and ends at once on the second.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Layer;
use tower_http::catch_panic::CatchPanicLayer;

use super::{Failure, runtime};
use crate::admin::{Admin, Readiness};
use crate::config::{self, Config, ListenAddress, Sources};
use crate::proxy::Tunnels;
use crate::runlog::Tracker;
use crate::server::{self, Listener, Refusal, ServerParams};
use crate::stack;
use crate::telemetry::{Metrics, init_logging};

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
    /// The folder of the run logs
    #[arg(long, value_name = "DIR")]
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
    let loaded = config::load(&args.sources())?;
    init_logging(&loaded.config.telemetry.log_level, loaded.config.telemetry.log_format);
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
        let tracker = stack::tracker(&loaded.config, &metrics)?;
        let has_logs = tracker.is_some();
        let gloss = Gloss::bind(loaded.config, metrics, tracker).await?;
        if !has_logs {
            tracing::warn!("no log source is configured: status answers stay basic; set --logs to the folder of the run logs");
        }
        gloss.announce(&mut io::stdout())?;
        gloss.serve(drain).await;
        Ok(())
    });
    // A read that hangs in a file system must not keep the process.
    runtime.shutdown_background();
    outcome
}

/// Cancels `drain` at the first SIGTERM or SIGINT and ends the process at the second.
pub(super) fn drain_on_signal(drain: &CancellationToken) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let drain = drain.clone();
    tokio::spawn(async move {
        let mut either = async || tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} };
        either().await;
        tracing::info!("draining: no new connections, requests in flight finish");
        drain.cancel();
        either().await;
        tracing::warn!("ending at once, on the second signal");
        std::process::exit(1);
    });
    Ok(())
}

/// The proxy with its listeners bound, ready to serve.
#[derive(Debug)]
pub struct Gloss {
    config: Config,
    shared: stack::Shared,
    clients: Listener,
    operators: Option<Listener>,
    open_tunnels: TaskTracker,
    end_tunnels: CancellationToken,
}

impl Gloss {
    /// Binds the listeners; nothing is accepted yet.
    pub async fn bind(config: Config, metrics: Metrics, tracker: Option<Tracker>) -> anyhow::Result<Self> {
        let clients = bind("listen", &config.listen).await?;
        let operators = match &config.admin {
            Some(admin) => Some(bind("admin.listen", &ListenAddress::Tcp(admin.listen)).await?),
            None => None,
        };
        let (open_tunnels, end_tunnels) = (TaskTracker::new(), CancellationToken::new());
        let tunnels = Tunnels::new(open_tunnels.clone(), end_tunnels.clone());
        metrics.refusals(Refusal::ALL.map(Refusal::as_str));
        let shared = stack::Shared { metrics, tracker, tunnels };
        Ok(Self { config, shared, clients, operators, open_tunnels, end_tunnels })
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
        let params = ServerParams {
            header_timeout: self.config.server.header_timeout,
            idle_timeout: self.config.server.idle_timeout,
            write_timeout: self.config.server.write_timeout,
            max_header_bytes: self.config.server.max_header_bytes,
            max_headers: self.config.server.max_headers,
            max_connections: self.config.server.max_connections,
            drain_timeout: self.config.drain_timeout,
            preserve_header_case: self.config.proxy.preserve_header_case,
        };
        let readiness = Readiness::default();
        let operators_end = CancellationToken::new();
        if let Some(listener) = self.operators {
            let token = self.config.admin.as_ref().and_then(|admin| admin.token.clone());
            let (metrics, tracker) = (self.shared.metrics.clone(), self.shared.tracker.clone());
            let admin = Admin::new(token, readiness.clone(), metrics, tracker);
            // A page that fails costs that page.
            let admin = CatchPanicLayer::new().layer(admin);
            // Operators' connections are not counted among the clients'.
            tokio::spawn(server::run(listener, admin, params, Metrics::new(), operators_end.clone()));
        }
        let unready = readiness.clone();
        tokio::spawn({
            let drain = drain.clone();
            async move {
                drain.cancelled().await;
                unready.set(false);
            }
        });
        let service = stack::build(&self.config, &self.shared);
        readiness.set(true);
        let deadline = async {
            drain.cancelled().await;
            tokio::time::sleep(params.drain_timeout).await;
        };
        let finished = server::run(self.clients, service, params, self.shared.metrics.clone(), drain.clone());
        let all = async {
            let finished = finished.await;
            self.open_tunnels.close();
            self.open_tunnels.wait().await;
            finished
        };
        tokio::select! {
            finished = all => {
                if !finished {
                    tracing::warn!("the drain's time is up: requests in flight were cut off");
                }
            }
            () = deadline => tracing::warn!("the drain's time is up: what was in flight was cut off"),
        }
        self.end_tunnels.cancel();
        operators_end.cancel();
    }
}

async fn bind(key: &str, address: &ListenAddress) -> anyhow::Result<Listener> {
    let bound = Listener::bind(address).await;
    bound.with_context(|| format!("{key}: cannot listen on {address}; choose another by --listen or --admin"))
}
