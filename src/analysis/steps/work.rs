//! What was done in a step: calls, words, edits, tests and their price.

use chrono::{DateTime, Utc};

use crate::analysis::bounded::shortened;

/// What was done in a step.
#[derive(Debug, Clone, Default)]
pub(in crate::analysis) struct Work {
    /// Tools by their place in the tool table, first use first.
    pub(in crate::analysis) tools: Vec<u16>,
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
    pub(super) first_at: Option<DateTime<Utc>>,
}

impl Work {
    /// Words are kept this long: enough for a sentence or two, in bytes.
    pub(in crate::analysis) const MAX_SAID_BYTES: usize = 600;
    const MAX_TOOLS: usize = 64;
    const MAX_FILES: usize = 3;

    pub(in crate::analysis) fn called(&mut self, tool: u16, at: Option<DateTime<Utc>>) {
        self.calls += 1;
        self.first_at = self.first_at.or(at);
        if !self.tools.contains(&tool) && self.tools.len() < Self::MAX_TOOLS {
            self.tools.push(tool);
        }
    }

    pub(in crate::analysis) fn said(&mut self, text: &str) {
        self.said = Some(shortened(text.trim(), Self::MAX_SAID_BYTES));
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
            let sum = self.cost_usd.unwrap_or(0.0) - before.unwrap_or(0.0) + after;
            self.cost_usd = Some(sum.max(0.0));
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let said = self.said.as_ref().map_or(0, String::capacity);
        self.tools.capacity() * 2
            + said
            + self.files.iter().map(|file| size_of::<String>() + file.capacity()).sum::<usize>()
    }
}
