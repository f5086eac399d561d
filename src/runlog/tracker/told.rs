//! What the upstream said of a run when a client asked for it: the log alone tells neither its workflow nor its limits,
//! nor that somebody has stopped it.

use std::sync::{Mutex, PoisonError};

use crate::analysis::RunStatus;

/// The longest name of a workflow that is kept, in bytes.
const MAX_WORKFLOW_BYTES: usize = 200;

/// The upstream's last word on a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    /// The run's status.
    pub status: RunStatus,
    /// Its turn limit, where the upstream tells it.
    pub max_turns: Option<u64>,
    /// Its workflow, where the upstream tells it; cut to 200 bytes.
    pub workflow: Option<String>,
}

impl Saying {
    /// The status, unless the log knows better by now: a run that went on then may have ended since.
    pub fn last_status(&self) -> Option<RunStatus> {
        (self.status != RunStatus::Running).then_some(self.status)
    }
}

/// Holds the upstream's last word.
#[derive(Debug, Default)]
pub struct Told(Mutex<Option<Saying>>);

impl Told {
    /// Takes a newer word.
    pub fn learn(&self, status: RunStatus, max_turns: Option<u64>, workflow: Option<&str>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = last.take();
        // Each poll says the same, as a rule; which answers tell the limit depends on what was asked for.
        let max_turns = max_turns.or(kept.as_ref().and_then(|kept| kept.max_turns));
        let workflow = match (kept.and_then(|kept| kept.workflow), workflow) {
            (Some(kept), Some(new)) if kept == cut(new) => Some(kept),
            (kept, None) => kept,
            (_, Some(new)) => Some(cut(new).to_owned()),
        };
        *last = Some(Saying { status, max_turns, workflow });
    }

    /// The last word; `None` before the first.
    pub fn last(&self) -> Option<Saying> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_WORKFLOW_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_word_counts_and_what_it_leaves_out_stays() {
        let told = Told::default();
        assert_eq!(told.last(), None);
        told.learn(RunStatus::Running, Some(30), Some("fix"));
        assert_eq!(told.last().unwrap().last_status(), None);
        told.learn(RunStatus::Killed, None, None);
        let last = told.last().unwrap();
        assert_eq!((last.max_turns, last.workflow.as_deref()), (Some(30), Some("fix")));
        assert_eq!(last.last_status(), Some(RunStatus::Killed));
        told.learn(RunStatus::Killed, Some(40), Some("refactor"));
        assert_eq!(told.last().unwrap().workflow.as_deref(), Some("refactor"));
    }

    #[test]
    fn a_long_name_is_cut_between_letters() {
        let told = Told::default();
        told.learn(RunStatus::Running, None, Some(&"ä".repeat(150)));
        assert_eq!(told.last().unwrap().workflow, Some("ä".repeat(100)));
        let long = "x".repeat(199) + "ä";
        told.learn(RunStatus::Running, None, Some(&long));
        assert_eq!(told.last().unwrap().workflow, Some("x".repeat(199)));
    }
}
