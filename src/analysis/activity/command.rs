//! A shell line in a few words: its first command that does something.

use super::super::test_runs::shell::{self, SimpleCommand};
use super::{mask_secrets, one_line, path};

/// Programs that prepare or comment what the line is about.
const PREPARATIONS: &[&str] = &[
    "cd", "pushd", "popd", "set", "export", "source", ".", "echo", "printf", "true", ":", "pwd", "sleep",
    "unset", "shopt", "alias", "ulimit", "umask", "trap", "eval", "for", "done", "in", "case", "esac",
    "mkdir", "which", "command", "test", "[", "[[", "read", "wait", "local", "function",
];
/// A command is cut to so many characters.
const MAX_CHARS: usize = 72;
/// More words than this are never shown.
const MAX_WORDS: usize = 24;

/// "Running …" for a shell line; `None` where it has no command at all.
pub(super) fn describe(line: &str) -> Option<String> {
    let commands = shell::split(line);
    let does_something = |command: &&SimpleCommand| {
        !command.piped && command.program().is_some_and(|program| !PREPARATIONS.contains(&program))
    };
    let has_program = |command: &&SimpleCommand| command.program().is_some();
    let chosen = commands.iter().find(does_something).or_else(|| commands.iter().rev().find(has_program))?;
    Some(match (&chosen.target, chosen.program_and_arguments()) {
        (Some(target), [program]) if program == "cat" => {
            format!("Writing {}", mask_secrets(&path::shorten(target)))
        }
        _ => format!("Running {}", shown(chosen)),
    })
}

/// The command with short paths, secrets masked.
fn shown(command: &SimpleCommand) -> String {
    let mut words = command.program_and_arguments().iter().take(MAX_WORDS);
    let program = words.next().map_or("", |program| shell::base_name(program));
    let mut line = vec![program.to_owned()];
    for word in words {
        let is_program = line.last().is_some_and(|before| takes_program(program, before));
        line.push(if is_program { "…".to_owned() } else { short(word) });
    }
    one_line(&mask_secrets(&line.join(" ")), MAX_CHARS)
}

/// Whether the word after `option` is a program of its own: `python3 -c '…'`.
fn takes_program(program: &str, option: &str) -> bool {
    let interprets =
        ["python", "node", "ruby", "perl", "php", "bun", "deno"].iter().any(|name| program.starts_with(name));
    interprets && matches!(option, "-c" | "-e" | "-r" | "--eval")
}

/// An argument: absolute paths lose their beginning, texts of several lines all but the first, and what another
/// command is to fill in is left out.
fn short(word: &str) -> String {
    let first = word.trim_start().lines().next().unwrap_or("");
    if first.starts_with("$(") || first.starts_with('`') {
        return "…".to_owned();
    }
    if first.starts_with('/') && first.matches('/').count() > 2 && !first.contains(char::is_whitespace) {
        return path::shorten(first).into_owned();
    }
    first.to_owned()
}
