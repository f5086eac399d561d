//! Telling words: what Claude's texts and shell commands say of how far a run is.
//!
//! Not for understanding either. These are signs for a statistical model, which learns from finished runs how much each
//! is worth; a text in a language that is not known here simply carries no sign.

use crate::analysis::bounded::head;
use crate::analysis::needles::{Found, Needles, begins_in_a_word, ends_in_a_word};

/// So much of a text is looked at, in bytes: what somebody is about to do stands at its start.
const MAX_TEXT_BYTES: usize = 400;
/// So much of a command is looked at, in bytes.
const MAX_COMMAND_BYTES: usize = 4096;

/// What a text says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TextSigns {
    /// It speaks of plans, first steps, or getting to know the code.
    pub(super) early: bool,
    /// It speaks of passing tests, checks, summaries, commits.
    pub(super) late: bool,
    /// It announces that something is looked at or begun.
    pub(super) opening: bool,
}

/// What a shell command does, as far as it tells of progress.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CommandSigns {
    pub(super) tests: bool,
    pub(super) builds: bool,
    pub(super) lints: bool,
    pub(super) commits: bool,
    pub(super) publishes: bool,
    pub(super) looks_at_changes: bool,
}

impl TextSigns {
    pub(super) fn of(text: &str) -> Self {
        let mut signs = Self::default();
        for found in TEXT_WORDS.find(head(text, MAX_TEXT_BYTES)) {
            let (sign, place) = found.meaning;
            let sign = match sign {
                TextSign::Early => &mut signs.early,
                TextSign::Late => &mut signs.late,
                TextSign::Opening => &mut signs.opening,
            };
            *sign = *sign || place.holds(&found);
        }
        signs
    }
}

impl CommandSigns {
    pub(super) fn of(command: &str) -> Self {
        let mut signs = Self::default();
        for found in COMMAND_WORDS.find(head(command, MAX_COMMAND_BYTES)) {
            let (sign, place) = found.meaning;
            if !place.holds(&found) {
                continue;
            }
            match sign {
                CommandSign::Tests => signs.tests = true,
                CommandSign::Builds => signs.builds = true,
                CommandSign::Lints => signs.lints = true,
                CommandSign::BuildsAndLints => (signs.builds, signs.lints) = (true, true),
                CommandSign::Commits => signs.commits = true,
                CommandSign::Publishes => signs.publishes = true,
                CommandSign::LooksAtChanges => signs.looks_at_changes = true,
            }
        }
        signs
    }
}

/// Where a word has to stand to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// At the start of a word.
    Start,
    /// By itself.
    Whole,
    /// Behind a number, or `all`.
    Counted,
    /// Behind `i` and one more character.
    AfterI,
    /// At the start of a word, and another one right behind it.
    Leading,
    /// By itself, with `git` before it in the same command.
    OfGit,
}

impl Standing {
    fn holds<T>(self, found: &Found<'_, T>) -> bool {
        match self {
            Self::Start => found.begins_a_word(),
            Self::Whole => found.begins_a_word() && found.ends_a_word(),
            Self::Counted => {
                let before = found.before.trim_end_matches(|c: char| c.is_ascii_digit());
                let is_counted = before.len() < found.before.len();
                let before = if is_counted { Some(before) } else { before_end(before, "all") };
                before.is_some_and(|before| !ends_in_a_word(before))
            }
            Self::AfterI => {
                let mut before = found.before.chars();
                let is_one_more = before.next_back().is_some_and(|c| c != '\n');
                is_one_more && before_end(before.as_str(), "i").is_some_and(|before| !ends_in_a_word(before))
            }
            Self::Leading => found.begins_a_word() && !found.ends_a_word(),
            Self::OfGit => {
                let command = found.before.rsplit(['\n', '|', ';', '&']).next().unwrap_or_default();
                let mut gits = memchr::memmem::find_iter(command.as_bytes(), "git");
                let is_word =
                    |at: usize| !ends_in_a_word(&command[..at]) && !begins_in_a_word(&command[at + 3..]);
                Self::Whole.holds(found) && gits.any(is_word)
            }
        }
    }
}

/// The text before `end`, in upper or lower case.
fn before_end<'t>(text: &'t str, end: &str) -> Option<&'t str> {
    let (before, last) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
    last.eq_ignore_ascii_case(end).then_some(before)
}

#[derive(Debug, Clone, Copy)]
enum TextSign {
    Early,
    Late,
    Opening,
}

#[derive(Debug, Clone, Copy)]
enum CommandSign {
    Tests,
    Builds,
    Lints,
    BuildsAndLints,
    Commits,
    Publishes,
    LooksAtChanges,
}

static TEXT_WORDS: Needles<(TextSign, Standing)> = {
    use Standing::{AfterI, Counted, Start, Whole};
    use TextSign::{Early, Late, Opening};
    Needles::in_any_case(&[
        ("start", (Early, Start)),
        ("begin", (Early, Start)),
        ("understand", (Early, Start)),
        ("explore", (Early, Start)),
        ("overview", (Early, Start)),
        ("context", (Early, Start)),
        ("first", (Early, Start)),
        ("set up", (Early, Start)),
        ("create the", (Early, Start)),
        ("now i have", (Early, Start)),
        ("now i understand", (Early, Start)),
        ("i have", (Early, Start)),
        ("i'll", (Early, Start)),
        ("look at", (Early, Start)),
        ("structure", (Early, Start)),
        ("let me read", (Early, Start)),
        ("let me look", (Early, Start)),
        ("let me check the", (Early, Start)),
        ("plan", (Early, Whole)),
        ("key", (Early, Start)),
        (" tests", (Late, Counted)),
        ("test pass", (Late, Start)),
        ("tests pass", (Late, Start)),
        ("test now pass", (Late, Start)),
        ("tests now pass", (Late, Start)),
        ("passes", (Late, Start)),
        ("passing", (Late, Start)),
        ("all pass", (Late, Start)),
        ("all green", (Late, Start)),
        ("final", (Late, Start)),
        ("clean", (Late, Start)),
        ("lint", (Late, Start)),
        ("commit", (Late, Start)),
        ("push", (Late, Start)),
        ("verif", (Late, Start)),
        ("everything", (Late, Start)),
        ("summary", (Late, Start)),
        ("done", (Late, Whole)),
        ("complete", (Late, Start)),
        ("works", (Late, Start)),
        ("confirmed", (Late, Start)),
        ("last", (Late, Whole)),
        ("let me start", (Opening, Start)),
        ("let me look", (Opening, Start)),
        ("let me explore", (Opening, Start)),
        ("let me read", (Opening, Start)),
        ("let me understand", (Opening, Start)),
        ("let me check", (Opening, Start)),
        ("let me first", (Opening, Start)),
        ("ll start", (Opening, AfterI)),
        ("ll begin", (Opening, AfterI)),
        ("first", (Opening, Start)),
    ])
};

static COMMAND_WORDS: Needles<(CommandSign, Standing)> = {
    use CommandSign::{Builds, BuildsAndLints, Commits, Lints, LooksAtChanges, Publishes, Tests};
    use Standing::{Leading, OfGit, Whole};
    Needles::new(&[
        ("pytest", (Tests, Whole)),
        ("unittest", (Tests, Whole)),
        ("cargo test", (Tests, Whole)),
        ("cargo nextest", (Tests, Whole)),
        ("jest", (Tests, Whole)),
        ("vitest", (Tests, Whole)),
        ("mocha", (Tests, Whole)),
        ("go test", (Tests, Whole)),
        ("rspec", (Tests, Whole)),
        ("phpunit", (Tests, Whole)),
        ("ctest", (Tests, Whole)),
        ("npm test", (Tests, Whole)),
        ("npm run test", (Tests, Whole)),
        ("pnpm test", (Tests, Whole)),
        ("pnpm run test", (Tests, Whole)),
        ("bun test", (Tests, Whole)),
        ("bun run test", (Tests, Whole)),
        ("yarn test", (Tests, Whole)),
        ("flutter test", (Tests, Whole)),
        ("playwright test", (Tests, Whole)),
        ("make test", (Tests, Whole)),
        ("test:", (Tests, Leading)),
        ("npm run build", (Builds, Whole)),
        ("pnpm build", (Builds, Whole)),
        ("yarn build", (Builds, Whole)),
        ("go build", (Builds, Whole)),
        ("vite build", (Builds, Whole)),
        ("next build", (Builds, Whole)),
        ("cargo build", (Builds, Whole)),
        ("cargo check", (Builds, Whole)),
        ("cargo clippy", (Builds, Whole)),
        ("make", (Builds, Whole)),
        ("mvn", (Builds, Whole)),
        ("gradle", (Builds, Whole)),
        ("flutter analyze", (Builds, Whole)),
        ("dart analyze", (Builds, Whole)),
        ("tsc", (BuildsAndLints, Whole)),
        ("eslint", (BuildsAndLints, Whole)),
        ("lint", (BuildsAndLints, Whole)),
        ("ruff", (BuildsAndLints, Whole)),
        ("mypy", (BuildsAndLints, Whole)),
        ("typecheck", (BuildsAndLints, Whole)),
        ("type-check", (BuildsAndLints, Whole)),
        ("prettier", (BuildsAndLints, Whole)),
        ("fmt", (BuildsAndLints, Whole)),
        ("clippy", (Lints, Whole)),
        ("format", (Lints, Whole)),
        ("analyze", (Lints, Whole)),
        ("commit", (Commits, OfGit)),
        ("push", (Publishes, OfGit)),
        ("gh pr", (Publishes, Whole)),
        ("git status", (LooksAtChanges, Whole)),
        ("git add", (LooksAtChanges, Whole)),
        ("git diff", (LooksAtChanges, Whole)),
        ("git log", (LooksAtChanges, Whole)),
    ])
};

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use regex::Regex;

    use super::*;

    fn pattern(pattern: &str) -> Regex {
        Regex::new(pattern).expect("a constant pattern")
    }

    static EARLY: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?xi)\b( start | begin | understand | explore | overview | context | first | set\ up | create\ the
            | now\ i\ (have|understand) | i\ have | i'll | look\ at | structure | let\ me\ (read|look|check\ the) | plan\b
            | key )",
        )
    });

    static LATE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?xi)\b( (all|[0-9]+)\ tests | tests?\ (now\ )?pass | passes | passing | all\ pass | all\ green | final
            | clean | lint | commit | push | verif | everything | summary | done\b | complete | works | confirmed
            | last\b )",
        )
    });

    static OPENING: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?xi)\b( let\ me\ (start|look|explore|read|understand|check|first) | i.ll\ (start|begin) | first )",
        )
    });

    static TESTS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?x)\b( pytest | unittest | cargo\ (test|nextest) | jest | vitest | mocha | go\ test | rspec | phpunit | ctest
            | (npm|pnpm|bun)\ (run\ )?test | yarn\ test | (flutter|playwright|make)\ test | test: )\b",
        )
    });

    static BUILDS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?x)\b( (npm\ run|pnpm|yarn|go|vite|next)\ build | cargo\ (build|check|clippy) | tsc | make | mvn | gradle
            | eslint | lint | ruff | mypy | (flutter|dart)\ analyze | typecheck | type-check | prettier | fmt )\b",
        )
    });

    static LINTS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"\b(lint|eslint|clippy|ruff|mypy|prettier|fmt|format|typecheck|type-check|tsc|analyze)\b")
    });

    static COMMITS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bgit\b[^\n|;&]*\bcommit\b"));

    static PUBLISHES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bgit\b[^\n|;&]*\bpush\b|\bgh pr\b"));

    static LOOKS_AT_CHANGES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bgit (status|add|diff|log)\b"));

    fn text_signs_by_pattern(text: &str) -> TextSigns {
        TextSigns { early: EARLY.is_match(text), late: LATE.is_match(text), opening: OPENING.is_match(text) }
    }

    fn command_signs_by_pattern(command: &str) -> CommandSigns {
        CommandSigns {
            tests: TESTS.is_match(command),
            builds: BUILDS.is_match(command),
            lints: LINTS.is_match(command),
            commits: COMMITS.is_match(command),
            publishes: PUBLISHES.is_match(command),
            looks_at_changes: LOOKS_AT_CHANGES.is_match(command),
        }
    }

    proptest! {
        /// The patterns say what counts; the words are only quicker.
        #[test]
        fn words_and_patterns_find_the_same(
            words in vec(select(PIECES), 0..12),
            pieces in "[a-zA-Z0-9 '_.|;&:\n–-]{0,9}",
            at in 0..12_usize,
        ) {
            let mut words: Vec<&str> = words;
            words.insert(at.min(words.len()), &pieces);
            let text = words.concat();
            prop_assert_eq!(TextSigns::of(&text), text_signs_by_pattern(&text), "{:?}", text);
            prop_assert_eq!(CommandSigns::of(&text), command_signs_by_pattern(&text), "{:?}", text);
        }
    }

    const PIECES: &[&str] = &[
        " ",
        " ",
        " ",
        "\n",
        "–",
        "é",
        "\u{301}",
        "✔\u{fe0f}",
        "½",
        ";",
        ":",
        "|",
        "&&",
        "all",
        "All",
        "12",
        "a7",
        "tests",
        "test",
        "pass",
        "now",
        "I",
        "i",
        "I'll",
        "i’ll",
        "start",
        "Begin",
        "have",
        "understand",
        "first",
        "look at",
        "let me",
        "Let me ",
        "check the",
        "plan",
        "plans",
        "key",
        "done",
        "last",
        "lasting",
        "git",
        "commit",
        "push",
        "gh pr",
        "git -C .",
        "npm",
        "pnpm",
        "run",
        "build",
        "cargo",
        "clippy",
        "type-check",
        "fmt",
        "test:unit",
        "yarn",
        "go ",
        "status",
        "make",
        "lint",
    ];

    #[test]
    fn texts_of_the_start_and_of_the_end_are_told_apart() {
        let start = TextSigns::of("Let me look at the structure first.");
        assert!(start.early && start.opening && !start.late);
        let end = TextSigns::of("All tests pass, committing.");
        assert!(end.late && !end.early && !end.opening);
        assert_eq!(TextSigns::of("Größe stimmt"), TextSigns::default());
    }

    #[test]
    fn commands_show_what_they_are_for() {
        let signs = CommandSigns::of("cd app && npm run test && git -C . commit -m x; git push");
        assert!(signs.tests && signs.commits && signs.publishes && !signs.lints);
        assert!(CommandSigns::of("cargo clippy --all").lints);
        assert_eq!(CommandSigns::of("ls -la"), CommandSigns::default());
    }
}
