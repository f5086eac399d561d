//! What the halves of one client's connection tell each other: the bytes below hyper and the requests above it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

use super::refusal::Refusal;

/// One connection's state, shared by its parts.
#[derive(Debug, Default)]
pub(super) struct ConnectionState {
    /// Requests whose answers have not been handed over whole.
    in_flight: AtomicUsize,
    /// Requests ever.
    requests: AtomicU64,
    /// Whether bytes of an answer wait for the client to take them.
    unwritten: AtomicBool,
    /// What became of the last request to upgrade.
    upgrade: AtomicU8,
    upgrade_waker: AtomicWaker,
    /// Why the connection was ended, if gloss ended it.
    refusal: AtomicU8,
}

const UPGRADE_UNDECIDED: u8 = 0;
const UPGRADE_DECLINED: u8 = 1;
const UPGRADE_ACCEPTED: u8 = 2;

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

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn set_unwritten(&self, unwritten: bool) {
        self.unwritten.store(unwritten, Ordering::Release);
    }

    /// A request was answered, by a 101 or not.
    pub(super) fn answered(&self, switched: bool) {
        let decision = if switched { UPGRADE_ACCEPTED } else { UPGRADE_DECLINED };
        self.upgrade.store(decision, Ordering::Release);
        self.upgrade_waker.wake();
    }

    /// A request to upgrade has been read whole; its answer is to come.
    pub(super) fn await_upgrade(&self) {
        self.upgrade.store(UPGRADE_UNDECIDED, Ordering::Release);
    }

    /// Whether the upgrade that was asked for last was accepted, once that is known.
    pub(super) fn poll_upgrade(&self, cx: &mut Context<'_>) -> Poll<bool> {
        // First the waker, then the look: an answer in between must not be missed.
        self.upgrade_waker.register(cx.waker());
        match self.upgrade.load(Ordering::Acquire) {
            UPGRADE_UNDECIDED => Poll::Pending,
            decision => Poll::Ready(decision == UPGRADE_ACCEPTED),
        }
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
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
