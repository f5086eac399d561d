//! The line: ridge regression of the log odds, with signs that time allows.
//!
//! Newton's steps on the cross entropy; in each the quadratic problem is solved coordinate by coordinate, which keeps
//! the weights of what time moves on their side of zero.

use super::{Sample, rounded};
use crate::analysis::progress::features::{COUNT, FEATURES, Trend};
use crate::analysis::progress::prior::{Line, logistic};

/// How much a weight costs, per mean cross entropy.
const RIDGE: f64 = 0.03;
const NEWTON_STEPS: usize = 8;
const SWEEPS: usize = 60;
/// What varies less than this says nothing.
const LEAST_SPREAD: f64 = 1e-3;

/// A column: the logarithm of a feature, or whether it is missing; brought to mean 0 and spread 1.
struct Column {
    place: usize,
    is_missing: bool,
    mean: f64,
    spread: f64,
    values: Vec<f64>,
}

/// Fits a line to the samples.
pub(super) fn fit(samples: &[Sample<'_>]) -> Line {
    let columns: Vec<Column> = (0..COUNT)
        .flat_map(|place| [false, true].map(|is_missing| Column::of(samples, place, is_missing)))
        .filter(|column| column.spread > LEAST_SPREAD)
        .collect();
    let mut start = 0.0;
    let mut weights = vec![0.0; columns.len()];
    for _ in 0..NEWTON_STEPS {
        newton_step(samples, &columns, &mut start, &mut weights);
    }
    line(&columns, start, &weights)
}

impl Column {
    fn of(samples: &[Sample<'_>], place: usize, is_missing: bool) -> Self {
        let raw = |sample: &Sample<'_>| {
            let value = sample.evidence.0[place];
            match (is_missing, value.is_nan()) {
                (true, missing) => f64::from(missing),
                (false, true) => 0.0,
                (false, false) => value.max(0.0).ln_1p(),
            }
        };
        let mut values: Vec<f64> = samples.iter().map(raw).collect();
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        for value in &mut values {
            *value = (*value - mean) / spread.max(LEAST_SPREAD);
        }
        Self { place, is_missing, mean, spread, values }
    }

    /// Keeps a weight on the side that time allows.
    fn bounded(&self, weight: f64) -> f64 {
        match FEATURES[self.place].trend {
            _ if self.is_missing => weight,
            Trend::Still => weight,
            Trend::Rising => weight.max(0.0),
            Trend::Falling => weight.min(0.0),
        }
    }
}

/// The cross entropy around the present weights: its slopes and how they change. Place 0 is the start's.
struct Slopes {
    first: Vec<f64>,
    /// Below and on the diagonal only.
    second: Vec<Vec<f64>>,
}

impl Slopes {
    fn of(samples: &[Sample<'_>], columns: &[Column], start: f64, weights: &[f64]) -> Self {
        let total: f64 = samples.iter().map(|sample| sample.weight).sum();
        let (mut errors, mut curves) = (Vec::new(), Vec::new());
        for (row, sample) in samples.iter().enumerate() {
            let terms = columns.iter().zip(weights).map(|(column, weight)| weight * column.values[row]);
            let share = logistic(start + terms.sum::<f64>());
            errors.push(sample.weight * (share - sample.truth) / total);
            curves.push(sample.weight * share * (1.0 - share) / total);
        }
        let ones = vec![1.0; samples.len()];
        let all: Vec<&[f64]> =
            std::iter::once(&ones[..]).chain(columns.iter().map(|column| &column.values[..])).collect();
        let second = (0..all.len()).map(|row| {
            let weighted: Vec<f64> =
                all[row].iter().zip(&curves).map(|(value, curve)| value * curve).collect();
            all[..=row].iter().map(|other| dot(&weighted, other)).collect()
        });
        Self { second: second.collect(), first: all.iter().map(|values| dot(&errors, values)).collect() }
    }

    /// The slope at `place` after the weights have `moved`.
    fn after(&self, place: usize, moved: &[f64]) -> f64 {
        let curves = (0..moved.len()).map(|other| moved[other] * self.curve(place, other));
        self.first[place] + curves.sum::<f64>()
    }

    fn curve(&self, row: usize, column: usize) -> f64 {
        self.second[row.max(column)][row.min(column)]
    }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn newton_step(samples: &[Sample<'_>], columns: &[Column], start: &mut f64, weights: &mut [f64]) {
    let slopes = Slopes::of(samples, columns, *start, weights);
    let mut moved = vec![0.0; columns.len() + 1];
    for _ in 0..SWEEPS {
        moved[0] -= slopes.after(0, &moved) / slopes.curve(0, 0);
        for (at, column) in columns.iter().enumerate() {
            let place = at + 1;
            let now = weights[at] + moved[place];
            let slope = slopes.after(place, &moved) + RIDGE * now;
            let next = column.bounded(now - slope / (slopes.curve(place, place) + RIDGE));
            moved[place] = next - weights[at];
        }
    }
    *start += moved[0];
    for (weight, moved) in weights.iter_mut().zip(&moved[1..]) {
        *weight += moved;
    }
}

/// From weights of columns to weights of features.
fn line(columns: &[Column], start: f64, weights: &[f64]) -> Line {
    let mut line = Line::flat(start);
    for (column, weight) in columns.iter().zip(weights) {
        let weight = weight / column.spread;
        line.start -= weight * column.mean;
        let kind = if column.is_missing { &mut line.missing } else { &mut line.weights };
        kind[column.place] = rounded(weight);
    }
    line.start = rounded(line.start);
    line
}
