//! What stands in front of a test runner: interpreters, environments, containers, time limits.
//!
//! Not for scripts whose content is unknown.

use super::super::shell::{base_name, is_assignment};

/// So many wrappers may be nested.
const MAX_DEPTH: usize = 6;

/// The command inside its wrappers: `timeout 60 uv run python -m pytest -q` is `pytest -q`.
pub(super) fn unwrap(words: &[String]) -> Vec<String> {
    let mut words = words.to_vec();
    for _ in 0..MAX_DEPTH {
        match inner(&words) {
            Some(rest) => words = rest,
            None => break,
        }
    }
    words
}

/// One wrapper less; `None` where there is none.
fn inner(words: &[String]) -> Option<Vec<String>> {
    let (program, rest) = words.split_first()?;
    let name = base_name(program);
    match name {
        "env" | "nohup" | "nice" | "command" | "exec" | "sudo" | "stdbuf" | "unbuffer" | "xvfb-run"
        | "npx" | "bunx" | "time" => Some(skip(rest, &["-u", "-n", "-p", "--package"], 0)),
        "timeout" | "gtimeout" => Some(skip(rest, &["-k", "-s"], 1)),
        "uv" | "poetry" | "pipenv" | "hatch" | "pdm" | "rye" => {
            after(rest, &["run"], &ENVIRONMENT_OPTIONS, 0)
        }
        "bundle" => after(rest, &["exec"], &[], 0),
        "coverage" => python(&rest[rest.iter().position(|word| word == "run")? + 1..]),
        "docker" | "docker-compose" | "podman" => after(rest, &["exec", "run"], &CONTAINER_OPTIONS, 1),
        "pnpm" | "yarn" | "npm" | "bun" => package_binary(rest),
        "bash" | "sh" | "zsh" => shell_text(rest),
        "node" => node(rest),
        _ if is_python(name) => python(rest),
        _ => None,
    }
    .filter(|inner| !inner.is_empty())
}

const ENVIRONMENT_OPTIONS: [&str; 8] =
    ["--with", "--extra", "--group", "--python", "-p", "--project", "--directory", "--package"];

const CONTAINER_OPTIONS: [&str; 10] =
    ["-e", "-w", "-u", "-v", "-f", "-p", "--env", "--workdir", "--user", "--name"];

/// Drops options (and the values of those in `valued`), assignments, and then so many plain words.
fn skip(words: &[String], valued: &[&str], plain: usize) -> Vec<String> {
    let mut rest = words.iter();
    let mut left = plain;
    while let Some(word) = rest.as_slice().first() {
        if valued.contains(&word.as_str()) {
            rest.next();
        } else if !word.starts_with('-') && !is_assignment(word) {
            if left == 0 {
                break;
            }
            left -= 1;
        }
        rest.next();
    }
    rest.as_slice().to_vec()
}

/// What follows one of `verbs` and its options.
fn after(words: &[String], verbs: &[&str], valued: &[&str], plain: usize) -> Option<Vec<String>> {
    let at = words.iter().position(|word| verbs.contains(&word.as_str()))?;
    Some(skip(&words[at + 1..], valued, plain))
}

pub(super) fn is_python(name: &str) -> bool {
    name.strip_prefix("python").is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// `-m pytest -q` is `pytest -q`, and Django's `manage.py test` speaks for itself; another script stays one.
fn python(arguments: &[String]) -> Option<Vec<String>> {
    let at = arguments.iter().position(|word| !word.starts_with('-') || word == "-m" || word == "-c")?;
    match arguments[at].as_str() {
        "-m" => Some(arguments[at + 1..].to_vec()),
        path if base_name(path) == "manage.py" => Some(arguments[at..].to_vec()),
        _ => None,
    }
}

/// `pnpm exec vitest`, `yarn jest`: a binary of a package rather than a script.
fn package_binary(words: &[String]) -> Option<Vec<String>> {
    let (first, rest) = words.split_first()?;
    match first.as_str() {
        "exec" | "dlx" | "x" => Some(skip(rest, &[], 0)),
        "jest" | "vitest" | "mocha" => Some(words.to_vec()),
        _ => None,
    }
}

/// `bash -lc 'cd x && pytest'`: the first command of the text that is no `cd`.
fn shell_text(words: &[String]) -> Option<Vec<String>> {
    let at = words
        .iter()
        .position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'))?;
    let commands = super::super::shell::split(words.get(at + 1)?);
    let command = commands.iter().find(|command| command.program().is_some_and(|name| name != "cd"))?;
    Some(command.program_and_arguments().to_vec())
}

/// `node --experimental-vm-modules node_modules/.bin/jest`.
fn node(words: &[String]) -> Option<Vec<String>> {
    let at = words.iter().position(|word| !word.starts_with('-'))?;
    let name = base_name(&words[at]);
    ["jest", "vitest", "mocha", "_mocha"]
        .iter()
        .any(|runner| name.split('.').next() == Some(runner))
        .then(|| words[at..].to_vec())
}
