//! Whose work it is: every piece goes to a step that has begun, never to one that waits.

use super::StepStatus;
use super::board::Board;
use super::work::Work;

impl Board {
    /// The step that work done now belongs to: the one in progress, else the last that was; none before the first.
    pub(in crate::analysis) fn target(&self) -> Option<usize> {
        let is_open = |place: &usize| self.steps[*place].status == StepStatus::InProgress;
        let has_begun = |place: &usize| {
            let step = &self.steps[*place];
            step.begun && step.status != StepStatus::Pending
        };
        self.active
            .filter(is_open)
            .or_else(|| {
                self.steps.iter().position(|step| step.listed && step.status == StepStatus::InProgress)
            })
            .or(self.active.filter(has_begun))
            .or_else(|| (0..self.steps.len()).rfind(has_begun))
    }

    /// The work of a step, to add to it; what has no step waits for the first that begins.
    pub(in crate::analysis) fn work_mut(&mut self, place: Option<usize>) -> &mut Work {
        match place.or(self.heir).and_then(|place| self.steps.get_mut(place)) {
            Some(step) => &mut step.work,
            None => &mut self.unplaced,
        }
    }

    /// What was done before a step began, as long as none has.
    pub(in crate::analysis) fn unplaced(&self) -> &Work {
        &self.unplaced
    }

    /// The first step that begins takes over what was done before it.
    pub(super) fn inherit(&mut self, place: usize) {
        if self.heir.is_none() {
            self.heir = Some(place);
            let before = std::mem::take(&mut self.unplaced);
            let work = &mut self.steps[place].work;
            *work = before.and(std::mem::take(work));
        }
    }
}
