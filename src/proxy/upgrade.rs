//! Joins the two sides of a connection after the upstream has agreed to switch protocols.
//!
//! Nothing is forwarded before the 101 has been passed on. When one side fails or the tunnels are told to end, both
//! sides are closed.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::telemetry::Metrics;

/// The tunnels that are open, so that a drain can wait for them and then end them.
#[derive(Debug, Clone, Default)]
pub struct Tunnels {
    open: TaskTracker,
    end: CancellationToken,
    metrics: Metrics,
}

/// What a client's connection takes up for as long as it lasts, upgraded or not; an extension of requests to upgrade.
#[derive(Clone)]
pub struct Occupied(#[expect(dead_code, reason = "it is only ever dropped")] Arc<dyn Any + Send + Sync>);

impl Occupied {
    /// Keeps `what` until the last clone of this is dropped.
    pub fn by(what: impl Any + Send + Sync) -> Self {
        Self(Arc::new(what))
    }
}

impl fmt::Debug for Occupied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Occupied").finish_non_exhaustive()
    }
}

impl Tunnels {
    /// Tunnels whose tasks are counted by `open`, which shows in `metrics`, and ended by `end`.
    pub fn new(open: TaskTracker, end: CancellationToken, metrics: Metrics) -> Self {
        Self { open, end, metrics }
    }

    /// Copies both ways, in a task of its own, from the moment both sides have switched. The client's place is taken
    /// until the end.
    pub(super) fn join(&self, client: OnUpgrade, upstream: OnUpgrade, place: Option<Occupied>) {
        let (end, counted) = (self.end.clone(), self.metrics.upgraded_connection());
        self.open.spawn(async move {
            tokio::select! {
                () = tunnel(client, upstream) => {}
                () = end.cancelled() => {}
            }
            drop((counted, place));
        });
    }
}

async fn tunnel(client: OnUpgrade, upstream: OnUpgrade) {
    let (client, upstream) = match tokio::try_join!(client, upstream) {
        Ok((client, upstream)) => (client, upstream),
        Err(error) => return tracing::debug!(error = %error, "an upgrade was not completed"),
    };
    if let Err(error) = copy(client, upstream).await {
        tracing::debug!(error = %error, "a tunnel broke off");
    }
}

async fn copy(client: Upgraded, upstream: Upgraded) -> std::io::Result<(u64, u64)> {
    copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(upstream)).await
}
