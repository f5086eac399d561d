//! `TodoWrite`: each call gives the whole list anew, in one of several shapes.

use super::{StepStatus, status_from_word};
use crate::analysis::bounded::head;
use crate::analysis::dialect::lenient::TextOr;
use crate::analysis::tool_input::ToolInput;

/// Names are kept as logged up to this length, in bytes.
const MAX_NAME_BYTES: usize = 4096;

/// An item as one list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::analysis) struct TodoItem {
    pub(in crate::analysis) name: String,
    pub(in crate::analysis) status: StepStatus,
    pub(in crate::analysis) id: Option<String>,
}

/// The list as one `TodoWrite` gives it: at most 300 items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::analysis) struct TodoSnapshot {
    pub(in crate::analysis) items: Vec<TodoItem>,
}

impl TodoSnapshot {
    /// Reads the call's input; items without a text are left out. An input without a list, which the log may have
    /// cut, says nothing of the list.
    pub(in crate::analysis) fn of(input: &ToolInput<'_>) -> Option<Self> {
        let items = input.todos.as_ref()?.0.iter().filter_map(|item| match item {
            TextOr::Text(name) => todo(name, StepStatus::Pending, None),
            TextOr::Other(item) => {
                let name = item.content.filled().or(item.active_form.filled())?;
                let id = item.id.filled().map(|id| head(id, 64).to_owned());
                todo(name, status_from_word(item.status.or_empty()), id)
            }
        });
        Some(Self { items: items.collect() })
    }

    pub(in crate::analysis) fn heap_bytes(&self) -> usize {
        self.items.iter().map(|item| size_of::<TodoItem>() + item.name.capacity() + 64).sum()
    }
}

fn todo(name: &str, status: StepStatus, id: Option<String>) -> Option<TodoItem> {
    let filled = !name.trim().is_empty();
    filled.then(|| TodoItem { name: head(name, MAX_NAME_BYTES).to_owned(), status, id })
}
