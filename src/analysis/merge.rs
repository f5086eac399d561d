//! Several logs of one run as one: their lines in the order of their times, each event once.
//!
//! Not for one log alone, which is folded as it comes. Of several, a line is folded once nothing that is written later can
//! be expected to belong before it: up to the time which every log has reached, and at the latest a minute after it was
//! written. What is newer waits, and a report is made from a copy into which it has been folded. A log in which something
//! older than that shows later asks for all of them to be read anew, so that what is known is a function of the logs alone,
//! whoever looked when.
//!
//! Within a log its own order counts: a line is taken to be as late as the latest before it. Of lines at the same time the
//! log that is listed first comes first. An event that more than one log tells is recognised by the fold, by its ids.
//!
//! # Memory
//!
//! Beside the folded state what waits: at most [`MAX_WAITING_BYTES`], and what was fed at once; and the torn last line of
//! each log.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::dialect::{Head, is_raw};
use super::lines::{Line, LineReader};
use super::{Analysis, Limits, Prior};

/// A log may be written so much later than the others.
const LAG: TimeDelta = TimeDelta::seconds(60);
/// More than this does not wait, in bytes.
const MAX_WAITING_BYTES: usize = 4 * 1024 * 1024;
/// A line and the same event parsed are written at once.
const AT_ONCE: TimeDelta = TimeDelta::seconds(1);

/// What a log is to the others, and which of its lines count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartRole {
    /// All of it is the run's.
    Run,
    /// A session's, which may have had other runs: only lines that name this run, or none.
    Session {
        /// The run's id.
        run: String,
    },
    /// Claude Code's own transcript of the session: what Claude itself said and did between the begin and the end of the
    /// run. Sub-agents are left to the logs, which know whose they are.
    Transcript,
}

/// Logs of one run, fed in pieces as they grow.
#[derive(Debug)]
pub struct Merged {
    limits: Limits,
    parts: Vec<Part>,
    /// What no later line can belong before.
    settled: Arc<Analysis>,
    /// That and what waits, since the last piece.
    shown: Option<Arc<Analysis>>,
    last: Option<Key>,
    disordered: bool,
}

/// Where a line belongs: its time, and the place of its log among the others.
type Key = (DateTime<Utc>, usize);

#[derive(Debug)]
struct Part {
    role: PartRole,
    leads: bool,
    reader: LineReader,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    first: Option<DateTime<Utc>>,
    latest: DateTime<Utc>,
    bytes: u64,
    lines: u64,
}

#[derive(Debug)]
struct Waiting {
    at: DateTime<Utc>,
    is_raw: bool,
    line: Box<[u8]>,
}

impl Merged {
    /// Nothing was fed yet of logs with these roles.
    pub fn new(limits: Limits, prior: Arc<Prior>, roles: Vec<PartRole>) -> Self {
        let settled = Arc::new(Analysis::with_prior(limits, prior));
        let part = |(number, role)| Part {
            role,
            leads: number == 0,
            reader: LineReader::new(limits.max_line_bytes),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            first: None,
            latest: DateTime::<Utc>::MIN_UTC,
            bytes: 0,
            lines: 0,
        };
        let parts = roles.into_iter().enumerate().map(part).collect();
        Self { limits, parts, settled, shown: None, last: None, disordered: false }
    }

    /// How many bytes of a log were fed.
    pub fn offset(&self, part: usize) -> u64 {
        self.parts[part].bytes
    }

    /// How many lines of a log were fed.
    pub fn lines(&self, part: usize) -> u64 {
        if self.is_single() { self.settled.lines() } else { self.parts[part].lines }
    }

    /// Which of the logs that have more to be fed comes next: the one that is furthest behind.
    pub fn next(&self, has_more: &[bool]) -> Option<usize> {
        let behind = (0..self.parts.len()).filter(|part| has_more[*part]);
        behind.min_by_key(|part| (self.parts[*part].latest, *part))
    }

    /// Takes the next bytes of a log; `has_more` says which of them have more that can be fed now.
    pub fn feed(&mut self, part: usize, bytes: &[u8], has_more: &[bool]) {
        self.shown = None;
        self.parts[part].bytes += bytes.len() as u64;
        if self.is_single() {
            // Copies the state only while an answer is being made from it.
            return Arc::make_mut(&mut self.settled).feed(bytes);
        }
        let fed = &mut self.parts[part];
        let mut reader = std::mem::replace(&mut fed.reader, LineReader::new(self.limits.max_line_bytes));
        reader.feed(bytes, |line| fed.take(line));
        fed.reader = reader;
        self.disordered |=
            self.parts[part].waiting.front().is_some_and(|first| Some((first.at, part)) < self.last);
        self.settle(has_more);
    }

    /// Whether something has shown that belongs before what is folded: all has to be fed anew.
    pub fn is_disordered(&self) -> bool {
        self.disordered
    }

    /// Folds what waits into a copy of the state, for [`analysis`](Self::analysis).
    pub fn refresh(&mut self) {
        if !self.is_single() && self.shown.is_none() {
            self.shown = Some(Arc::new(self.with_all()));
        }
    }

    /// The state with everything in it that was fed before the last [`refresh`](Self::refresh); of one log alone, with
    /// everything.
    pub fn analysis(&self) -> &Arc<Analysis> {
        self.shown.as_ref().unwrap_or(&self.settled)
    }

    /// Upper estimate of the memory that this holds, in bytes.
    pub fn weight(&self) -> usize {
        let shown = self.shown.as_ref().map_or(0, |shown| shown.weight());
        self.settled.weight() + shown + self.parts.iter().map(Part::heap_bytes).sum::<usize>()
    }

    /// One log of which every line counts is folded as it comes.
    fn is_single(&self) -> bool {
        matches!(self.parts.as_slice(), [Part { role: PartRole::Run | PartRole::Transcript, .. }])
    }

    /// Folds what cannot be overtaken any more.
    fn settle(&mut self, has_more: &[bool]) {
        loop {
            let unread = |(part, log): (usize, &Part)| log.waiting.is_empty() && has_more[part];
            if self.parts.iter().enumerate().any(unread) {
                return;
            }
            let Some(part) = self.first() else { return };
            if !self.is_due(part) {
                return;
            }
            self.fold_next(part);
        }
    }

    /// The log whose next line is the first of all that wait.
    fn first(&self) -> Option<usize> {
        let heads = self.parts.iter().enumerate().filter_map(|(n, part)| Some((part.waiting.front()?.at, n)));
        heads.min().map(|(_, part)| part)
    }

    fn is_due(&self, part: usize) -> bool {
        let log = &self.parts[part];
        let Some(next) = log.waiting.front() else { return false };
        if self.parts.iter().map(|part| part.waiting_bytes).sum::<usize>() > MAX_WAITING_BYTES {
            return true;
        }
        let newest = self.parts.iter().map(|part| part.latest).max().unwrap_or(next.at);
        if newest - next.at >= LAG {
            return true;
        }
        let reached_by_all = self.parts.iter().all(|part| part.latest >= next.at);
        // The same event, parsed, is about to come.
        reached_by_all && !(next.is_raw && log.waiting.len() == 1)
    }

    /// Folds the next line of a log, and with a raw one the same event parsed.
    fn fold_next(&mut self, part: usize) {
        let log = &mut self.parts[part];
        let Some(next) = log.waiting.pop_front() else { return };
        log.waiting_bytes -= next.line.len();
        self.last = self.last.max(Some((next.at, part)));
        let begin = self.begin();
        let log = &self.parts[part];
        if log.counts(next.at, begin, &self.settled) {
            Arc::make_mut(&mut self.settled).feed_line(&next.line);
        }
        let twin =
            log.waiting.front().filter(|twin| next.is_raw && !twin.is_raw && twin.at - next.at < AT_ONCE);
        if twin.is_some() {
            self.fold_next(part);
        }
    }

    /// When the run began, by the logs that are its own.
    fn begin(&self) -> Option<DateTime<Utc>> {
        let own = self.parts.iter().filter(|part| part.role != PartRole::Transcript);
        own.filter_map(|part| part.first).min()
    }

    fn with_all(&self) -> Analysis {
        let mut all = Analysis::clone(&self.settled);
        let mut heads = vec![0; self.parts.len()];
        let begin = self.begin();
        let mut raw: Option<(usize, DateTime<Utc>)> = None;
        loop {
            let next = |part: usize| self.parts[part].waiting.get(heads[part]);
            let twin = raw
                .take()
                .filter(|(part, at)| next(*part).is_some_and(|twin| !twin.is_raw && twin.at - *at < AT_ONCE));
            let first = (0..self.parts.len()).filter_map(|part| Some((next(part)?.at, part))).min();
            let Some(part) = twin.map(|(part, _)| part).or(first.map(|(_, part)| part)) else { break };
            let Some(line) = next(part) else { break };
            if self.parts[part].counts(line.at, begin, &all) {
                all.feed_line(&line.line);
            }
            raw = line.is_raw.then_some((part, line.at));
            heads[part] += 1;
        }
        for part in &self.parts {
            if let Some(tail) = part.reader.whole_tail().filter(|tail| part.is_of_the_run(&Head::of(tail))) {
                all.feed_line(tail);
            }
        }
        all.set_offset(self.parts.iter().map(|part| part.bytes).sum());
        all
    }
}

impl Part {
    fn take(&mut self, line: Line<'_>) {
        self.lines += 1;
        let (line, head) = match line {
            Line::Content(line) => (line, Head::of(line)),
            // A blank stands for it in the count, and a line that cannot be read for one that is too long.
            Line::Blank => (&b""[..], Head::default()),
            Line::TooLong => (&b"{"[..], Head::default()),
        };
        if !self.is_of_the_run(&head) {
            return;
        }
        if let Some(at) = head.at {
            self.latest = self.latest.max(at);
            self.first = self.first.or(Some(at));
        }
        self.waiting_bytes += line.len();
        self.waiting.push_back(Waiting { at: self.latest, is_raw: is_raw(line), line: line.into() });
    }

    fn is_of_the_run(&self, head: &Head) -> bool {
        if head.is_compaction && !self.leads {
            return false;
        }
        match &self.role {
            PartRole::Run => true,
            PartRole::Session { run } => head.run.as_ref().is_none_or(|named| named == run),
            PartRole::Transcript => head.is_claudes_own,
        }
    }

    /// Whether a line of that time is the run's: a session may have had runs before it and after it.
    fn counts(&self, at: DateTime<Utc>, begin: Option<DateTime<Utc>>, so_far: &Analysis) -> bool {
        let within = || begin.is_none_or(|begin| at >= begin - AT_ONCE) && !so_far.has_ended();
        self.role != PartRole::Transcript || within()
    }

    fn heap_bytes(&self) -> usize {
        self.waiting_bytes + self.waiting.capacity() * size_of::<Waiting>() + self.reader.heap_bytes()
    }
}

#[cfg(test)]
mod tests;
