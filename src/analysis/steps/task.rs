//! `TaskCreate` and `TaskUpdate`: the list item by item. An item's id is only in the answer to its creation.

use super::{StepStatus, status_from_word};
use crate::analysis::bounded::head;
use crate::analysis::tool_input::{ResultDetail, ToolInput};

/// Subjects are kept as logged up to this length, in bytes.
const MAX_NAME_BYTES: usize = 4096;

/// So many lines of a list of tasks are read.
const MAX_TOLD: usize = 300;

/// A `TaskCreate` that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::analysis) struct TaskCreation {
    pub(in crate::analysis) subject: String,
}

/// A `TaskUpdate` that waits for its answer; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::analysis) struct TaskChange {
    pub(in crate::analysis) task_id: String,
    pub(in crate::analysis) status: Option<StepStatus>,
    pub(in crate::analysis) subject: Option<String>,
}

impl TaskCreation {
    pub(in crate::analysis) fn of(input: &ToolInput<'_>) -> Option<Self> {
        let subject = input.subject.filled().or(input.description.filled())?;
        Some(Self { subject: head(subject, MAX_NAME_BYTES).to_owned() })
    }
}

impl TaskChange {
    pub(in crate::analysis) fn of(input: &ToolInput<'_>) -> Option<Self> {
        Some(Self {
            task_id: head(input.task_id.filled()?, 64).to_owned(),
            status: input.status.filled().map(status_from_word),
            subject: input.subject.filled().map(|subject| head(subject, MAX_NAME_BYTES).to_owned()),
        })
    }
}

/// The id that a new task was given, from what the program noted or from the words of the answer
/// ("Task #1 created successfully: …").
pub(in crate::analysis) fn created_task_id(detail: &ResultDetail<'_>, words: &str) -> Option<String> {
    if let Some(id) = detail.task.id.filled() {
        return Some(head(id, 64).to_owned());
    }
    let rest = words.trim_start().strip_prefix("Task #")?;
    let id = rest.split_whitespace().next()?;
    rest[id.len()..].trim_start().starts_with("created").then(|| head(id, 64).to_owned())
}

/// Ids and subjects of tasks that `TaskGet` ("Task #1: …") or `TaskList` ("#1 [pending] … (owner) [blocked by #2]")
/// tells.
pub(in crate::analysis) fn told_subjects(words: &str) -> Vec<(String, String)> {
    words.lines().take(MAX_TOLD).filter_map(told_subject).collect()
}

fn told_subject(line: &str) -> Option<(String, String)> {
    let (id, subject) = if let Some(rest) = line.strip_prefix("Task #") {
        rest.split_once(": ")?
    } else {
        let (id, rest) = line.strip_prefix('#')?.split_once(" [")?;
        (id, listed_subject(rest.split_once("] ")?.1))
    };
    let subject = head(subject.trim(), MAX_NAME_BYTES);
    let is_id = !id.is_empty() && id.len() <= 64 && !id.contains(char::is_whitespace);
    (is_id && !subject.is_empty()).then(|| (id.to_owned(), subject.to_owned()))
}

/// Without what waits for what, and without the owner's name.
fn listed_subject(text: &str) -> &str {
    let text = text.split(" [blocked by ").next().unwrap_or(text).trim_end();
    let is_name =
        |owner: &str| owner.chars().all(|c| c.is_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
    match text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")) {
        Some((subject, owner)) if is_name(owner) => subject,
        _ => text,
    }
}
