//! `gloss replay`: how the progress of a run would have looked while it went on, as JSON Lines.
//!
//! Each row is made from the lines before it alone, at the time of the last of them.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::log_input;
use crate::analysis::{
    Analysis, Basis, Beside, CacheOutcome, Context, Detail, Limits, LogSourceKind, Prior, Timestamp,
};

const EXAMPLES: &str = "\
Examples:
  gloss replay logs/run_run_08ac1de6fa8d.log
  gloss replay --prior prior.toml run.log
  gloss replay --every 25 run.log | jq -c '[.line, .completion_percentage]'";

/// Replay one run log and print its progress after every few lines
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The log; `-` reads standard input
    #[arg(value_name = "FILE")]
    log: PathBuf,
    /// Print a row after every N lines, and one at the end
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// What runs are like, as `gloss fit` wrote it; by default what gloss ships
    #[arg(long, value_name = "FILE")]
    prior: Option<PathBuf>,
}

/// A row.
#[derive(Debug, Serialize)]
struct Row {
    line: u64,
    offset_bytes: u64,
    at: Option<Timestamp>,
    elapsed_seconds: Option<f64>,
    completion_percentage: f64,
    basis: Basis,
    estimated_completion: Option<Timestamp>,
    earliest_completion: Option<Timestamp>,
    latest_completion: Option<Timestamp>,
    current_phase: String,
    current_step: u64,
    total_steps: u64,
}

/// Reads the log, and prints the rows to standard output.
///
/// # Errors
///
/// When the log cannot be read or the output not be written. A log of garbage is no error.
pub(super) fn run(args: &Args) -> Result<()> {
    let mut input = log_input::open(&args.log)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut replay = Replay::new(prior(args.prior.as_deref())?);
    log_input::for_each_line(&args.log, &mut *input, |line| {
        replay.read(line);
        if replay.line.is_multiple_of(args.every) {
            replay.print(&mut out)?;
        }
        Ok(true)
    })?;
    // The end has a row, too, even that of a log without a line.
    if replay.line == 0 || !replay.line.is_multiple_of(args.every) {
        replay.print(&mut out)?;
    }
    out.flush()?;
    Ok(())
}

#[derive(Debug)]
struct Replay {
    analysis: Analysis,
    line: u64,
    started_at: Option<DateTime<Utc>>,
}

#[expect(clippy::disallowed_methods, reason = "a command of the shell, not the pure core")]
fn prior(path: Option<&Path>) -> Result<Arc<Prior>> {
    let Some(path) = path else { return Ok(Prior::shipped()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let prior = Prior::parse(&text).with_context(|| format!("{} is no prior", path.display()))?;
    Ok(Arc::new(prior))
}

impl Replay {
    fn new(prior: Arc<Prior>) -> Self {
        Self { analysis: Analysis::with_prior(Limits::default(), prior), line: 0, started_at: None }
    }

    fn read(&mut self, line: &[u8]) {
        self.analysis.feed(line);
        self.line += 1;
        if self.started_at.is_none() {
            self.started_at = self.analysis.last_event_at();
        }
    }

    fn print(&self, out: &mut impl Write) -> Result<()> {
        serde_json::to_writer(&mut *out, &self.row())?;
        writeln!(out)?;
        Ok(())
    }

    fn row(&self) -> Row {
        let at = self.analysis.last_event_at();
        let (progress, steps) = self.analysis.progress(&context_at(at));
        let elapsed =
            at.zip(self.started_at).map(|(at, start)| (at - start).num_milliseconds() as f64 / 1000.0);
        Row {
            line: self.line,
            offset_bytes: self.analysis.offset(),
            at: at.map(Timestamp::to_millisecond),
            elapsed_seconds: elapsed,
            completion_percentage: progress.completion_percentage,
            basis: progress.basis,
            estimated_completion: progress.estimated_completion,
            earliest_completion: progress.earliest_completion,
            latest_completion: progress.latest_completion,
            current_phase: progress.current_phase,
            current_step: steps.current_step,
            total_steps: steps.total_steps,
        }
    }
}

fn context_at(at: Option<DateTime<Utc>>) -> Context {
    Context {
        now: at.unwrap_or(DateTime::UNIX_EPOCH),
        status: None,
        max_turns: None,
        detail: Detail::Full,
        compat_fields: false,
        source: LogSourceKind::File,
        cache: CacheOutcome::Miss,
        beside: Beside::default(),
    }
}
