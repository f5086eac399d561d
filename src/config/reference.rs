//! config/REFERENCE.md, made from the keys, their defaults and what config/gloss.toml says of them. A test, so that it
//! cannot be out of date; nothing of it is in the program.

#![expect(clippy::disallowed_methods, reason = "the shipped files are read")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use figment::value::Value;

use super::change::is_fixed;
use super::layers::{FLAG_VARIABLES, flatten, variable_of_key};
use super::raw::Raw;
use super::shown::as_toml;

const HEAD: &str = "\
# Configuration

<!-- Made from src/config and config/gloss.toml, by the tests: change those, not this. -->

Every key of gloss: what it does, its default, the variable that stands for it, and whether a change of it needs a restart. The same
as one file, with the defaults: [gloss.toml](gloss.toml). Only `upstream.url` has no default.

- Flags beat `GLOSS_*` variables beat the file beat the defaults. `gloss check --config FILE` validates all of it, and prints every
  key with its value and where that came from. What makes no sense is refused, with key, value, reason and hint, and exit code 78.
- Durations are written as `100ms`, `5s`, `2m` or `1h`, sizes as `64KiB`, `16MiB` or `1GB`. In a variable, items of a list have
  commas between them; lists of tables can be written in a file only.
- The file is read again when it changes, and on SIGHUP. A refused file changes nothing, and gloss logs why.
- `GLOSS_CONFIG` names the file. Variables that begin with `GLOSS_` and are not gloss's are a warning: Kubernetes injects
  some beside a Service of that name.
";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// What the shipped file says above each table (`[upstream]`) and each key (`upstream.url`).
fn comments(file: &str) -> BTreeMap<String, Vec<&str>> {
    let (mut comments, mut table, mut above) = (BTreeMap::new(), String::new(), Vec::new());
    for line in file.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            above.push(comment.strip_prefix(' ').unwrap_or(comment));
        } else if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut table);
            comments.insert(format!("[{table}]"), std::mem::take(&mut above));
        } else if let Some((name, _)) = line.split_once(" = ").filter(|(name, _)| !name.starts_with(' ')) {
            let key = if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") };
            comments.insert(key, std::mem::take(&mut above));
        } else if line.is_empty() {
            above.clear();
        }
    }
    comments
}

/// The tables in the order of the shipped file, each with its keys in their order there.
fn tables<'k>(file: &str, keys: impl Iterator<Item = &'k String>) -> Vec<(String, Vec<&'k String>)> {
    let mut tables: Vec<(String, Vec<&String>)> = Vec::new();
    let mut keys: Vec<_> = keys.collect();
    let shipped: toml::Table = toml::from_str(file).unwrap();
    assert!(shipped.contains_key("listen"));
    let place = |key: &String| {
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        let begin = if table.is_empty() { Some(0) } else { file.find(&format!("\n[{table}]\n")) };
        let begin = begin.unwrap_or_else(|| panic!("the table of {key} is not in the shipped file"));
        begin
            + file[begin..]
                .find(&format!("\n{name} = "))
                .unwrap_or_else(|| panic!("{key} is not in the shipped file"))
    };
    keys.sort_by_key(|key| place(key));
    for key in keys {
        let table = key.rsplit_once('.').map_or("", |(table, _)| table);
        match tables.last_mut().filter(|(known, _)| known == table) {
            Some((_, keys)) => keys.push(key),
            None => tables.push((table.to_owned(), vec![key])),
        }
    }
    tables
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(..) => "true or false",
        Value::Num(_, number) if number.to_f64().is_some() => "number",
        Value::Num(..) => "whole number",
        Value::Array(..) => "list",
        _ => "text",
    }
}

/// Prose as it is; what is laid out by hand, indented, in a block of code.
fn told(text: &mut String, lines: &[&str]) {
    let mut in_block = false;
    for line in lines {
        let laid_out = line.starts_with("  ");
        if laid_out != in_block {
            text.push_str(if laid_out { "\n```text\n" } else { "```\n\n" });
            in_block = laid_out;
        }
        let _ = writeln!(text, "{line}");
    }
    text.push_str(if in_block { "```\n" } else { "" });
}

fn reference() -> String {
    let file = std::fs::read_to_string(path("gloss.toml")).unwrap();
    let (defaults, comments) = (flatten(&Raw::default()), comments(&file));
    let mut text = HEAD.to_owned();
    for (table, keys) in tables(&file, defaults.keys()) {
        let heading =
            if table.is_empty() { "Where clients connect".to_owned() } else { format!("`[{table}]`") };
        let _ = write!(text, "\n## {heading}\n");
        let about = comments.get(&format!("[{table}]")).map(Vec::as_slice).unwrap_or_default();
        if !about.is_empty() {
            text.push('\n');
            told(&mut text, about);
        }
        for key in keys {
            let _ = write!(text, "\n### `{key}`\n\n");
            told(&mut text, &comments[key]);
            let default = as_toml(&defaults[key]);
            let flags =
                FLAG_VARIABLES.iter().filter(|(_, known)| known == key).map(|(variable, _)| *variable);
            let own = variable_of_key(key);
            let variables: Vec<_> =
                flags.filter(|variable| *variable != own).map(str::to_owned).chain([own.clone()]).collect();
            let restart = if is_fixed(key) { "; a change needs a restart" } else { "" };
            let _ = write!(
                text,
                "\nDefault: `{default}` ({}); variable: `{}`{restart}.\n",
                kind(&defaults[key]),
                variables.join("` or `")
            );
        }
    }
    text
}

#[test]
fn the_reference_is_what_the_keys_and_the_shipped_file_say() {
    let made = reference();
    if std::fs::read_to_string(path("REFERENCE.md")).ok().as_deref() != Some(&made) {
        let there = std::env::temp_dir().join("REFERENCE.md");
        std::fs::write(&there, &made).unwrap();
        panic!(
            "config/REFERENCE.md is not what is made now: if that is as it should be, cp {} config/",
            there.display()
        );
    }
}

#[test]
fn every_key_has_its_section_with_words_of_its_own() {
    let made = reference();
    let keys = flatten(&Raw::default());
    for key in keys.keys() {
        let section =
            made.split(&format!("\n### `{key}`\n\n")).nth(1).unwrap_or_else(|| panic!("{key} is missing"));
        let words = section.split("\nDefault: ").next().unwrap();
        assert!(words.len() > 12, "config/gloss.toml says nothing of {key}: {words:?}");
    }
    assert_eq!(made.matches("\n### ").count(), keys.len());
}
