//! The trees: each is fitted on what the line and the trees before it leave, and says a twentieth of what it found.

use super::{Sample, rounded};
use crate::analysis::progress::features::{COUNT, FEATURES, Trend};
use crate::analysis::progress::prior::{Line, logistic};
use crate::analysis::progress::tree::{Split, Tree};

const TREES: usize = 100;
const RATE: f64 = 0.05;
/// A feature is cut into at most so many parts.
const PARTS: usize = 64;
/// Keeps an answer small where few samples support it.
const RIDGE: f64 = 1.0;
/// A side has at least this part of the samples.
const LEAST_PART: f64 = 0.01;

/// Fits trees to what `line` leaves.
pub(super) fn fit(samples: &[Sample<'_>], line: &Line) -> Vec<Tree> {
    let cuts = Cuts::of(samples);
    let mut odds: Vec<f64> = samples.iter().map(|sample| line.log_odds(sample.evidence)).collect();
    let mut trees = Vec::with_capacity(TREES);
    for _ in 0..TREES {
        let slopes: Vec<Slope> =
            samples.iter().zip(&odds).map(|(sample, odds)| Slope::of(sample, logistic(*odds))).collect();
        let Some(tree) = grow(&cuts, &slopes) else { break };
        for (odds, sample) in odds.iter_mut().zip(samples) {
            *odds += tree.answer(sample.evidence);
        }
        trees.push(tree);
    }
    trees
}

/// First and second derivative of the cross entropy, and how many samples they are of.
#[derive(Debug, Clone, Copy, Default)]
struct Slope {
    first: f64,
    second: f64,
    samples: f64,
}

impl Slope {
    fn of(sample: &Sample<'_>, share: f64) -> Self {
        Self {
            first: sample.weight * (share - sample.truth),
            second: sample.weight * share * (1.0 - share),
            samples: 1.0,
        }
    }

    fn add(&mut self, other: Self) {
        self.first += other.first;
        self.second += other.second;
        self.samples += other.samples;
    }

    fn without(self, other: Self) -> Self {
        Self {
            first: self.first - other.first,
            second: self.second - other.second,
            samples: self.samples - other.samples,
        }
    }

    /// What is best added to the log odds, within bounds.
    fn best(self, (least, most): Bounds) -> f64 {
        (-self.first / (self.second + RIDGE)).clamp(least, most)
    }

    /// What the best addition is worth.
    fn worth(self) -> f64 {
        self.first * self.first / (self.second + RIDGE)
    }
}

/// What a side of a tree may say, so that the other side stays beyond it.
type Bounds = (f64, f64);

/// Where the features are cut, and the part that each sample is in.
struct Cuts {
    edges: Vec<Vec<f64>>,
    /// By feature, then by sample.
    parts: Vec<Vec<u8>>,
}

impl Cuts {
    fn of(samples: &[Sample<'_>]) -> Self {
        let value = |sample: &Sample<'_>, place: usize| {
            let value = sample.evidence.0[place];
            if value.is_nan() { -1.0 } else { value }
        };
        let mut cuts = Self { edges: Vec::new(), parts: Vec::new() };
        for place in 0..COUNT {
            let mut values: Vec<f64> = samples.iter().map(|sample| value(sample, place)).collect();
            let edges = edges(&mut values.clone());
            let part =
                |value: f64| u8::try_from(edges.partition_point(|edge| *edge <= value)).unwrap_or(u8::MAX);
            cuts.parts.push(values.drain(..).map(part).collect());
            cuts.edges.push(edges);
        }
        cuts
    }
}

/// Edges between parts of about the same size, midway between values that occur.
fn edges(values: &mut [f64]) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    let mut edges: Vec<f64> = Vec::new();
    for part in 1..PARTS {
        let at = part * values.len() / PARTS;
        let above = values[at];
        let below = values[..at].partition_point(|value| *value < above);
        if below > 0 {
            let edge = rounded(f64::midpoint(values[below - 1], above));
            if values[below - 1] < edge && edge <= above && edges.last().is_none_or(|last| *last < edge) {
                edges.push(edge);
            }
        }
    }
    edges
}

/// The best question to some samples, and the answers to it.
struct Found {
    split: Split,
    edge: usize,
    gain: f64,
    sides: [f64; 2],
}

fn grow(cuts: &Cuts, slopes: &[Slope]) -> Option<Tree> {
    let all: Vec<usize> = (0..slopes.len()).collect();
    let free = (f64::MIN, f64::MAX);
    let least = (slopes.len() as f64 * LEAST_PART).max(5.0);
    let root = best_split(cuts, slopes, &all, free, least)?;
    let parts = &cuts.parts[root.split.feature];
    let (yes, no): (Vec<usize>, Vec<usize>) =
        all.into_iter().partition(|row| usize::from(parts[*row]) <= root.edge);
    let middle = f64::midpoint(root.sides[0], root.sides[1]);
    let bounds = match FEATURES[root.split.feature].trend {
        Trend::Still => [free, free],
        Trend::Rising => [(f64::MIN, middle), (middle, f64::MAX)],
        Trend::Falling => [(middle, f64::MAX), (f64::MIN, middle)],
    };
    let mut branches = [root.split; 2];
    let mut leaves = [0.0; 4];
    for (side, rows) in [yes, no].into_iter().enumerate() {
        let found = best_split(cuts, slopes, &rows, bounds[side], least);
        let answers = found.as_ref().map_or([root.sides[side]; 2], |found| found.sides);
        branches[side] = found.map_or(root.split, |found| found.split);
        for (leaf, answer) in answers.into_iter().enumerate() {
            leaves[2 * side + leaf] = rounded(RATE * answer);
        }
    }
    Some(Tree { root: root.split, branches, leaves })
}

fn best_split(cuts: &Cuts, slopes: &[Slope], rows: &[usize], bounds: Bounds, least: f64) -> Option<Found> {
    let mut best: Option<Found> = None;
    for feature in (0..COUNT).filter(|feature| !cuts.edges[*feature].is_empty()) {
        let mut parts = [Slope::default(); PARTS];
        for row in rows {
            parts[usize::from(cuts.parts[feature][*row])].add(slopes[*row]);
        }
        let mut total = Slope::default();
        for part in parts {
            total.add(part);
        }
        let mut yes = Slope::default();
        for (edge, below) in cuts.edges[feature].iter().enumerate() {
            yes.add(parts[edge]);
            let no = total.without(yes);
            if yes.samples < least || no.samples < least {
                continue;
            }
            let sides = [yes.best(bounds), no.best(bounds)];
            let allowed = match FEATURES[feature].trend {
                Trend::Still => true,
                Trend::Rising => sides[0] <= sides[1],
                Trend::Falling => sides[0] >= sides[1],
            };
            let gain = yes.worth() + no.worth() - total.worth();
            if allowed && gain > best.as_ref().map_or(1e-9, |best| best.gain) {
                best = Some(Found { split: Split { feature, below: *below }, edge, gain, sides });
            }
        }
    }
    best
}
