//! Words, calls and answers: what of them goes to which fold.

use super::Fold;
use crate::analysis::bounded::{fingerprint, head};
use crate::analysis::dialect::lenient::{Unread, read};
use crate::analysis::dialect::result_text;
use crate::analysis::event::{Answer, STAND_IN, Thread};
use crate::analysis::files::Change;
use crate::analysis::steps::{
    Deed, TaskChange, TaskCreation, TodoSnapshot, Vote, created_task_id, told_subjects,
};
use crate::analysis::sub_agents::{SubAgentStatus, SubAgents};
use crate::analysis::tool_input::{ResultDetail, ToolInput};
use crate::analysis::tools::{Answered, ListChange, OpenCall, Purpose};
use crate::analysis::{test_runs, vote};

/// Commands are kept until their answer up to this length, in bytes.
const MAX_COMMAND_BYTES: usize = 4096;

impl Fold {
    pub(super) fn said(&mut self, thread: Thread<'_>, message_id: &str, text: &str) {
        if !thread.is_main() || text.trim().is_empty() || !self.said.is_new(fingerprint((message_id, text))) {
            return;
        }
        let without_id = message_id.starts_with(STAND_IN);
        let words = fingerprint(text);
        self.words.is_new(fingerprint((without_id, words)));
        if without_id && self.is_start_of_last(text) {
            return;
        }
        if self.words.contains(fingerprint((!without_id, words))) {
            // Another log, one with ids or one without, has told these words already; they may be the last again.
            self.texts.said(text);
            return;
        }
        self.ending.goes_on();
        self.texts.said(text);
        self.board.said(text, self.now());
        self.signals.said(text, self.now());
    }

    /// Whether these words are the last ones, cut: another log has told all of them already.
    fn is_start_of_last(&self, text: &str) -> bool {
        let start = text.strip_suffix('…').or_else(|| text.strip_suffix("..."));
        start.is_some_and(|start| self.texts.last_said_begins_with(start))
    }

    pub(super) fn called(&mut self, thread: Thread<'_>, id: &str, name: &str, input: Option<Unread<'_>>) {
        if !self.calls.is_new(id) {
            return;
        }
        self.ending.goes_on();
        let parts = ToolInput::of(input);
        let tool = self.tools.place(name);
        self.tools.count_call(tool);
        self.newest_call.keep(&parts.arguments(name));
        if thread.is_main() {
            let vote = vote::of_call(name, parts.command.or_empty());
            if vote != Vote::Upkeep {
                self.board.begin_announced();
            }
            self.board.follow_phase(vote, self.begun_at());
        }
        let step = self.step_of(thread);
        self.board.work_mut(step).called(tool);
        if let Thread::Sub(parent) = thread {
            self.sub_agents.called(parent);
        }
        let purpose = self.purpose(thread, id, name, &parts);
        self.signals.called(name, parts.command.or_empty(), thread.is_main(), self.now());
        if matches!(purpose, Purpose::Todo(_)) {
            let crowding = self.calls.crowding_list_changes();
            self.change_list(crowding);
        }
        let mut call = OpenCall::new(tool, step, self.now(), purpose);
        call.timeout_ms = parts.timeout_ms.0.map(|_| parts.timeout_ms.count());
        self.calls.open(id, call);
    }

    /// A sub-agent's work belongs to the step that started it.
    pub(super) fn step_of(&self, thread: Thread<'_>) -> Option<usize> {
        let starter = match thread {
            Thread::Sub(Some(parent)) => self.calls.get(parent).and_then(|call| call.step),
            Thread::Sub(None) | Thread::Main => None,
        };
        starter.or_else(|| self.board.target())
    }

    fn purpose(&mut self, thread: Thread<'_>, id: &str, name: &str, input: &ToolInput<'_>) -> Purpose {
        // A sub-agent's own list is not the run's.
        let lists = thread.is_main();
        match name {
            "Write" | "Edit" | "MultiEdit" | "NotebookEdit" => input
                .edited_path()
                .map_or(Purpose::Plain, |path| Purpose::Edit { path: head(path, 1024).to_owned() }),
            "TodoWrite" if lists => TodoSnapshot::of(input).map_or(Purpose::Plain, Purpose::Todo),
            "TaskCreate" if lists => TaskCreation::of(input).map_or(Purpose::Plain, Purpose::TaskCreate),
            "TaskUpdate" if lists => TaskChange::of(input).map_or(Purpose::Plain, Purpose::TaskUpdate),
            "TaskGet" | "TaskList" if lists => Purpose::TaskLookup,
            "Bash" => Purpose::Command(head(input.command.or_empty(), MAX_COMMAND_BYTES).to_owned()),
            _ if SubAgents::is_starter(name) => {
                self.sub_agents.start(id, input).map_or(Purpose::Plain, Purpose::SubAgent)
            }
            _ => Purpose::Plain,
        }
    }

    pub(super) fn answered(&mut self, answer: &Answer<'_>) {
        let answered = self.calls.answer(answer);
        if !matches!(answered, Answered::Again) {
            self.signals.answered(answer.is_error);
        }
        match answered {
            Answered::Again => {}
            Answered::Orphan => {
                self.counts.gaps |= !self.calls.knows(answer.call_id);
                if answer.is_error {
                    self.failed(None, answer);
                }
            }
            Answered::To(call) if answer.is_error => {
                self.failed(Some(call.tool), answer);
                if let Purpose::SubAgent(agent) = call.purpose {
                    self.sub_agents.end(agent, SubAgentStatus::Failed);
                }
                if let Purpose::Command(command) = &call.purpose {
                    self.tested(command, call.step, answer);
                }
            }
            Answered::To(call) => self.succeeded(call, answer),
        }
    }

    fn failed(&mut self, tool: Option<u16>, answer: &Answer<'_>) {
        self.tools.count_error(tool);
        let name = tool.map_or("(other)", |tool| self.tools.name(tool)).to_owned();
        self.errors.note(&name, &result_text(answer.content), self.clock.newest());
    }

    fn succeeded(&mut self, call: OpenCall, answer: &Answer<'_>) {
        let detail = || read::<ResultDetail<'_>>(answer.detail).unwrap_or_default();
        if call.purpose.changes_list() {
            let overtaken = self.calls.overtaken_list_changes(&call);
            self.change_list(overtaken);
        }
        match call.purpose {
            Purpose::Plain => {}
            Purpose::Edit { path } => self.edited(&path, call.tool, call.step, answer),
            Purpose::Todo(snapshot) => self.board.apply_todo(&snapshot, call.at),
            Purpose::TaskCreate(creation) => {
                if let Some(id) = created_task_id(&detail(), &result_text(answer.content)) {
                    self.board.create_task(&id, &creation.subject, call.at);
                }
            }
            Purpose::TaskUpdate(change) => {
                if !detail().success.is_refused() && !is_refusal(&result_text(answer.content)) {
                    self.board.change_task(&change, call.at);
                }
            }
            Purpose::TaskLookup => self.board.learn_subjects(told_subjects(&result_text(answer.content))),
            Purpose::SubAgent(agent) => {
                let detail = detail();
                let launched = detail.is_async.0 || detail.status.get() == Some("async_launched");
                let status = if launched { SubAgentStatus::Running } else { SubAgentStatus::Completed };
                self.sub_agents.end(agent, status);
            }
            Purpose::Command(command) => {
                for deed in Deed::of_command(&command) {
                    self.board.work_mut(call.step).did(deed);
                }
                self.tested(&command, call.step, answer);
            }
        }
    }

    fn tested(&mut self, command: &str, step: Option<usize>, answer: &Answer<'_>) {
        if !answer.content.is_some_and(|content| test_runs::may_tell(content.json())) {
            return;
        }
        let output = result_text(answer.content);
        // Of an output too large to show only the start is there, and the figures stand at the end.
        if output.trim_start().starts_with("<persisted-output>") {
            return;
        }
        for run in test_runs::parse(command, &output) {
            self.board.work_mut(step).tests = Some((run.counts.passed, run.counts.failed));
            self.tests.add(run);
        }
    }

    fn edited(&mut self, path: &str, tool: u16, step: Option<usize>, answer: &Answer<'_>) {
        let created = self.tools.name(tool) == "Write" && is_creation(answer);
        self.files.edited(path, if created { Change::Created } else { Change::Modified });
        self.board.work_mut(step).edited(path);
    }

    /// Takes changes of the list whose answers are not in the log.
    pub(super) fn change_list(&mut self, changes: Vec<ListChange>) {
        for (purpose, at) in changes {
            match purpose {
                Purpose::Todo(snapshot) => self.board.apply_todo(&snapshot, at),
                Purpose::TaskUpdate(change) => self.board.change_task(&change, at),
                Purpose::Plain
                | Purpose::Edit { .. }
                | Purpose::TaskCreate(_)
                | Purpose::TaskLookup
                | Purpose::SubAgent(_)
                | Purpose::Command(_) => {}
            }
        }
    }
}

/// `TaskUpdate` says some failures in words only.
fn is_refusal(words: &str) -> bool {
    let words = words.trim_start();
    words.starts_with("Task not found") || words.starts_with("<tool_use_error>")
}

/// Whether the answer of a `Write` says that the file is new.
fn is_creation(answer: &Answer<'_>) -> bool {
    match read::<ResultDetail<'_>>(answer.detail).unwrap_or_default().kind.get() {
        Some("create") => true,
        Some("update") => false,
        _ => result_text(answer.content).starts_with("File created"),
    }
}
