//! The summaries which runners print, as counts.
//!
//! Not for the commands that ran them. Each reader looks at one line and, for summaries of several lines, at a few
//! around it; a line counts only in the exact form of its runner.

mod compiled;
mod form;
mod javascript;
mod python;
mod scripted;

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
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
const TELLING: [&str; 21] = [
    IN,
    "test result: ",
    "Summary [",
    "--- PASS",
    "--- FAIL",
    "--- SKIP",
    "Action",
    "ok  ",
    " failed]",
    "Tests run: ",
    "COMPILATION ERROR",
    "% tests passed",
    "error: could not compile",
    "Tests: ",
    "Tests  ",
    " passing (",
    " pass ",
    " across ",
    " example",
    "OK (",
    "\\u00",
];

/// Tells something only before a figure, or what may turn out to be one. No other part begins so.
const IN: &str = " in ";
/// What a colour begins with.
const ESCAPE: u8 = 0x1b;

/// Searches all parts at once, by vectors: outputs are long, and few have any.
static SEARCH: LazyLock<AhoCorasick> = LazyLock::new(|| {
    // Vectors find what may be a part; for the rest the kind will do that takes the least to build.
    let built = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .kind(Some(AhoCorasickKind::NoncontiguousNFA))
        .build(TELLING);
    built.expect("a few constant words")
});

/// Whether there may be a summary in an output, or in a piece of JSON with it. Colours may hide one, and so may escapes.
pub(super) fn may_be_in(text: &str) -> bool {
    let is_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'\\') || !byte.is_ascii();
    let mut from = 0;
    while let Some(found) = SEARCH.find(Input::new(text).range(from..)) {
        let is_in = TELLING[found.pattern()] == IN;
        if !is_in || text.as_bytes().get(found.end()).is_some_and(is_number) {
            return true;
        }
        // Another part may begin with its last blank.
        from = found.start() + 1;
    }
    memchr::memchr(ESCAPE, text.as_bytes()).is_some()
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// Every part on its own, wherever it begins.
    fn is_there(text: &str) -> bool {
        let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '\\' || !c.is_ascii();
        let mut ends = text.char_indices().map(|(at, _)| &text[at..]);
        text.contains('\x1b')
            || TELLING[1..].iter().any(|part| text.contains(part))
            || ends.any(|end| end.strip_prefix(IN).is_some_and(|rest| rest.starts_with(is_number)))
    }

    const PIECES: &[&str] = &[
        " ",
        "  ",
        "in",
        "in ",
        " in ",
        "in 3",
        "é",
        "\\",
        "\\u00",
        "passing (",
        "pass ",
        "failed]",
        "Tests",
        "Tests:",
        "ok",
        "ok ",
        "--- ",
        "PASS",
        "Summary",
        " [",
        "example",
        "across ",
        "OK",
        "(",
        "run: ",
        "\x1b",
        "x",
        "7",
        ".",
    ];

    proptest! {
        #[test]
        fn a_telling_part_is_found_wherever_it_stands(pieces in vec(select(PIECES), 0..14)) {
            let text = pieces.concat();
            prop_assert_eq!(may_be_in(&text), is_there(&text), "{:?}", text);
            // Long enough to be searched by vectors.
            let long = format!("{}{text}{}", "some words of a line ".repeat(4), "and more".repeat(9));
            prop_assert_eq!(may_be_in(&long), is_there(&long), "{:?}", long);
        }
    }
}
