//! The run's time as its log tells it: start, newest event, silences.
//!
//! Lines from a second writer may come late, so the clock only moves forward.

use chrono::{DateTime, TimeDelta, Utc};

/// The times of a log.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock {
    first: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
    before_newest: Option<DateTime<Utc>>,
    longest_silence: TimeDelta,
}

impl Clock {
    /// Notes the time of a line.
    pub(super) fn tick(&mut self, at: DateTime<Utc>) {
        if let Some(newest) = self.newest.filter(|&newest| at > newest) {
            self.before_newest = Some(newest);
        }
        self.tick_again(at);
    }

    /// Notes the time of a line that tells what the line before it told: nothing was begun between the two.
    pub(super) fn tick_again(&mut self, at: DateTime<Utc>) {
        if let Some(newest) = self.newest {
            self.longest_silence = self.longest_silence.max(at - newest);
        }
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.newest = Some(self.newest.map_or(at, |newest| newest.max(at)));
    }

    /// The earliest time of any line.
    pub(super) fn first(&self) -> Option<DateTime<Utc>> {
        self.first
    }

    /// The latest time of any line: the time at which an event is taken to have happened.
    pub(super) fn newest(&self) -> Option<DateTime<Utc>> {
        self.newest
    }

    /// The latest time of any line before that: what the newest lines tell was begun then.
    pub(super) fn before_newest(&self) -> Option<DateTime<Utc>> {
        self.before_newest
    }

    /// Time since the newest line, at `now`.
    pub(super) fn silence(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        Some((now - self.newest?).max(TimeDelta::zero()))
    }

    /// The longest time between two lines so far.
    pub(super) fn longest_silence(&self) -> TimeDelta {
        self.longest_silence
    }
}
