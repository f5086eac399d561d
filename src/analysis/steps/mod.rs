//! The steps of a run: one list with stable ids, from the best source that the run offers.
//!
//! `todo`, `task`, `heading`, `phase` say what the steps are; `board` keeps them, and gives every piece of work to one
//! of them.

mod announced;
mod board;
mod board_headings;
mod board_work;
mod heading;
mod matching;
mod phase;
mod step;
mod task;
mod todo;
mod work;

#[cfg(test)]
mod tests;

pub(super) use board::{Board, ListState};
pub(super) use phase::{Phase, PhaseTracker, Vote};
pub(super) use step::BoardStep;
pub(super) use task::{TaskChange, TaskCreation, created_task_id, told_subjects};
pub(super) use todo::TodoSnapshot;
pub(super) use work::{Deed, Work};

use schemars::JsonSchema;
use serde::Serialize;

/// Where a step was learnt from, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepSource {
    /// The run's own list, written whole each time (`TodoWrite`).
    Todo,
    /// The run's own list, kept item by item (`TaskCreate`, `TaskUpdate`).
    Task,
    /// A heading in Claude's text.
    Heading,
    /// What the tools were used for.
    Phase,
}

impl StepSource {
    /// Whether it is the run's own list, whose total is known.
    pub(super) fn is_list(self) -> bool {
        match self {
            Self::Todo | Self::Task => true,
            Self::Heading | Self::Phase => false,
        }
    }
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not begun.
    Pending,
    /// Begun and not ended.
    InProgress,
    /// Done.
    Completed,
    /// In progress when the run ended in failure.
    Failed,
    /// Taken off the list before it was done.
    Skipped,
}

/// What a list says of an item; words that are not known count as pending.
fn status_from_word(word: &str) -> StepStatus {
    match word {
        "in_progress" | "in-progress" | "active" => StepStatus::InProgress,
        "completed" | "complete" | "done" => StepStatus::Completed,
        "cancelled" | "canceled" | "deleted" | "skipped" => StepStatus::Skipped,
        _ => StepStatus::Pending,
    }
}
