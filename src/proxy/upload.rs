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

/// A view of one request's body; a clone is of the same. Of no body there is nothing to see.
#[derive(Debug, Clone)]
pub struct Upload(Option<Arc<State>>);

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

impl Upload {
    /// Of a request that has no body.
    pub fn none() -> Self {
        Self(None)
    }

    /// Of a request whose body is still to come.
    pub(super) fn begin() -> Self {
        Self(Some(Arc::new(State {
            began: Instant::now(),
            moved_at: AtomicU64::new(0),
            open: AtomicBool::new(false),
            waits_for_client: AtomicBool::new(false),
            answering: AtomicBool::new(false),
            failure: OnceLock::new(),
        })))
    }

    /// How the client's side failed, if it did, so that the failure is not blamed on the upstream.
    pub fn failure(&self) -> Option<ProxyError> {
        self.0.as_ref()?.failure.get().map(|failure| match failure {
            ClientFailure::Broken => ProxyError::ClientBody,
            ClientFailure::Stalled(patience) => ProxyError::ClientStalled(*patience),
            ClientFailure::Slow(rate) => ProxyError::ClientSlow(*rate),
        })
    }

    /// How long it is that anything of the request moved, without a body for ever; `None` while it is the client that is
    /// waited for.
    pub(super) fn still(&self) -> Option<Duration> {
        self.0.as_ref().map_or(Some(Duration::MAX), |state| state.still())
    }

    /// Something of the request has moved.
    pub(super) fn moved(&self) {
        if let Some(state) = &self.0 {
            state.moved();
        }
    }

    /// The next piece is waited for.
    pub(super) fn waits_for_client(&self) {
        if let Some(state) = &self.0 {
            state.waits_for_client.store(true, Ordering::Release);
        }
    }

    /// There is a body, and here it begins.
    pub(super) fn begins(&self) {
        if let Some(state) = &self.0 {
            state.open.store(true, Ordering::Release);
        }
    }

    /// Nothing of it is passed on any more.
    pub(super) fn ends(&self) {
        if let Some(state) = &self.0 {
            state.open.store(false, Ordering::Release);
            state.moved();
        }
    }

    /// The client has failed; the first time counts.
    pub(super) fn failed(&self, failure: ClientFailure) {
        if let Some(state) = &self.0 {
            let _ = state.failure.set(failure);
        }
    }

    /// The answer has begun.
    pub(super) fn answer_begins(&self) {
        if let Some(state) = &self.0 {
            state.answering.store(true, Ordering::Release);
        }
    }

    /// Whether the answer has begun and not ended.
    pub(super) fn is_answering(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.answering.load(Ordering::Acquire))
    }

    /// The answer has ended. A body that is still on its way has so long as it moves: then `connection` is ended, which
    /// lets go of the client's side as well.
    pub(super) fn answer_ends(&self, connection: &AbortHandle) {
        let Some(state) = &self.0 else { return };
        state.answering.store(false, Ordering::Release);
        if !state.open.load(Ordering::Acquire) {
            return;
        }
        let still = state.still();
        // Only what is waited for from now on counts.
        if still.is_some() {
            state.moved();
        }
        tokio::spawn(Arc::clone(state).end_when_still(connection.clone()));
    }
}

impl State {
    fn still(&self) -> Option<Duration> {
        if self.open.load(Ordering::Acquire) && self.waits_for_client.load(Ordering::Acquire) {
            return None;
        }
        let moved_at = Duration::from_micros(self.moved_at.load(Ordering::Acquire));
        Some(self.began.elapsed().saturating_sub(moved_at))
    }

    fn moved(&self) {
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.moved_at.store(now, Ordering::Release);
        self.waits_for_client.store(false, Ordering::Release);
    }

    async fn end_when_still(self: Arc<Self>, connection: AbortHandle) {
        while self.open.load(Ordering::Acquire) {
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
