//! How far the logs of a run were read, and whether what is found now are those logs, grown. Not for reading them.
//!
//! Unnoticed stays a log that is rewritten at its old length within the same tick of its file system's clock.

use std::sync::Arc;

use super::TrackerParams;
use super::find::Found;
use super::glance::Looks;
use super::keepsake::Keepsake;
use super::told::Told;
use crate::analysis::{Analysis, LogSourceKind, Merged, SourceShare};
use crate::runlog::{LogIdentity, LogName, OpenLog};

/// As many bytes before the checkpoint are compared, to tell a log that was rewritten in place from one that grew.
pub(in crate::runlog) const TAIL_BYTES: usize = 64;
/// As many bytes from the start are compared, to tell a log that was rewritten at its old length: a run's first line
/// holds the time at which it began.
const HEAD_BYTES: usize = 256;

/// How far the logs of a run were read, and what they say.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) logs: Vec<LogRead>,
    merged: Merged,
    /// Goes with the logs: what was said of others that stood in their place says nothing of these.
    pub(super) told: Arc<Told>,
    /// Goes with what the logs say now.
    pub(super) keepsake: Arc<Keepsake>,
    /// Looks that found just these logs, and nothing new in them.
    pub(super) looks: Looks,
}

/// How far a log was read, and what tells whether it is still the same.
#[derive(Debug)]
pub(super) struct LogRead {
    place: usize,
    kind: LogSourceKind,
    name: LogName,
    identity: LogIdentity,
    offset: u64,
    pub(super) stamp: u128,
    /// A stamp that was newer without any growth, when it was seen first.
    unexplained: Option<u128>,
    /// The first bytes.
    pub(super) head: Vec<u8>,
    /// The last bytes before the offset.
    pub(super) tail: Vec<u8>,
}

impl Checkpoint {
    /// Nothing of these logs was read yet.
    pub(super) fn begin(found: &[Found], params: &TrackerParams) -> Self {
        let logs = found.iter().map(LogRead::begin).collect();
        let roles = found.iter().map(|found| found.role.clone()).collect();
        let merged = Merged::new(params.limits, Arc::clone(&params.prior), roles);
        Self { logs, merged, told: Arc::default(), keepsake: Arc::default(), looks: Looks::default() }
    }

    /// Whether it is of these logs and no others.
    pub(super) fn is_of(&self, found: &[Found]) -> bool {
        let pairs = || self.logs.iter().zip(found);
        self.logs.len() == found.len() && pairs().all(|(known, found)| known.is_of(found))
    }

    pub(super) fn is_up_with(&self, found: &[Found]) -> bool {
        self.logs.iter().zip(found).all(|(known, found)| known.is_up_with(&*found.log))
    }

    pub(super) fn offset(&self, log: usize) -> u64 {
        self.logs[log].offset
    }

    /// Which of the logs that have more to be read comes next.
    pub(super) fn next(&self, has_more: &[bool]) -> Option<usize> {
        self.merged.next(has_more)
    }

    pub(super) fn feed(&mut self, log: usize, bytes: &[u8], has_more: &[bool]) {
        self.logs[log].note(bytes);
        self.merged.feed(log, bytes, has_more);
        self.keepsake = Arc::default();
        self.looks = Looks::default();
    }

    /// Whether the logs have to be read anew, since one of them shows late what belongs before the others.
    pub(super) fn is_disordered(&self) -> bool {
        self.merged.is_disordered()
    }

    /// Takes over what waits, so that the analysis is up with what was fed.
    pub(super) fn refresh(&mut self) {
        self.merged.refresh();
        self.keepsake = Arc::default();
    }

    /// What the logs say, as of the last refresh.
    pub(super) fn analysis(&self) -> &Arc<Analysis> {
        self.merged.analysis()
    }

    /// Where the log comes from that leads.
    pub(super) fn source(&self) -> LogSourceKind {
        self.logs.first().map_or(LogSourceKind::File, |leading| leading.kind)
    }

    /// Each log's part, where there is more than one.
    pub(super) fn shares(&self) -> Vec<SourceShare> {
        let share = |(number, log): (usize, &LogRead)| SourceShare {
            kind: log.kind,
            bytes: log.offset,
            lines: self.merged.lines(number),
        };
        let logs = if self.logs.len() > 1 { self.logs.as_slice() } else { &[] };
        logs.iter().enumerate().map(share).collect()
    }

    pub(super) fn weight(&self) -> usize {
        let log = |log: &LogRead| log.head.capacity() + log.tail.capacity() + size_of::<LogRead>();
        self.merged.weight()
            + self.logs.iter().map(log).sum::<usize>()
            + self.keepsake.heap_bytes()
            + self.looks.heap_bytes()
    }
}

impl LogRead {
    fn begin(found: &Found) -> Self {
        Self {
            place: found.place,
            kind: found.kind,
            name: found.name.clone(),
            identity: found.log.identity(),
            offset: 0,
            stamp: found.log.stamp(),
            unexplained: None,
            head: Vec::new(),
            tail: Vec::new(),
        }
    }

    fn is_of(&self, found: &Found) -> bool {
        let is_there = (self.place, &self.name) == (found.place, &found.name);
        is_there && self.identity == found.log.identity() && self.offset <= found.log.length()
    }

    pub(super) fn is_up_with(&self, log: &dyn OpenLog) -> bool {
        self.offset == log.length() && self.stamp == log.stamp()
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether growth explains that the log has changed. A stamp that is newer without growth may belong to a write
    /// that is going on, whose bytes do not count yet; where it is still there the next time, and still without growth,
    /// the log was rewritten.
    pub(super) fn explains(&mut self, log: &dyn OpenLog) -> bool {
        let has_grown = self.offset < log.length();
        let seen_before = self.unexplained.replace(log.stamp()) == Some(log.stamp());
        has_grown || !seen_before
    }

    fn note(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        let missing = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        let keep = TAIL_BYTES.saturating_sub(bytes.len()).min(self.tail.len());
        self.tail.drain(..self.tail.len() - keep);
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
    }
}
