//! A task's subject as Claude says it: "Now **Task #12**: Add health checks." Serves only where no tool has told it.

use super::shown_name;
use super::words::says_done;
use crate::analysis::needles::ends_in_a_word;

/// In a longer message it is a report, in bytes.
const MAX_TEXT_BYTES: usize = 2_000;
/// What stands before the id.
const TASK: &str = "task #";

/// The id and the subject of the one task that a message names.
pub(in crate::analysis) fn named_task(text: &str) -> Option<(String, String)> {
    if text.len() > MAX_TEXT_BYTES {
        return None;
    }
    let mut found = named(text);
    let (task, None) = (found.next()?, found.next()) else { return None };
    let sentence = task.subject.find(". ").map_or(task.subject, |end| &task.subject[..end]);
    (!says_done(sentence)).then(|| (task.id.to_owned(), shown_name(sentence)))
}

/// A task with its subject, as it stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Named<'t> {
    id: &'t str,
    /// The rest of the line.
    subject: &'t str,
}

/// The tasks that a text names, one behind the other.
fn named(text: &str) -> impl Iterator<Item = Named<'_>> {
    let mut from = 0;
    memchr::memchr_iter(b'#', text.as_bytes()).filter_map(move |at| {
        let start = (at + 1).checked_sub(TASK.len()).filter(|start| *start >= from)?;
        let word = text.get(start..=at)?;
        let is_word = word.eq_ignore_ascii_case(TASK) && !ends_in_a_word(&text[..start]);
        let task = is_word.then(|| Named::of(&text[at + 1..])).flatten()?;
        // The subject is a part of the text: where it ends is the difference of their addresses.
        from = task.subject.as_ptr() as usize - text.as_ptr() as usize + task.subject.len();
        Some(task)
    })
}

impl<'t> Named<'t> {
    /// Reads "12 (B-3)**: Add health checks".
    fn of(text: &'t str) -> Option<Self> {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let id = &text[..text.len() - rest.len()];
        let rest = rest.trim_start_matches('*');
        let rest = match rest.trim_start().strip_prefix('(') {
            Some(aside) => {
                let (aside, rest) = aside.split_once(')')?;
                let is_short = (1..=30).contains(&aside.chars().count()) && !aside.contains('\n');
                is_short.then(|| rest.trim_start_matches('*'))?
            }
            None => rest,
        };
        let subject = behind_separator(rest)?.trim_start_matches('*').trim_start();
        let subject = subject.split('\n').next().unwrap_or_default();
        let is_subject = subject.starts_with(char::is_alphabetic) && subject.chars().nth(4).is_some();
        ((1..=4).contains(&id.len()) && is_subject).then_some(Self { id, subject })
    }
}

/// What follows a colon, a dash, or a hyphen between blanks.
fn behind_separator(text: &str) -> Option<&str> {
    let rest = text.trim_start();
    let behind_hyphen = || {
        let behind = rest.strip_prefix('-')?.strip_prefix(char::is_whitespace);
        behind.filter(|_| rest.len() < text.len())
    };
    rest.strip_prefix([':', '—', '–']).or_else(behind_hyphen)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// The form, as a pattern says it.
    const FORM: &str = r"\b(?i-u:task) #(?P<id>[0-9]{1,4})\**(?:\s*\([^)\n]{1,30}\))?\**\s*(?::|—|–|\s-\s)\**\s*(?P<subject>\p{L}[^\n]{4,})";

    const PIECES: &[&str] = &[
        "task #",
        "Task #",
        "task ",
        "#",
        "1",
        "12",
        "12345",
        "*",
        "**",
        " ",
        "\n",
        "\u{a0}",
        "(",
        ")",
        "(B-3)",
        "(a much longer aside than that one)",
        ":",
        "—",
        " - ",
        "-",
        "é",
        "word",
        "words and more",
        "_",
    ];

    proptest! {
        #[test]
        fn tasks_are_named_as_by_the_pattern(pieces in vec(select(PIECES), 0..14)) {
            let text = pieces.concat();
            let form = regex::Regex::new(FORM).unwrap();
            let found = form.captures_iter(&text).map(|found| Named {
                id: found.name("id").unwrap().as_str(),
                subject: found.name("subject").unwrap().as_str(),
            });
            prop_assert_eq!(named(&text).collect::<Vec<_>>(), found.collect::<Vec<_>>(), "{:?}", text);
        }
    }
}
