//! The prior: what runs are like as a rule, as numbers in a file.
//!
//! A logistic model: a line over the features' logarithms, and small trees for what a line cannot say. `gloss fit`
//! makes the file; the one in `config/` is part of the program. A file under which time alone could take a run back is
//! refused, so that whatever the prior, progress never falls.

mod file;

use std::sync::{Arc, LazyLock};

use super::features::{COUNT, Evidence};
use super::grove::Grove;
use super::interval::Interval;

pub use file::PriorError;

/// What a run's signs say of how far it is: a model with its numbers.
///
/// Some tens of kilobytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    pub(super) about: About,
    pub(super) line: Line,
    pub(super) trees: Grove,
    pub(super) interval: Interval,
    /// Where the log has no times: a run is half done after so many calls.
    pub(super) half_calls: f64,
}

/// Where the numbers come from and how good they are.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct About {
    /// The days of the first and of the last run, as RFC 3339 dates.
    pub(super) first_run: String,
    pub(super) last_run: String,
    pub(super) runs: usize,
    pub(super) cross_validated: Quality,
}

/// How good a model is on runs that it was not fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quality {
    /// How many moments of runs were looked at.
    pub points: usize,
    /// Mean distance between the stated and the true share, in points of 100.
    pub mean_error: f64,
    /// Percent of the moments at which that distance was at most 20.
    pub within_20: f64,
    /// The same where the run had a list of its own.
    pub within_20_listed: f64,
    /// Percent of the moments at which the interval held the end.
    pub interval_holds: f64,
}

/// A line over the logarithms of the features, in log odds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) start: f64,
    /// Of the logarithm of one more than the feature.
    pub(super) weights: [f64; COUNT],
    /// Added where the run has no such thing.
    pub(super) missing: [f64; COUNT],
}

impl Line {
    /// A line that says the same of every run.
    pub(super) fn flat(start: f64) -> Self {
        Self { start, weights: [0.0; COUNT], missing: [0.0; COUNT] }
    }

    /// The log odds.
    pub(super) fn log_odds(&self, evidence: &Evidence) -> f64 {
        self.sum(evidence, |_, value| value.max(0.0).ln_1p())
    }

    fn sum(&self, evidence: &Evidence, mut logarithm: impl FnMut(usize, f64) -> f64) -> f64 {
        let terms = evidence.0.iter().zip(self.weights).zip(self.missing).enumerate();
        let terms = terms.map(|(place, ((value, weight), missing))| {
            if value.is_nan() {
                missing
            } else if weight == 0.0 {
                0.0
            } else {
                weight * logarithm(place, *value)
            }
        });
        self.start + terms.sum::<f64>()
    }
}

/// The last evidence and its logarithms: of a run's next line, most features are what they were. About a kilobyte.
#[derive(Debug, Clone, Default)]
pub(in crate::analysis) struct Latest {
    pub(super) evidence: Option<Evidence>,
    logarithms: Logarithms,
}

#[derive(Debug, Clone)]
struct Logarithms([(f64, f64); COUNT]);

impl Default for Logarithms {
    fn default() -> Self {
        Self([(0.0, 0.0); COUNT])
    }
}

impl Logarithms {
    fn of(&mut self, place: usize, value: f64) -> f64 {
        let (known, logarithm) = &mut self.0[place];
        if known.to_bits() != value.to_bits() {
            (*known, *logarithm) = (value, value.max(0.0).ln_1p());
        }
        *logarithm
    }
}

impl Default for Prior {
    /// Knows nothing: half of any run is done.
    fn default() -> Self {
        Self {
            about: About::default(),
            line: Line::flat(0.0),
            trees: Grove::default(),
            interval: Interval::default(),
            half_calls: 30.0,
        }
    }
}

/// Parsed once; the file is part of the program, so a broken one cannot be met at run time.
static SHIPPED: LazyLock<Arc<Prior>> = LazyLock::new(|| {
    Arc::new(
        Prior::parse(include_str!("../../../config/prior.toml"))
            .expect("the embedded prior parses, as its test shows"),
    )
});

impl Prior {
    /// The prior that gloss ships.
    pub fn shipped() -> Arc<Self> {
        Arc::clone(&SHIPPED)
    }

    /// The share that is done, 0–1.
    pub(super) fn share(&self, evidence: &Evidence) -> f64 {
        logistic(self.log_odds(evidence))
    }

    /// The same, with what is left of the last time.
    pub(super) fn share_again(&self, evidence: &Evidence, latest: &mut Latest) -> f64 {
        latest.evidence = Some(*evidence);
        let line = self.line.sum(evidence, |place, value| latest.logarithms.of(place, value));
        logistic(line + self.trees.answer(evidence))
    }

    /// The same as log odds, in which evidence adds up.
    pub(super) fn log_odds(&self, evidence: &Evidence) -> f64 {
        self.line.log_odds(evidence) + self.trees.answer(evidence)
    }

    /// How good the numbers were on runs that they were not fitted on.
    pub fn cross_validated(&self) -> Quality {
        self.about.cross_validated
    }

    /// How many runs the numbers were fitted on.
    pub fn runs(&self) -> usize {
        self.about.runs
    }
}

/// Log odds to a share.
pub(super) fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}
