//! The runners' options, as far as they choose tests.
//!
//! Not a full parser of any runner's command line: an option that is not named here is taken to stand alone and to
//! choose nothing.

use super::super::{Runner, Scope};
use super::Choice;

/// How to read one runner's arguments.
#[derive(Debug)]
pub(super) struct Options {
    /// Options with a value that choose tests by name, tag or pattern.
    filters: &'static [&'static str],
    /// Options without a value that do.
    filter_flags: &'static [&'static str],
    /// Options with a value that choose files, packages or suites.
    paths: &'static [&'static str],
    /// Options without a value that do.
    path_flags: &'static [&'static str],
    /// Other options with a value.
    valued: &'static [&'static str],
    /// Options with which no test is run.
    not_a_run: &'static [&'static str],
    /// What an argument that is no option chooses.
    positional: fn(&str) -> Positional,
    /// What stands behind `--`.
    after_dashes: AfterDashes,
}

/// What an argument that is no option chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Positional {
    Nothing,
    Paths,
    Filtered,
    NotARun,
}

/// What stands behind `--`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterDashes {
    /// More of the same.
    Same,
    /// Arguments of libtest.
    Libtest,
}

const NONE: &[&str] = &[];

pub(super) const PYTEST: Options = Options {
    filters: &["-k", "-m", "--deselect"],
    filter_flags: &["--lf", "--last-failed", "--sw", "--stepwise", "--nf", "--testmon"],
    paths: NONE,
    path_flags: NONE,
    valued: &[
        "-n",
        "-p",
        "-c",
        "-o",
        "-W",
        "-r",
        "--tb",
        "--rootdir",
        "--maxfail",
        "--timeout",
        "--durations",
        "--junitxml",
        "--junit-xml",
        "--cov",
        "--cov-report",
        "--cov-config",
        "--ignore",
        "--confcutdir",
        "--basetemp",
        "--color",
        "--log-level",
        "--log-cli-level",
        "--capture",
        "--import-mode",
        "--numprocesses",
        "--dist",
    ],
    not_a_run: &["--collect-only", "--co", "--version", "--help", "-h", "--fixtures", "--markers"],
    positional: |word| if word.contains("::") { Positional::Filtered } else { directory_or_file(word) },
    after_dashes: AfterDashes::Same,
};

pub(super) const UNITTEST: Options = Options {
    filters: &["-k", "--tag", "--exclude-tag"],
    filter_flags: NONE,
    paths: &["-s", "--start-directory", "-p", "--pattern"],
    path_flags: NONE,
    valued: &["-t", "--top-level-directory", "--settings", "--parallel", "--verbosity"],
    not_a_run: &["-h", "--help"],
    positional: |word| match word {
        "discover" => Positional::Nothing,
        _ if word
            .split('.')
            .next_back()
            .is_some_and(|last| last.starts_with("test_") && word.contains('.')) =>
        {
            Positional::Filtered
        }
        _ => directory_or_file(word),
    },
    after_dashes: AfterDashes::Same,
};

pub(super) const CARGO: Options = Options {
    filters: &["-E", "--filter-expr", "--filterset"],
    filter_flags: NONE,
    paths: &["-p", "--package", "--test", "--bin", "--example", "--bench", "--manifest-path", "--exclude"],
    path_flags: &["--lib", "--bins", "--tests", "--examples", "--benches", "--doc"],
    valued: &[
        "-F",
        "--features",
        "--target",
        "--profile",
        "-P",
        "-j",
        "--jobs",
        "--target-dir",
        "--color",
        "--config",
        "--retries",
        "--test-threads",
        "--message-format",
        "-Z",
    ],
    not_a_run: &["--no-run", "--help", "-h", "--list"],
    positional: |_| Positional::Filtered,
    after_dashes: AfterDashes::Libtest,
};

const LIBTEST: Options = Options {
    filters: &["--skip"],
    filter_flags: &["--exact", "--ignored"],
    paths: NONE,
    path_flags: NONE,
    valued: &["--test-threads", "--format", "--color", "-Z", "--logfile"],
    not_a_run: &["--list", "--help"],
    positional: |_| Positional::Filtered,
    after_dashes: AfterDashes::Same,
};

pub(super) const JAVASCRIPT: Options = Options {
    filters: &["-t", "--testNamePattern", "-g", "--grep", "-f", "--fgrep", "--changedSince", "--changed"],
    filter_flags: &["--onlyFailures", "-o", "--onlyChanged", "--lastCommit"],
    paths: &["--testPathPattern", "--testPathPatterns", "--selectProjects", "--project", "--dir", "--spec"],
    path_flags: &["--findRelatedTests"],
    valued: &[
        "-w",
        "--maxWorkers",
        "--config",
        "-c",
        "--testTimeout",
        "--timeout",
        "--reporter",
        "--reporters",
        "-R",
        "--environment",
        "--env",
        "--coverageReporters",
        "--collectCoverageFrom",
        "--coverageDirectory",
        "-r",
        "--require",
        "--pool",
        "--bail",
        "--retries",
    ],
    not_a_run: &[
        "--listTests",
        "--help",
        "-h",
        "--version",
        "-v",
        "--showConfig",
        "--watch",
        "--watchAll",
        "--ui",
    ],
    positional: |word| match word {
        "run" | "--" => Positional::Nothing,
        "list" | "bench" | "watch" | "init" => Positional::NotARun,
        _ => directory_or_file(word),
    },
    after_dashes: AfterDashes::Same,
};

pub(super) const NODE: Options = Options {
    filters: &["--test-name-pattern", "--test-skip-pattern"],
    filter_flags: &["--test-only"],
    paths: NONE,
    path_flags: NONE,
    valued: &[
        "-r",
        "--require",
        "--import",
        "--loader",
        "--experimental-loader",
        "--test-timeout",
        "--env-file",
    ],
    not_a_run: &["--watch", "--help"],
    positional: directory_or_file,
    after_dashes: AfterDashes::Same,
};

pub(super) const GO: Options = Options {
    filters: &["-run", "--run", "-skip"],
    filter_flags: NONE,
    paths: NONE,
    path_flags: NONE,
    valued: &[
        "-timeout",
        "-count",
        "-bench",
        "-tags",
        "-p",
        "-parallel",
        "-coverprofile",
        "-covermode",
        "-coverpkg",
        "-C",
        "-cpu",
        "-o",
        "-mod",
        "-ldflags",
    ],
    not_a_run: &["-c", "-list", "-h"],
    positional: |word| if matches!(word, "./..." | "...") { Positional::Nothing } else { Positional::Paths },
    after_dashes: AfterDashes::Same,
};

pub(super) const RSPEC: Options = Options {
    filters: &["-e", "--example", "-E", "--example-matches", "-t", "--tag"],
    filter_flags: &["--only-failures", "-n", "--next-failure"],
    paths: &["-P", "--pattern"],
    path_flags: NONE,
    valued: &["-f", "--format", "-o", "--out", "-r", "--require", "--order", "--seed", "-I"],
    not_a_run: &["--init", "--help", "-h", "--version", "-v", "--dry-run"],
    positional: |word| match word.rsplit_once(':') {
        Some((_, line)) if line.chars().all(|c| c.is_ascii_digit()) => Positional::Filtered,
        _ => directory_or_file(word),
    },
    after_dashes: AfterDashes::Same,
};

pub(super) const PHPUNIT: Options = Options {
    filters: &["--filter", "--group", "--exclude-group"],
    filter_flags: NONE,
    paths: &["--testsuite"],
    path_flags: NONE,
    valued: &[
        "-c",
        "--configuration",
        "--bootstrap",
        "-d",
        "--log-junit",
        "--coverage-html",
        "--coverage-clover",
    ],
    not_a_run: &["--list-tests", "--list-suites", "--version", "--help", "-h"],
    positional: directory_or_file,
    after_dashes: AfterDashes::Same,
};

pub(super) const MAVEN: Options = Options {
    filters: &["-Dtest", "-Dit.test", "-Dgroups"],
    filter_flags: NONE,
    paths: &["-pl", "--projects", "-f", "--file"],
    path_flags: NONE,
    valued: &["-s", "--settings", "-P", "--activate-profiles", "-T", "--threads", "-l", "--log-file"],
    not_a_run: &["--help", "-h", "--version"],
    positional: |_| Positional::Nothing,
    after_dashes: AfterDashes::Same,
};

pub(super) const CTEST: Options = Options {
    filters: &[
        "-R",
        "--tests-regex",
        "-L",
        "--label-regex",
        "-E",
        "--exclude-regex",
        "-LE",
        "-I",
        "--tests-information",
    ],
    filter_flags: &["--rerun-failed"],
    paths: NONE,
    path_flags: NONE,
    valued: &[
        "--test-dir",
        "-C",
        "--build-config",
        "-j",
        "--parallel",
        "--timeout",
        "--preset",
        "-S",
        "-D",
        "-O",
    ],
    not_a_run: &["-N", "--show-only", "--version", "--help", "-h"],
    positional: |_| Positional::Nothing,
    after_dashes: AfterDashes::Same,
};

/// Options of package managers, in front of the script's name.
pub(super) const PACKAGE_MANAGER: Options = Options {
    filters: NONE,
    filter_flags: NONE,
    paths: &["--filter", "-F", "-w", "--workspace", "--prefix", "--cwd", "-C", "--dir", "--scope"],
    path_flags: NONE,
    valued: &["--loglevel", "--reporter"],
    not_a_run: &["--help", "-h", "--version"],
    positional: |_| Positional::Nothing,
    after_dashes: AfterDashes::Same,
};

/// The usual home of all tests chooses nothing; any other path does.
fn directory_or_file(word: &str) -> Positional {
    match word.trim_start_matches("./").trim_end_matches('/') {
        "" | "." | "tests" | "test" | "spec" | "__tests__" => Positional::Nothing,
        _ => Positional::Paths,
    }
}

impl Options {
    /// What `arguments` choose; `None` where they run nothing.
    pub(super) fn choose(&self, runner: Option<Runner>, arguments: &[String]) -> Option<Choice> {
        let mut choice = Choice { runner, scope: Scope::Full, selection: Vec::new() };
        self.read(arguments, &mut choice).then_some(choice)
    }

    /// Adds what `arguments` choose to `choice`; false where they run nothing.
    fn read(&self, arguments: &[String], choice: &mut Choice) -> bool {
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            if word == "--" && self.after_dashes == AfterDashes::Libtest {
                return LIBTEST.read(rest.as_slice(), choice);
            }
            if !word.starts_with('-') || word == "-" {
                match (self.positional)(word) {
                    Positional::Nothing => {}
                    Positional::Paths => choice.add(Scope::Paths, word, None),
                    Positional::Filtered => choice.add(Scope::Filtered, word, None),
                    Positional::NotARun => return false,
                }
                continue;
            }
            let (name, inline) = self.option(word);
            if self.not_a_run.contains(&name) {
                return false;
            }
            let follows = rest.as_slice().first().is_some_and(|next| !next.starts_with('-'));
            let value = match inline {
                None if follows && self.takes_value(name) => rest.next().map(String::as_str),
                _ => inline,
            };
            if let Some(scope) = self.scope_of(name) {
                choice.add(scope, name, value);
            }
        }
        true
    }

    /// The option's name and the value that is written with it: `--name=value`, `-kvalue`.
    fn option<'a>(&self, word: &'a str) -> (&'a str, Option<&'a str>) {
        if let Some((name, value)) = word.split_once('=') {
            return (name, Some(value));
        }
        let short = word.char_indices().nth(2).map(|(at, _)| word.split_at(at));
        match short {
            Some((name, value))
                if !name.starts_with("--") && !self.is_known(word) && self.takes_value(name) =>
            {
                (name, Some(value))
            }
            _ => (word, None),
        }
    }

    fn is_known(&self, name: &str) -> bool {
        self.takes_value(name)
            || [self.filter_flags, self.path_flags, self.not_a_run].concat().contains(&name)
    }

    fn takes_value(&self, name: &str) -> bool {
        [self.filters, self.paths, self.valued].iter().any(|names| names.contains(&name))
    }

    fn scope_of(&self, name: &str) -> Option<Scope> {
        if self.filters.contains(&name) || self.filter_flags.contains(&name) {
            Some(Scope::Filtered)
        } else {
            (self.paths.contains(&name) || self.path_flags.contains(&name)).then_some(Scope::Paths)
        }
    }

    /// The first word that is neither an option nor one's value, and what follows it.
    pub(super) fn first_positional<'a>(&self, arguments: &'a [String]) -> Option<(&'a String, &'a [String])> {
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            if !word.starts_with('-') {
                return Some((word, rest.as_slice()));
            }
            if !word.contains('=') && self.takes_value(word) {
                rest.next();
            }
        }
        None
    }
}

impl Choice {
    /// Narrows the choice by one option or argument.
    fn add(&mut self, scope: Scope, name: &str, value: Option<&str>) {
        self.scope = self.scope.max(scope);
        self.selection.push(name.trim_start_matches("./").trim_end_matches('/').to_owned());
        self.selection.extend(value.map(str::to_owned));
    }
}
