//! `gloss fit`: makes a prior of an installation's own finished runs.
//!
//! Reads the logs of a folder one after the other; one that cannot be read is an error, one that tells nothing is passed
//! over. The same logs give the same file.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::log_input;
use crate::analysis::fit::{Course, Watch, fit};

const EXAMPLES: &str = "\
Examples:
  gloss fit /srv/api/logs --out prior.toml
  gloss fit --last 500 /srv/api/logs > prior.toml

The folder holds logs of runs that have ended, *.log or *.jsonl. How good the prior was \
on runs that it had not seen is said on stderr and in the file.";

/// Fit what gloss knows of the length of runs to the finished runs of a folder
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder with the logs
    #[arg(value_name = "DIR")]
    logs: PathBuf,
    /// Write the prior here; standard output by default
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Learn from the N runs that began last
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(20..))]
    last: u64,
}

/// Reads the logs, and writes the prior.
///
/// # Errors
///
/// When the folder or a log cannot be read, the logs tell of too few runs, or the prior cannot be written.
pub(super) fn run(args: &Args) -> Result<()> {
    let logs = logs_in(&args.logs)?;
    let mut courses = Vec::new();
    for log in &logs {
        courses.extend(watch(log)?);
    }
    let told = courses.len();
    let prior = fit(newest(courses, args.last))?;
    let quality = prior.cross_validated();
    let mut stderr = std::io::stderr().lock();
    writeln!(
        stderr,
        "{} logs, {told} told of a run of a minute or more, {} were learnt from; on runs that it had not seen: \
         {} % within 20 points, mean error {}, with a list {} %, interval held the end {} %",
        logs.len(),
        prior.runs(),
        quality.within_20,
        quality.mean_error,
        quality.within_20_listed,
        quality.interval_holds,
    )?;
    write(args.out.as_deref(), &prior.to_toml())
}

fn newest(mut courses: Vec<Course>, last: u64) -> Vec<Course> {
    courses.sort_by_key(Course::order);
    let more = courses.len().saturating_sub(usize::try_from(last).unwrap_or(usize::MAX));
    courses.split_off(more)
}

/// The logs in the folder, by name.
fn logs_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("cannot read {}", folder.display());
    let mut logs = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        let is_log = path.extension().is_some_and(|ending| ending == "log" || ending == "jsonl");
        if is_log && path.is_file() {
            logs.push(path);
        }
    }
    logs.sort();
    Ok(logs)
}

fn watch(log: &Path) -> Result<Option<Course>> {
    let mut input = log_input::open(log)?;
    let mut watch = Watch::default();
    log_input::for_each_line(log, &mut *input, |line| {
        watch.line(line);
        Ok(true)
    })?;
    Ok(watch.course())
}

#[expect(clippy::disallowed_methods, reason = "a command of the shell, not the pure core")]
fn write(out: Option<&Path>, prior: &str) -> Result<()> {
    match out {
        Some(path) => std::fs::write(path, prior).with_context(|| format!("cannot write {}", path.display())),
        None => Ok(std::io::stdout().lock().write_all(prior.as_bytes())?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_found_by_their_ending_and_read_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.log", "a.jsonl", "notes.txt"] {
            let path = folder.path().join(name);
            write(Some(&path), "{}\n").expect("a file");
        }
        std::fs::create_dir(folder.path().join("c.log")).expect("a folder");
        let names: Vec<_> = logs_in(folder.path()).expect("a list");
        assert_eq!(names, [folder.path().join("a.jsonl"), folder.path().join("b.log")]);
    }

    #[test]
    fn too_few_runs_and_a_folder_that_is_not_there_are_one_readable_line_each() {
        let folder = tempfile::tempdir().expect("a folder");
        let args = |logs: PathBuf| Args { logs, out: None, last: 2000 };
        let few = run(&args(folder.path().to_owned())).expect_err("nothing to learn from");
        assert!(format!("{few:#}").contains("too few"), "{few:#}");
        let gone = folder.path().join("gone");
        let error = run(&args(gone.clone())).expect_err("no folder");
        assert!(format!("{error:#}").starts_with(&format!("cannot read {}", gone.display())));
    }
}
