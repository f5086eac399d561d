//! pytest and unittest.

use std::sync::LazyLock;

use regex::Regex;

use super::super::Runner;
use super::form::Form;
use super::{Summary, View, labelled, number, pattern};

/// `=== 1 failed, 3 passed in 0.05s ===`, with `-q` without the bars.
static PYTEST: Form = Form::having(
    " in ",
    r"^(?:=+ )?(?P<parts>(?:[0-9]+ [a-z]+(?:, )?)+|no tests ran) in [0-9.]+s(?: \([0-9:, a-z]+\))?(?: =+)?$",
);

static PYTEST_PART: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<count>[0-9]+) (?P<label>[a-z]+)"));

static UNITTEST: Form = Form::beginning("Ran ", r"^Ran (?P<ran>[0-9]+) tests? in [0-9.]+s$");

static UNITTEST_VERDICT: Form =
    Form::beside(r"^(?:OK|FAILED|NO TESTS RAN)(?: \((?P<parts>[a-z0-9=, ]+)\))?$");

static UNITTEST_PART: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<label>[a-z ]*[a-z])=(?P<count>[0-9]+)"));

pub(super) fn read(view: View<'_>) -> Option<(Runner, Summary)> {
    if let Some(captures) = PYTEST.captures(view.line()) {
        return pytest(&captures["parts"]).map(|summary| (Runner::Pytest, summary));
    }
    let ran = number(&UNITTEST.captures(view.line())?, "ran");
    let verdict = view.next(2).find_map(|line| UNITTEST_VERDICT.captures(line))?;
    let parts = verdict.name("parts").map_or("", |parts| parts.as_str());
    Some((Runner::Unittest, unittest(ran, parts)))
}

/// `None` where a label is not pytest's: then it is another program's line.
fn pytest(parts: &str) -> Option<Summary> {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (count, label) in labelled(&PYTEST_PART, parts) {
        match label {
            "passed" | "xpassed" => passed += count,
            "failed" | "error" | "errors" => failed += count,
            "skipped" | "xfailed" => skipped += count,
            "deselected" | "warning" | "warnings" | "rerun" => {}
            _ => return None,
        }
    }
    Some(Summary::of(passed, failed, skipped))
}

fn unittest(ran: u64, parts: &str) -> Summary {
    let (mut failed, mut skipped) = (0, 0);
    for (count, label) in labelled(&UNITTEST_PART, parts) {
        match label.trim() {
            "failures" | "errors" => failed += count,
            "skipped" | "expected failures" => skipped += count,
            _ => {} // unexpected successes are passes
        }
    }
    Summary::of(ran.saturating_sub(failed).saturating_sub(skipped), failed, skipped)
}
