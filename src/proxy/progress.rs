//! How far the request on a client's connection is: shared by the side that holds the socket and the one that forwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const IDLE: u8 = 0;
const RECEIVING: u8 = 1;
const OWED: u8 = 2;

/// The state of one connection that carries one request at a time, as an extension of each of them; a clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<AtomicU8>);

/// A request in progress; the connection is idle again when this is dropped.
#[derive(Debug)]
pub struct InProgress(Progress);

impl Progress {
    /// A request begins; `whole` when it has no body that is still to come.
    pub fn begin(&self, whole: bool) -> InProgress {
        self.0.store(if whole { OWED } else { RECEIVING }, Ordering::Release);
        InProgress(self.clone())
    }

    /// The request has been read to its end: from now on only the answer is missing.
    pub(super) fn received(&self) {
        // A request that has ended meanwhile is not revived.
        let _ = self.0.compare_exchange(RECEIVING, OWED, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether the request itself is not known to be whole yet.
    pub fn is_receiving(&self) -> bool {
        self.0.load(Ordering::Acquire) == RECEIVING
    }

    /// Whether an answer, or the rest of one, is all that is missing.
    pub fn is_answer_owed(&self) -> bool {
        self.0.load(Ordering::Acquire) == OWED
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.0.store(IDLE, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_owed_from_the_end_of_the_request_to_the_end_of_the_answer() {
        let progress = Progress::default();
        assert!(!progress.is_answer_owed());
        let with_body = progress.begin(false);
        assert!(progress.is_receiving() && !progress.is_answer_owed());
        progress.received();
        assert!(!progress.is_receiving() && progress.is_answer_owed());
        drop(with_body);
        assert!(!progress.is_answer_owed());
        progress.received();
        assert!(!progress.is_answer_owed(), "late news of a request that is over");
        drop(progress.begin(true));
        assert!(!progress.is_answer_owed());
    }
}
