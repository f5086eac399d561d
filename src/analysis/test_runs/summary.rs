//! The summaries which runners print, as counts.
//!
//! Not for the commands that ran them. Each reader looks at one line and, for summaries of several lines, at a few
//! around it; a line counts only in the exact form of its runner.

mod compiled;
mod javascript;
mod python;
mod scripted;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::{Counts, Runner};
use crate::analysis::needles::Needles;

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
    for at in (0..lines.len()).filter(|at| may_be_in(&lines[*at])) {
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

/// A part of each summary that is read, as it stands in JSON, too, unless that escapes it.
static TELLING: LazyLock<Needles<Sign>> = LazyLock::new(|| {
    Needles::new(&[
        (" in ", Sign::BeforeNumber),
        ("test result: ", Sign::Sure),
        ("Summary [", Sign::Sure),
        ("--- PASS", Sign::Sure),
        ("--- FAIL", Sign::Sure),
        ("--- SKIP", Sign::Sure),
        ("Action", Sign::Sure),
        ("ok  ", Sign::Sure),
        (" failed]", Sign::Sure),
        ("Tests run: ", Sign::Sure),
        ("COMPILATION ERROR", Sign::Sure),
        ("% tests passed", Sign::Sure),
        ("error: could not compile", Sign::Sure),
        ("Tests: ", Sign::Sure),
        ("Tests  ", Sign::Sure),
        (" passing (", Sign::Sure),
        (" pass ", Sign::Sure),
        (" across ", Sign::Sure),
        (" example", Sign::Sure),
        ("OK (", Sign::Sure),
        ("\u{1b}", Sign::Sure),
        ("\\u00", Sign::Sure),
    ])
});

/// What a part of a summary has to be followed by.
#[derive(Debug, Clone, Copy)]
enum Sign {
    Sure,
    /// A figure, or what may turn out to be one.
    BeforeNumber,
}

/// Whether there may be a summary in an output, or in a piece of JSON with it. Colours may hide one, and so may escapes.
pub(super) fn may_be_in(text: &str) -> bool {
    let is_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'\\') || !byte.is_ascii();
    TELLING.find(text).any(|found| match found.meaning {
        Sign::Sure => true,
        Sign::BeforeNumber => found.after.as_bytes().first().is_some_and(is_number),
    })
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
