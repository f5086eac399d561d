//! The trees of a prior, put together for reading logs: those that ask the same questions answer as one.
//!
//! Fitting makes many trees that differ in their answers only, and all of them are asked at every line of a log.

use super::features::{COUNT, Evidence};
use super::tree::{MISSING, Split, Tree};

/// Trees whose answers are added up.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Grove {
    each: Vec<Tree>,
    /// No two with the same questions; with what all that have them add.
    joined: Vec<Tree>,
}

/// Places for all features, and as many as make a mask for an index that is always within.
const PLACES: usize = COUNT.next_power_of_two();

impl Grove {
    /// The trees, as they were fitted.
    pub(super) fn each(&self) -> &[Tree] {
        &self.each
    }

    /// What all of them add to the log odds.
    pub(super) fn answer(&self, evidence: &Evidence) -> f64 {
        let mut values = [MISSING; PLACES];
        for (place, value) in values.iter_mut().zip(evidence.0) {
            *place = if value.is_nan() { MISSING } else { value };
        }
        let is_no = |split: &Split| usize::from(values[split.feature & (PLACES - 1)] >= split.below);
        let answers = self.joined.iter().map(|tree| {
            let side = is_no(&tree.root);
            tree.leaves[2 * side + is_no(&tree.branches[side])]
        });
        answers.sum()
    }
}

impl From<Vec<Tree>> for Grove {
    fn from(each: Vec<Tree>) -> Self {
        let mut joined: Vec<Tree> = Vec::new();
        for tree in &each {
            let same = |other: &&mut Tree| (other.root, other.branches) == (tree.root, tree.branches);
            match joined.iter_mut().find(same) {
                Some(other) => other.leaves.iter_mut().zip(tree.leaves).for_each(|(sum, leaf)| *sum += leaf),
                None => joined.push(*tree),
            }
        }
        Self { each, joined }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Few features and few thresholds, so that questions come again.
    fn split() -> impl Strategy<Value = Split> {
        (0..3_usize, -1..3_i8).prop_map(|(feature, below)| Split { feature, below: f64::from(below) })
    }

    fn tree() -> impl Strategy<Value = Tree> {
        let leaves = prop::array::uniform4(-0.5..0.5);
        (split(), [split(), split()], leaves).prop_map(|(root, branches, leaves)| Tree {
            root,
            branches,
            leaves,
        })
    }

    proptest! {
        #[test]
        fn together_trees_say_what_each_says(
            trees in vec(tree(), 0..40),
            values in vec(prop_oneof![Just(f64::NAN), -1.0..4.0, Just(1.0)], COUNT),
        ) {
            let evidence = Evidence(std::array::from_fn(|place| values[place]));
            let one_by_one: f64 = trees.iter().map(|tree| tree.answer(&evidence)).sum();
            let together = Grove::from(trees).answer(&evidence);
            prop_assert!((one_by_one - together).abs() < 1e-12, "{} and {}", one_by_one, together);
        }
    }
}
