//! A log of any bytes: no panic, any cutting gives the same report, progress stays in its range, memory in its bound.

use chrono::{DateTime, TimeDelta, Utc};
use gloss::analysis::{
    Additions, Analysis, Beside, CacheOutcome, Context, Detail, Limits, LogSourceKind, RunStatus,
};

const LIMITS: Limits = Limits { max_line_bytes: 64 * 1024 };

/// The first byte says how the rest, the log, is cut.
///
/// # Panics
/// Where something does not hold.
pub fn check(bytes: &[u8]) {
    let Some((cut, log)) = bytes.split_first() else { return };
    let mut whole = Analysis::new(LIMITS);
    whole.feed(log);
    let cut_up = fed_in_pieces(log, usize::from(*cut) + 1);
    assert_eq!(said(&whole), said(&cut_up), "cut into pieces of {} bytes", usize::from(*cut) + 1);
    assert_eq!(whole.offset(), log.len() as u64);
    // A raw line whose parsed twin was damaged into another event tells two stories, one before and one after.
    if !log.windows(3).any(|part| part == b"raw") {
        check_progress(log);
    }
    let bound = 2 * LIMITS.max_line_bytes + 4 * log.len().min(LIMITS.max_line_bytes) + 24 * 1024 * 1024;
    assert!(whole.weight() <= bound, "{} bytes are more than the bound, {bound}", whole.weight());
}

/// Every piece goes to a copy of the state before it, as after a checkpoint.
fn fed_in_pieces(log: &[u8], length: usize) -> Analysis {
    let mut analysis = Analysis::new(LIMITS);
    // A copy a byte would take its time.
    let stop_every = 1 + log.len() / length / 16;
    for (place, piece) in log.chunks(length).enumerate() {
        if place % stop_every == 0 {
            let checkpoint = analysis.clone();
            drop(said(&std::mem::replace(&mut analysis, checkpoint)));
        }
        analysis.feed(piece);
    }
    analysis
}

/// Within 0–100, below 100 while running, never falling from line to line.
pub(crate) fn check_progress(log: &[u8]) {
    let mut analysis = Analysis::new(LIMITS);
    let mut before = 0.0;
    for line in log.split_inclusive(|byte| *byte == b'\n').take(60) {
        analysis.feed(line);
        let now = analysis.last_event_at().unwrap_or_default();
        let report = analysis.report(&context(now, Some(RunStatus::Running)));
        let progress = report.progress_summary.expect("a running run has progress");
        let percent = progress.completion_percentage;
        let line = String::from_utf8_lossy(line);
        assert!((0.0..100.0).contains(&percent) && percent >= before, "{percent} after {before} at {line}");
        let ends = [progress.earliest_completion, progress.estimated_completion, progress.latest_completion];
        assert!(ends.iter().flatten().all(|end| end.0 >= now), "an end in the past: {ends:?}, it is {now}");
        before = percent;
    }
}

/// Everything that is said of the log.
pub(crate) fn said(analysis: &Analysis) -> Vec<String> {
    let now = analysis.last_event_at().unwrap_or_default() + TimeDelta::seconds(7);
    let statuses = [None, Some(RunStatus::Running), Some(RunStatus::Completed), Some(RunStatus::Failed)];
    let said = statuses.map(|status| {
        let report = analysis.report(&context(now, status));
        check_shape(&report);
        serde_json::to_string(&report).expect("a report serialises")
    });
    said.into()
}

/// What holds of every report: ids count from 1, and no step ends before it began.
fn check_shape(report: &Additions) {
    let running = report.workflow_steps.iter().flat_map(|steps| &steps.steps);
    let ended = report.step_by_step_results.iter().flatten().map(|result| &result.step);
    for (step, id) in running.chain(ended).zip(1..) {
        assert_eq!(step.step_id, id);
        if let (Some(began), Some(ended)) = (step.started_at, step.completed_at) {
            assert!(began <= ended, "{} ended at {ended}, before it began at {began}", step.name);
        }
    }
}

pub(crate) fn context(now: DateTime<Utc>, status: Option<RunStatus>) -> Context {
    Context {
        now,
        status,
        max_turns: None,
        detail: Detail::Full,
        compat_fields: true,
        source: LogSourceKind::File,
        cache: CacheOutcome::Miss,
        beside: Beside::default(),
    }
}
