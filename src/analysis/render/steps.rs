//! The board's steps in the contract's shape, as they stand now or stood when the run ended.

use chrono::{DateTime, Utc};

use super::{View, facts, sentences};
use crate::analysis::context::RunStatus;
use crate::analysis::report::{Step, StepResult};
use crate::analysis::steps::{BoardStep, StepSource, StepStatus, Work};
use crate::analysis::timestamp::Timestamp;

/// The name of the step that is shown before the first action.
const STARTING: &str = "Starting";

impl View<'_> {
    /// All steps; at least one as soon as the log has begun.
    pub(super) fn steps(&self) -> Vec<Step> {
        let factor = self.bill.factor;
        let steps: Vec<Step> =
            (0..).zip(self.fold.board.steps()).map(|(place, step)| self.step(place, step, factor)).collect();
        // Also where its first line is not complete yet.
        if steps.is_empty() && self.log_bytes > 0 { vec![self.starting()] } else { steps }
    }

    fn step(&self, place: usize, step: &BoardStep, cost_factor: f64) -> Step {
        let status = self.status_of(step);
        let work = self.fold.board.work(place);
        let ended_with_run = status != step.status;
        let completed_at = step.times.ended_at().or(self.fold.clock.newest().filter(|_| ended_with_run));
        Step {
            step_id: place as u64 + 1,
            name: step.name.clone(),
            status,
            started_at: step.times.started_at().map(Timestamp::to_second),
            completed_at: completed_at.map(Timestamp::to_second),
            duration_seconds: self.worked(step, status),
            result: self.result_of(&work, status).or_else(|| along_with(step, status)),
            tools_used: self.tools_used(&work),
            tool_calls: work.calls,
            cost: work.cost_usd.map(|cost| super::usage::to_micros(cost * cost_factor)),
            error: (status == StepStatus::Failed).then(|| self.fold.ending.reason(self.outcome)),
            source: step.source,
        }
    }

    /// A run's end fails the step in progress, or ends the phase; open items of a list keep their state.
    fn status_of(&self, step: &BoardStep) -> StepStatus {
        let open = step.status == StepStatus::InProgress && self.status != RunStatus::Running;
        match step.source {
            _ if open && self.outcome.is_failure() => StepStatus::Failed,
            StepSource::Phase | StepSource::Heading if open => StepStatus::Completed,
            StepSource::Todo | StepSource::Task | StepSource::Heading | StepSource::Phase => step.status,
        }
    }

    /// The time in which the step was the one at hand; of one in progress, so far.
    fn worked(&self, step: &BoardStep, status: StepStatus) -> Option<u64> {
        let until = if status == StepStatus::InProgress { self.so_far() } else { self.fold.clock.newest() };
        let worked = step.times.worked(until).filter(|_| status != StepStatus::Pending)?;
        u64::try_from(worked.num_seconds()).ok()
    }

    /// Up to when a step in progress has gone on.
    fn so_far(&self) -> Option<DateTime<Utc>> {
        let newest = self.fold.clock.newest();
        if self.status == RunStatus::Running { newest.map(|at| at.max(self.context.now)) } else { newest }
    }

    /// What is shown before anything was done.
    fn starting(&self) -> Step {
        let failed = self.status != RunStatus::Running && self.outcome.is_failure();
        let status = match self.status {
            RunStatus::Running => StepStatus::InProgress,
            _ if failed => StepStatus::Failed,
            RunStatus::Completed | RunStatus::Failed | RunStatus::Timeout | RunStatus::Killed => {
                StepStatus::Completed
            }
        };
        let clock = &self.fold.clock;
        let completed_at = clock.newest().filter(|_| status != StepStatus::InProgress);
        let until = completed_at.or(self.so_far());
        let duration =
            until.zip(clock.first()).and_then(|(end, start)| u64::try_from((end - start).num_seconds()).ok());
        let said = self.fold.texts.final_result().unwrap_or_default();
        let work = self.fold.board.unplaced();
        Step {
            step_id: 1,
            name: if self.status == RunStatus::Running { STARTING } else { "Answer" }.into(),
            status,
            started_at: clock.first().map(Timestamp::to_second),
            completed_at: completed_at.map(Timestamp::to_second),
            duration_seconds: duration,
            result: sentences::outcome_of(said).filter(|_| status == StepStatus::Completed),
            tools_used: self.tools_used(work),
            tool_calls: work.calls,
            cost: self.bill.total.cost_usd.map(|(cost, _)| super::usage::to_micros(cost)),
            error: failed.then(|| self.fold.ending.reason(self.outcome)),
            source: StepSource::Phase,
        }
    }

    fn tools_used(&self, work: &Work) -> Vec<String> {
        work.tools.iter().map(|(tool, _)| self.fold.tools.name(*tool).to_owned()).collect()
    }

    /// What Claude said of it last, and what was done in it where that says little; of a failed step the latter only.
    fn result_of(&self, work: &Work, status: StepStatus) -> Option<String> {
        let said = work.said.as_deref().unwrap_or_default();
        let calls = || facts::calls(work, &self.fold.tools);
        match status {
            StepStatus::Completed => {
                let told = sentences::prose_outcome_of(said);
                let done = facts::done(work).filter(|_| told.as_deref().is_none_or(sentences::says_little));
                let both = told.into_iter().chain(done).collect::<Vec<_>>().join(" ");
                Some(both)
                    .filter(|both| !both.is_empty())
                    .or_else(|| sentences::outcome_of(said))
                    .or_else(calls)
            }
            StepStatus::Failed => facts::done(work).or_else(calls),
            StepStatus::Pending | StepStatus::InProgress | StepStatus::Skipped => None,
        }
    }
}

/// Of a step that was never at hand there is nothing to tell but what it was ticked off with.
fn along_with(step: &BoardStep, status: StepStatus) -> Option<String> {
    let place = step.along_with.filter(|_| status == StepStatus::Completed && step.work.calls == 0)?;
    Some(format!("Ticked off together with step {}.", place + 1))
}

/// The steps of an ended run, each with its success.
pub(super) fn results(steps: Vec<Step>) -> Vec<StepResult> {
    let with_success = |step: Step| StepResult { success: step.status == StepStatus::Completed, step };
    steps.into_iter().map(with_success).collect()
}
