//! The last few errors of tools, short enough to show.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::bounded::shortened;

/// How many are kept.
const KEPT: usize = 5;
const MAX_MESSAGE_BYTES: usize = 300;

/// An error that a tool answered with.
#[derive(Debug, Clone)]
pub(super) struct ToolError {
    pub(super) tool: String,
    pub(super) message: String,
    pub(super) at: Option<DateTime<Utc>>,
}

/// The last errors, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Errors {
    last: VecDeque<ToolError>,
    denials: u64,
}

impl Errors {
    /// Notes an error; its text without the tags that Claude Code puts around it.
    pub(super) fn note(&mut self, tool: &str, text: &str, at: Option<DateTime<Utc>>) {
        let text =
            text.trim().trim_start_matches("<tool_use_error>").trim_end_matches("</tool_use_error>").trim();
        if is_denial(text) {
            self.denials += 1;
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        let message =
            if text.is_empty() { "no message".to_owned() } else { shortened(text, MAX_MESSAGE_BYTES) };
        self.last.push_back(ToolError { tool: tool.to_owned(), message, at });
    }

    pub(super) fn last(&self) -> impl Iterator<Item = &ToolError> {
        self.last.iter()
    }

    /// Calls that were refused for want of permission.
    pub(super) fn denials(&self) -> u64 {
        self.denials
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let texts: usize =
            self.last.iter().map(|error| error.tool.capacity() + error.message.capacity()).sum();
        texts + self.last.capacity() * size_of::<ToolError>()
    }
}

fn is_denial(text: &str) -> bool {
    const STARTS: [&str; 3] =
        ["Claude requested permissions", "Permission to use", "Permission for this tool"];
    STARTS.iter().any(|start| text.starts_with(start))
}
