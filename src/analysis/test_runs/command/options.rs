//! The runners' options, as far as they choose tests.
//!
//! Not a full parser of any runner's command line: an option that is not named here is taken to stand alone and to
//! choose nothing.

mod tables;

use super::super::{Runner, Scope};
use super::Choice;
pub(super) use tables::*;

/// How to read one runner's arguments. Lists of options are words with blanks between.
#[derive(Debug)]
pub(super) struct Options {
    /// Options with a value that choose tests by name, tag or pattern.
    filters: &'static str,
    /// Options without a value that do.
    filter_flags: &'static str,
    /// Options with a value that choose files, packages or suites.
    paths: &'static str,
    /// Options without a value that do.
    path_flags: &'static str,
    /// Other options with a value.
    valued: &'static str,
    /// Options with which no test is run.
    not_a_run: &'static str,
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

/// The usual home of all tests chooses nothing; any other path does.
fn directory_or_file(word: &str) -> Positional {
    match word.trim_start_matches("./").trim_end_matches('/') {
        "" | "." | "tests" | "test" | "spec" | "__tests__" => Positional::Nothing,
        _ => Positional::Paths,
    }
}

/// Whether an option stands in a list.
fn has(list: &str, name: &str) -> bool {
    list.split_whitespace().any(|option| option == name)
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
            if has(self.not_a_run, name) {
                return false;
            }
            let follows = rest.as_slice().first().is_some_and(|next| !next.starts_with('-'));
            let value = match inline {
                None if follows && self.takes_value(name) => rest.next().map(String::as_str),
                _ => inline,
            };
            let is_home = value.is_some_and(|value| directory_or_file(value) == Positional::Nothing);
            if let Some(scope) = self.scope_of(name).filter(|scope| *scope != Scope::Paths || !is_home) {
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
            || [self.filter_flags, self.path_flags, self.not_a_run].iter().any(|list| has(list, name))
    }

    fn takes_value(&self, name: &str) -> bool {
        [self.filters, self.paths, self.valued].iter().any(|list| has(list, name))
    }

    fn scope_of(&self, name: &str) -> Option<Scope> {
        if has(self.filters, name) || has(self.filter_flags, name) {
            Some(Scope::Filtered)
        } else {
            (has(self.paths, name) || has(self.path_flags, name)).then_some(Scope::Paths)
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
