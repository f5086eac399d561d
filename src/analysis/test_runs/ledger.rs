//! The test runs of one session, folded: what the last full run of each test command said.
//!
//! Not for recognising or reading runs.

use std::collections::VecDeque;

use super::{Counts, Runner, Scope, TestRun, parse};

/// More test commands than this in one session are the same few in many disguises: the oldest are dropped.
const MAX_COMMANDS: usize = 64;
/// Selections are kept up to this length, in bytes.
const MAX_KEY_BYTES: usize = 256;

/// The last result of each test command seen so far. Holds at most 64 commands, about 40 KB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The most recent last.
    last: VecDeque<Entry>,
    runs: u64,
}

/// What a [`Ledger`] adds up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// The counts of the last full run of each test command; of a runner that was never run in full, those of the last
    /// run of each choice of files or packages. Runs of tests chosen by name do not count.
    pub counts: Counts,
    /// How many runs were seen, of any kind.
    pub runs: u64,
    /// Whether the last run of every test command, whatever it chose, shows no failure.
    pub clean: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    runner: Runner,
    scope: Scope,
    selection: String,
    directory: String,
    counts: Counts,
}

impl Ledger {
    /// Reads one shell command and its output, and keeps what it says of tests.
    ///
    /// See [`parse`] for `line` and `output`. Returns whether a test run was seen.
    pub fn record(&mut self, line: &str, output: &str) -> bool {
        let runs = parse(line, output);
        let seen = !runs.is_empty();
        runs.into_iter().for_each(|run| self.add(run));
        seen
    }

    /// Keeps a run that was read elsewhere.
    pub fn add(&mut self, run: TestRun) {
        self.runs = self.runs.saturating_add(1);
        let entry = Entry::from(run);
        if let Some(at) = self.position(&entry) {
            self.last.remove(at);
        } else if self.last.len() == MAX_COMMANDS {
            self.last.pop_front();
        }
        self.last.push_back(entry);
    }

    /// What all runs so far add up to.
    pub fn totals(&self) -> Totals {
        let counted = self.last.iter().filter(|entry| self.counts(entry));
        Totals {
            counts: counted.fold(Counts::default(), |sum, entry| sum.plus(entry.counts)),
            runs: self.runs,
            clean: self.last.iter().all(|entry| entry.counts.is_clean() || self.is_superseded(entry)),
        }
    }

    /// Upper estimate of the memory held, in bytes.
    pub fn weight(&self) -> usize {
        let texts: usize = self.last.iter().map(|entry| entry.selection.len() + entry.directory.len()).sum();
        size_of::<Self>() + self.last.capacity() * size_of::<Entry>() + texts
    }

    /// The entry of the same command: in the same place exactly, or else in one that may be the same.
    fn position(&self, new: &Entry) -> Option<usize> {
        let same =
            |old: &Entry| (old.runner, old.scope, &old.selection) == (new.runner, new.scope, &new.selection);
        let exact = self.last.iter().rposition(|old| same(old) && old.directory == new.directory);
        exact.or_else(|| {
            self.last.iter().rposition(|old| same(old) && may_be_one_place(&old.directory, &new.directory))
        })
    }

    /// Whether an entry counts: full runs do, and chosen paths of a runner which never ran in full.
    fn counts(&self, entry: &Entry) -> bool {
        let has_full =
            |runner| self.last.iter().any(|other| other.runner == runner && other.scope == Scope::Full);
        match entry.scope {
            Scope::Full => true,
            Scope::Paths => !has_full(entry.runner),
            Scope::Filtered => false,
        }
    }

    /// Whether a full run of the same runner came later: then an earlier failure of a part is history.
    fn is_superseded(&self, entry: &Entry) -> bool {
        let later = self.last.iter().skip_while(|other| *other != entry).skip(1);
        entry.scope != Scope::Full
            && later.into_iter().any(|other| other.runner == entry.runner && other.scope == Scope::Full)
    }
}

impl From<TestRun> for Entry {
    fn from(run: TestRun) -> Self {
        let bounded = |mut text: String| {
            text.truncate(text.floor_char_boundary(MAX_KEY_BYTES));
            text
        };
        Self {
            runner: run.runner,
            scope: run.command.scope,
            selection: bounded(run.command.selection),
            directory: bounded(run.command.directory),
            counts: run.counts,
        }
    }
}

/// Whether two directories, each as far as its line tells, may be one: a shell stays where an earlier line went.
fn may_be_one_place(one: &str, other: &str) -> bool {
    let (long, short) = if one.len() >= other.len() { (one, other) } else { (other, one) };
    if short.starts_with('/') {
        return long == short;
    }
    match long.strip_suffix(short) {
        Some("") => true,
        Some(before) if short.is_empty() => before.starts_with('/'),
        Some(before) => before.ends_with('/'),
        None => false,
    }
}
