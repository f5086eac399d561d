//! How sure the model is: the 80 % interval around the expected rest of a run, by how far the run seems to be.

/// The ends of the interval as multiples of the expected rest, at some shares between which they change evenly.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Interval {
    pub(super) knots: Vec<Knot>,
}

/// The interval at one share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Knot {
    /// 0–1; greater from knot to knot.
    pub(super) share: f64,
    /// At most 1.
    pub(super) earliest: f64,
    /// At least 1.
    pub(super) latest: f64,
}

/// Without any experience.
const UNKNOWN: (f64, f64) = (0.1, 10.0);

impl Interval {
    /// The earliest and the latest end, as multiples of the expected rest, of a run that seems to be this far.
    pub(super) fn at(&self, share: f64) -> (f64, f64) {
        let after = self.knots.partition_point(|knot| knot.share <= share);
        let (Some(left), Some(right)) =
            (self.knots.get(after.saturating_sub(1)), self.knots.get(after).or(self.knots.last()))
        else {
            return UNKNOWN;
        };
        let span = right.share - left.share;
        let way = if span > 0.0 { ((share - left.share) / span).clamp(0.0, 1.0) } else { 0.0 };
        let between = |left: f64, right: f64| left + (right - left) * way;
        (between(left.earliest, right.earliest), between(left.latest, right.latest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_the_knots_the_interval_changes_evenly() {
        let knot = |share, earliest, latest| Knot { share, earliest, latest };
        let interval = Interval { knots: vec![knot(0.2, 0.1, 5.0), knot(0.6, 0.3, 3.0)] };
        let close = |(left, right): (f64, f64), other: (f64, f64)| {
            (left - other.0).abs() < 1e-9 && (right - other.1).abs() < 1e-9
        };
        assert!(close(interval.at(0.0), (0.1, 5.0)));
        assert!(close(interval.at(0.4), (0.2, 4.0)));
        assert!(close(interval.at(0.99), (0.3, 3.0)));
        assert!(close(Interval::default().at(0.5), UNKNOWN));
    }
}
