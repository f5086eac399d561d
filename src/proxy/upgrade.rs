//! Joins the two sides of a connection after the upstream has agreed to switch protocols.
//!
//! Nothing is forwarded before the 101 has been passed on. When one side fails or the tunnels are told to end, both
//! sides are closed.

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tunnels that are open, so that a drain can wait for them and then end them.
#[derive(Debug, Clone, Default)]
pub struct Tunnels {
    open: TaskTracker,
    end: CancellationToken,
}

impl Tunnels {
    /// Tunnels whose tasks are counted by `open` and ended by `end`.
    pub fn new(open: TaskTracker, end: CancellationToken) -> Self {
        Self { open, end }
    }

    /// Copies both ways, in a task of its own, from the moment both sides have switched.
    pub(super) fn join(&self, client: OnUpgrade, upstream: OnUpgrade) {
        let end = self.end.clone();
        self.open.spawn(async move {
            tokio::select! {
                () = tunnel(client, upstream) => {}
                () = end.cancelled() => {}
            }
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
