//! What `man` shows and what shells complete: all commands that there are, from the one definition of them.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::sidecar::PROGRAM;

fn gloss(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().expect("gloss starts")
}

fn said(arguments: &[&str]) -> String {
    let output = gloss(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that `gloss --help` lists.
fn commands() -> Vec<String> {
    let help = said(&["--help"]);
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = lines.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let names: Vec<_> = listed.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    assert!(names.len() > 8 && names.contains(&"serve".to_owned()), "{help}");
    names.into_iter().filter(|name| name != "help").collect()
}

#[test]
fn examples_fit_a_terminal_and_texts_leave_their_lines_to_it() {
    // Wide enough that nothing is wrapped which is not broken by hand.
    let wide = |command: &str| {
        let output = Command::new(PROGRAM).args(["help", command]).env("COLUMNS", "1000").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for command in commands() {
        let help = wide(&command);
        let Some((_, closing)) = help.split_once("\nExample") else { continue };
        let (examples, texts) = closing.split_once("\n\n").unwrap_or((closing, ""));
        for line in examples.lines() {
            assert!(line.chars().count() < 78, "{command}: {line}");
        }
        for paragraph in texts.trim_end().split("\n\n") {
            assert_eq!(paragraph.lines().count().max(1), 1, "{command}: {paragraph}");
        }
    }
}

/// The long flags that the help of a command names.
fn flags(command: &str) -> Vec<String> {
    let help = said(&[command, "--help"]);
    let words = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let flags = words.flat_map(str::split_whitespace).filter(|word| word.starts_with("--"));
    flags.map(|flag| flag.trim_end_matches(',').to_owned()).collect()
}

/// The manual's pages by their names.
fn pages() -> BTreeMap<String, String> {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("share/man1");
    said(&["man", "--out", out.to_str().unwrap()]);
    let entries = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn every_command_has_a_page_with_all_of_its_flags() {
    let pages = pages();
    let expected: Vec<_> = commands().iter().map(|command| format!("gloss-{command}.1")).collect();
    let mut found: Vec<_> = pages.keys().cloned().collect();
    found.retain(|name| name != "gloss.1");
    found.sort();
    let mut sorted = expected;
    sorted.sort();
    assert_eq!(found, sorted);
    for command in commands() {
        let page = &pages[&format!("gloss-{command}.1")];
        assert!(page.contains(&format!("gloss\\-{command}")), "{page}");
        for flag in flags(&command) {
            assert!(page.contains(&flag.replace('-', "\\-")), "{flag} of {command}: {page}");
        }
    }
    let gloss = &pages["gloss.1"];
    assert!(gloss.contains(".SH \"EXIT STATUS\"") && gloss.contains("/etc/gloss/gloss.toml"), "{gloss}");
    assert_eq!(*gloss, said(&["man"]));
}

#[test]
fn pages_are_the_same_whenever_they_are_made() {
    assert_eq!(pages(), pages());
}

#[test]
fn shells_complete_every_command_and_flag() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said(&["completions", shell]);
        for command in commands() {
            assert!(script.contains(&command), "{command} for {shell}");
            for flag in flags(&command) {
                assert!(script.contains(flag.trim_start_matches('-')), "{flag} of {command} for {shell}");
            }
        }
    }
}

#[test]
fn a_shell_that_is_not_known_is_wrong_usage() {
    let output = gloss(&["completions", "cmd.exe"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bash"));
}
