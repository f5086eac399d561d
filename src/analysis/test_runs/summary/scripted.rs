//! `RSpec` and PHPUnit.

use std::sync::LazyLock;

use regex::Regex;

use super::super::Runner;
use super::form::Form;
use super::{Summary, View, labelled, number, pattern};

static RSPEC: Form = Form::having(
    " example",
    r"^(?P<examples>[0-9]+) examples?, (?P<failures>[0-9]+) failures?(?:, (?P<pending>[0-9]+) pending)?(?:, (?P<errors>[0-9]+) errors? occurred outside of examples)?$",
);

static PHPUNIT_OK: Form = Form::beginning("OK (", r"^OK \((?P<tests>[0-9]+) tests?, [0-9]+ assertions?\)$");

static PHPUNIT_OTHER: Form = Form::beginning(
    "Tests: ",
    r"^Tests: (?P<tests>[0-9]+), Assertions: [0-9]+(?P<parts>(?:, [A-Z][A-Za-z ]*: [0-9]+)*)\.$",
);

static PHPUNIT_PART: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<label>[A-Z][A-Za-z ]*): (?P<count>[0-9]+)"));

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
