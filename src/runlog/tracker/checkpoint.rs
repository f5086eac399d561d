//! How far a log was read, and whether what is found now is that log, grown. Not for reading it.
//!
//! Unnoticed stays a log that is rewritten at its old length within the same tick of its file system's clock.

use std::sync::Arc;

use super::TrackerParams;
use crate::analysis::Analysis;
use crate::runlog::{LogIdentity, OpenLog};

/// As many bytes before the checkpoint are compared, to tell a log that was rewritten in place from one that grew.
pub(in crate::runlog) const TAIL_BYTES: usize = 64;
/// As many bytes from the start are compared, to tell a log that was rewritten at its old length: a run's first line
/// holds the time at which it began.
const HEAD_BYTES: usize = 256;

/// How far a log was read, and what tells whether it is still the same.
#[derive(Debug)]
pub(super) struct Checkpoint {
    identity: LogIdentity,
    pub(super) stamp: u128,
    /// A stamp that was newer without any growth, when it was seen first.
    unexplained: Option<u128>,
    /// The first bytes.
    pub(super) head: Vec<u8>,
    /// The last bytes before the offset.
    pub(super) tail: Vec<u8>,
    pub(super) analysis: Arc<Analysis>,
}

impl Checkpoint {
    pub(super) fn begin(log: &dyn OpenLog, params: &TrackerParams) -> Self {
        let analysis = Arc::new(Analysis::with_prior(params.limits, Arc::clone(&params.prior)));
        let (head, tail) = (Vec::new(), Vec::new());
        Self { identity: log.identity(), stamp: log.stamp(), unexplained: None, head, tail, analysis }
    }

    pub(super) fn is_of(&self, log: &dyn OpenLog) -> bool {
        self.identity == log.identity() && self.analysis.offset() <= log.length()
    }

    pub(super) fn is_up_with(&self, log: &dyn OpenLog) -> bool {
        self.analysis.offset() == log.length() && self.stamp == log.stamp()
    }

    /// Whether growth explains that the log has changed. A stamp that is newer without growth may belong to a write
    /// that is going on, whose bytes do not count yet; where it is still there the next time, and still without growth,
    /// the log was rewritten.
    pub(super) fn explains(&mut self, log: &dyn OpenLog) -> bool {
        let has_grown = self.analysis.offset() < log.length();
        let seen_before = self.unexplained.replace(log.stamp()) == Some(log.stamp());
        has_grown || !seen_before
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let missing = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        // Copies the state only while an answer is being made from it.
        Arc::make_mut(&mut self.analysis).feed(bytes);
        let keep = TAIL_BYTES.saturating_sub(bytes.len()).min(self.tail.len());
        self.tail.drain(..self.tail.len() - keep);
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
    }

    pub(super) fn weight(&self) -> usize {
        self.analysis.weight() + self.head.capacity() + self.tail.capacity()
    }
}
