//! State to report: what the folded facts say at a given time, in the contract's shapes.

mod details;
mod facts;
mod sentences;
mod steps;
mod summary;
mod usage;

#[cfg(test)]
mod tests;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::context::{Context, Detail, RunStatus};
use super::fold::Fold;
use super::outcome::Outcome;
use super::report::{Additions, Overview, ProgressSummary, Step, WorkflowSteps};
use super::steps::StepStatus;
use super::timestamp::Timestamp;
use super::usage::Bill;

/// What all parts of a report agree on.
pub(super) struct View<'v> {
    fold: &'v Fold,
    context: &'v Context,
    status: RunStatus,
    outcome: Outcome,
    max_turns: Option<u64>,
    bill: Bill,
    log_bytes: u64,
}

impl<'v> View<'v> {
    pub(super) fn new(fold: &'v Fold, context: &'v Context, log_bytes: u64) -> Self {
        let status = status_of(fold, context);
        let outcome = fold.ending.outcome(status, &fold.clock, context.now, context.beside.alive);
        Self {
            fold,
            context,
            status,
            outcome,
            max_turns: context.max_turns.or(fold.identity.max_turns),
            bill: fold.usage.bill(context.beside.cost_usd),
            log_bytes,
        }
    }

    /// All added fields.
    pub(super) fn additions(&self) -> Additions {
        let steps = self.steps();
        let progress = self.progress(&steps);
        let mut additions = Additions {
            run_details: self.run_details(),
            enhancement: self.enhancement(),
            ..Additions::default()
        };
        if self.context.compat_fields {
            additions.max_turns = Some(self.shown_max_turns());
            additions.current_phase = Some(progress.current_phase.clone());
            additions.cache_efficiency = Some(self.cache_efficiency());
        }
        let with_steps = self.context.detail == Detail::Full;
        if self.status == RunStatus::Running {
            additions.workflow_steps = with_steps.then(|| workflow_steps(steps));
            additions.progress_summary = Some(progress);
        } else {
            additions.final_result = Some(self.fold.texts.final_result().map(str::to_owned));
            additions.workflow_summary = Some(self.summary(&steps));
            additions.step_by_step_results = with_steps.then(|| steps::results(steps));
        }
        additions
    }

    /// How far the run is; of an ended one, how far it got.
    pub(super) fn progress_of_any_status(&self) -> (ProgressSummary, WorkflowSteps) {
        let steps = self.steps();
        (self.progress(&steps), workflow_steps(steps))
    }

    /// The run in a few figures.
    pub(super) fn overview(&self) -> Overview {
        let (progress, steps) = self.progress_of_any_status();
        let model = self.fold.usage.main_model().or(self.fold.identity.model.as_deref());
        let cost = usage::share(&self.bill.total);
        Overview {
            status: self.status,
            outcome: self.outcome,
            progress,
            current_step: steps.current_step,
            total_steps: steps.total_steps,
            started_at: self.fold.clock.first().map(Timestamp::to_second),
            turns: self.turns(),
            max_turns: self.max_turns,
            model: model.map(str::to_owned),
            cost_usd: cost.cost_usd,
            cost_is_estimate: cost.cost_is_estimate,
        }
    }

    fn progress(&self, steps: &[Step]) -> ProgressSummary {
        let now = self.context.now;
        let estimate = self.fold.estimate(now, self.max_turns);
        let running = self.status == RunStatus::Running;
        let percent = match self.status {
            RunStatus::Running => estimate.percent,
            RunStatus::Completed => 100.0,
            RunStatus::Failed | RunStatus::Timeout | RunStatus::Killed => self.fold.reached_percent(),
        };
        let stalled = running && (self.outcome == Outcome::Lost || self.fold.is_stalled(now));
        // Nothing tells when a silent run will end, if it still will.
        let end = estimate.end.filter(|_| running && !stalled);
        ProgressSummary {
            completion_percentage: to_tenths(percent),
            estimated_completion: end.map(|(_, expected, _)| rounded_up(expected)),
            current_phase: self.current_phase(steps),
            recent_activity: self
                .fold
                .activity
                .clone()
                .unwrap_or_else(|| "Waiting for the first action".into()),
            basis: estimate.basis,
            earliest_completion: end.map(|(earliest, _, _)| rounded_up(earliest)),
            latest_completion: end.map(|(_, _, latest)| rounded_up(latest)),
            stalled,
            last_event_at: self.fold.clock.newest().map(Timestamp::to_millisecond),
        }
    }

    /// The turn limit, also where it is known from beside the log: progress must not depend on that.
    fn shown_max_turns(&self) -> Option<u64> {
        self.max_turns.or(self.context.beside.max_turns)
    }

    /// The turns as the log states them, else as the upstream does, else as many as are in the log.
    fn turns(&self) -> u64 {
        let told = self.context.beside.turns.filter(|_| self.fold.ending.turns() == 0);
        told.unwrap_or_else(|| self.fold.turns())
    }

    fn current_phase(&self, steps: &[Step]) -> String {
        let phase = || self.fold.phase().map_or("Starting", super::steps::Phase::name).to_owned();
        steps.get(current_index(steps)).map_or_else(phase, |step| step.name.clone())
    }
}

/// The status by the upstream's word, else by the log.
pub(super) fn status_of(fold: &Fold, context: &Context) -> RunStatus {
    context.status.unwrap_or_else(|| fold.ending.inferred_status(fold.counts.transcript))
}

fn workflow_steps(steps: Vec<Step>) -> WorkflowSteps {
    let current = steps.get(current_index(&steps)).map_or(0, |step| step.step_id);
    WorkflowSteps { current_step: current, total_steps: steps.len() as u64, steps }
}

/// The first step in progress, else the first pending one, else the last.
fn current_index(steps: &[Step]) -> usize {
    let with = |status| steps.iter().position(|step| step.status == status);
    with(StepStatus::InProgress)
        .or_else(|| with(StepStatus::Pending))
        .unwrap_or(steps.len().saturating_sub(1))
}

/// A future moment to the second, and not before it.
fn rounded_up(at: DateTime<Utc>) -> Timestamp {
    let whole = at.trunc_subsecs(0);
    Timestamp(if whole < at { whole + TimeDelta::seconds(1) } else { whole })
}

/// One decimal, never rounded up: 99.96 is not yet 100.
fn to_tenths(percent: f64) -> f64 {
    (percent * 10.0).floor() / 10.0
}
