//! The run's own task list: `TodoWrite`, where each call is the whole list, and `TaskCreate` with `TaskUpdate`.

use serde_json::Value;

use super::facts::Call;
use super::{first_filled, text};

/// What a list says of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Pending,
    InProgress,
    Completed,
    Gone,
}

impl State {
    fn of(word: &str) -> Self {
        match word {
            "in_progress" | "in-progress" | "active" => Self::InProgress,
            "completed" | "complete" | "done" => Self::Completed,
            "deleted" | "cancelled" | "canceled" | "skipped" => Self::Gone,
            _ => Self::Pending,
        }
    }
}

/// The lists as the run left them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lists {
    /// The items of the last `TodoWrite`, in their order.
    pub(crate) todo: Vec<(String, State)>,
    /// Every name that any `TodoWrite` had.
    pub(crate) ever_todo: Vec<String>,
    /// Tasks by id, in the order in which they became known; a name is unknown where the log does not tell it.
    pub(crate) tasks: Vec<Task>,
    /// Whether a change of a task failed only after a later change of a list was answered: until then it looks like one whose
    /// answer was lost, and of those gloss takes each to have come into force.
    pub(crate) has_overtaken: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    id: String,
    pub(crate) name: Option<String>,
    pub(crate) state: State,
}

/// Plays the calls of the main thread that did not fail, in their order.
pub(super) fn lists(calls: &[Call]) -> Lists {
    let mut lists = Lists::default();
    for call in calls.iter().filter(|call| call.by_main) {
        // Whether a list failed may show only after a later one is in force.
        lists.ever_todo.extend(items(&call.input).into_iter().flatten().map(|(name, _)| name));
        if call.failed() {
            continue;
        }
        match call.name.as_str() {
            "TodoWrite" => lists.written(&call.input),
            "TaskCreate" => lists.created(call),
            "TaskUpdate" if !call.is_refused() => lists.updated(&call.input),
            _ => {}
        }
    }
    lists.has_overtaken = calls.iter().enumerate().any(|(at, call)| {
        let later = || calls[at + 1..].iter().filter(|later| later.by_main && !later.failed());
        let is_change = |name: &str| matches!(name, "TodoWrite" | "TaskCreate" | "TaskUpdate");
        let fails = call.failed() || call.is_refused();
        call.name == "TaskUpdate"
            && fails
            && later().any(|later| is_change(&later.name) && call.is_answered_after(later))
    });
    lists
}

impl Lists {
    fn written(&mut self, input: &Value) {
        if let Some(items) = items(input) {
            self.todo = items;
        }
    }

    /// The id is only in the answer; without one nobody knows it.
    fn created(&mut self, call: &Call) {
        let Some(subject) = first_filled(&call.input, &["subject", "description"]) else { return };
        let Some(id) = created_id(call) else { return };
        match self.task(&id) {
            Some(task) => task.name = Some(subject),
            None => self.tasks.push(Task { id, name: Some(subject), state: State::Pending }),
        }
    }

    /// What an update does not name stays as it is. A deletion of what was never known leaves nothing to show.
    fn updated(&mut self, input: &Value) {
        let Some(id) = first_filled(input, &["taskId", "task_id"]) else { return };
        let state = first_filled(input, &["status"]).map(|word| State::of(&word));
        if self.task(&id).is_none() {
            if state == Some(State::Gone) {
                return;
            }
            self.tasks.push(Task { id: id.clone(), name: None, state: State::Pending });
        }
        let Some(task) = self.task(&id) else { return };
        task.name = first_filled(input, &["subject"]).or(task.name.take());
        task.state = match (task.state, state) {
            // What is done stays done when it leaves the list.
            (State::Completed, Some(State::Gone)) => State::Completed,
            (before, after) => after.unwrap_or(before),
        };
    }

    fn task(&mut self, id: &str) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|task| task.id == id)
    }
}

fn items(input: &Value) -> Option<Vec<(String, State)>> {
    Some(input["todos"].as_array()?.iter().filter_map(item).collect())
}

/// `{content, status, …}` of any version, or a bare string.
fn item(item: &Value) -> Option<(String, State)> {
    let bare = item.as_str().filter(|name| !name.trim().is_empty()).map(str::to_owned);
    let name =
        bare.or_else(|| first_filled(item, &["content"])).or_else(|| first_filled(item, &["activeForm"]))?;
    Some((name, State::of(&text(&item["status"]))))
}

/// "Task #1 created successfully: …", or what the program noted beside it.
fn created_id(call: &Call) -> Option<String> {
    let answer = call.answer.as_ref()?;
    let noted = first_filled(&answer.detail["task"], &["id"]);
    let told = || {
        let (id, rest) = answer.words.trim_start().strip_prefix("Task #")?.split_once(char::is_whitespace)?;
        rest.trim_start().starts_with("created").then(|| id.to_owned())
    };
    noted.or_else(told)
}
