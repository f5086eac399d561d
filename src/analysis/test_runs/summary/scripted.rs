//! `RSpec` and PHPUnit.

use std::sync::LazyLock;

use regex::Regex;

use super::super::Runner;
use super::{Summary, View, labelled, number, pattern};

static RSPEC: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<examples>\d+) examples?, (?P<failures>\d+) failures?(?:, (?P<pending>\d+) pending)?(?:, (?P<errors>\d+) errors? occurred outside of examples)?$",
    )
});

static PHPUNIT_OK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^OK \((?P<tests>\d+) tests?, \d+ assertions?\)$"));

static PHPUNIT_OTHER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^Tests: (?P<tests>\d+), Assertions: \d+(?P<parts>(?:, [A-Z][A-Za-z ]*: \d+)*)\.$")
});

static PHPUNIT_PART: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<label>[A-Z][A-Za-z ]*): (?P<count>\d+)"));

pub(super) fn read(view: View<'_>) -> Option<(Runner, Summary)> {
    let line = view.line();
    rspec(line).map(|summary| (Runner::Rspec, summary)).or_else(|| Some((Runner::PhpUnit, phpunit(line)?)))
}

fn rspec(line: &str) -> Option<Summary> {
    let captures = RSPEC.captures(line)?;
    let (failures, pending) = (number(&captures, "failures"), number(&captures, "pending"));
    let passed = number(&captures, "examples").saturating_sub(failures).saturating_sub(pending);
    let mut summary = Summary::of(passed, failures, pending);
    summary.counts.broken = number(&captures, "errors") > 0;
    Some(summary)
}

fn phpunit(line: &str) -> Option<Summary> {
    if let Some(captures) = PHPUNIT_OK.captures(line) {
        return Some(Summary::of(number(&captures, "tests"), 0, 0));
    }
    let captures = PHPUNIT_OTHER.captures(line)?;
    let (mut failed, mut skipped) = (0, 0);
    for (count, label) in labelled(&PHPUNIT_PART, &captures["parts"]) {
        match label {
            "Errors" | "Failures" => failed += count,
            "Skipped" | "Incomplete" => skipped += count,
            _ => {} // warnings, risky tests and deprecations are passes
        }
    }
    let passed = number(&captures, "tests").saturating_sub(failed).saturating_sub(skipped);
    Some(Summary::of(passed, failed, skipped))
}
