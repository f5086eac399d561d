//! Jest, Vitest, Mocha, and the runners of Node and Bun.

use std::sync::LazyLock;

use regex::Regex;

use super::super::Runner;
use super::form::Form;
use super::{Summary, View, labelled, number, pattern};

/// `Tests:       1 failed, 1 skipped, 1 todo, 3 passed, 6 total`
static JEST: Form = Form::beginning("Tests: ", r"^Tests: +(?P<parts>(?:[0-9]+ [a-z]+, )*)[0-9]+ total$");

static JEST_SUITES_FAILED: Form = Form::beginning("Test Suites: ", r"^Test Suites: [1-9][0-9]* failed, ");

/// `      Tests  1 failed | 3 passed | 1 skipped | 1 todo (6)`
static VITEST: Form = Form::beginning(
    "Tests  ",
    r"^ *Tests  (?:(?P<parts>[0-9]+ [a-z]+(?: [a-z]+)?(?: \| [0-9]+ [a-z]+)*) \([0-9]+\)|no tests)$",
);

static VITEST_FILES_FAILED: Form = Form::beginning("Test Files  ", r"^ *Test Files  [1-9][0-9]* failed");

/// `  3 passing (6ms)`, with `  1 pending` and `  1 failing` below where there are such.
static MOCHA: Form = Form::having(" passing (", r"^ +(?P<passing>[0-9]+) passing \([0-9]+(?:ms|s|m|h)\)$");

static MOCHA_BELOW: Form = Form::beside(r"^ +(?P<count>[0-9]+) (?P<label>pending|failing)$");

/// `# pass 2`, and below it `# fail 1`, …; `ℹ pass 2` in the other form.
static NODE: Form = Form::having(" pass ", r"^(?:#|ℹ) pass (?P<count>[0-9]+)$");

static NODE_BELOW: Form = Form::beside(r"^(?:#|ℹ) (?P<label>fail|cancelled|skipped|todo) (?P<count>[0-9]+)$");

/// The last line; above it ` 3 pass`, ` 1 skip`, ` 1 todo`, ` 1 fail`, each where there are such.
static BUN: Form = Form::having(" across ", r"^ *Ran [0-9]+ tests? across [0-9]+ files?\. \[[0-9.]+m?s\]$");

static BUN_ABOVE: Form = Form::beside(
    r"^ *(?P<count>[0-9]+) (?P<label>pass|skip|todo|filtered out|fail|errors?|expect\(\) calls)$",
);

static PART: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<count>[0-9]+) (?P<label>[a-z]+)"));

pub(super) fn read(view: View<'_>) -> Option<(Runner, Summary)> {
    jest(view).or_else(|| vitest(view)).or_else(|| mocha(view)).or_else(|| node(view)).or_else(|| bun(view))
}

fn jest(view: View<'_>) -> Option<(Runner, Summary)> {
    let captures = JEST.captures(view.line())?;
    let mut summary = parts(&captures["parts"]);
    summary.counts.broken =
        summary.counts.failed == 0 && view.previous(1).any(|line| JEST_SUITES_FAILED.is_match(line));
    Some((Runner::Jest, summary))
}

fn vitest(view: View<'_>) -> Option<(Runner, Summary)> {
    let captures = VITEST.captures(view.line())?;
    let mut summary = parts(captures.name("parts").map_or("", |parts| parts.as_str()));
    summary.counts.broken =
        summary.counts.failed == 0 && view.previous(1).any(|line| VITEST_FILES_FAILED.is_match(line));
    Some((Runner::Vitest, summary))
}

fn parts(text: &str) -> Summary {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (count, label) in labelled(&PART, text) {
        match label {
            "passed" => passed += count,
            "failed" => failed += count,
            _ => skipped += count, // skipped, todo, pending
        }
    }
    Summary::of(passed, failed, skipped)
}

fn mocha(view: View<'_>) -> Option<(Runner, Summary)> {
    let passing = number(&MOCHA.captures(view.line())?, "passing");
    let (mut failed, mut skipped) = (0, 0);
    for captures in view.next(2).map_while(|line| MOCHA_BELOW.captures(line)) {
        match &captures["label"] {
            "failing" => failed = number(&captures, "count"),
            _ => skipped = number(&captures, "count"),
        }
    }
    Some((Runner::Mocha, Summary::of(passing, failed, skipped)))
}

fn node(view: View<'_>) -> Option<(Runner, Summary)> {
    let first = NODE.captures(view.line())?;
    let (mut failed, mut skipped, mut below) = (0, 0, 0);
    for captures in view.next(4).map_while(|line| NODE_BELOW.captures(line)) {
        let count = number(&captures, "count");
        match &captures["label"] {
            "fail" | "cancelled" => failed += count,
            _ => skipped += count,
        }
        below += 1;
    }
    // Other programs print `# pass` and `# fail`, too, but only Node's runner all five.
    (below == 4).then(|| (Runner::NodeTest, Summary::of(number(&first, "count"), failed, skipped)))
}

/// Errors outside of tests are among the failures already.
fn bun(view: View<'_>) -> Option<(Runner, Summary)> {
    if !BUN.is_match(view.line()) {
        return None;
    }
    let (mut passed, mut failed, mut skipped) = (None, None, 0);
    for captures in view.previous(7).map_while(|line| BUN_ABOVE.captures(line)) {
        let count = number(&captures, "count");
        match &captures["label"] {
            "pass" => passed = Some(count),
            "fail" => failed = Some(count),
            "skip" | "todo" => skipped += count,
            _ => {}
        }
    }
    Some((Runner::Bun, Summary::of(passed?, failed?, skipped)))
}
