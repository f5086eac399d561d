//! A distribution in a bounded number of buckets, whose quantiles are off by a stated share at most. Pure.
//!
//! The scheme is that of `DDSketch` (Masson, Rim, Lee: "`DDSketch`: a fast and fully-mergeable quantile sketch with
//! relative-error guarantees", VLDB 2019): each bucket is by the same factor wider than the one before. Two of them
//! merge without loss, in any order.

use std::collections::BTreeMap;

use serde::Serialize;

/// A quantile is off by at most this share of the true one.
pub const RELATIVE_ERROR: f64 = 0.02;

/// Values up to here, in the unit that is measured, are not told apart and count as zero: a microsecond, for seconds.
pub const LEAST: f64 = 1e-6;

/// Greater values count as this: more than any time in seconds or size in bytes that gloss meets.
pub const MOST: f64 = 1e12;

/// By how much the end of a bucket is greater than its begin.
const FACTOR: f64 = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR);

/// The sum is kept in such parts of the unit, as a whole number, so that adding is exact whatever the order.
const PARTS: f64 = (1_u64 << 30) as f64;

/// Values that were counted. Holds 1,040 buckets at most.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Values up to [`LEAST`].
    least: u64,
    /// Values by the number of their bucket: number n ends at `LEAST * FACTOR^n`.
    buckets: BTreeMap<u16, u64>,
    sum: u128,
    max: f64,
}

/// What a histogram says, as operators are told: numbers with four digits.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Distribution {
    /// How many values there are.
    pub count: u64,
    /// Their mean; exact but for the digits.
    pub mean: Option<f64>,
    /// Half of them are not greater.
    pub p50: Option<f64>,
    /// Nine of ten are not greater.
    pub p90: Option<f64>,
    /// Ninety-nine of a hundred are not greater.
    pub p99: Option<f64>,
    /// The greatest; exact but for the digits.
    pub max: Option<f64>,
    /// The upper bound and the count of every bucket that is not empty, ascending.
    pub buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// Counts a value. What is no number is left out; less than nothing counts as nothing, and more than [`MOST`] as that.
    pub fn record(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        let value = value.clamp(0.0, MOST);
        let slot = match bucket(value) {
            Some(number) => self.buckets.entry(number).or_default(),
            None => &mut self.least,
        };
        *slot = slot.saturating_add(1);
        self.sum = self.sum.saturating_add(parts(value));
        self.max = self.max.max(value);
    }

    /// Adds all values of another one.
    pub fn merge(&mut self, other: &Self) {
        self.least = self.least.saturating_add(other.least);
        for (number, count) in &other.buckets {
            let slot = self.buckets.entry(*number).or_default();
            *slot = slot.saturating_add(*count);
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.buckets.values().fold(self.least, |sum, count| sum.saturating_add(*count))
    }

    /// The value that a share of all, 0 to 1, does not exceed: off by at most [`RELATIVE_ERROR`] of it, and by
    /// [`LEAST`] where it is smaller than that. `None` without values.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let count = self.count();
        let rank = (share.clamp(0.0, 1.0) * count as f64).ceil().max(1.0);
        let mut seen = self.least;
        if count == 0 {
            return None;
        }
        if seen as f64 >= rank {
            return Some(0.0);
        }
        for (number, in_bucket) in &self.buckets {
            seen = seen.saturating_add(*in_bucket);
            if seen as f64 >= rank {
                // By so much less than the bucket's end that both its ends are equally far, as shares of themselves.
                return Some((upper_bound(*number) * 2.0 / (FACTOR + 1.0)).min(self.max));
            }
        }
        Some(self.max)
    }

    /// The mean; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.sum as f64 / PARTS / count as f64)
    }

    /// What it says.
    pub fn distribution(&self) -> Distribution {
        let count = self.count();
        let least = (self.least > 0).then_some((LEAST, self.least));
        let buckets = self.buckets.iter().map(|(number, count)| (digits(upper_bound(*number)), *count));
        let quantile = |share| self.quantile(share).map(digits);
        Distribution {
            count,
            mean: self.mean().map(digits),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            max: (count > 0).then(|| digits(self.max)),
            buckets: least.into_iter().chain(buckets).collect(),
        }
    }
}

/// The number of the bucket; `None` for what counts as zero.
fn bucket(value: f64) -> Option<u16> {
    if value <= LEAST {
        return None;
    }
    let number = ((value / LEAST).ln() / FACTOR.ln()).ceil().clamp(1.0, f64::from(u16::MAX));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
    Some(number as u16)
}

fn upper_bound(number: u16) -> f64 {
    LEAST * FACTOR.powi(i32::from(number))
}

fn parts(value: f64) -> u128 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from nothing to 2^70")]
    let parts = (value * PARTS).round() as u128;
    parts
}

/// The number, with four digits.
pub(super) fn digits(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Histogram {
        let mut histogram = Histogram::default();
        for value in values {
            histogram.record(*value);
        }
        histogram
    }

    #[test]
    fn nothing_counted_has_no_figures() {
        let said = Histogram::default().distribution();
        assert_eq!(said, Distribution::default());
        let json = serde_json::to_value(&said).unwrap();
        assert_eq!(json["p50"], serde_json::Value::Null);
        assert_eq!(json["buckets"], serde_json::json!([]));
    }

    #[test]
    fn figures_are_near_the_true_ones_and_mean_and_maximum_are_exact() {
        let values: Vec<f64> = (1..=1000).map(|n| f64::from(n) / 1000.0).collect();
        let said = of(&values).distribution();
        assert_eq!((said.count, said.mean, said.max), (1000, Some(0.5005), Some(1.0)));
        for (told, true_one) in [(said.p50, 0.5), (said.p90, 0.9), (said.p99, 0.99)] {
            assert!((told.unwrap() / true_one - 1.0).abs() < 0.021, "{told:?} for {true_one}");
        }
        assert_eq!(said.buckets.iter().map(|(_, count)| count).sum::<u64>(), 1000);
        assert!(said.buckets.is_sorted_by(|left, right| left.0 < right.0));
    }

    #[test]
    fn what_is_no_number_is_left_out_and_what_is_out_of_range_is_held_to_it() {
        let histogram = of(&[f64::NAN, -1.0, 0.0, 1e-9, f64::INFINITY, f64::NEG_INFINITY]);
        assert_eq!(histogram.count(), 5);
        assert_eq!(histogram.quantile(0.8), Some(0.0));
        assert!((histogram.quantile(1.0).unwrap() / MOST - 1.0).abs() < 0.021);
        assert_eq!(histogram.distribution().max, Some(MOST));
    }
}
