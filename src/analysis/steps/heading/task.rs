//! A task's subject as Claude says it: "Now **Task #12**: Add health checks." Serves only where no tool has told it.

use std::sync::LazyLock;

use regex::Regex;

use super::shown_name;
use super::words::says_done;

/// In a longer message it is a report, in bytes.
const MAX_TEXT_BYTES: usize = 2_000;

static TASK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\btask #(?P<id>\d{1,4})\**(?:\s*\([^)\n]{1,30}\))?\**\s*(?::|—|–|\s-\s)\**\s*(?P<subject>\p{L}[^\n]{4,})")
        .expect("the pattern is fixed and compiles")
});

/// The id and the subject of the one task that a message names.
pub(in crate::analysis) fn named_task(text: &str) -> Option<(String, String)> {
    if text.len() > MAX_TEXT_BYTES || !text.contains('#') {
        return None;
    }
    let mut found = TASK.captures_iter(text);
    let (task, None) = (found.next()?, found.next()) else { return None };
    let subject = task.name("subject")?.as_str();
    let sentence = subject.find(". ").map_or(subject, |end| &subject[..end]);
    (!says_done(sentence)).then(|| (task["id"].to_owned(), shown_name(sentence)))
}
