//! cargo test, nextest, go test, Maven and ctest.

use std::sync::LazyLock;

use regex::Regex;

use super::super::Runner;
use super::{Summary, View, number, pattern};

/// One line for each test binary, and one for the doc tests.
static CARGO: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^test result: (?:ok|FAILED)\. (?P<passed>\d+) passed; (?P<failed>\d+) failed; (?P<ignored>\d+) ignored; \d+ measured; (?P<filtered>\d+) filtered out",
    )
});

static RUST_BUILD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^error: could not compile `[^`]+` \([^)]*\) due to \d+ previous errors?"));

/// `     Summary [   0.159s] 2/4 tests run: 1 passed, 1 failed, 1 skipped`
static NEXTEST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^ *Summary \[ *[\d.]+s\] \d+(?:/\d+)? tests? run: (?P<parts>\d+ passed.*)$"));

static NEXTEST_PART: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:^|, )(?P<count>\d+) (?P<label>passed|failed|exec failed|timed out|skipped)")
});

/// Tests of the first level; their subtests stand indented.
static GO_TEST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^--- (?P<verdict>PASS|FAIL|SKIP): \S+ \([\d.]+s\)$"));

static GO_JSON: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"^\{"Time":"[^"]*","Action":"(?P<verdict>pass|fail|skip)","Package":"[^"]*","Test":"[^"/]+""#)
});

/// A package's line: it passed, but how many tests that are it does not say.
static GO_PACKAGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^ok  \t\S+\t(?:[\d.]+s|\(cached\))"));

static GO_BROKEN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^FAIL\t\S+ \[(?:build|setup) failed\]$"));

/// The total of a module; the lines of its classes go on with the time elapsed.
static MAVEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\[(?:INFO|WARNING|ERROR)\] Tests run: (?P<tests>\d+), Failures: (?P<failures>\d+), Errors: (?P<errors>\d+), Skipped: (?P<skipped>\d+)$",
    )
});

static MAVEN_BROKEN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\[ERROR\] COMPILATION ERROR :$"));

static CTEST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\d+% tests passed, (?P<failed>\d+) tests? failed out of (?P<total>\d+)$"));

static CTEST_NOT_RUN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s+\d+ - \S+ \((?P<reason>Skipped|Disabled|Not Run)\)$"));

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
    if MAVEN_BROKEN.is_match(line) {
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
