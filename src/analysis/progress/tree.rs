//! A tree of two questions and four answers, the smallest piece of the model that can say "only if".
//!
//! A tree that would say less because time passed is recognised here, so that no prior can make a run fall back.

use super::features::{COUNT, Evidence, FEATURES, Trend};

/// A question: is this feature below this value? One that the run does not have is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// The feature's place.
    pub(super) feature: usize,
    pub(super) below: f64,
}

/// First one question, then another on either side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tree {
    pub(super) root: Split,
    /// The question where the first one's answer is yes, and where it is no.
    pub(super) branches: [Split; 2],
    /// What is added to the log odds: yes yes, yes no, no yes, no no.
    pub(super) leaves: [f64; 4],
}

/// Stands for what a run does not have: below everything that there is.
pub(super) const MISSING: f64 = -1.0;

impl Split {
    fn is_no(self, values: &[f64; COUNT]) -> usize {
        let value = values[self.feature];
        let value = if value.is_nan() { MISSING } else { value };
        usize::from(value >= self.below)
    }
}

impl Tree {
    /// What the tree adds to the log odds.
    pub(super) fn answer(&self, evidence: &Evidence) -> f64 {
        self.at(&evidence.0)
    }

    fn at(&self, values: &[f64; COUNT]) -> f64 {
        let side = self.root.is_no(values);
        self.leaves[2 * side + self.branches[side].is_no(values)]
    }

    /// Whether time alone never makes the answer smaller.
    ///
    /// Tries each combination of what the values can be beside the tree's thresholds.
    pub(super) fn keeps_to_the_trends(&self) -> bool {
        let splits = [self.root, self.branches[0], self.branches[1]];
        let levels = |feature: usize| {
            let mut levels: Vec<f64> =
                splits.iter().filter(|split| split.feature == feature).map(|split| split.below).collect();
            levels.sort_by(f64::total_cmp);
            levels.insert(0, f64::MIN);
            levels
        };
        let mut values = [0.0; COUNT];
        for first in levels(splits[0].feature) {
            for second in levels(splits[1].feature) {
                for third in levels(splits[2].feature) {
                    for (split, level) in splits.iter().zip([first, second, third]) {
                        values[split.feature] = level;
                    }
                    if splits.iter().any(|split| !self.keeps_to_the_trend(split.feature, values, &levels)) {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn keeps_to_the_trend(
        &self,
        feature: usize,
        mut values: [f64; COUNT],
        levels: &dyn Fn(usize) -> Vec<f64>,
    ) -> bool {
        let answers = levels(feature).into_iter().map(|level| {
            values[feature] = level;
            self.at(&values)
        });
        match FEATURES[feature].trend {
            Trend::Still => true,
            Trend::Rising => answers.is_sorted(),
            Trend::Falling => answers.is_sorted_by(|earlier, later| earlier >= later),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::features::place;
    use super::*;

    fn tree(root: (&str, f64), branches: [(&str, f64); 2], leaves: [f64; 4]) -> Tree {
        let split = |(name, below)| Split { feature: place(name).expect("a feature"), below };
        Tree { root: split(root), branches: branches.map(split), leaves }
    }

    #[test]
    fn what_is_missing_is_below_all_there_is() {
        let tree = tree(("since_test", 0.0), [("calls", 5.0), ("calls", 9.0)], [1.0, 2.0, 3.0, 4.0]);
        let mut values = [0.0; COUNT];
        assert!((tree.at(&values) - 3.0).abs() < 1e-12);
        values[tree.root.feature] = f64::NAN;
        assert!((tree.at(&values) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn trees_that_time_would_take_back_are_recognised() {
        let branches = [("calls", 5.0), ("calls", 9.0)];
        assert!(tree(("age", 60.0), branches, [0.0, 0.1, 0.2, 0.3]).keeps_to_the_trends());
        assert!(!tree(("age", 60.0), branches, [0.0, 0.3, 0.2, 0.4]).keeps_to_the_trends());
        assert!(tree(("calls", 5.0), branches, [0.3, 0.2, 0.1, 0.0]).keeps_to_the_trends());
        let rates = [("age", 9.0), ("calls_per_second", 0.2)];
        assert!(tree(("edits", 1.0), rates, [0.0, 0.1, 0.2, 0.1]).keeps_to_the_trends());
        assert!(!tree(("edits", 1.0), rates, [0.0, 0.1, 0.1, 0.2]).keeps_to_the_trends());
    }
}
