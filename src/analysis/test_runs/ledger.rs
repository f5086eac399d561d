//! The test runs of one session, folded: what the last full run of each test command said.
//!
//! Not for recognising or reading runs.

use std::collections::VecDeque;

use super::shell::{self, SimpleCommand};
use super::{Counts, Runner, Scope, TestRun, parse, recognise};

/// More test commands than this in one session are the same few in many disguises: the oldest are dropped.
const MAX_COMMANDS: usize = 64;
/// Selections are kept up to this length, in bytes.
const MAX_KEY_BYTES: usize = 256;
/// So many files with the output of test commands are remembered.
const MAX_FILES: usize = 8;
/// Longer shell lines are not remembered, in bytes.
const MAX_LINE_BYTES: usize = 2048;

/// The last result of each test command seen so far. Holds at most 64 commands and 8 shell lines, about 64 KB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The most recent last.
    last: VecDeque<Entry>,
    /// Files that test commands wrote their output to, with the shell line that did; the newest last.
    files: VecDeque<(String, String)>,
    runs: u64,
}

/// What a [`Ledger`] adds up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// The counts of the last full run of each test command; of a runner that was never run in full, those of the last
    /// run of each choice of files or packages, each file once. Runs of tests chosen by name do not count.
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
    /// See [`parse`] for `line` and `output`. Where an earlier test command wrote its output to a file and `line` only
    /// prints that file, its content counts as the output of the earlier one. Returns whether a test run was seen.
    pub fn record(&mut self, line: &str, output: &str) -> bool {
        self.remember_files(line);
        let origin = self.origin(line).map(str::to_owned);
        let runs = parse(origin.as_deref().unwrap_or(line), output);
        let seen = !runs.is_empty();
        for run in runs {
            self.add(run);
        }
        seen
    }

    fn remember_files(&mut self, line: &str) {
        if line.len() > MAX_LINE_BYTES || recognise(line).is_empty() {
            return;
        }
        for file in shell::split(line).into_iter().filter_map(written_file) {
            self.files.retain(|(known, _)| *known != file);
            if self.files.len() == MAX_FILES {
                self.files.pop_front();
            }
            self.files.push_back((file, line.to_owned()));
        }
    }

    /// The line that wrote the file which `line` prints.
    fn origin(&self, line: &str) -> Option<&str> {
        if self.files.is_empty() || !shell::only_prints(line) {
            return None;
        }
        let commands = shell::split(line);
        let mut words = commands.iter().flat_map(|command| &command.words);
        words
            .find_map(|word| self.files.iter().find(|(file, _)| file == word))
            .map(|(_, origin)| origin.as_str())
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
        let files: usize =
            self.files.iter().map(|(file, line)| file.len() + line.len() + 2 * size_of::<String>()).sum();
        size_of::<Self>() + self.last.capacity() * size_of::<Entry>() + texts + files
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
            Scope::Paths => !has_full(entry.runner) && !self.is_covered(entry),
            Scope::Filtered => false,
        }
    }

    /// Whether another choice of paths contains this one's; of two that contain each other the later counts.
    fn is_covered(&self, entry: &Entry) -> bool {
        let later = |other: &Entry| {
            let place = |wanted: &Entry| self.last.iter().position(|known| known == wanted);
            place(other) > place(entry)
        };
        self.last.iter().any(|other| {
            other != entry
                && other.scope == Scope::Paths
                && other.runner == entry.runner
                && may_be_one_place(&other.directory, &entry.directory)
                && other.contains(entry)
                && (!entry.contains(other) || later(other))
        })
    }

    /// Whether a full run of the same runner came later: then an earlier failure of a part is history.
    fn is_superseded(&self, entry: &Entry) -> bool {
        let later = self.last.iter().skip_while(|other| *other != entry).skip(1);
        entry.scope != Scope::Full
            && later.into_iter().any(|other| other.runner == entry.runner && other.scope == Scope::Full)
    }
}

impl Entry {
    /// The paths that were chosen, without the options that chose them.
    fn paths(&self) -> impl Iterator<Item = &str> + Clone {
        self.selection.split(' ').filter(|word| !word.starts_with('-'))
    }

    /// Whether each chosen path of `other` is one of this entry's, or lies below one.
    fn contains(&self, other: &Self) -> bool {
        let lies_in = |path: &str, root: &str| {
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut paths = other.paths().peekable();
        paths.peek().is_some() && paths.all(|path| self.paths().any(|root| lies_in(path, root)))
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

/// The file that a command's output goes to: `> file`, `| tee file`.
fn written_file(command: SimpleCommand) -> Option<String> {
    let tee = command.program() == Some("tee");
    command
        .target
        .or_else(|| tee.then(|| command.words.into_iter().skip(1).find(|word| !word.starts_with('-')))?)
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
