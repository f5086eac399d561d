//! What a run has done so far, in the counts and times that the model of progress looks at.
//!
//! Small, copied as a whole, and folded event by event. Not for what is reported: these counts have definitions of
//! their own, made for telling how far a run is.

use chrono::{DateTime, Utc};

use super::words::{CommandSigns, TextSigns};
use crate::analysis::steps::ListState;

/// How many of the latest calls are remembered by kind.
const RECENT: usize = 8;

/// A kind of call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Edit,
    Shell,
    /// A shell command that tests or builds.
    Check,
    /// A shell command that commits or publishes.
    Deliver,
    List,
    Agent,
    #[default]
    Other,
}

/// Counts and times of a run so far. About half a kilobyte, whatever the run.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::analysis) struct Signals {
    /// The time of the first line that had one: later lines with earlier times change nothing.
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) messages: u64,
    pub(super) files: u64,
    pub(super) list: ListState,
    pub(super) texts: u64,
    pub(super) text_bytes: u64,
    pub(super) last_text_bytes: u64,
    pub(super) last_text: TextSigns,
    pub(super) early_texts: u64,
    pub(super) late_texts: u64,
    pub(super) calls: u64,
    pub(super) answers: u64,
    pub(super) errors: u64,
    pub(super) reads: u64,
    pub(super) edits: u64,
    pub(super) shell: u64,
    pub(super) agents: u64,
    pub(super) others: u64,
    pub(super) tests: u64,
    pub(super) lints: u64,
    pub(super) commits: u64,
    pub(super) publications: u64,
    pub(super) looks_at_changes: u64,
    /// Calls made when the last edit was called, itself included.
    pub(super) calls_at_edit: u64,
    /// Calls made when the last text of a beginning was said.
    pub(super) calls_at_early_text: u64,
    pub(super) edit_at: Option<DateTime<Utc>>,
    pub(super) text_at: Option<DateTime<Utc>>,
    pub(super) test_at: Option<DateTime<Utc>>,
    pub(super) early_text_at: Option<DateTime<Utc>>,
    /// When the list began, last got longer, and last had another item done.
    pub(super) list_at: Option<DateTime<Utc>>,
    pub(super) list_grew_at: Option<DateTime<Utc>>,
    pub(super) item_done_at: Option<DateTime<Utc>>,
    recent: [Option<Kind>; RECENT],
}

impl Signals {
    /// Takes words of the main thread.
    pub(in crate::analysis) fn said(&mut self, text: &str, at: Option<DateTime<Utc>>) {
        let signs = TextSigns::of(text);
        self.texts += 1;
        self.last_text_bytes = text.len() as u64;
        self.text_bytes += self.last_text_bytes;
        self.last_text = signs;
        self.text_at = at;
        self.late_texts += u64::from(signs.late);
        if signs.early {
            self.early_texts += 1;
            self.early_text_at = at;
            self.calls_at_early_text = self.calls;
        }
    }

    /// Takes a call of any thread; `command` is that of a shell, else empty.
    pub(in crate::analysis) fn called(
        &mut self,
        tool: &str,
        command: &str,
        is_main: bool,
        at: Option<DateTime<Utc>>,
    ) {
        self.calls += 1;
        let kind = self.count(tool, command, is_main, at);
        self.recent.rotate_left(1);
        self.recent[RECENT - 1] = Some(kind);
    }

    fn count(&mut self, tool: &str, command: &str, is_main: bool, at: Option<DateTime<Utc>>) -> Kind {
        match tool {
            "Read" | "Grep" | "Glob" | "LS" | "WebFetch" | "WebSearch" | "NotebookRead" | "ToolSearch" => {
                self.reads += 1;
                Kind::Read
            }
            "Write" | "Edit" | "MultiEdit" | "NotebookEdit" => {
                self.edits += 1;
                self.edit_at = at;
                self.calls_at_edit = self.calls;
                Kind::Edit
            }
            "Bash" => {
                self.shell += 1;
                self.ran(CommandSigns::of(command), at)
            }
            "Task" | "Agent" => {
                self.agents += 1;
                Kind::Agent
            }
            "TodoWrite" | "TaskCreate" | "TaskUpdate" if is_main => Kind::List,
            _ => {
                self.others += 1;
                Kind::Other
            }
        }
    }

    fn ran(&mut self, signs: CommandSigns, at: Option<DateTime<Utc>>) -> Kind {
        self.tests += u64::from(signs.tests);
        self.lints += u64::from(signs.lints);
        self.commits += u64::from(signs.commits);
        self.publications += u64::from(signs.publishes);
        self.looks_at_changes += u64::from(signs.looks_at_changes);
        if signs.tests {
            self.test_at = at;
        }
        match signs {
            _ if signs.commits || signs.publishes => Kind::Deliver,
            _ if signs.tests || signs.builds => Kind::Check,
            _ => Kind::Shell,
        }
    }

    /// Takes the answer to a call.
    pub(in crate::analysis) fn answered(&mut self, is_error: bool) {
        self.answers += 1;
        self.errors += u64::from(is_error);
    }

    /// Takes over what other folds count.
    pub(in crate::analysis) fn counted(
        &mut self,
        messages: u64,
        files: u64,
        list: ListState,
        at: Option<DateTime<Utc>>,
    ) {
        self.started_at = self.started_at.or(at);
        self.messages = messages;
        self.files = files;
        if list.total > self.list.total {
            self.list_at = self.list_at.or(at);
            self.list_grew_at = at;
        }
        if list.done > self.list.done {
            self.item_done_at = at;
        }
        self.list = list;
    }

    /// How many of the latest calls were of this kind.
    pub(super) fn recently(&self, kind: Kind) -> usize {
        self.recent.iter().filter(|recent| **recent == Some(kind)).count()
    }
}

impl Signals {
    /// The same run, had it kept no list.
    pub(super) fn without_list(mut self) -> Self {
        self.list = ListState::default();
        (self.list_at, self.list_grew_at, self.item_done_at) = (None, None, None);
        self.unkind(|kind| kind == Kind::List);
        self
    }

    /// The same run, did nobody know what its tools were used for.
    pub(super) fn without_uses(mut self) -> Self {
        (self.reads, self.edits, self.shell, self.agents, self.files) = (0, 0, 0, 0, 0);
        (self.tests, self.lints, self.commits, self.publications, self.looks_at_changes) = (0, 0, 0, 0, 0);
        (self.edit_at, self.test_at, self.calls_at_edit) = (None, None, 0);
        self.others = self.calls;
        self.unkind(|kind| kind != Kind::List);
        self
    }

    fn unkind(&mut self, is_meant: impl Fn(Kind) -> bool) {
        for kind in self.recent.iter_mut().flatten() {
            if is_meant(*kind) {
                *kind = Kind::Other;
            }
        }
    }
}
