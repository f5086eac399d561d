//! Plays recorded runs into real log files, at once or in time.
//!
//! A line is one write, as in the real service. A replay whose log cannot be written ends with that error; the others
//! go on.

use std::fs::{File, OpenOptions, rename};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::Clock;
use super::entry::Entry;
use super::run::Run;
use super::script::{Cue, Stage};

/// How long the endless run stays ended before it starts anew, at normal speed.
const PAUSE_BEFORE_RESTART: Duration = Duration::from_secs(20);

/// How many times faster than recorded the runs are played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Speed(f64);

impl Speed {
    /// `None` unless `factor` is finite and above zero.
    pub(super) fn new(factor: f64) -> Option<Self> {
        (factor.is_finite() && factor > 0.0).then_some(Self(factor))
    }

    fn scaled(self, recorded: Duration) -> Duration {
        Duration::try_from_secs_f64(recorded.as_secs_f64() / self.0).unwrap_or(Duration::MAX)
    }
}

/// Writes the whole log of `run`, as if it had ended at `ended_at`.
pub(super) fn write_whole(run: &Run, ended_at: DateTime<Utc>) -> io::Result<()> {
    let began_at = ended_at - signed(run.sample.length());
    let mut log = None;
    for cue in run.sample.timeline(&run.identity) {
        let at = began_at + signed(cue.at);
        write_cue(run, &mut log, &cue, at)?;
    }
    Ok(())
}

/// Plays `run` once, in time.
pub(super) async fn play(run: &Run, clock: Clock, speed: Speed) -> io::Result<()> {
    let (began_at, began) = (clock.now(), clock.instant());
    let mut log = None;
    for cue in run.sample.timeline(&run.identity) {
        let since = speed.scaled(cue.at);
        if let Some(due) = began.checked_add(since) {
            tokio::time::sleep_until(due).await;
        }
        // A line goes into the page cache at once: not worth the way to a blocking thread.
        write_cue(run, &mut log, &cue, began_at + signed(since))?;
    }
    Ok(())
}

/// Plays `run` again and again, under the same id, its log replaced each time; ends only with an error.
pub(super) async fn repeat(run: &Run, clock: Clock, speed: Speed) -> io::Result<()> {
    loop {
        play(run, clock, speed).await?;
        tokio::time::sleep(speed.scaled(PAUSE_BEFORE_RESTART)).await;
    }
}

fn write_cue(run: &Run, log: &mut Option<File>, cue: &Cue, at: DateTime<Utc>) -> io::Result<()> {
    if cue.stage == Stage::Begun {
        run.reach(&cue.stage, at);
        *log = Some(replace(&run.log, &lines(run, &cue.entries, at))?);
        return Ok(());
    }
    if let Some(file) = log {
        for line in lines(run, &cue.entries, at) {
            file.write_all(line.as_bytes())?;
        }
    }
    run.reach(&cue.stage, at);
    Ok(())
}

/// Puts a new log in the place of an old one. By renaming, since a log that is merely truncated could grow beyond a
/// reader's old offset before that reader looks again; the new file is another one for as long as the old is open.
fn replace(path: &Path, lines: &[String]) -> io::Result<File> {
    let fresh = path.with_extension("log.new");
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().create_new(true).append(true).open(&fresh)?;
    for line in lines {
        file.write_all(line.as_bytes())?;
    }
    rename(&fresh, path)?;
    Ok(file)
}

fn lines(run: &Run, entries: &[Entry], at: DateTime<Utc>) -> Vec<String> {
    entries.iter().map(|entry| entry.line(&run.identity.run_id, at)).collect()
}

fn signed(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
