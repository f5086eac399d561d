//! Test runs: which shell commands run tests, and what their output says came of it.
//!
//! Not for the exit of a command (the caller has it) and not for prose: only the summary forms which a runner itself
//! prints are read, never single words. A runner whose real output was not at hand when this was written reports
//! nothing rather than a guess; that is so for Gradle, `dotnet test`, Pest and Ruby's minitest. Each form that is
//! read was produced by running the runner (`tests/data/test_runs`).
//!
//! `shell line → shell → command → TestCommand;  output → screen → summary → Counts;  both → parse → ledger → Totals`

mod command;
mod ledger;
mod screen;
pub(in crate::analysis) mod shell;
mod summary;

#[cfg(test)]
mod tests;

pub use ledger::{Ledger, Totals};
use summary::Summary;

/// A program that runs tests and prints a summary which is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Runner {
    /// Python's pytest.
    Pytest,
    /// Python's unittest, also as Django's test command.
    Unittest,
    /// `cargo test`.
    CargoTest,
    /// `cargo nextest run`.
    Nextest,
    /// Jest.
    Jest,
    /// Vitest.
    Vitest,
    /// Mocha.
    Mocha,
    /// `go test`. Without `-v` or `-json` it does not say how many tests passed: those count 0.
    GoTest,
    /// `node --test`.
    NodeTest,
    /// `bun test`.
    Bun,
    /// `RSpec`.
    Rspec,
    /// PHPUnit.
    PhpUnit,
    /// JUnit and others through Maven's Surefire and Failsafe.
    Maven,
    /// `ctest` of `CMake`.
    Ctest,
}

impl Runner {
    /// The runner's usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pytest => "pytest",
            Self::Unittest => "unittest",
            Self::CargoTest => "cargo test",
            Self::Nextest => "cargo nextest",
            Self::Jest => "jest",
            Self::Vitest => "vitest",
            Self::Mocha => "mocha",
            Self::GoTest => "go test",
            Self::NodeTest => "node --test",
            Self::Bun => "bun test",
            Self::Rspec => "rspec",
            Self::PhpUnit => "phpunit",
            Self::Maven => "maven",
            Self::Ctest => "ctest",
        }
    }
}

/// How much of the tests a command runs; the wider comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All that the runner finds where it is started.
    Full,
    /// Chosen files, directories, packages or suites.
    Paths,
    /// Tests chosen by name, tag or earlier failure.
    Filtered,
}

/// A command of a shell line that runs tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCommand {
    /// The runner; `None` behind a script (`npm test`, `make test`, `./run_tests.sh`), where only the output tells.
    pub runner: Option<Runner>,
    /// How much it runs.
    pub scope: Scope,
    /// What it selects, in a form that does not depend on verbosity, pipes and the like; empty for a plain full run.
    pub selection: String,
    /// Where the line itself changed to before it, joined and with `/`; empty without a `cd`.
    pub directory: String,
}

/// The result of one test command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestRun {
    /// Who printed the summary.
    pub runner: Runner,
    /// What was run.
    pub command: TestCommand,
    /// What came of it.
    pub counts: Counts,
}

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed, unexpected passes included.
    pub passed: u64,
    /// Failed, errors included.
    pub failed: u64,
    /// Skipped, ignored, pending, to be done, or failed as expected.
    pub skipped: u64,
    /// Whether something kept tests from running at all, such as a compile error.
    pub broken: bool,
}

impl Counts {
    /// Whether nothing failed and nothing was kept from running.
    pub fn is_clean(self) -> bool {
        self.failed == 0 && !self.broken
    }

    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed.saturating_add(other.passed),
            failed: self.failed.saturating_add(other.failed),
            skipped: self.skipped.saturating_add(other.skipped),
            broken: self.broken || other.broken,
        }
    }
}

/// Lists the commands of a shell line that run tests, in their order; empty when none does.
///
/// `line` is what the shell was given: several commands, pipes, here-documents. Only its first 16 KiB are looked at.
pub fn recognise(line: &str) -> Vec<TestCommand> {
    command::recognise(line)
}

/// Reads what came of the test commands of a shell line from what the shell printed.
///
/// `output` may be coloured, cut, filtered, and of any size: of more than 320 KiB the first 64 and the last 256 KiB are
/// looked at. An empty `line` stands for an unknown one (the output of a background job). One entry a runner; several
/// runs of one runner are added up, but of the same command given twice the last counts. Empty where no summary shows,
/// or where the line only prints files or somebody else's logs.
pub fn parse(line: &str, output: &str) -> Vec<TestRun> {
    if !summary::may_be_in(output) {
        return Vec::new();
    }
    let commands = recognise(line);
    if commands.is_empty() && shell::only_prints(line) {
        return Vec::new();
    }
    let summaries = summary::read(&screen::lines(output));
    Runner::found_in(&summaries)
        .into_iter()
        .filter_map(|runner| attribute(runner, &commands, &summaries))
        .collect()
}

/// Whether [`parse`] may find anything in an output; `text` is that, or a JSON string or list with it.
pub(in crate::analysis) fn may_tell(text: &str) -> bool {
    summary::may_be_in(text)
}

impl Runner {
    /// The runners of the summaries, in order of appearance.
    fn found_in(summaries: &[(Self, Summary)]) -> Vec<Self> {
        let mut found = Vec::new();
        for &(runner, _) in summaries {
            if !found.contains(&runner) {
                found.push(runner);
            }
        }
        found
    }
}

/// Decides which of the line's commands printed the summaries of `runner`, and adds these up.
fn attribute(runner: Runner, commands: &[TestCommand], summaries: &[(Runner, Summary)]) -> Option<TestRun> {
    let named = commands.iter().filter(|command| command.runner == Some(runner));
    let scripts = commands.iter().filter(|command| command.runner.is_none());
    let origin: Vec<_> = named.clone().chain(scripts).collect();
    let own: Vec<_> =
        summaries.iter().filter(|(other, _)| *other == runner).map(|(_, summary)| summary).collect();
    if named.count() == 0 && own.iter().all(|summary| summary.is_only_broken()) {
        return None; // a build that failed, of whatever
    }
    let mut command = match origin.split_first() {
        Some((first, rest)) => rest.iter().fold((*first).clone(), |all, next| all.and(next)),
        None if commands.is_empty() => TestCommand::unknown(),
        None => return None, // another runner was started: what looks like this one's summary is something else
    };
    if own.iter().any(|summary| summary.filtered) {
        command.scope = Scope::Filtered;
    }
    let repeated = origin.len() > 1 && origin.iter().all(|other| *other == origin[0]);
    let counted = if repeated && own.len() == origin.len() { &own[own.len() - 1..] } else { &own[..] };
    let counts = counted.iter().fold(Counts::default(), |sum, summary| sum.plus(summary.counts));
    Some(TestRun { runner, command, counts })
}

impl TestCommand {
    /// Stands for a command that was not seen, or that is no known way to run tests but printed a summary.
    fn unknown() -> Self {
        Self { runner: None, scope: Scope::Full, selection: String::new(), directory: String::new() }
    }

    /// Two commands of one line whose results cannot be told apart.
    fn and(mut self, other: &Self) -> Self {
        if self != *other {
            self.scope = self.scope.max(other.scope);
            let both = format!("{} {}", self.selection, other.selection);
            both.trim().clone_into(&mut self.selection);
        }
        self
    }
}
