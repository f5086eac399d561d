//! How far a run is, and when it may end.
//!
//! Everything here is a function of the log, the time and the prior. What was once reached is kept as a high-water
//! mark that is taken at every line, never at a poll, so that whoever asks gets the same answer and no run falls back.
//!
//! `signals (folded) → features at a time → prior: line, trees → share → interval`; `fit` makes priors.

mod features;
pub mod fit;
mod grove;
mod interval;
mod prior;
mod signals;
#[cfg(test)]
mod tests;
mod tree;
mod words;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::fold::Fold;
use super::steps::StepSource;
use features::Evidence;

pub(super) use prior::Latest;
pub use prior::{Prior, PriorError};
pub(super) use signals::Signals;

/// A running run never shows more than this.
const MOST_WHILE_RUNNING: f64 = 99.0;
/// A line's time is a little earlier than the moment at which it can be read.
const WRITING_DELAY: TimeDelta = TimeDelta::seconds(2);
/// Evidence that moves the log odds by less than this is not what a percentage rests on: two points in the middle of a
/// run, fewer towards its ends.
const TELLING: f64 = 0.08;
/// A list is always weighed; it is named unless the percentage contradicts it by more than this, or would be the same
/// without it.
const AGREEING_POINTS: f64 = 50.0;
/// A percentage that was once reached rests on what was known then, unless what is known now says nearly as much.
const NEARLY_POINTS: f64 = 5.0;
/// With less than this there is nothing to extrapolate from.
const LEAST_FOR_ESTIMATE: f64 = 0.02;

/// What a statement on progress rests on: of the evidence that is the run's own, the first in this order without which the
/// percentage would be clearly different ([`TELLING`]), or a list that it does not contradict ([`AGREEING_POINTS`]);
/// `History` where there is none.
///
/// `Turns` and `Heading` say at least so much: they are named where they say more than all the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(
    description = "What a percentage rests on: the best evidence of the run's own without which it would be clearly another."
)]
pub enum Basis {
    /// The run's list, written whole each time.
    Todo,
    /// The run's list, kept item by item.
    Task,
    /// How far Claude has followed a plan that it had told, heading by heading.
    Heading,
    /// Turns against the run's limit, or calls where there are no times.
    Turns,
    /// How long runs take as a rule: time, messages, texts and calls so far.
    History,
    /// What the tools are used for.
    Phase,
}

/// The furthest that a run was seen to be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HighWater {
    percent: f64,
    /// What the run had done, and when, as it came to be that far.
    then: Option<(Signals, DateTime<Utc>)>,
    /// How far the headings alone said that it is.
    headings_percent: f64,
    /// Whether the log has told of a good end once; a later wake-up does not undo it.
    ended_well: bool,
}

impl HighWater {
    pub(super) fn observe(&mut self, share: f64, signals: &Signals, at: Option<DateTime<Utc>>) {
        if percent(share) > self.percent {
            self.percent = percent(share);
            self.then = at.map(|at| (*signals, at));
        }
    }

    /// A plan was followed to here.
    pub(super) fn followed(&mut self, share: f64) {
        self.headings_percent = self.headings_percent.max(percent(share));
    }

    /// The log says that the run did all it could, whatever the upstream still says.
    pub(super) fn reached_the_end(&mut self) {
        self.percent = MOST_WHILE_RUNNING;
        self.ended_well = true;
    }
}

fn percent(share: f64) -> f64 {
    (share * 100.0).clamp(0.0, MOST_WHILE_RUNNING)
}

/// A statement on a running run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    /// 0–99.
    pub(super) percent: f64,
    pub(super) basis: Basis,
    /// Earliest, expected and latest end.
    pub(super) end: Option<(DateTime<Utc>, DateTime<Utc>, DateTime<Utc>)>,
}

impl Fold {
    /// The share that is done at `now` as the prior sees it, 0–1; `now` is not before the newest line.
    pub(super) fn share(&self, now: Option<DateTime<Utc>>) -> f64 {
        match now.and_then(|now| Evidence::of(&self.signals, now)) {
            Some(evidence) => self.prior.share(&evidence),
            None => self.share_without_times(),
        }
    }

    /// The same, for line after line; whether nothing but time has passed since the last.
    pub(super) fn share_again(&mut self, now: Option<DateTime<Utc>>, only_time: bool) -> f64 {
        let latest = self.latest.get_or_insert_default();
        let known = latest.evidence.take().filter(|_| only_time);
        let evidence = now.and_then(|now| match known {
            Some(known) => known.later(&self.signals, now),
            None => Evidence::of(&self.signals, now),
        });
        match evidence {
            Some(evidence) => self.prior.share_again(&evidence, latest),
            None => self.share_without_times(),
        }
    }

    fn share_without_times(&self) -> f64 {
        // Without times there are only the calls, and what the list says.
        let calls = self.signals.calls as f64;
        let by_calls = calls / (calls + self.prior.half_calls);
        let list = self.board.list();
        if list.total > 0 { f64::midpoint(by_calls, list.share()) } else { by_calls }
    }

    /// How far the run is at `now`, and when it may end.
    pub(super) fn estimate(&self, now: DateTime<Utc>, max_turns: Option<u64>) -> Estimate {
        // Time that nothing in the log explains is no progress: a run that died must not creep towards its end.
        let seen =
            self.clock.newest().map(|newest| (now - WRITING_DELAY).min(newest + self.patience()).max(newest));
        let now_percent = percent(self.share(seen));
        let modelled = self.progress.percent.max(now_percent);
        let by_turns =
            max_turns.filter(|max| *max > 0).map_or(0.0, |max| percent(self.turns() as f64 / max as f64));
        let by_headings = self.progress.headings_percent;
        let elapsed = seen.zip(self.signals.started_at).map(|(seen, start)| seconds(seen - start));
        let basis = if by_turns > modelled.max(by_headings) {
            Basis::Turns
        } else if by_headings > modelled {
            Basis::Heading
        } else {
            let furthest = self.progress.then.filter(|_| now_percent < self.progress.percent - NEARLY_POINTS);
            let (signals, at) = furthest.unwrap_or((self.signals, seen.unwrap_or(now)));
            self.basis_of_model(&signals, at, modelled)
        };
        let percent = modelled.max(by_headings).max(by_turns);
        Estimate { percent, basis, end: self.end(elapsed, percent / 100.0, now) }
    }

    /// What the model's estimate rests on: what would it say, did it not know of the list, or of the tools' uses?
    fn basis_of_model(&self, signals: &Signals, at: DateTime<Utc>, modelled: f64) -> Basis {
        let list = match signals.list.source {
            Some(StepSource::Task) => Some(Basis::Task),
            Some(StepSource::Todo) => Some(Basis::Todo),
            Some(StepSource::Heading | StepSource::Phase) | None => None,
        };
        let log_odds = |signals: &Signals| Evidence::of(signals, at).map(|seen| self.prior.log_odds(&seen));
        let Some(known) = log_odds(signals) else { return list.unwrap_or(Basis::Turns) };
        let tells =
            |without: &Signals| log_odds(without).is_some_and(|without| (known - without).abs() >= TELLING);
        let agrees = (percent(signals.list.share()) - modelled).abs() <= AGREEING_POINTS;
        match list {
            Some(list) if agrees || tells(&signals.without_list()) => list,
            _ if tells(&signals.without_uses()) => Basis::Phase,
            _ => Basis::History,
        }
    }

    fn end(
        &self,
        elapsed: Option<f64>,
        share: f64,
        now: DateTime<Utc>,
    ) -> Option<(DateTime<Utc>, DateTime<Utc>, DateTime<Utc>)> {
        let rest = rest(elapsed.filter(|_| share >= LEAST_FOR_ESTIMATE)?, share);
        let (earliest, latest) = self.prior.interval.at(share);
        let after = |seconds: f64| {
            let milliseconds = (seconds.min(30.0 * 86_400.0) * 1000.0).ceil();
            #[expect(clippy::cast_possible_truncation, reason = "bounded by thirty days")]
            now.checked_add_signed(TimeDelta::milliseconds(milliseconds as i64))
        };
        Some((after(rest * earliest)?, after(rest)?, after(rest * latest)?))
    }

    /// How far an ended run got: 100 where it came to its end, else the furthest that it was.
    pub(super) fn reached_percent(&self) -> f64 {
        if self.progress.ended_well {
            100.0
        } else {
            self.progress.percent.max(self.progress.headings_percent)
        }
    }

    /// Turns so far: as the result events state them, else the main thread's messages.
    pub(super) fn turns(&self) -> u64 {
        match self.ending.turns() {
            0 => self.usage.main_messages(),
            turns => turns,
        }
    }
}

/// How long a run that took `elapsed` seconds for this share goes on, at least a second.
fn rest(elapsed: f64, share: f64) -> f64 {
    (elapsed * (1.0 - share) / share).max(1.0)
}

/// A span in seconds, with its fraction.
pub(super) fn seconds(span: TimeDelta) -> f64 {
    span.num_milliseconds() as f64 / 1000.0
}
