//! What the halves of one client's connection tell each other: the bytes below hyper and the requests above it.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::refusal::Refusal;

/// One connection's state, shared by its parts.
#[derive(Debug)]
pub(super) struct ConnectionState {
    began: Instant,
    /// When the last answer had been handed over, in microseconds after the connection began.
    answered_at: AtomicU64,
    answered_waker: AtomicWaker,
    /// Requests whose answers have not been handed over whole.
    in_flight: AtomicUsize,
    /// Requests ever.
    requests: AtomicU64,
    /// Whether bytes of an answer wait for the client to take them.
    unwritten: AtomicBool,
    /// Whether an answer is under way whose end only the end of the connection tells.
    open_ended: AtomicBool,
    /// How many requests have been answered, and whether the last of them by a switch of protocols.
    answers: AtomicU64,
    switched: AtomicBool,
    upgrade_waker: AtomicWaker,
    /// Why the connection was ended, if gloss ended it.
    refusal: AtomicU8,
}

impl Default for ConnectionState {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            answered_at: AtomicU64::new(0),
            answered_waker: AtomicWaker::new(),
            in_flight: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            unwritten: AtomicBool::new(false),
            open_ended: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            switched: AtomicBool::new(false),
            upgrade_waker: AtomicWaker::new(),
            refusal: AtomicU8::new(0),
        }
    }
}

impl ConnectionState {
    /// A request has come; it counts as in flight until the value is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Whether nothing would be lost if the connection ended now.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_answering() && !self.unwritten.load(Ordering::Acquire)
    }

    /// Whether a request has come whose answer has not been handed over whole.
    pub(super) fn is_answering(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) > 0
    }

    /// Ready when no answer is owed, and none waits to be taken. Wakes the task when that comes to be so.
    pub(super) fn poll_answered(&self, cx: &mut Context<'_>) -> Poll<()> {
        // First the waker, then the look: an end in between must not be missed.
        self.answered_waker.register(cx.waker());
        if self.is_idle() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// How long it has been the client that is waited for; `None` while an answer is owed, or waits to be taken: hyper is
    /// not done with it before.
    pub(super) fn waiting_for_client(&self) -> Option<Duration> {
        if !self.is_idle() {
            return None;
        }
        let answered_at = Duration::from_micros(self.answered_at.load(Ordering::Acquire));
        Some(self.began.elapsed().saturating_sub(answered_at))
    }

    /// Whether the connection must not end in good order now: an answer has no other end.
    pub(super) fn is_open_ended(&self) -> bool {
        self.open_ended.load(Ordering::Acquire)
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes of an answer wait for the client to take them.
    pub(super) fn stalled(&self) {
        self.unwritten.store(true, Ordering::Release);
    }

    /// The client has taken what waited for it.
    pub(super) fn written(&self) {
        self.unwritten.store(false, Ordering::Release);
        self.handed_over();
    }

    /// From now on it may be the client that is waited for.
    fn handed_over(&self) {
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.answered_at.store(now, Ordering::Release);
        self.answered_waker.wake();
    }

    /// The next request was answered, by a 101 or not.
    fn answered(&self, switched: bool) {
        self.switched.store(switched, Ordering::Release);
        self.answers.fetch_add(1, Ordering::AcqRel);
        self.upgrade_waker.wake();
    }

    /// Whether the last of so many requests switched protocols, once it is answered.
    ///
    /// They are answered one after the other, and nothing behind the last one is read before: the last answer is its.
    pub(super) fn poll_switched(&self, cx: &mut Context<'_>, requests: u64) -> Poll<bool> {
        // First the waker, then the look: an answer in between must not be missed.
        self.upgrade_waker.register(cx.waker());
        if self.answers.load(Ordering::Acquire) < requests {
            return Poll::Pending;
        }
        Poll::Ready(self.switched.load(Ordering::Acquire))
    }

    /// The connection ends for this reason; the first one counts.
    pub(super) fn refuse(&self, refusal: Refusal) {
        let _ = self.refusal.compare_exchange(0, refusal.code(), Ordering::AcqRel, Ordering::Acquire);
    }

    /// Why gloss ended the connection, if it did.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        Refusal::from_code(self.refusal.load(Ordering::Acquire))
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct InFlight(Arc<ConnectionState>);

impl InFlight {
    /// The request was answered, by a 101 or not.
    pub(super) fn answered(&self, switched: bool) {
        self.0.answered(switched);
    }

    /// The end of its answer will be told by the end of the connection alone; or that end has come.
    pub(super) fn open_ended(&self, open: bool) {
        self.0.open_ended.store(open, Ordering::Release);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let state = &self.0;
        state.in_flight.fetch_sub(1, Ordering::AcqRel);
        state.handed_over();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[tokio::test]
    async fn an_answer_is_owed_until_the_client_has_taken_it() {
        let (state, mut cx) = (Arc::new(ConnectionState::default()), Context::from_waker(Waker::noop()));
        let request = state.request();
        assert!(state.poll_answered(&mut cx).is_pending() && state.waiting_for_client().is_none());
        // The tail of it waits in hyper's buffer when its body has been handed over.
        state.stalled();
        drop(request);
        assert!(state.poll_answered(&mut cx).is_pending() && state.waiting_for_client().is_none());
        state.written();
        assert!(state.poll_answered(&mut cx).is_ready() && state.waiting_for_client().is_some());
    }

    #[test]
    fn a_switch_is_decided_by_the_answer_to_its_own_request() {
        let (state, mut cx) = (Arc::new(ConnectionState::default()), Context::from_waker(Waker::noop()));
        let (first, second) = (state.request(), state.request());
        first.answered(false);
        assert_eq!(state.poll_switched(&mut cx, 2), Poll::Pending, "that was the answer to the first");
        second.answered(true);
        assert_eq!(state.poll_switched(&mut cx, 2), Poll::Ready(true));
        // Also where the answer came before the request had ended.
        assert_eq!(state.poll_switched(&mut cx, 1), Poll::Ready(true));
    }
}
