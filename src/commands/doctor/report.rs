//! The findings, for people and for programs. Pure.

use std::fmt::Write;

use serde::Serialize;
use textwrap::Options;

/// How wide the text is.
const COLUMNS: usize = 110;
/// Where what is said begins: behind the verdict and the name of the check.
const INDENT: &str = "                       ";

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) what: String,
    /// What to do about it; `None` where nothing is.
    pub(super) todo: Option<String>,
}

/// How good it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but somebody should look.
    Warning,
    /// It does not work.
    Failed,
    /// It could not be checked.
    Skipped,
}

/// All of them.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    findings: Vec<Finding>,
    ok: usize,
    warnings: usize,
    failed: usize,
    skipped: usize,
}

impl Finding {
    pub(super) fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, what: what.into(), todo: None }
    }

    pub(super) fn warning(check: &'static str, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warning, what: what.into(), todo: Some(todo.into()) }
    }

    pub(super) fn failed(check: &'static str, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Failed, what: what.into(), todo: Some(todo.into()) }
    }

    pub(super) fn skipped(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Skipped, what: what.into(), todo: None }
    }
}

impl Report {
    pub(super) fn of(findings: Vec<Finding>) -> Self {
        let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
        Self {
            ok: count(Verdict::Ok),
            warnings: count(Verdict::Warning),
            failed: count(Verdict::Failed),
            skipped: count(Verdict::Skipped),
            findings,
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let head = format!("{:<8}{:<15}", finding.verdict.word(), finding.check);
            let options = Options::new(COLUMNS).initial_indent(&head).subsequent_indent(INDENT);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", textwrap::fill(&plain(&finding.what), options));
            if let Some(todo) = &finding.todo {
                let arrow = format!("{INDENT}→ ");
                let below = format!("{INDENT}  ");
                let options = Options::new(COLUMNS).initial_indent(&arrow).subsequent_indent(&below);
                let _ = writeln!(text, "{}", textwrap::fill(&plain(todo), options));
            }
        }
        let counts = [
            (self.ok, "fine"),
            (self.warnings, "to look at"),
            (self.failed, "failed"),
            (self.skipped, "not checked"),
        ];
        let told = counts.into_iter().filter(|(count, _)| *count > 0);
        let told: Vec<_> = told.map(|(count, what)| format!("{count} {what}")).collect();
        let _ = writeln!(text, "\n{}", told.join(", "));
        text
    }

    /// What failed, in a line; `None` where nothing did.
    pub(super) fn failure(&self) -> Option<String> {
        let failed = self.findings.iter().filter(|finding| finding.verdict == Verdict::Failed);
        let failed: Vec<_> = failed.map(|finding| finding.check).collect();
        (!failed.is_empty()).then(|| format!("not as it should be: {}", failed.join(", ")))
    }
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "look",
            Self::Failed => "FAILED",
            Self::Skipped => "-",
        }
    }
}

/// What others answer is their text: no control character of it reaches the terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_told_with_what_to_do_and_counted() {
        let report = Report::of(vec![
            Finding::ok("service", "it answers\u{1b}[2J"),
            Finding::failed("log", "there is none", "make one"),
            Finding::skipped("proof", "no run"),
        ]);
        let shown = report.text();
        assert_eq!(
            shown,
            "ok      service        it answers [2J\n\
             FAILED  log            there is none\n                       → make one\n\
             -       proof          no run\n\n1 fine, 1 failed, 1 not checked\n"
        );
        assert_eq!(report.failure().as_deref(), Some("not as it should be: log"));
        assert_eq!(Report::of(vec![Finding::warning("a", "b", "c")]).failure(), None);
    }
}
