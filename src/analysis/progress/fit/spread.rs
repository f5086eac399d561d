//! The interval: how far off the expected rest was, on runs that the model had not seen.

use super::{Shown, rounded};
use crate::analysis::progress::interval::{Interval, Knot};
use crate::analysis::progress::rest;

/// So many kinds of moments are told apart, by how far the run seemed to be.
const KNOTS: usize = 5;
/// A little more than four fifths: other runs are a little less like these.
const HOLDS: f64 = 0.84;

/// The true rest as a multiple of the expected one.
pub(super) fn ratio(shown: &Shown<'_>) -> f64 {
    shown.moment.rest.max(1.0) / rest(shown.moment.evidence.age(), shown.share)
}

/// The shortest intervals that hold four fifths of the ends.
pub(super) fn interval(shown: &[Shown<'_>]) -> Interval {
    let mut seen: Vec<(f64, f64)> =
        shown.iter().filter(|shown| shown.counts).map(|shown| (shown.share, ratio(shown))).collect();
    seen.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.total_cmp(&right.1)));
    let mut knots: Vec<Knot> = Vec::new();
    for part in seen.chunks(seen.len().div_ceil(KNOTS).max(1)) {
        let share = rounded(part.iter().map(|(share, _)| share).sum::<f64>() / part.len() as f64);
        let mut ratios: Vec<f64> = part.iter().map(|(_, ratio)| *ratio).collect();
        let (earliest, latest) = shortest(&mut ratios);
        if knots.last().is_none_or(|last| last.share < share) {
            knots.push(Knot {
                share,
                earliest: rounded(earliest.min(1.0)),
                latest: rounded(latest.max(1.0)),
            });
        }
    }
    Interval { knots }
}

fn shortest(values: &mut [f64]) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a length")]
    let inside = ((values.len() as f64 * HOLDS).ceil() as usize).clamp(1, values.len());
    values
        .windows(inside)
        .map(|window| (window[0], window[inside - 1]))
        .min_by(|left, right| (left.1 - left.0).total_cmp(&(right.1 - right.0)))
        .expect("a window of at least one value in as many values or more")
}
