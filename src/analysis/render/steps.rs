//! The board's steps in the contract's shape, as they stand now or stood when the run ended.

use chrono::{DateTime, Utc};

use super::{View, sentences};
use crate::analysis::context::RunStatus;
use crate::analysis::report::{Step, StepResult, Timestamp};
use crate::analysis::steps::{BoardStep, StepSource, StepStatus};

/// The name of the step that is shown before the first action.
const STARTING: &str = "Starting";

impl View<'_> {
    /// All steps; at least one as soon as the log has begun.
    pub(super) fn steps(&self) -> Vec<Step> {
        let factor = self.cost_factor();
        let steps: Vec<Step> = (1..)
            .zip(self.fold.board.steps())
            .map(|(step_id, step)| self.step(step_id, step, factor))
            .collect();
        if steps.is_empty() && self.fold.counts.written > 0 { vec![self.starting()] } else { steps }
    }

    fn step(&self, step_id: u64, step: &BoardStep, cost_factor: f64) -> Step {
        let status = self.status_of(step);
        let ended_with_run = status != step.status;
        let completed_at = step.completed_at.or(self.fold.clock.newest().filter(|_| ended_with_run));
        Step {
            step_id,
            name: step.name.clone(),
            status,
            started_at: step.started_at.map(Timestamp::to_second),
            completed_at: completed_at.map(Timestamp::to_second),
            duration_seconds: self.duration(step.started_at, completed_at, status),
            result: result_of(step, status),
            tools_used: step.work.tools.iter().map(|tool| self.fold.tools.name(*tool).to_owned()).collect(),
            tool_calls: step.work.calls,
            cost: step.work.cost_usd.map(|cost| super::details::to_micros(cost * cost_factor)),
            error: (status == StepStatus::Failed).then(|| self.fold.ending.reason(self.outcome)),
            source: step.source,
        }
    }

    /// A run's end fails the step in progress, or ends the phase; open items of a list keep their state.
    fn status_of(&self, step: &BoardStep) -> StepStatus {
        let open = step.status == StepStatus::InProgress && self.status != RunStatus::Running;
        match step.source {
            _ if open && self.outcome.is_failure() => StepStatus::Failed,
            StepSource::Phase if open => StepStatus::Completed,
            StepSource::Todo | StepSource::Task | StepSource::Heading | StepSource::Phase => step.status,
        }
    }

    fn duration(
        &self,
        started_at: Option<DateTime<Utc>>,
        completed_at: Option<DateTime<Utc>>,
        status: StepStatus,
    ) -> Option<u64> {
        let newest = self.fold.clock.newest();
        let so_far = || {
            if self.status == RunStatus::Running { newest.map(|at| at.max(self.context.now)) } else { newest }
        };
        let end = match status {
            StepStatus::InProgress => so_far(),
            StepStatus::Pending => None,
            StepStatus::Completed | StepStatus::Failed | StepStatus::Skipped => completed_at,
        }?;
        u64::try_from((end - started_at?).num_seconds()).ok()
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
        let said = self.fold.texts.last_said();
        let work = self.fold.board.unplaced();
        Step {
            step_id: 1,
            name: if self.status == RunStatus::Running { STARTING } else { "Answer" }.into(),
            status,
            started_at: clock.first().map(Timestamp::to_second),
            completed_at: completed_at.map(Timestamp::to_second),
            duration_seconds: self.duration(clock.first(), completed_at, status),
            result: sentences::outcome_of(said).filter(|_| status == StepStatus::Completed),
            tools_used: work.tools.iter().map(|tool| self.fold.tools.name(*tool).to_owned()).collect(),
            tool_calls: work.calls,
            cost: self.fold.usage.cost_usd().map(|(cost, _)| super::details::to_micros(cost)),
            error: failed.then(|| self.fold.ending.reason(self.outcome)),
            source: StepSource::Phase,
        }
    }

    /// What estimates are multiplied with so that they add up to the run's own figure.
    fn cost_factor(&self) -> f64 {
        match (self.fold.usage.cost_usd(), self.fold.usage.estimated_usd()) {
            (Some((total, false)), Some(estimated)) if estimated > 0.0 => total / estimated,
            _ => 1.0,
        }
    }
}

/// The steps of an ended run, each with its success.
pub(super) fn results(steps: Vec<Step>) -> Vec<StepResult> {
    let with_success = |step: Step| StepResult { success: step.status == StepStatus::Completed, step };
    steps.into_iter().map(with_success).collect()
}

/// What Claude said of it last, else what was changed and tested in it.
fn result_of(step: &BoardStep, status: StepStatus) -> Option<String> {
    if status != StepStatus::Completed {
        return None;
    }
    step.work.said.as_deref().and_then(sentences::outcome_of).or_else(|| {
        let facts: Vec<String> = changes(step).into_iter().chain(tests(step)).collect();
        (!facts.is_empty()).then(|| facts.join(" "))
    })
}

fn changes(step: &BoardStep) -> Option<String> {
    const SHOWN: usize = 3;
    let work = &step.work;
    let names = work.files.get(..SHOWN.min(work.files.len())).filter(|names| !names.is_empty())?;
    let more = if work.files.len() > SHOWN { " and more" } else { "" };
    let edits = if work.edits == 1 { "1 edit".to_owned() } else { format!("{} edits", work.edits) };
    Some(format!("Changed {}{more} ({edits}).", names.join(", ")))
}

fn tests(step: &BoardStep) -> Option<String> {
    match step.work.tests? {
        (0, 0) => None,
        (passed, 0) => Some(format!("Tests: {passed} passed.")),
        (passed, failed) => Some(format!("Tests: {passed} passed, {failed} failed.")),
    }
}
