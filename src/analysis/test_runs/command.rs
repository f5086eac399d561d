//! Which commands of a shell line run tests, with which runner, and how many of the tests.
//!
//! Not for what the commands print. `python -m pytest`, `uv run pytest`, `docker compose exec app pytest` and `pytest`
//! are one command; so are `npm test -- --silent` and `npm run test`.

mod options;
mod wrappers;

use super::shell::{self, SimpleCommand};
use super::{Runner, Scope, TestCommand};
use crate::analysis::needles::Needles;
use options::Options;

/// No more commands of one line are looked at.
const MAX_COMMANDS: usize = 32;
/// Longer selections are cut, in bytes: they only have to tell commands apart.
const MAX_SELECTION_BYTES: usize = 200;

/// See [`super::recognise`].
pub(super) fn recognise(line: &str) -> Vec<TestCommand> {
    if !may_run_tests(line) {
        return Vec::new();
    }
    let mut directory = String::new();
    let mut found = Vec::new();
    for command in shell::split(line) {
        if let Some(target) = change_of_directory(&command) {
            directory = joined(&directory, target);
        } else if found.len() < MAX_COMMANDS
            && let Some(choice) = choice(&wrappers::unwrap(command.program_and_arguments()))
        {
            found.push(choice.in_directory(&directory));
        }
    }
    found
}

/// A part of every command that runs tests: of its program's name, or of the script's or target's.
static TELLING: Needles<()> = Needles::new(&[
    ("est", ()),
    ("spec", ()),
    ("tst", ()),
    ("mocha", ()),
    ("phpunit", ()),
    ("mvn", ()),
    ("tox", ()),
    ("nox", ()),
    ("check", ()),
    ("cargo", ()),
    ("npm", ()),
    ("yarn", ()),
    ("bun", ()),
    ("turbo", ()),
    ("nx ", ()),
    ("nx\t", ()),
    ("lerna", ()),
]);

/// Whether a look at the line's words is worth it. Quotes and escapes, which may stand within a word, are left out.
fn may_run_tests(line: &str) -> bool {
    let joins = |c: char| matches!(c, '\'' | '"' | '\\');
    if !line.contains(joins) {
        return TELLING.find(line).next().is_some();
    }
    let mut plain: String = line.replace("\\\n", "");
    plain.retain(|c| !joins(c));
    TELLING.find(&plain).next().is_some()
}

fn change_of_directory(command: &SimpleCommand) -> Option<&str> {
    match command.program_and_arguments() {
        [cd, target, ..] if cd == "cd" || cd == "pushd" => Some(target),
        _ => None,
    }
}

/// `target` as seen from `directory`, both with `/`; `..` takes a component away.
fn joined(directory: &str, target: &str) -> String {
    let absolute = target.starts_with(['/', '~', '$']);
    let mut parts: Vec<&str> = if absolute { Vec::new() } else { directory.split('/').collect() };
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    let path = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
    let rooted = if absolute { target.starts_with('/') } else { directory.starts_with('/') };
    if rooted { format!("/{path}") } else { path }
}

/// What a command runs.
#[derive(Debug)]
struct Choice {
    runner: Option<Runner>,
    scope: Scope,
    selection: Vec<String>,
}

impl Choice {
    /// A script of which only the name is known.
    fn script(name: &str) -> Self {
        Self { runner: None, scope: Scope::Full, selection: vec![name.to_owned()] }
    }

    fn in_directory(self, directory: &str) -> TestCommand {
        let mut selection = self.selection.join(" ");
        selection.truncate(selection.floor_char_boundary(MAX_SELECTION_BYTES));
        TestCommand { runner: self.runner, scope: self.scope, selection, directory: directory.to_owned() }
    }
}

/// What `words` (a program and its arguments, nothing in front) run, if it is tests.
fn choice(words: &[String]) -> Option<Choice> {
    let (program, arguments) = words.split_first()?;
    let program = shell::base_name(program);
    let known = |runner, options: &Options| options.choose(Some(runner), arguments);
    match program {
        "pytest" | "py.test" => known(Runner::Pytest, &options::PYTEST),
        "unittest" => known(Runner::Unittest, &options::UNITTEST),
        "cargo" => cargo(arguments),
        "jest" | "jest.js" => known(Runner::Jest, &options::JAVASCRIPT),
        "vitest" | "vitest.mjs" => known(Runner::Vitest, &options::JAVASCRIPT),
        "mocha" | "_mocha" | "mocha.js" => known(Runner::Mocha, &options::JAVASCRIPT),
        "node" => arguments
            .iter()
            .any(|argument| argument == "--test")
            .then(|| options::NODE.choose(Some(Runner::NodeTest), arguments))
            .flatten(),
        "go" if arguments.first()? == "test" => options::GO.choose(Some(Runner::GoTest), &arguments[1..]),
        "rspec" => known(Runner::Rspec, &options::RSPEC),
        "phpunit" | "phpunit.phar" => known(Runner::PhpUnit, &options::PHPUNIT),
        "ctest" | "ctest3" => known(Runner::Ctest, &options::CTEST),
        "mvn" | "mvnw" | "mvnd" => maven(arguments),
        "react-scripts" if arguments.first()? == "test" => {
            options::JAVASCRIPT.choose(Some(Runner::Jest), &arguments[1..])
        }
        "manage.py" if arguments.first()? == "test" => {
            options::UNITTEST.choose(Some(Runner::Unittest), &arguments[1..])
        }
        "bun" if arguments.first()? == "test" => {
            options::JAVASCRIPT.choose(Some(Runner::Bun), &arguments[1..])
        }
        "npm" | "yarn" | "pnpm" | "bun" | "turbo" | "nx" | "lerna" => package_script(arguments),
        "make" | "gmake" | "just" | "task" | "ninja" | "rake" | "composer" | "cmake" | "mage" => {
            target(arguments)
        }
        "tox" | "nox" => Some(Choice::script("")),
        _ => script(program, &words[0], arguments),
    }
}

/// `cargo test …` and `cargo nextest run …`.
fn cargo(arguments: &[String]) -> Option<Choice> {
    let arguments = match arguments.split_first()? {
        (toolchain, rest) if toolchain.starts_with('+') => rest,
        _ => arguments,
    };
    let (subcommand, rest) = arguments.split_first()?;
    match subcommand.as_str() {
        "test" | "t" => options::CARGO.choose(Some(Runner::CargoTest), rest),
        "nextest" | "nt" => match rest.split_first()? {
            (run, rest) if run == "run" || run == "r" => options::CARGO.choose(Some(Runner::Nextest), rest),
            _ => None,
        },
        _ => None,
    }
}

/// `mvn verify`, `./mvnw -q -pl core test`.
fn maven(arguments: &[String]) -> Option<Choice> {
    let phase = |word: &String| {
        matches!(
            word.as_str(),
            "test"
                | "package"
                | "verify"
                | "install"
                | "integration-test"
                | "surefire:test"
                | "failsafe:integration-test"
                | "deploy"
        )
    };
    let skipped = |word: &String| word.starts_with("-DskipTests") || word.starts_with("-Dmaven.test.skip");
    if !arguments.iter().any(phase) || arguments.iter().any(skipped) {
        return None;
    }
    options::MAVEN.choose(Some(Runner::Maven), arguments)
}

/// `npm test`, `yarn run test:unit --silent`, `pnpm --filter web test`.
fn package_script(arguments: &[String]) -> Option<Choice> {
    let (name, rest) = options::PACKAGE_MANAGER.first_positional(arguments)?;
    let (name, rest) = match name.as_str() {
        "run" | "run-script" => options::PACKAGE_MANAGER.first_positional(rest)?,
        _ => (name, rest),
    };
    if !matches!(name.as_str(), "t" | "tst") && !names_tests(name) {
        return None;
    }
    let mut choice = options::JAVASCRIPT.choose(None, rest)?;
    let before = options::PACKAGE_MANAGER.choose(None, &arguments[..arguments.len() - rest.len()])?;
    choice.scope = choice.scope.max(before.scope);
    let script = (!matches!(name.as_str(), "t" | "tst" | "test")).then(|| name.clone());
    choice.selection.splice(0..0, before.selection.into_iter().chain(script));
    Some(choice)
}

/// `make test`, `make -C sub check`, `cmake --build . --target test`.
fn target(arguments: &[String]) -> Option<Choice> {
    let target =
        arguments.iter().find(|word| !word.starts_with('-') && (names_tests(word) || *word == "check"))?;
    Some(Choice::script(if matches!(target.as_str(), "test" | "tests" | "check") { "" } else { target }))
}

/// A file that by its name runs tests: `./run_tests.sh`, `python tests/test_shop.py`, `bash scripts/test.sh`.
fn script(program: &str, path: &str, arguments: &[String]) -> Option<Choice> {
    let interpreter = wrappers::is_python(program)
        || matches!(program, "bash" | "sh" | "zsh" | "ruby" | "php" | "tsx" | "ts-node");
    // Options of an interpreter may bring a program of their own (`-c`, `-e`): what follows is no file then.
    let path = if interpreter { arguments.first()? } else { path };
    let name = shell::base_name(path);
    let is_file = !path.starts_with('-') && (interpreter || path.contains('/') || name.contains('.'));
    (is_file && names_tests(name)).then(|| Choice::script(name))
}

/// Whether `test` or `tests` stands in a name as a word: `test:unit`, `run_tests.sh`, but not `latest` or `test:watch`.
fn names_tests(name: &str) -> bool {
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric()).peekable();
    let found = words.clone().any(|word| matches!(word, "test" | "tests" | "spec" | "unittest"));
    found && !words.any(|word| matches!(word, "watch" | "list" | "update" | "lint" | "build" | "install"))
}
