//! The summaries which runners print, as counts.
//!
//! Not for the commands that ran them. Each reader looks at one line and, for summaries of several lines, at a few
//! around it; a line counts only in the exact form of its runner.

mod compiled;
mod javascript;
mod python;
mod scripted;

use std::borrow::Cow;

use regex::Regex;

use super::{Counts, Runner};

/// One summary: of a whole run, or of a part where the runner prints one for each part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) counts: Counts,
    /// The runner itself says that tests were left out by name.
    pub(super) filtered: bool,
}

impl Summary {
    fn of(passed: u64, failed: u64, skipped: u64) -> Self {
        Self { counts: Counts { passed, failed, skipped, broken: false }, filtered: false }
    }

    fn broken() -> Self {
        Self { counts: Counts { broken: true, ..Counts::default() }, filtered: false }
    }

    /// Whether it says no more than that something broke, in words which a mere build uses, too.
    pub(super) fn is_only_broken(&self) -> bool {
        self.counts == Self::broken().counts
    }
}

/// Lines of a screen, and the place that is looked at.
#[derive(Clone, Copy)]
struct View<'a> {
    lines: &'a [Cow<'a, str>],
    at: usize,
}

impl<'a> View<'a> {
    fn line(self) -> &'a str {
        &self.lines[self.at]
    }

    /// Up to `count` lines after this one.
    fn next(self, count: usize) -> impl Iterator<Item = &'a str> {
        self.lines.iter().skip(self.at + 1).take(count).map(AsRef::as_ref)
    }

    /// Up to `count` lines before this one, the nearest first.
    fn previous(self, count: usize) -> impl Iterator<Item = &'a str> {
        self.lines[..self.at].iter().rev().take(count).map(AsRef::as_ref)
    }
}

/// All summaries in `lines`, in order.
pub(super) fn read(lines: &[Cow<'_, str>]) -> Vec<(Runner, Summary)> {
    let mut found = Vec::new();
    for at in 0..lines.len() {
        let view = View { lines, at };
        let summary = python::read(view)
            .or_else(|| javascript::read(view))
            .or_else(|| compiled::read(view))
            .or_else(|| scripted::read(view));
        found.extend(summary);
        if compiled::is_rust_build_failure(view.line()) {
            found.extend([(Runner::CargoTest, Summary::broken()), (Runner::Nextest, Summary::broken())]);
        }
    }
    found
}

/// Sums the counts in `text` by their label: `2 failed, 3 passed` with `pattern` matching one count and its label.
fn labelled<'a>(pattern: &'a Regex, text: &'a str) -> impl Iterator<Item = (u64, &'a str)> {
    pattern
        .captures_iter(text)
        .filter_map(|part| Some((number(&part, "count"), part.name("label")?.as_str())))
}

/// The number in a named group, 0 where the group is absent or no number of tests is so large.
fn number(captures: &regex::Captures<'_>, name: &str) -> u64 {
    captures.name(name).and_then(|group| group.as_str().parse::<u32>().ok()).map_or(0, u64::from)
}

/// Compiles a constant pattern.
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}
