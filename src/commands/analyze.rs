//! `gloss analyze`: the added fields of one log, offline, as one JSON object or as a table for people.

mod text;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::ValueEnum;

use super::log_input;
use crate::analysis::{Analysis, Beside, CacheOutcome, Context, Detail, Limits, LogSourceKind, RunStatus};

const EXAMPLES: &str = "\
Examples:
  gloss analyze logs/run_run_08ac1de6fa8d.log
  gloss analyze --format text logs/run_run_08ac1de6fa8d.log
  gloss analyze --lines 200 --now 2025-06-13T20:05:00Z run.log
  cat session.jsonl | gloss analyze -";

/// Analyse one run log offline and print what gloss would add to the status answer
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The log; `-` reads standard input
    #[arg(value_name = "FILE")]
    log: PathBuf,
    /// Read only the first N lines
    #[arg(long, value_name = "N")]
    lines: Option<u64>,
    /// The time to report for; by default that of the last event read, so that the same input gives the same output
    #[arg(long, value_name = "RFC3339")]
    now: Option<DateTime<Utc>>,
    /// The upstream's word for the run; inferred from the log unless given
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// The run's turn limit
    #[arg(long, value_name = "N")]
    max_turns: Option<u64>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

/// The statuses that can be assumed for a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    Running,
    Completed,
    Failed,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object
    Json,
    /// A table for people
    Text,
}

/// Reads the log, and prints its analysis to standard output.
///
/// # Errors
///
/// When the log cannot be read or the output not be written. A log of garbage is no error.
pub(super) fn run(args: &Args) -> Result<()> {
    let analysis = read(args)?;
    let context = args.context(&analysis);
    let additions = analysis.report(&context);
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Json => {
            serde_json::to_writer(&mut out, &additions)?;
            writeln!(out)?;
        }
        Format::Text => {
            let (progress, steps) = analysis.progress(&context);
            out.write_all(
                text::render(&additions, &progress, &steps.steps, analysis.first_event_at()).as_bytes(),
            )?;
        }
    }
    Ok(())
}

fn read(args: &Args) -> Result<Analysis> {
    let mut input = log_input::open(&args.log)?;
    let mut analysis = Analysis::new(Limits::default());
    let Some(mut left) = args.lines else {
        log_input::for_each_piece(&args.log, &mut *input, |piece| analysis.feed(piece))?;
        return Ok(analysis);
    };
    if left > 0 {
        log_input::for_each_line(&args.log, &mut *input, |line| {
            analysis.feed(line);
            left -= 1;
            Ok(left > 0)
        })?;
    }
    Ok(analysis)
}

impl Args {
    fn context(&self, analysis: &Analysis) -> Context {
        Context {
            now: self.now.or(analysis.last_event_at()).unwrap_or(DateTime::UNIX_EPOCH),
            status: self.status.map(Status::as_told),
            max_turns: self.max_turns,
            detail: Detail::Full,
            compat_fields: false,
            source: LogSourceKind::File,
            cache: CacheOutcome::Miss,
            beside: Beside::default(),
        }
    }
}

impl Status {
    fn as_told(self) -> RunStatus {
        match self {
            Self::Running => RunStatus::Running,
            Self::Completed => RunStatus::Completed,
            Self::Failed => RunStatus::Failed,
        }
    }
}
