//! The form of a line that a runner prints: a pattern with what its lines have in common, so that other lines neither have it
//! compiled nor pay for a try.

use std::sync::OnceLock;

use memchr::memmem;
use regex::{Captures, Regex};

/// A constant pattern. Its figures are `[0-9]`: runners print no others, and those of all scripts take long to compile.
#[derive(Debug)]
pub(super) struct Form {
    sign: Sign,
    pattern: &'static str,
    compiled: OnceLock<Regex>,
}

/// What each line of the form has.
#[derive(Debug, Clone, Copy)]
enum Sign {
    /// At its start, behind spaces.
    Start(&'static str),
    /// Anywhere.
    Within(&'static str),
}

impl Form {
    /// Lines that begin with `start`, behind spaces if the pattern has such.
    pub(super) const fn beginning(start: &'static str, pattern: &'static str) -> Self {
        Self { sign: Sign::Start(start), pattern, compiled: OnceLock::new() }
    }

    /// Lines that are only looked at beside one of another form.
    pub(super) const fn beside(pattern: &'static str) -> Self {
        Self::beginning("", pattern)
    }

    /// Lines in which `part` stands.
    pub(super) const fn having(part: &'static str, pattern: &'static str) -> Self {
        Self { sign: Sign::Within(part), pattern, compiled: OnceLock::new() }
    }

    pub(super) fn is_match(&self, line: &str) -> bool {
        self.may_match(line) && self.compiled().is_match(line)
    }

    pub(super) fn captures<'l>(&self, line: &'l str) -> Option<Captures<'l>> {
        self.may_match(line).then(|| self.compiled().captures(line)).flatten()
    }

    fn may_match(&self, line: &str) -> bool {
        match self.sign {
            Sign::Start(start) => line.trim_start_matches(' ').starts_with(start),
            Sign::Within(part) => memmem::find(line.as_bytes(), part.as_bytes()).is_some(),
        }
    }

    fn compiled(&self) -> &Regex {
        self.compiled.get_or_init(|| Regex::new(self.pattern).expect("a constant pattern"))
    }
}
