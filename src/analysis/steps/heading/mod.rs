//! Step headings in Claude's own words: "## Phase 1 — Survey", "**Step 2: Tests**", "Now step 3 — the docs."
//!
//! Reads one message. Not for what a run makes of its headings: `announced` decides which of them are steps.

mod line;
mod plan;
mod sentence;
mod task;
mod words;

#[cfg(test)]
mod tests;

pub(in crate::analysis) use self::plan::Plan;
pub(in crate::analysis) use self::task::named_task;

use self::line::Line;
use crate::analysis::bounded::shortened;

/// Messages longer than this are reports, in bytes.
const MAX_MESSAGE_BYTES: usize = 8_000;
/// A heading stands among so many of the first lines of a message, or of the last.
const HEAD_LINES: usize = 3;
/// Names are kept up to this length, in bytes.
const MAX_NAME_BYTES: usize = 160;

/// How much a form says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::analysis) enum Form {
    /// A word for a step and its number: "Step 2: …".
    Worded,
    /// Only a number, or one after some other word, set as a heading: "### 3. …", "**Fix 2: …**".
    Numbered,
}

/// The place in a series: "2", "2.1".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::analysis) struct Number {
    pub(in crate::analysis) major: u32,
    pub(in crate::analysis) minor: u32,
}

/// A heading that names one step of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::analysis) struct Heading {
    pub(in crate::analysis) form: Form,
    /// The word before the number, in lower case; empty without one.
    pub(in crate::analysis) label: String,
    pub(in crate::analysis) number: Number,
    /// The last number of "Steps 3–5"; else the number itself.
    pub(in crate::analysis) last: Number,
    /// The heading without its marks.
    pub(in crate::analysis) name: String,
}

/// A message that announces a step, cut at its heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::analysis) struct Announcement<'a> {
    pub(in crate::analysis) heading: Heading,
    /// What was said before it: of the step before.
    pub(in crate::analysis) before: &'a str,
    /// What follows it: of the new step.
    pub(in crate::analysis) after: &'a str,
}

impl Heading {
    pub(in crate::analysis) fn heap_bytes(&self) -> usize {
        self.label.capacity() + self.name.capacity()
    }
}

impl<'a> Announcement<'a> {
    /// Reads a message of the main thread; one with several headings is a plan or a report and announces nothing.
    pub(in crate::analysis) fn of(text: &'a str) -> Option<Self> {
        if text.len() > MAX_MESSAGE_BYTES || !text.chars().any(words::may_number) {
            return None;
        }
        let lines = prose_lines(text);
        let mut found =
            lines.iter().enumerate().filter_map(|(place, line)| Some((place, line::heading(line)?)));
        let Some((place, heading)) = found.next() else { return sentence::announcement(text) };
        let at_an_end = place < HEAD_LINES || place + HEAD_LINES > lines.len();
        let Line::Announces(heading) = heading else { return None };
        if found.next().is_some() || !at_an_end {
            return None;
        }
        let line = lines[place];
        // A line is a part of the text: where it begins is the difference of their addresses.
        let start = line.as_ptr() as usize - text.as_ptr() as usize;
        Some(Self { heading, before: text[..start].trim(), after: text[start + line.len()..].trim() })
    }
}

/// The lines that are not blank and not code.
fn prose_lines(text: &str) -> Vec<&str> {
    let mut in_code = false;
    let is_prose = |line: &&str| {
        let fence = line.starts_with("```");
        in_code ^= fence;
        !fence && !in_code && !line.is_empty()
    };
    text.lines().map(str::trim).filter(is_prose).collect()
}

/// The name as it is shown: without emphasis, and without the colon that leads to what follows.
fn shown_name(text: &str) -> String {
    let name = text.replace("**", "").replace("__", "");
    shortened(name.trim().trim_end_matches([':', '：', '…', '.']).trim_end(), MAX_NAME_BYTES)
}
