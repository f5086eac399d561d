//! The parts of a tool's input that the analysis looks at.
//!
//! Inputs can be huge (whole files); what is not named here is skipped unread.

use super::activity::Arguments;
use super::dialect::cursor::Cursor;
use super::dialect::lenient::{Flag, Lenient, Many, Number, Text, TextOr, Unread, lenient, read};

lenient! {
    /// Inputs of Claude Code's own tools.
    pub(super) struct ToolInput {
        "file_path" => file_path: Text<'a>,
        "notebook_path" => notebook_path: Text<'a>,
        "path" => path: Text<'a>,
        "pattern" => pattern: Text<'a>,
        "query" => query: Text<'a>,
        "url" => url: Text<'a>,
        "skill" => skill: Text<'a>,
        "recipient" | "to" => recipient: Text<'a>,
        "command" => command: Text<'a>,
        "description" => description: Text<'a>,
        "subagent_type" => subagent_type: Text<'a>,
        "timeout" => timeout_ms: Number,
        "todos" => todos: Option<Many<TextOr<'a, Item<'a>>, 300>>,
        "subject" => subject: Text<'a>,
        "activeForm" => active_form: Text<'a>,
        "taskId" | "task_id" => task_id: Text<'a>,
        "status" => status: Text<'a>,
    }
}

lenient! {
    /// An item of a `TodoWrite` list, of any version.
    pub(super) struct Item {
        "content" => content: Text<'a>,
        "status" => status: Text<'a>,
        "activeForm" => active_form: Text<'a>,
        "id" => id: Text<'a>,
    }
}

impl<'a> ToolInput<'a> {
    /// Reads an input; one that is no object has no parts.
    pub(super) fn of(input: Option<Unread<'a>>) -> Self {
        read(input).unwrap_or_default()
    }

    /// What of the input says in words what the call does.
    pub(super) fn arguments<'s>(&'s self, name: &'s str) -> Arguments<'s> {
        Arguments {
            name,
            file_path: self.file_path.get(),
            path: self.path.get(),
            notebook_path: self.notebook_path.get(),
            command: self.command.get(),
            description: self.description.get(),
            pattern: self.pattern.get(),
            query: self.query.get(),
            url: self.url.get(),
            subject: self.subject.get(),
            skill: self.skill.get(),
            recipient: self.recipient.get(),
        }
    }

    /// The file that an editing tool works on.
    pub(super) fn edited_path(&self) -> Option<&str> {
        self.file_path.filled().or(self.notebook_path.filled())
    }
}

lenient! {
    /// What the program noted beside a tool's result.
    pub(super) struct ResultDetail {
        "type" => kind: Text<'a>,
        "task" => task: CreatedTask<'a>,
        "success" => success: Outcome,
        "status" => status: Text<'a>,
        "isAsync" => is_async: Flag,
        "stdout" => stdout: Text<'a>,
        "stderr" => stderr: Text<'a>,
    }
}

lenient! {
    /// The task that `TaskCreate` made.
    pub(super) struct CreatedTask {
        "id" => id: Text<'a>,
    }
}

/// Whether a tool says that it did what it was asked; silence is no refusal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    refused: bool,
}

impl Outcome {
    pub(super) fn is_refused(self) -> bool {
        self.refused
    }
}

impl<'a> Lenient<'a> for Outcome {
    fn take(cursor: &mut Cursor<'a>) -> Option<Self> {
        Some(Self { refused: cursor.raw()? == "false" })
    }
}
