//! What was done in a step: calls, words, edits, tests and their price.

use crate::analysis::bounded::shortened;

/// What was done in a step.
#[derive(Debug, Clone, Default)]
pub(in crate::analysis) struct Work {
    /// Tools by their place in the tool table, first use first, and their calls.
    pub(in crate::analysis) tools: Vec<(u16, u32)>,
    pub(in crate::analysis) calls: u64,
    /// The estimated price of the messages written in it.
    pub(in crate::analysis) cost_usd: Option<f64>,
    /// The last words of the main thread in it, shortened.
    pub(in crate::analysis) said: Option<String>,
    pub(in crate::analysis) edits: u64,
    /// Names of changed files, the first few.
    pub(in crate::analysis) files: Vec<String>,
    /// Passed and failed tests of the last test run in it.
    pub(in crate::analysis) tests: Option<(u64, u64)>,
    /// What was handed over in it, each kind once.
    pub(in crate::analysis) deeds: Vec<Deed>,
}

/// Work that leaves the working directory, done by a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::analysis) enum Deed {
    Committed,
    Pushed,
    OpenedPullRequest,
    UpdatedPullRequest,
    MergedPullRequest,
}

impl Deed {
    /// Reads a command that succeeded.
    pub(in crate::analysis) fn of_command(command: &str) -> Vec<Self> {
        if !["git", "gh", "glab"].iter().any(|program| command.contains(program)) {
            return Vec::new();
        }
        let parts = command.split(['&', '|', ';', '\n']);
        parts
            .filter_map(|part| Self::of_words(&part.split_whitespace().take(3).collect::<Vec<_>>()))
            .collect()
    }

    fn of_words(words: &[&str]) -> Option<Self> {
        match words {
            ["git", "commit", ..] => Some(Self::Committed),
            ["git", "push", ..] => Some(Self::Pushed),
            ["gh", "pr", "create"] | ["glab", "mr", "create"] => Some(Self::OpenedPullRequest),
            ["gh", "pr", "edit" | "ready" | "comment"] | ["glab", "mr", "update"] => {
                Some(Self::UpdatedPullRequest)
            }
            ["gh", "pr", "merge"] | ["glab", "mr", "merge"] => Some(Self::MergedPullRequest),
            _ => None,
        }
    }
}

impl Work {
    /// Words are kept this long: enough for a sentence or two, in bytes.
    pub(in crate::analysis) const MAX_SAID_BYTES: usize = 600;
    const MAX_TOOLS: usize = 64;
    const MAX_FILES: usize = 3;

    pub(in crate::analysis) fn called(&mut self, tool: u16) {
        self.calls += 1;
        self.used(tool, 1);
    }

    fn used(&mut self, tool: u16, calls: u32) {
        if let Some((_, count)) = self.tools.iter_mut().find(|(known, _)| *known == tool) {
            *count = count.saturating_add(calls);
        } else if self.tools.len() < Self::MAX_TOOLS {
            self.tools.push((tool, calls));
        }
    }

    pub(in crate::analysis) fn did(&mut self, deed: Deed) {
        if !self.deeds.contains(&deed) {
            self.deeds.push(deed);
        }
    }

    pub(in crate::analysis) fn said(&mut self, text: &str) {
        self.said = Some(Self::short(text));
    }

    /// Words as they are kept.
    pub(super) fn short(text: &str) -> String {
        shortened(text.trim(), Self::MAX_SAID_BYTES)
    }

    /// All of this and then all of `later`.
    pub(super) fn and(mut self, later: Self) -> Self {
        for (tool, calls) in later.tools {
            self.used(tool, calls);
        }
        for deed in later.deeds {
            self.did(deed);
        }
        for file in later.files {
            if self.files.len() <= Self::MAX_FILES && !self.files.contains(&file) {
                self.files.push(file);
            }
        }
        self.calls += later.calls;
        self.edits += later.edits;
        self.cost_usd = match (self.cost_usd, later.cost_usd) {
            (Some(before), Some(later)) => Some(before + later),
            (before, later) => before.or(later),
        };
        self.said = later.said.or(self.said);
        self.tests = later.tests.or(self.tests);
        self
    }

    pub(in crate::analysis) fn edited(&mut self, path: &str) {
        self.edits += 1;
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        if self.files.len() <= Self::MAX_FILES && !self.files.iter().any(|file| file == name) {
            self.files.push(shortened(name, 80));
        }
    }

    /// Adds the price of a message, in place of what was thought of it before.
    pub(in crate::analysis) fn spent(&mut self, before: Option<f64>, after: Option<f64>) {
        if let Some(after) = after {
            self.cost_usd = Some(self.cost_usd.unwrap_or(0.0) - before.unwrap_or(0.0) + after);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let said = self.said.as_ref().map_or(0, String::capacity);
        self.tools.capacity() * 8
            + self.deeds.capacity()
            + said
            + self.files.iter().map(|file| size_of::<String>() + file.capacity()).sum::<usize>()
    }
}
