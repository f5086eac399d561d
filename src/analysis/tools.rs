//! Which tools were called, how often, and with how many errors; and the calls that wait for their answer.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::bounded::{Seen, fingerprint, head};
use super::event::Answer;
use super::steps::{TaskChange, TaskCreation, TodoSnapshot};

/// Names of tools; a name can be garbage, so there are not more than these.
const MAX_TOOLS: usize = 256;
const MAX_NAME_BYTES: usize = 120;
/// What further names, and answers to calls that the log does not have, are counted under.
const OTHER: &str = "(other)";

/// Calls and errors by tool, in the order of first use.
#[derive(Debug, Clone, Default)]
pub(super) struct Tools {
    table: Vec<ToolCount>,
}

/// One tool's figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ToolCount {
    pub(super) name: String,
    pub(super) calls: u64,
    pub(super) errors: u64,
}

impl Tools {
    /// The tool's place in the table.
    pub(super) fn place(&mut self, name: &str) -> u16 {
        let name = match head(name.trim(), MAX_NAME_BYTES) {
            "" => OTHER,
            name => name,
        };
        let known = |table: &[ToolCount], name: &str| table.iter().position(|tool| tool.name == name);
        let place = known(&self.table, name).unwrap_or_else(|| {
            let name = if self.table.len() + 1 < MAX_TOOLS { name } else { OTHER };
            known(&self.table, name).unwrap_or_else(|| {
                self.table.push(ToolCount { name: name.to_owned(), ..ToolCount::default() });
                self.table.len() - 1
            })
        });
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    pub(super) fn count_call(&mut self, place: u16) {
        if let Some(tool) = self.table.get_mut(usize::from(place)) {
            tool.calls += 1;
        }
    }

    /// Counts an error; of a call that the log does not have, under a name of its own.
    pub(super) fn count_error(&mut self, place: Option<u16>) {
        let place = place.unwrap_or_else(|| self.place(OTHER));
        if let Some(tool) = self.table.get_mut(usize::from(place)) {
            tool.errors += 1;
        }
    }

    pub(super) fn name(&self, place: u16) -> &str {
        self.table.get(usize::from(place)).map_or(OTHER, |tool| &tool.name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ToolCount> {
        self.table.iter()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.table.capacity() * size_of::<ToolCount>()
            + self.table.iter().map(|t| t.name.capacity()).sum::<usize>()
    }
}

/// A call that waits for its answer.
#[derive(Debug, Clone)]
pub(super) struct OpenCall {
    pub(super) tool: u16,
    pub(super) step: Option<usize>,
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) purpose: Purpose,
    /// How long the tool may take by its own word, in milliseconds.
    pub(super) timeout_ms: Option<u64>,
    order: u64,
    batch: u64,
}

/// A change of the run's list and the time of its call.
pub(super) type ListChange = (Purpose, Option<DateTime<Utc>>);

/// What a call's answer will mean.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// Nothing beyond its success.
    Plain,
    Edit {
        path: String,
    },
    Todo(TodoSnapshot),
    TaskCreate(TaskCreation),
    TaskUpdate(TaskChange),
    /// A look at one task or at all of them.
    TaskLookup,
    /// A sub-agent, by its place in the table of these.
    SubAgent(usize),
    /// A shell command, its start.
    Command(String),
}

/// The calls that wait, at most 512, and the ids of those that were.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls {
    open: HashMap<u64, OpenCall>,
    called: Seen<8192>,
    answered: Seen<8192>,
    next_order: u64,
    /// Calls that no answer parts were made at once, and their answers come in any order.
    batch: u64,
    batch_is_answered: bool,
}

const MAX_OPEN: usize = 512;
/// Whole lists that wait for their answer may take so much memory, in bytes.
const MAX_WAITING_LIST_BYTES: usize = 4 * 1024 * 1024;

/// What became of an answer.
pub(super) enum Answered {
    /// It belongs to this call.
    To(OpenCall),
    /// Its call is not in the log.
    Orphan,
    /// It has been read before.
    Again,
}

impl Calls {
    /// Whether a call with this id has not been seen; calls without an id are always new.
    pub(super) fn is_new(&mut self, id: &str) -> bool {
        id.is_empty() || self.called.is_new(fingerprint(id))
    }

    /// Keeps a call until its answer; the oldest is given up when there are too many.
    pub(super) fn open(&mut self, id: &str, mut call: OpenCall) {
        if id.is_empty() {
            return;
        }
        if self.open.len() >= MAX_OPEN
            && let Some(oldest) = self.open.iter().min_by_key(|(_, call)| call.order).map(|(id, _)| *id)
        {
            self.open.remove(&oldest);
        }
        self.batch += u64::from(std::mem::take(&mut self.batch_is_answered));
        (call.order, call.batch) = (self.next_order, self.batch);
        self.next_order += 1;
        self.open.insert(fingerprint(id), call);
    }

    pub(super) fn answer(&mut self, answer: &Answer<'_>) -> Answered {
        let id = fingerprint(answer.call_id);
        if !answer.call_id.is_empty() && !self.answered.is_new(id) {
            return Answered::Again;
        }
        self.batch_is_answered = true;
        match self.open.remove(&id) {
            Some(call) => Answered::To(call),
            None => Answered::Orphan,
        }
    }

    /// Whether the call has been seen at all.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.called.contains(fingerprint(id))
    }

    /// Takes the changes of the run's list out of calls before `than` that were never answered, oldest first. Of those
    /// made at once with it, whose answers may still come, only those that must not come into force after it.
    pub(super) fn overtaken_list_changes(&mut self, than: &OpenCall) -> Vec<ListChange> {
        self.take_list_changes(|call| {
            call.order < than.order && (call.batch < than.batch || than.purpose.supersedes(&call.purpose))
        })
    }

    /// Takes out whole lists, where so many wait that they would fill the memory.
    pub(super) fn crowding_list_changes(&mut self) -> Vec<ListChange> {
        let is_list = |call: &OpenCall| matches!(call.purpose, Purpose::Todo(_));
        let waiting = self.open.values().filter(|call| is_list(call));
        let bytes: usize = waiting.map(|call| call.purpose.heap_bytes()).sum();
        if bytes <= MAX_WAITING_LIST_BYTES { Vec::new() } else { self.take_list_changes(is_list) }
    }

    fn take_list_changes(&mut self, takes: impl Fn(&OpenCall) -> bool) -> Vec<ListChange> {
        let changes = self.open.values_mut().filter(|call| call.purpose.changes_list() && takes(call));
        let mut calls: Vec<&mut OpenCall> = changes.collect();
        calls.sort_by_key(|call| call.order);
        calls
            .into_iter()
            .map(|call| (std::mem::replace(&mut call.purpose, Purpose::Plain), call.at))
            .collect()
    }

    pub(super) fn get(&self, id: &str) -> Option<&OpenCall> {
        self.open.get(&fingerprint(id))
    }

    /// The waiting calls, oldest first.
    pub(super) fn waiting(&self) -> Vec<&OpenCall> {
        let mut waiting: Vec<&OpenCall> = self.open.values().collect();
        waiting.sort_by_key(|call| call.order);
        waiting
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let open: usize = self.open.values().map(|call| call.purpose.heap_bytes()).sum();
        // A hash table keeps a control byte an entry and stays at most 7/8 full.
        let table = self.open.capacity() * 8 / 7 * (size_of::<(u64, OpenCall)>() + 1);
        open + table + self.called.heap_bytes() + self.answered.heap_bytes()
    }
}

impl OpenCall {
    pub(super) fn new(tool: u16, step: Option<usize>, at: Option<DateTime<Utc>>, purpose: Purpose) -> Self {
        Self { tool, step, at, purpose, timeout_ms: None, order: 0, batch: 0 }
    }
}

impl Purpose {
    /// Whether the call gives the run's list a new state.
    pub(super) fn changes_list(&self) -> bool {
        match self {
            Self::Todo(_) | Self::TaskUpdate(_) => true,
            Self::Plain
            | Self::Edit { .. }
            | Self::TaskCreate(_)
            | Self::TaskLookup
            | Self::SubAgent(_)
            | Self::Command(_) => false,
        }
    }

    /// Whether this change decides what `earlier` would decide as well.
    fn supersedes(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Todo(_), Self::Todo(_)) => true,
            (Self::TaskUpdate(change), Self::TaskUpdate(earlier)) => change.task_id == earlier.task_id,
            _ => false,
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Plain | Self::TaskLookup | Self::SubAgent(_) => 0,
            Self::Edit { path } => path.capacity(),
            Self::Todo(snapshot) => snapshot.heap_bytes(),
            Self::TaskCreate(creation) => creation.subject.capacity(),
            Self::TaskUpdate(change) => {
                change.task_id.capacity() + change.subject.as_ref().map_or(0, String::capacity)
            }
            Self::Command(command) => command.capacity(),
        }
    }
}
