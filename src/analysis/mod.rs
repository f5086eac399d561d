//! The pure core: bytes of a run log in, what is true of the run out.
//!
//! Not for IO, time or configuration: bytes, the time and the upstream's word arrive as arguments. Any input has
//! *an* analysis; nothing here returns an error or panics.
//!
//! `lines → dialect → event → fold (steps, usage, tools, outcome …) → render → report`
//!
//! # Memory
//!
//! The state of one run is at most *2 × `max_line_bytes` + 4 × the longest text that Claude said or the run reported +
//! 24 MiB*, however long the log is; usual runs take some 100 KB. [`Analysis::weight`] tells what it is, and the test
//! `memory` holds both against the allocator's own count. What would grow is dropped so:
//!
//! | kept | at most | then |
//! | --- | --- | --- |
//! | the torn last line | `max_line_bytes` | a longer line is skipped and counted as unrecognised |
//! | steps | 600, names of 4 KiB | further ones are not listed; their work belongs to the last |
//! | calls that wait for their answer | 512, commands of 4 KiB | the oldest is given up |
//! | whole lists that wait for their answer | 4 MiB and the newest | they are taken as accepted |
//! | ids of calls, of answers; texts said, with ids and without | 8192 each; 2048, 1024 | the oldest is forgotten: come again, it counts again |
//! | changed files | 5000, paths of 1 KiB | further ones are not told apart from none |
//! | tools | 256, names of 120 bytes | further ones count under `(other)` |
//! | sub-agents, test commands, sessions, messages | 200, 64, 256, 256 | the first stay, or the oldest are forgotten |
//! | models | 16 | further ones are added to the last |

pub mod activity;
mod bounded;
mod clock;
mod context;
mod dialect;
mod errors;
mod event;
mod files;
mod fold;
mod lines;
mod merge;
mod needles;
mod outcome;
pub mod pricing;
mod progress;
mod render;
mod report;
mod stall;
mod steps;
mod sub_agents;
pub mod test_runs;
mod texts;
mod timestamp;
mod tool_input;
mod tools;
mod usage;
mod vote;
mod warm_up;

pub use context::{Beside, CacheOutcome, Context, Detail, Limits, LogSourceKind, RunStatus};
pub use files::Change;
pub use merge::{Merged, PartRole};
pub use outcome::Outcome;
pub use progress::{Basis, Prior, PriorError, fit};
pub use report::{
    Additions, Enhancement, ErrorDetails, FileDetails, Overview, ProgressSummary, RunDetails, SourceShare,
    Step, StepResult, SubAgentDetails, TestDetails, ToolDetails, UsageDetails, UsageShare, WorkflowSteps,
    WorkflowSummary,
};
pub use steps::{StepSource, StepStatus};
pub use sub_agents::SubAgentStatus;
pub use timestamp::Timestamp;
pub use warm_up::warm_up;

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use fold::Fold;
pub use fold::LoggedProcess;
use lines::{Line, LineReader};
use render::View;

/// The folded state of one run log, fed in pieces as the log grows.
///
/// A clone is a checkpoint: it goes on from [`offset`](Self::offset) as the original would have.
#[derive(Debug, Clone)]
pub struct Analysis {
    reader: LineReader,
    fold: Fold,
    bytes: u64,
}

/// What the lines of a log were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinesByKind {
    /// Events of any dialect.
    pub recognised: u64,
    /// Anything else: garbage, or what no dialect knows.
    pub unrecognised: u64,
    /// Longer than a line may be, and skipped.
    pub too_long: u64,
    /// Nothing but blanks.
    pub blank: u64,
}

impl Default for Analysis {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Analysis {
    /// Starts an analysis of a log of which nothing has been read, with the prior that gloss ships.
    pub fn new(limits: Limits) -> Self {
        Self::with_prior(limits, Prior::shipped())
    }

    /// Starts an analysis that knows from `prior` what runs are like.
    pub fn with_prior(limits: Limits, prior: Arc<Prior>) -> Self {
        Self { reader: LineReader::new(limits.max_line_bytes), fold: Fold::new(prior), bytes: 0 }
    }

    /// Folds the next bytes of the log into the state.
    ///
    /// `bytes` may end inside a line or a UTF-8 sequence, may be empty, and need not be UTF-8 or JSON at all. Any
    /// cutting of a log into pieces leads to the same state.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let fold = &mut self.fold;
        self.reader.feed(bytes, |line| fold.line(line));
        fold.rest();
    }

    /// Folds entries of the upstream's log as its status answer tells them, as a text in `logs`: whole ones, of which the
    /// last need not end in a line feed. Messages of several lines are one entry.
    pub fn feed_entries(&mut self, text: String) {
        let mut entries = text.into_bytes();
        dialect::join_entries(&mut entries);
        if !entries.ends_with(b"\n") {
            entries.push(b'\n');
        }
        self.feed(&entries);
    }

    /// Folds one line, which is whole.
    fn feed_line(&mut self, line: &[u8]) {
        self.feed(line);
        self.feed(b"\n");
    }

    /// States how many bytes were fed, where it was not all of them.
    fn set_offset(&mut self, bytes: u64) {
        self.bytes = bytes;
    }

    /// How many lines were fed so far.
    fn lines(&self) -> u64 {
        self.fold.counts.lines
    }

    /// Whether the log has told the run's end.
    fn has_ended(&self) -> bool {
        self.fold.ending.has_ended()
    }

    /// The session of Claude Code's, where it is known.
    pub fn session(&self) -> Option<&str> {
        self.fold.identity.session.as_deref()
    }

    /// How many bytes were fed so far: the offset in the log at which reading goes on.
    pub fn offset(&self) -> u64 {
        self.bytes
    }

    /// What the lines were that were fed so far, but for one that waits for the next.
    pub fn lines_by_kind(&self) -> LinesByKind {
        let counts = &self.fold.counts;
        LinesByKind {
            recognised: counts.written.saturating_sub(counts.unrecognised),
            unrecognised: counts.unrecognised.saturating_sub(counts.too_long),
            too_long: counts.too_long,
            blank: counts.lines.saturating_sub(counts.written),
        }
    }

    /// The time of the earliest event, if any line carried one.
    pub fn first_event_at(&self) -> Option<DateTime<Utc>> {
        self.settled().clock.first()
    }

    /// The time of the newest event, if any line carried one.
    pub fn last_event_at(&self) -> Option<DateTime<Utc>> {
        self.settled().clock.newest()
    }

    /// The process that runs Claude Code, if the log names it.
    pub fn process(&self) -> Option<LoggedProcess> {
        self.fold.identity.process
    }

    /// Upper estimate of the memory that this state holds, in bytes.
    ///
    /// Stays below twice `max_line_bytes` (the torn line) plus four times the length of the longest text that Claude
    /// wrote or the run reported, plus 24 MiB, however long the log is; usual runs take some 100 KB. The prior, some tens
    /// of KB, is shared among all analyses and not counted.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.reader.heap_bytes() + self.fold.heap_bytes()
    }

    /// What is true of the run at `context.now`.
    ///
    /// The last line counts as soon as it is whole, even before its line feed has come.
    pub fn report(&self, context: &Context) -> Additions {
        View::new(&self.settled_for(context), context, self.bytes).additions()
    }

    /// How far the run is at `context.now`, whatever its status: 100 when completed, else as far as it got.
    pub fn progress(&self, context: &Context) -> (ProgressSummary, WorkflowSteps) {
        View::new(&self.settled_for(context), context, self.bytes).progress_of_any_status()
    }

    /// The run in a few figures, for lists of runs.
    pub fn overview(&self, context: &Context) -> Overview {
        View::new(&self.settled_for(context), context, self.bytes).overview()
    }

    /// The state with what waits for a continuation taken as it stands: a line that may have a twin, and a last line
    /// without its end.
    fn settled(&self) -> Cow<'_, Fold> {
        let tail = self.reader.whole_tail();
        if tail.is_none() && !self.fold.is_unsettled() {
            return Cow::Borrowed(&self.fold);
        }
        let mut fold = self.fold.clone();
        if let Some(tail) = tail {
            fold.line(Line::Content(tail));
        }
        fold.settle();
        fold.rest();
        Cow::Owned(fold)
    }

    /// The settled state; of a run that has ended, with the list that no answer has confirmed any more.
    fn settled_for(&self, context: &Context) -> Cow<'_, Fold> {
        let mut fold = self.settled();
        if fold.awaits_list() && render::status_of(&fold, context) != RunStatus::Running {
            fold.to_mut().assume_answers();
        }
        fold
    }
}
