//! How one finished run went: what was to be seen of it at 39 even points in time, and how far it was then.

use chrono::{DateTime, TimeDelta, Utc};

use crate::analysis::progress::Signals;
use crate::analysis::progress::features::Evidence;
use crate::analysis::progress::seconds;
use crate::analysis::{Analysis, Limits};

/// Shorter runs are over before anybody asks.
const LEAST_SECONDS: f64 = 60.0;
/// The run is looked at at each fortieth of its time, its ends left out.
const PARTS: usize = 40;
/// So many states are kept of a run; of a longer one every second, fourth, … of its lines.
const MAX_STATES: usize = 4096;
/// What a run counts whose lines somebody spread evenly: its length is true, the times within it are not.
const SPREAD_WEIGHT: f64 = 0.5;

/// One finished run to learn from; about 16 KB.
#[derive(Debug, Clone)]
pub struct Course {
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    pub(super) weight: f64,
    pub(super) calls: u64,
    pub(super) moments: Vec<Moment>,
}

/// What was to be seen of a run at one time.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub(super) evidence: Evidence,
    /// The share of the run's time that was over, 0–1.
    pub(super) truth: f64,
    /// Seconds to the run's end.
    pub(super) rest: f64,
    pub(super) listed: bool,
}

impl Course {
    /// Sorts runs by their time: by start, end, and number of calls.
    pub fn order(&self) -> (DateTime<Utc>, DateTime<Utc>, u64) {
        (self.started_at, self.ended_at, self.calls)
    }

    pub(super) fn day(&self) -> String {
        self.started_at.format("%Y-%m-%d").to_string()
    }
}

/// Watches a finished run, line by line.
#[derive(Debug)]
pub struct Watch {
    analysis: Analysis,
    states: Vec<(DateTime<Utc>, Signals)>,
    /// Every so manieth line is kept.
    stride: usize,
    lines: usize,
}

impl Default for Watch {
    fn default() -> Self {
        Self { analysis: Analysis::new(Limits::default()), states: Vec::new(), stride: 1, lines: 0 }
    }
}

impl Watch {
    /// Takes the next line, its line feed included.
    pub fn line(&mut self, line: &[u8]) {
        self.analysis.feed(line);
        let fold = &self.analysis.fold;
        let Some(newest) = fold.clock.newest() else { return };
        if self.lines.is_multiple_of(self.stride) {
            self.states.push((newest, fold.signals));
        }
        self.lines += 1;
        if self.states.len() >= MAX_STATES {
            let mut place = 0;
            self.states.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
    }

    /// How the run went; nothing where it was shorter than a minute, or tells nothing of its times.
    pub fn course(self) -> Option<Course> {
        let fold = &self.analysis.fold;
        let (started_at, ended_at) = fold.signals.started_at.zip(fold.clock.newest())?;
        let span = ended_at - started_at;
        if seconds(span) < LEAST_SECONDS {
            return None;
        }
        let weight = match self.is_spread_evenly() {
            false => 1.0,
            true if fold.ending.has_result() => SPREAD_WEIGHT,
            true => return None,
        };
        let moments: Vec<Moment> =
            (1..PARTS).filter_map(|part| self.moment(part, started_at, span)).collect();
        let course = Course { started_at, ended_at, weight, calls: fold.signals.calls, moments };
        (!course.moments.is_empty()).then_some(course)
    }

    fn moment(&self, part: usize, start: DateTime<Utc>, span: TimeDelta) -> Option<Moment> {
        let truth = part as f64 / PARTS as f64;
        #[expect(clippy::cast_possible_truncation, reason = "a part of a span of milliseconds")]
        let into = (span.num_milliseconds() as f64 * truth) as i64;
        let at = start + TimeDelta::milliseconds(into);
        let after = self.states.partition_point(|(time, _)| *time <= at);
        let (newest, signals) = self.states.get(after.checked_sub(1)?)?;
        // Some ask just after a line was written, some long after.
        let now = if part.is_multiple_of(2) { at } else { *newest };
        let rest = seconds(start + span - now);
        let evidence = Evidence::of(signals, now)?;
        Some(Moment { evidence, truth, rest, listed: signals.list.total > 0 })
    }

    /// Nobody works to the beat: even gaps are those of somebody who had lost the times.
    fn is_spread_evenly(&self) -> bool {
        let mut gaps: Vec<f64> = self
            .states
            .windows(2)
            .map(|pair| seconds(pair[1].0 - pair[0].0))
            .filter(|gap| *gap > 0.0)
            .collect();
        gaps.sort_by(f64::total_cmp);
        let at = |share: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
            gaps.get((gaps.len() as f64 * share) as usize).copied().unwrap_or(0.0)
        };
        at(0.9) <= 1.2 * at(0.1)
    }
}
