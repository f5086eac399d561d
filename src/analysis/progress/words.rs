//! Telling words: what Claude's texts and shell commands say of how far a run is.
//!
//! Not for understanding either. These are signs for a statistical model, which learns from finished runs how much each
//! is worth; a text in a language that is not known here simply carries no sign.

use std::sync::LazyLock;

use regex::Regex;

use crate::analysis::bounded::head;

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
        let text = head(text, MAX_TEXT_BYTES);
        Self { early: EARLY.is_match(text), late: LATE.is_match(text), opening: OPENING.is_match(text) }
    }
}

impl CommandSigns {
    pub(super) fn of(command: &str) -> Self {
        let command = head(command, MAX_COMMAND_BYTES);
        Self {
            tests: TESTS.is_match(command),
            builds: BUILDS.is_match(command),
            lints: LINTS.is_match(command),
            commits: COMMITS.is_match(command),
            publishes: PUBLISHES.is_match(command),
            looks_at_changes: LOOKS_AT_CHANGES.is_match(command),
        }
    }
}

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
        r"(?xi)\b( (all|\d+)\ tests | tests?\ (now\ )?pass | passes | passing | all\ pass | all\ green | final
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

#[cfg(test)]
mod tests {
    use super::*;

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
