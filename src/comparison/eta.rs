//! Predictions of a run's end, judged once it is known. Pure.
//!
//! Keeps [`RUNS`] runs at most, those that were heard of last, with [`A_RUN`] predictions each, spread over the run.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::histogram::Histogram;
use crate::run_id::RunId;

/// So many runs may wait for their end.
const RUNS: usize = 1000;
/// So many predictions of a run are kept. Past it every second one goes, and later ones have to be further apart.
const A_RUN: usize = 32;
/// How far apart predictions are at least, at first.
const FIRST_GAP: TimeDelta = TimeDelta::seconds(1);
/// How many bands of progress are told apart.
const BANDS: usize = 5;
/// The width of each, in percent.
const BAND_PERCENT: u32 = 20;

/// What was said of a run's end while it ran.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// When it was said.
    pub at: DateTime<Utc>,
    /// How far the run was said to be, 0–100.
    pub percent: f64,
    /// When it was expected to end.
    pub expected: DateTime<Utc>,
    /// Between which moments it was expected to end in four of five cases.
    pub interval: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// What an answer tells of a run's end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    /// It goes on, and this is expected.
    Predicted(Prediction),
    /// It goes on, and nothing is expected.
    Open,
    /// It came to its end at this time, by its log.
    Ended(DateTime<Utc>),
    /// It was stopped, or broke: which no prediction is about.
    CutOff,
}

/// Runs whose end is not known yet, and what came of those whose end is.
#[derive(Debug, Default)]
pub(super) struct Predictions {
    open: HashMap<RunId, Open>,
    turn: u64,
    judged: Judged,
}

#[derive(Debug)]
struct Open {
    predictions: Vec<Prediction>,
    gap: TimeDelta,
    heard_of: u64,
}

#[derive(Debug, Default)]
struct Judged {
    runs: u64,
    cut_off: u64,
    bands: [Band; BANDS],
}

#[derive(Debug, Default)]
struct Band {
    error_seconds: Histogram,
    error_share: Histogram,
    in_interval: u64,
    with_interval: u64,
}

/// How right predictions were, as operators are told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EtaReport {
    /// Runs whose end was seen, with at least one prediction before it.
    pub runs: u64,
    /// Runs that were stopped or broke, whose predictions were not judged.
    pub runs_cut_off: u64,
    /// Runs with predictions that have not ended yet.
    pub runs_open: usize,
    /// Predictions that were judged.
    pub predictions: u64,
    /// Those of them whose interval holds the run's end.
    pub in_interval: u64,
    /// Those of them that had an interval.
    pub with_interval: u64,
    /// The same by how far the run was said to be.
    pub by_progress: Vec<EtaBand>,
}

/// Predictions made within a band of progress.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EtaBand {
    /// From here on.
    pub from_percent: u32,
    /// Up to here; exclusive, but for 100.
    pub to_percent: u32,
    /// How many there are.
    pub predictions: u64,
    /// How far off they were, early or late: the middle one.
    pub median_error_seconds: Option<f64>,
    /// The same as a share of the time that was left: 0.5 is half of it.
    pub median_error_share: Option<f64>,
    /// Those whose interval holds the run's end.
    pub in_interval: u64,
    /// Those that had an interval.
    pub with_interval: u64,
}

impl Predictions {
    /// Takes what an answer tells of this run.
    pub(super) fn learn(&mut self, run: &RunId, course: Course) {
        match course {
            Course::Predicted(prediction) => self.keep(run, prediction),
            Course::Open => {}
            Course::Ended(end) => {
                if let Some(open) = self.open.remove(run) {
                    self.judged.judge(&open.predictions, end);
                }
            }
            Course::CutOff => {
                if self.open.remove(run).is_some() {
                    self.judged.cut_off += 1;
                }
            }
        }
    }

    fn keep(&mut self, run: &RunId, prediction: Prediction) {
        self.turn += 1;
        if self.open.len() == RUNS && !self.open.contains_key(run) {
            let oldest = self.open.iter().min_by_key(|(_, open)| open.heard_of).map(|(run, _)| run.clone());
            oldest.map(|run| self.open.remove(&run));
        }
        let open = self.open.entry(run.clone()).or_insert_with(|| Open {
            predictions: Vec::new(),
            gap: FIRST_GAP,
            heard_of: 0,
        });
        open.heard_of = self.turn;
        open.keep(prediction);
    }

    /// What came of them so far.
    pub(super) fn report(&self) -> EtaReport {
        let bands = &self.judged.bands;
        let sum = |count: fn(&Band) -> u64| bands.iter().map(count).sum();
        EtaReport {
            runs: self.judged.runs,
            runs_cut_off: self.judged.cut_off,
            runs_open: self.open.len(),
            predictions: sum(|band| band.error_seconds.count()),
            in_interval: sum(|band| band.in_interval),
            with_interval: sum(|band| band.with_interval),
            by_progress: (0..)
                .step_by(BAND_PERCENT as usize)
                .zip(bands)
                .map(|(at, band)| band.report(at))
                .collect(),
        }
    }
}

impl Open {
    fn keep(&mut self, prediction: Prediction) {
        let is_near = |last: &Prediction| prediction.at.signed_duration_since(last.at) < self.gap;
        if self.predictions.last().is_some_and(is_near) {
            return;
        }
        if self.predictions.len() == A_RUN {
            let mut is_kept = false;
            self.predictions.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            // Runs last days at most, so that this stays far below what a span can hold.
            self.gap = self.gap.checked_mul(2).unwrap_or(self.gap);
        }
        self.predictions.push(prediction);
    }
}

impl Judged {
    fn judge(&mut self, predictions: &[Prediction], end: DateTime<Utc>) {
        // One that was made after the end, before it was seen, foretells nothing.
        let mut before_end = predictions.iter().filter(|prediction| prediction.at < end).peekable();
        self.runs += u64::from(before_end.peek().is_some());
        for prediction in before_end {
            if let Some(band) = self.bands.get_mut(band_of(prediction.percent)) {
                band.judge(prediction, end);
            }
        }
    }
}

fn band_of(percent: f64) -> usize {
    let ends = (1..BANDS).map(|band| band as f64 * f64::from(BAND_PERCENT));
    ends.take_while(|end| percent >= *end).count()
}

impl Band {
    fn judge(&mut self, prediction: &Prediction, end: DateTime<Utc>) {
        let error = seconds(end - prediction.expected).abs();
        self.error_seconds.record(error);
        self.error_share.record(error / seconds(end - prediction.at).max(1e-3));
        if let Some((earliest, latest)) = prediction.interval {
            self.with_interval += 1;
            self.in_interval += u64::from((earliest..=latest).contains(&end));
        }
    }

    fn report(&self, from_percent: u32) -> EtaBand {
        EtaBand {
            from_percent,
            to_percent: from_percent + BAND_PERCENT,
            predictions: self.error_seconds.count(),
            median_error_seconds: self.error_seconds.distribution().p50,
            median_error_share: self.error_share.distribution().p50,
            in_interval: self.in_interval,
            with_interval: self.with_interval,
        }
    }
}

fn seconds(span: TimeDelta) -> f64 {
    span.as_seconds_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000 + seconds, 0).unwrap()
    }

    fn run(id: &str) -> RunId {
        RunId::new(id).unwrap()
    }

    fn said(when: i64, percent: f64, expected: i64) -> Course {
        let interval = Some((at(expected - 10), at(expected + 10)));
        Course::Predicted(Prediction { at: at(when), percent, expected: at(expected), interval })
    }

    #[test]
    fn predictions_are_judged_by_the_end_that_the_log_tells_and_by_how_far_the_run_was() {
        let mut predictions = Predictions::default();
        predictions.learn(&run("a"), said(0, 10.0, 50));
        predictions.learn(&run("a"), said(60, 60.0, 105));
        predictions.learn(&run("a"), said(101, 99.0, 130));
        predictions.learn(&run("a"), Course::Ended(at(100)));
        predictions.learn(&run("a"), Course::Ended(at(200)));
        let report = predictions.report();
        assert_eq!((report.runs, report.predictions, report.runs_open), (1, 2, 0));
        assert_eq!((report.in_interval, report.with_interval), (1, 2));
        let [first, _, _, fourth, fifth] = report.by_progress.as_slice() else { panic!("{report:?}") };
        assert_eq!((first.from_percent, first.to_percent, first.predictions), (0, 20, 1));
        assert!((first.median_error_seconds.unwrap() / 50.0 - 1.0).abs() < 0.021, "{first:?}");
        assert!((first.median_error_share.unwrap() / 0.5 - 1.0).abs() < 0.021, "{first:?}");
        assert!((fourth.median_error_share.unwrap() / 0.125 - 1.0).abs() < 0.021, "{fourth:?}");
        assert_eq!((fifth.predictions, fifth.median_error_seconds), (0, None));
    }

    #[test]
    fn what_was_cut_off_says_nothing_about_predictions() {
        let mut predictions = Predictions::default();
        predictions.learn(&run("a"), said(0, 10.0, 50));
        predictions.learn(&run("a"), Course::Open);
        predictions.learn(&run("a"), Course::CutOff);
        predictions.learn(&run("b"), Course::CutOff);
        let report = predictions.report();
        assert_eq!((report.runs, report.runs_cut_off, report.predictions), (0, 1, 0));
    }

    #[test]
    fn a_long_run_keeps_few_predictions_from_all_along_it() {
        let mut predictions = Predictions::default();
        for second in 0..10_000 {
            predictions.learn(&run("a"), said(second, 50.0, 10_000));
            let kept = &predictions.open[&run("a")].predictions;
            assert!(kept.len() <= A_RUN);
        }
        let kept = &predictions.open[&run("a")].predictions;
        assert!(kept.len() >= A_RUN / 2 && kept[0].at == at(0), "{}", kept.len());
        let gaps = kept.windows(2).map(|pair| (pair[1].at - pair[0].at).num_seconds());
        assert!(gaps.max().unwrap() <= 10_000 / 16 + 1);
    }

    #[test]
    fn of_more_runs_than_fit_those_heard_of_last_are_kept() {
        let mut predictions = Predictions::default();
        for number in 0..RUNS {
            predictions.learn(&run(&format!("r{number}")), said(0, 1.0, 50));
        }
        predictions.learn(&run("r0"), said(5, 1.0, 50));
        predictions.learn(&run("new"), said(5, 1.0, 50));
        assert_eq!(predictions.open.len(), RUNS);
        assert!(predictions.open.contains_key(&run("r0")) && !predictions.open.contains_key(&run("r1")));
    }
}
