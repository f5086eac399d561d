//! One step on the board: what it is called, how far it is, and when it was worked on.

use chrono::{DateTime, TimeDelta, Utc};

use super::matching::Known;
use super::work::Work;
use super::{StepSource, StepStatus};

/// A step and what was done in it.
#[derive(Debug, Clone)]
pub(in crate::analysis) struct BoardStep {
    pub(in crate::analysis) name: String,
    pub(in crate::analysis) source: StepSource,
    pub(in crate::analysis) status: StepStatus,
    pub(in crate::analysis) times: Times,
    pub(in crate::analysis) work: Work,
    /// Whether it was ever in progress or done; only then does work belong to it.
    pub(super) begun: bool,
    /// The step that was at hand when this one was ticked off without ever having been begun.
    pub(in crate::analysis) along_with: Option<usize>,
    /// Whether the run's list has it now.
    pub(super) listed: bool,
    pub(super) id: Option<String>,
}

/// When a step was worked on. It may be left and taken up again: the time between is not its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::analysis) struct Times {
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    /// All spans that are over.
    spent: TimeDelta,
    /// When the span that is not over began.
    since: Option<DateTime<Utc>>,
}

impl Times {
    /// When it was first begun.
    pub(in crate::analysis) fn started_at(&self) -> Option<DateTime<Utc>> {
        self.started_at
    }

    /// When it was last left, while it is not taken up again.
    pub(in crate::analysis) fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.ended_at
    }

    /// How long it was worked on, up to `until` where it still is; nothing where that is not known.
    pub(in crate::analysis) fn worked(&self, until: Option<DateTime<Utc>>) -> Option<TimeDelta> {
        self.started_at?;
        let going = self.since.map(|since| Some((until? - since).max(TimeDelta::zero())));
        Some(self.spent + going.unwrap_or(Some(TimeDelta::zero()))?)
    }

    pub(super) fn begin(&mut self, at: Option<DateTime<Utc>>) {
        self.started_at = self.started_at.or(at);
        self.since = self.since.or(at);
        self.ended_at = None;
    }

    pub(super) fn end(&mut self, at: Option<DateTime<Utc>>) {
        // A late line of a second writer must not end a step before it began.
        let at = at.map(|at| at.max(self.since.or(self.started_at).unwrap_or(at)));
        if let Some((since, at)) = self.since.take().zip(at) {
            self.spent += at - since;
        }
        self.ended_at = at;
    }

    /// Left without being done.
    pub(super) fn pause(&mut self, at: Option<DateTime<Utc>>) {
        self.end(at);
        self.ended_at = None;
    }
}

impl BoardStep {
    pub(super) fn new(name: &str, source: StepSource) -> Self {
        Self {
            name: name.to_owned(),
            source,
            status: StepStatus::Pending,
            times: Times::default(),
            work: Work::default(),
            begun: false,
            along_with: None,
            listed: false,
            id: None,
        }
    }

    pub(super) fn known(&self) -> Known<'_> {
        Known { name: &self.name, id: self.id.as_deref(), status: self.status, listed: self.listed }
    }

    /// What is done stays done; anything else is skipped.
    pub(super) fn drop_from_list(&mut self, at: Option<DateTime<Utc>>) {
        self.listed = false;
        if self.status != StepStatus::Completed {
            if self.times.started_at.is_some() {
                self.times.end(at);
            }
            self.status = StepStatus::Skipped;
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let texts = self.name.capacity() + self.id.as_ref().map_or(0, String::capacity);
        texts + self.work.heap_bytes()
    }
}
