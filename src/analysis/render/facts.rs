//! What was done in a step, from its calls: "Changed a.py and b.py; 12 tests passed; committed and pushed."

use crate::analysis::steps::{Deed, Work};
use crate::analysis::tools::Tools;

/// So many files are named.
const MAX_NAMED: usize = 3;

/// What was changed, tested and handed over, in one sentence.
pub(super) fn done(work: &Work) -> Option<String> {
    let facts: Vec<String> = [changes(work), tests(work), deeds(work)].into_iter().flatten().collect();
    sentence(&facts.join("; "))
}

/// How often what was used, for a step in which nothing was changed; nothing where it only kept the run's own list.
pub(super) fn calls(work: &Work, tools: &Tools) -> Option<String> {
    const KINDS: [(&[&str], &str, &str); 5] = [
        (&["Read", "NotebookRead"], "file read", "file reads"),
        (&["Grep", "Glob", "LS"], "search", "searches"),
        (&["Bash"], "command", "commands"),
        (&["WebFetch", "WebSearch"], "web look-up", "web look-ups"),
        (&["Task", "Agent"], "sub-agent", "sub-agents"),
    ];
    let calls_of = |names: &[&str]| -> u64 {
        let used = work.tools.iter().filter(|(tool, _)| names.contains(&tools.name(*tool)));
        used.map(|(_, calls)| u64::from(*calls)).sum()
    };
    let kinds = KINDS.iter().map(|(names, one, many)| (calls_of(names), one, many));
    let used: Vec<String> =
        kinds.filter(|(calls, ..)| *calls > 0).map(|(calls, one, many)| counted(calls, one, many)).collect();
    let used: Vec<&str> = used.iter().map(String::as_str).collect();
    (!used.is_empty()).then(|| format!("Took {}.", joined(&used)))
}

fn sentence(text: &str) -> Option<String> {
    let first = text.chars().next()?;
    Some(format!("{}{}.", first.to_uppercase(), &text[first.len_utf8()..]))
}

fn changes(work: &Work) -> Option<String> {
    let named: Vec<&str> = work.files.iter().take(MAX_NAMED).map(String::as_str).collect();
    match (work.files.len(), named.as_slice()) {
        (0, _) => None,
        (files, _) if files > MAX_NAMED => {
            Some(format!("changed {} and more ({})", named.join(", "), counted(work.edits, "edit", "edits")))
        }
        _ => Some(format!("changed {}", joined(&named))),
    }
}

fn tests(work: &Work) -> Option<String> {
    match work.tests? {
        (0, 0) => None,
        (passed, 0) => Some(format!("{} passed", counted(passed, "test", "tests"))),
        (passed, failed) => Some(format!("{} passed, {failed} failed", counted(passed, "test", "tests"))),
    }
}

fn deeds(work: &Work) -> Option<String> {
    let said = |done: &Deed| match done {
        Deed::Committed => "committed",
        Deed::Pushed => "pushed",
        Deed::OpenedPullRequest => "opened a pull request",
        Deed::UpdatedPullRequest => "updated the pull request",
        Deed::MergedPullRequest => "merged the pull request",
    };
    let words: Vec<&str> = work.deeds.iter().map(said).collect();
    (!words.is_empty()).then(|| joined(&words))
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn joined(parts: &[&str]) -> String {
    match parts {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_one_sentence() {
        let mut work = Work::default();
        for path in ["/srv/a.py", "/srv/b.py"] {
            work.edited(path);
        }
        work.tests = Some((12, 0));
        for deed in Deed::of_command("git add -A && git commit -m 'Add sum' && git push") {
            work.did(deed);
        }
        let said = done(&work);
        assert_eq!(said.as_deref(), Some("Changed a.py and b.py; 12 tests passed; committed and pushed."));
    }

    #[test]
    fn where_nothing_was_changed_the_calls_are_counted() {
        let (mut work, mut tools) = (Work::default(), Tools::default());
        for name in ["Read", "Read", "Grep", "TodoWrite", "Bash"] {
            work.called(tools.place(name));
        }
        assert_eq!(done(&work), None);
        assert_eq!(calls(&work, &tools).as_deref(), Some("Took 2 file reads, 1 search and 1 command."));
        let mut upkeep = Work::default();
        upkeep.called(tools.place("TodoWrite"));
        assert_eq!(calls(&upkeep, &tools), None);
    }

    #[test]
    fn failures_and_many_files_are_told() {
        let mut work = Work::default();
        for path in ["a", "b", "c", "d", "a"] {
            work.edited(path);
        }
        work.tests = Some((1, 2));
        let said = done(&work);
        assert_eq!(said.as_deref(), Some("Changed a, b, c and more (5 edits); 1 test passed, 2 failed."));
    }
}
