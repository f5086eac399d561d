//! A request on its way up, watched from outside: what of it moves, who is waited for, and how it failed.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::error::ProxyError;

/// How long nothing of a body may move once its answer has ended; what waits then, waits for an upstream that has
/// stopped reading.
const LINGER: Duration = Duration::from_secs(5);

/// A view of one request's body; a clone is of the same.
#[derive(Debug, Clone)]
pub struct Upload(Arc<State>);

#[derive(Debug)]
struct State {
    began: Instant,
    /// When something of the request last moved, in microseconds after it began.
    moved_at: AtomicU64,
    /// Whether there is a body that has not been passed on whole.
    open: AtomicBool,
    /// Whether the next piece of it is waited for.
    waits_for_client: AtomicBool,
    /// Whether the answer has begun and not ended.
    answering: AtomicBool,
    failure: OnceLock<ClientFailure>,
}

/// What the client's side did wrong.
#[derive(Debug, Clone, Copy)]
pub(super) enum ClientFailure {
    /// It broke off, or its framing is broken.
    Broken,
    /// Nothing came for so long.
    Stalled(Duration),
    /// So few bytes a second came.
    Slow(u64),
}

impl Default for Upload {
    fn default() -> Self {
        Self(Arc::new(State {
            began: Instant::now(),
            moved_at: AtomicU64::new(0),
            open: AtomicBool::new(false),
            waits_for_client: AtomicBool::new(false),
            answering: AtomicBool::new(false),
            failure: OnceLock::new(),
        }))
    }
}

impl Upload {
    /// How the client's side failed, if it did, so that the failure is not blamed on the upstream.
    pub fn failure(&self) -> Option<ProxyError> {
        self.0.failure.get().map(|failure| match failure {
            ClientFailure::Broken => ProxyError::ClientBody,
            ClientFailure::Stalled(patience) => ProxyError::ClientStalled(*patience),
            ClientFailure::Slow(rate) => ProxyError::ClientSlow(*rate),
        })
    }

    /// How long it is that anything of the request moved; `None` while it is the client that is waited for.
    pub(super) fn still(&self) -> Option<Duration> {
        if self.0.open.load(Ordering::Acquire) && self.0.waits_for_client.load(Ordering::Acquire) {
            return None;
        }
        let moved_at = Duration::from_micros(self.0.moved_at.load(Ordering::Acquire));
        Some(self.0.began.elapsed().saturating_sub(moved_at))
    }

    /// Something of the request has moved.
    pub(super) fn moved(&self) {
        let now = u64::try_from(self.0.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.moved_at.store(now, Ordering::Release);
        self.0.waits_for_client.store(false, Ordering::Release);
    }

    /// The next piece is waited for.
    pub(super) fn waits_for_client(&self) {
        self.0.waits_for_client.store(true, Ordering::Release);
    }

    /// There is a body, and here it begins.
    pub(super) fn begins(&self) {
        self.0.open.store(true, Ordering::Release);
    }

    /// Nothing of it is passed on any more.
    pub(super) fn ends(&self) {
        self.0.open.store(false, Ordering::Release);
        self.moved();
    }

    /// The client has failed; the first time counts.
    pub(super) fn failed(&self, failure: ClientFailure) {
        let _ = self.0.failure.set(failure);
    }

    /// The answer has begun.
    pub(super) fn answer_begins(&self) {
        self.0.answering.store(true, Ordering::Release);
    }

    /// Whether the answer has begun and not ended.
    pub(super) fn is_answering(&self) -> bool {
        self.0.answering.load(Ordering::Acquire)
    }

    /// The answer has ended. A body that is still on its way has so long as it moves: then `connection` is ended, which
    /// lets go of the client's side as well.
    pub(super) fn answer_ends(&self, connection: &AbortHandle) {
        self.0.answering.store(false, Ordering::Release);
        if !self.0.open.load(Ordering::Acquire) {
            return;
        }
        let still = self.still();
        // Only what is waited for from now on counts.
        if still.is_some() {
            self.moved();
        }
        tokio::spawn(self.clone().end_when_still(connection.clone()));
    }

    async fn end_when_still(self, connection: AbortHandle) {
        while self.0.open.load(Ordering::Acquire) {
            // A client that is waited for has limits of its own.
            let still = self.still().unwrap_or_default();
            if still >= LINGER {
                tracing::debug!(
                    "a body was given up: its request is answered, and the upstream reads no more"
                );
                return connection.abort();
            }
            sleep(LINGER.saturating_sub(still)).await;
        }
    }
}
