//! cargo test, nextest, go test, Maven and ctest.

use std::sync::LazyLock;

use regex::Regex;

use super::super::Runner;
use super::form::Form;
use super::{Summary, View, number, pattern};

/// One line for each test binary, and one for the doc tests.
static CARGO: Form = Form::beginning(
    "test result: ",
    r"^test result: (?:ok|FAILED)\. (?P<passed>[0-9]+) passed; (?P<failed>[0-9]+) failed; (?P<ignored>[0-9]+) ignored; [0-9]+ measured; (?P<filtered>[0-9]+) filtered out",
);

static RUST_BUILD: Form = Form::beginning(
    "error: could not compile ",
    r"^error: could not compile `[^`]+` \([^)]*\) due to [0-9]+ previous errors?",
);

/// `     Summary [   0.159s] 2/4 tests run: 1 passed, 1 failed, 1 skipped`
static NEXTEST: Form = Form::beginning(
    "Summary [",
    r"^ *Summary \[ *[0-9.]+s\] [0-9]+(?:/[0-9]+)? tests? run: (?P<parts>[0-9]+ passed.*)$",
);

static NEXTEST_PART: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:^|, )(?P<count>[0-9]+) (?P<label>passed|failed|exec failed|timed out|skipped)")
});

/// Tests of the first level; their subtests stand indented.
static GO_TEST: Form = Form::beginning("--- ", r"^--- (?P<verdict>PASS|FAIL|SKIP): \S+ \([0-9.]+s\)$");

static GO_JSON: Form = Form::beginning(
    "{\"Time\":",
    r#"^\{"Time":"[^"]*","Action":"(?P<verdict>pass|fail|skip)","Package":"[^"]*","Test":"[^"/]+""#,
);

/// A package's line: it passed, but how many tests that are it does not say.
static GO_PACKAGE: Form = Form::beginning("ok  \t", r"^ok  \t\S+\t(?:[0-9.]+s|\(cached\))");

static GO_BROKEN: Form = Form::beginning("FAIL\t", r"^FAIL\t\S+ \[(?:build|setup) failed\]$");

/// The total of a module; the lines of its classes go on with the time elapsed.
static MAVEN: Form = Form::having(
    "] Tests run: ",
    r"^\[(?:INFO|WARNING|ERROR)\] Tests run: (?P<tests>[0-9]+), Failures: (?P<failures>[0-9]+), Errors: (?P<errors>[0-9]+), Skipped: (?P<skipped>[0-9]+)$",
);

const MAVEN_BROKEN: &str = "[ERROR] COMPILATION ERROR :";

static CTEST: Form = Form::having(
    "% tests passed, ",
    r"^[0-9]+% tests passed, (?P<failed>[0-9]+) tests? failed out of (?P<total>[0-9]+)$",
);

static CTEST_NOT_RUN: Form = Form::beside(r"^\s+[0-9]+ - \S+ \((?P<reason>Skipped|Disabled|Not Run)\)$");

/// So many tests that did not run are counted behind ctest's summary.
const MAX_NOT_RUN: usize = 1000;

pub(super) fn is_rust_build_failure(line: &str) -> bool {
    RUST_BUILD.is_match(line)
}

pub(super) fn read(view: View<'_>) -> Option<(Runner, Summary)> {
    let line = view.line();
    cargo(line).or_else(|| nextest(line)).or_else(|| go(line)).or_else(|| maven(line)).or_else(|| ctest(view))
}

fn cargo(line: &str) -> Option<(Runner, Summary)> {
    let captures = CARGO.captures(line)?;
    let mut summary =
        Summary::of(number(&captures, "passed"), number(&captures, "failed"), number(&captures, "ignored"));
    summary.filtered = number(&captures, "filtered") > 0;
    Some((Runner::CargoTest, summary))
}

fn nextest(line: &str) -> Option<(Runner, Summary)> {
    let captures = NEXTEST.captures(line)?;
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (count, label) in super::labelled(&NEXTEST_PART, &captures["parts"]) {
        match label {
            "passed" => passed += count,
            "skipped" => skipped += count,
            _ => failed += count,
        }
    }
    Some((Runner::Nextest, Summary::of(passed, failed, skipped)))
}

fn go(line: &str) -> Option<(Runner, Summary)> {
    let summary = if let Some(captures) = GO_TEST.captures(line).or_else(|| GO_JSON.captures(line)) {
        match captures["verdict"].to_ascii_lowercase().as_str() {
            "pass" => Summary::of(1, 0, 0),
            "fail" => Summary::of(0, 1, 0),
            _ => Summary::of(0, 0, 1),
        }
    } else if GO_PACKAGE.is_match(line) {
        Summary::default()
    } else if GO_BROKEN.is_match(line) {
        Summary::broken()
    } else {
        return None;
    };
    Some((Runner::GoTest, summary))
}

fn maven(line: &str) -> Option<(Runner, Summary)> {
    if line == MAVEN_BROKEN {
        return Some((Runner::Maven, Summary::broken()));
    }
    let captures = MAVEN.captures(line)?;
    let failed = number(&captures, "failures") + number(&captures, "errors");
    let skipped = number(&captures, "skipped");
    let passed = number(&captures, "tests").saturating_sub(failed).saturating_sub(skipped);
    Some((Runner::Maven, Summary::of(passed, failed, skipped)))
}

/// The total contains the skipped tests but not the disabled ones, and counts the skipped as passed.
fn ctest(view: View<'_>) -> Option<(Runner, Summary)> {
    let captures = CTEST.captures(view.line())?;
    let (failed, total) = (number(&captures, "failed"), number(&captures, "total"));
    let heading = "The following tests did not run:";
    let reasons = view
        .next(MAX_NOT_RUN)
        .skip_while(|line| *line != heading && !CTEST.is_match(line))
        .skip(1)
        .map_while(|line| CTEST_NOT_RUN.captures(line));
    let (mut skipped, mut disabled) = (0, 0);
    for reason in reasons {
        match &reason["reason"] {
            "Skipped" => skipped += 1,
            _ => disabled += 1,
        }
    }
    let passed = total.saturating_sub(failed).saturating_sub(skipped);
    Some((Runner::Ctest, Summary::of(passed, failed, skipped + disabled)))
}
