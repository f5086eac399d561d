//! `gloss replay`: how the progress of a run would have looked while it went on, as JSON Lines.
//!
//! Each row is made from the lines before it alone, at the time of the last of them.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::log_input;
use crate::analysis::{Analysis, Basis, CacheOutcome, Context, Detail, Limits, LogSourceKind, Timestamp};

const EXAMPLES: &str = "\
Examples:
  gloss replay logs/run_run_08ac1de6fa8d.log
  gloss replay --every 25 run.log | jq -c '[.line, .completion_percentage, .current_phase]'";

/// Replays one run log and prints its progress after every few lines
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The log; `-` reads standard input
    #[arg(value_name = "FILE")]
    log: PathBuf,
    /// Print a row after every N lines, and one at the end
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
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
    let mut replay = Replay::default();
    log_input::for_each_line(&args.log, &mut *input, |line| {
        replay.read(line);
        if replay.line % args.every == 0 {
            replay.print(&mut out)?;
        }
        Ok(true)
    })?;
    // The end has a row, too, even that of a log without a line.
    if replay.line == 0 || replay.line % args.every != 0 {
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

impl Default for Replay {
    fn default() -> Self {
        Self { analysis: Analysis::new(Limits::default()), line: 0, started_at: None }
    }
}

impl Replay {
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
    }
}
