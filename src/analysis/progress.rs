//! How far a run is, and when it may end: the model in one place.
//!
//! Everything here is a function of the log, the time and the prior. What was once reached is kept as a high-water
//! mark that is taken at every line, never at a poll, so that whoever asks gets the same answer and no run falls back.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::fold::Fold;
use super::steps::{ListShare, StepSource};

/// What runs are like as a rule: the weights of a logistic curve over the evidence.
///
/// All weights of what grows with time are positive, so that time alone never takes a run back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prior {
    /// Where a run without any evidence stands, in log odds.
    pub(super) start: f64,
    /// Of the logarithm of the run's age in seconds, [`Self::warm_up_seconds`] added.
    pub(super) age: f64,
    /// What every run spends before it does anything.
    pub(super) warm_up_seconds: f64,
    /// Of the logarithm of one more than the calls that change files.
    pub(super) edits: f64,
    /// Of the logarithm of one more than the seconds since the last of these.
    pub(super) since_edit: f64,
    /// Of having a list at all: who keeps a list has more to do.
    pub(super) list: f64,
    /// Of the square of the share of the list that is done.
    pub(super) list_share: f64,
    /// Of a list that is done to its last item.
    pub(super) list_done: f64,
    /// Where the log has no times: a run is half done after so many tool calls.
    pub(super) half_calls: f64,
    /// The early end of the 80 % interval, as a multiple of the expected rest.
    pub(super) earliest: f64,
    /// The late end, likewise; farther off where less than [`Self::early_share`] is done.
    pub(super) latest: f64,
    /// Below this share the rest is anybody's guess.
    pub(super) early_share: f64,
}

/// Fitted on the times of some hundred public runs of one to sixty minutes.
pub(super) const PRIOR: Prior = Prior {
    start: -5.066,
    age: 1.03,
    warm_up_seconds: 20.0,
    edits: 0.126,
    since_edit: 0.085,
    list: -0.49,
    list_share: 0.625,
    list_done: 0.65,
    half_calls: 30.0,
    earliest: 0.25,
    latest: 4.0,
    early_share: 0.3,
};

/// A running run never shows more than this.
const MOST_WHILE_RUNNING: f64 = 99.0;
/// A line's time is a little earlier than the moment at which it can be read.
const WRITING_DELAY: TimeDelta = TimeDelta::seconds(2);
/// With less than this there is nothing to extrapolate from.
const LEAST_FOR_ESTIMATE: f64 = 0.02;

/// What a statement on progress rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The run's list, written whole each time.
    Todo,
    /// The run's list, kept item by item.
    Task,
    /// Headings in Claude's text.
    Heading,
    /// Turns against the run's limit, or calls where there are no times.
    Turns,
    /// How long runs take as a rule.
    History,
    /// What the tools are used for.
    Phase,
}

/// What the model looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evidence {
    pub(super) elapsed_seconds: Option<f64>,
    pub(super) calls: u64,
    pub(super) edits: u64,
    pub(super) seconds_since_edit: Option<f64>,
    pub(super) list: ListShare,
}

/// Calls that change files, and when the last one was.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Edits {
    count: u64,
    last_at: Option<DateTime<Utc>>,
}

impl Edits {
    pub(super) fn called(&mut self, at: Option<DateTime<Utc>>) {
        self.count += 1;
        self.last_at = at.or(self.last_at);
    }
}

impl Evidence {
    /// The share that is done, 0–1. Never falls with time alone.
    fn share(&self, prior: &Prior) -> f64 {
        let list = self.list.map_or(0.0, |(share, _)| {
            let done = if share >= 1.0 { prior.list_done } else { 0.0 };
            prior.list + prior.list_share * share * share + done
        });
        match self.elapsed_seconds.filter(|seconds| *seconds > 0.0) {
            Some(seconds) => {
                let age = prior.age * (seconds + prior.warm_up_seconds).ln();
                let edits = prior.edits * (self.edits as f64).ln_1p();
                let since = prior.since_edit * self.seconds_since_edit.unwrap_or(0.0).max(0.0).ln_1p();
                logistic(prior.start + age + edits + since + list)
            }
            None => logistic((self.calls as f64 / prior.half_calls).max(0.01).ln() + list),
        }
    }
}

fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// The furthest that a run was seen to be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HighWater {
    percent: f64,
    /// Whether the log has told of a good end once; a later wake-up does not undo it.
    ended_well: bool,
}

impl HighWater {
    pub(super) fn observe(&mut self, evidence: &Evidence) {
        self.percent = self.percent.max(percent(evidence.share(&PRIOR)));
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
    /// What is known at `now` of the run's progress; nothing of its age without a time.
    pub(super) fn evidence(&self, now: Option<DateTime<Utc>>) -> Evidence {
        Evidence {
            elapsed_seconds: now.and_then(|now| self.clock.elapsed(now)).map(seconds),
            calls: self.tools.calls(),
            edits: self.edits.count,
            seconds_since_edit: now.zip(self.edits.last_at).map(|(now, edit)| seconds(now - edit)),
            list: self.board.list_share(),
        }
    }

    /// How far the run is at `now`, and when it may end.
    pub(super) fn estimate(&self, now: DateTime<Utc>, max_turns: Option<u64>) -> Estimate {
        let newest = self.clock.newest().unwrap_or(now);
        let evidence = self.evidence(Some((now - WRITING_DELAY).max(newest)));
        let modelled = self.progress.percent.max(percent(evidence.share(&PRIOR)));
        let by_turns =
            max_turns.filter(|max| *max > 0).map_or(0.0, |max| percent(self.turns() as f64 / max as f64));
        let basis = match evidence.list {
            _ if by_turns > modelled => Basis::Turns,
            Some((_, StepSource::Task)) => Basis::Task,
            Some((_, StepSource::Todo)) => Basis::Todo,
            Some((_, StepSource::Heading)) => Basis::Heading,
            Some((_, StepSource::Phase)) | None if evidence.elapsed_seconds.is_some() => Basis::History,
            Some((_, StepSource::Phase)) | None => Basis::Turns,
        };
        let percent = modelled.max(by_turns);
        Estimate { percent, basis, end: expected_end(&evidence, percent, now) }
    }

    /// How far an ended run got: 100 where it came to its end, else the furthest that it was.
    pub(super) fn reached_percent(&self) -> f64 {
        if self.progress.ended_well { 100.0 } else { self.progress.percent }
    }

    /// Turns so far: as the result events state them, else the main thread's messages.
    pub(super) fn turns(&self) -> u64 {
        match self.ending.turns() {
            0 => self.usage.main_messages(),
            turns => turns,
        }
    }
}

fn expected_end(
    evidence: &Evidence,
    percent: f64,
    now: DateTime<Utc>,
) -> Option<(DateTime<Utc>, DateTime<Utc>, DateTime<Utc>)> {
    let share = percent / 100.0;
    let elapsed = evidence.elapsed_seconds.filter(|_| share >= LEAST_FOR_ESTIMATE)?;
    let rest = (elapsed * (1.0 - share) / share).max(1.0);
    let after = |seconds: f64| {
        let milliseconds = (seconds.min(30.0 * 86_400.0) * 1000.0).ceil();
        #[expect(clippy::cast_possible_truncation, reason = "bounded by thirty days")]
        now.checked_add_signed(TimeDelta::milliseconds(milliseconds as i64))
    };
    let latest = rest * PRIOR.latest * (PRIOR.early_share / share).max(1.0).powi(2);
    Some((after(rest * PRIOR.earliest)?, after(rest)?, after(latest)?))
}

/// A span in seconds, with its fraction.
pub(super) fn seconds(span: TimeDelta) -> f64 {
    span.num_milliseconds() as f64 / 1000.0
}
