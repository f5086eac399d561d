//! The last few errors of tools, short enough to show.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::activity::mask_secrets;
use super::bounded::{head, shortened};

/// How many are kept.
const KEPT: usize = 5;
const MAX_MESSAGE_BYTES: usize = 300;
/// So much of an error's text is looked at, in bytes: more than is shown, so that a secret at the cut is still seen whole.
const MAX_MASKED_BYTES: usize = 2048;

/// An error that a tool answered with.
#[derive(Debug, Clone)]
pub(super) struct ToolError {
    pub(super) tool: String,
    pub(super) message: String,
    pub(super) at: Option<DateTime<Utc>>,
    /// The message is still as the tool gave it.
    is_raw: bool,
}

/// The last errors, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Errors {
    last: VecDeque<ToolError>,
    denials: u64,
}

impl Errors {
    /// Notes an error, which [`settle`](Self::settle) makes fit to be shown: most are pushed out by later ones before.
    pub(super) fn note(&mut self, tool: &str, text: &str, at: Option<DateTime<Utc>>) {
        let message = head(text, MAX_MASKED_BYTES).to_owned();
        if is_denial(without_tags(&message)) {
            self.denials += 1;
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(ToolError { tool: tool.to_owned(), message, at, is_raw: true });
    }

    /// Masks the secrets in what is kept, and cuts it.
    pub(super) fn settle(&mut self) {
        for error in self.last.iter_mut().filter(|error| error.is_raw) {
            let masked = mask_secrets(&error.message);
            let text = without_tags(&masked);
            error.message =
                if text.is_empty() { "no message".to_owned() } else { shortened(text, MAX_MESSAGE_BYTES) };
            error.is_raw = false;
        }
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

/// The text without the tags that Claude Code puts around it.
fn without_tags(text: &str) -> &str {
    text.trim().trim_start_matches("<tool_use_error>").trim_end_matches("</tool_use_error>").trim()
}

fn is_denial(text: &str) -> bool {
    const STARTS: [&str; 3] =
        ["Claude requested permissions", "Permission to use", "Permission for this tool"];
    STARTS.iter().any(|start| text.starts_with(start))
}
