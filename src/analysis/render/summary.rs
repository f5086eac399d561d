//! What came of an ended run, in figures and a few lines.

use super::{View, sentences};
use crate::analysis::context::RunStatus;
use crate::analysis::outcome::Outcome;
use crate::analysis::report::{Step, WorkflowSummary};
use crate::analysis::steps::StepStatus;

const MAX_ACHIEVEMENTS: usize = 5;

impl View<'_> {
    pub(super) fn summary(&self, steps: &[Step]) -> WorkflowSummary {
        let count = |status| steps.iter().filter(|step| step.status == status).count() as u64;
        let (completed, failed) = (count(StepStatus::Completed), count(StepStatus::Failed));
        let succeeded = self.outcome == Outcome::Success && self.status == RunStatus::Completed;
        let tests = self.fold.tests.totals();
        WorkflowSummary {
            total_steps_completed: completed,
            success_rate: success_rate(completed, failed + count(StepStatus::Skipped), succeeded),
            major_achievements: self.achievements(steps),
            files_modified: self.fold.files.count(),
            tests_passed: tests.counts.passed,
            deployment_ready: succeeded && failed == 0 && tests.clean,
        }
    }

    /// Completed items of the run's list: those in which something was changed or handed over before those in
    /// which one only looked, and then those with the most work. Without a list, lines of the final result: a heading
    /// tells what was begun, not what came of it.
    fn achievements(&self, steps: &[Step]) -> Vec<String> {
        let done = |step: &&Step| step.status == StepStatus::Completed && step.source.is_list();
        let mut listed: Vec<&Step> = steps.iter().filter(done).collect();
        listed.sort_by_key(|step| std::cmp::Reverse((self.left_something(step), step.tool_calls)));
        listed.truncate(MAX_ACHIEVEMENTS);
        listed.sort_by_key(|step| step.step_id);
        if !listed.is_empty() {
            return listed.into_iter().map(|step| step.name.clone()).collect();
        }
        if self.outcome != Outcome::Success {
            return Vec::new();
        }
        let text = self.fold.texts.final_result().unwrap_or_default();
        let mut lines = sentences::list_lines(text);
        lines.truncate(MAX_ACHIEVEMENTS);
        if lines.is_empty() { sentences::outcome_of(text).into_iter().collect() } else { lines }
    }
}

impl View<'_> {
    /// Whether the step changed files or handed something over; `step` is one of the board's.
    fn left_something(&self, step: &Step) -> bool {
        let place = usize::try_from(step.step_id).unwrap_or(usize::MAX).saturating_sub(1);
        let board = &self.fold.board;
        place < board.steps().len() && {
            let work = board.work(place);
            work.edits > 0 || !work.deeds.is_empty()
        }
    }
}

/// In percent, with one decimal.
fn success_rate(completed: u64, otherwise: u64, succeeded: bool) -> f64 {
    match completed + otherwise {
        0 if succeeded => 100.0,
        0 => 0.0,
        all => (completed as f64 / all as f64 * 1000.0).round() / 10.0,
    }
}
