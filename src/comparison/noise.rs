//! How much two answers differ when nothing was done to either, beside how much they differ when notes were added. Pure.
//!
//! A/A: the upstream is asked twice, and both answers are compared. A/B: the second of them and the enhanced one. What
//! differs in A/A is the upstream's own doing.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::difference::Difference;
use super::histogram::{Distribution, Histogram};
use crate::analysis::Timestamp;

/// So many names of members that differed are told apart, and one name has so many characters.
const NAMES: usize = 64;
const NAME_CHARS: usize = 64;
/// Under this the rest are counted.
const OTHERS: &str = "(other)";
/// So many examples of each kind of pair are kept.
const EXAMPLES: usize = 10;

/// Which two answers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pair {
    /// Two of the upstream's own.
    AA,
    /// One of the upstream's own and the enhanced one.
    AB,
}

/// Two answers that were compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Which two.
    pub pair: Pair,
    /// How long the second took as a multiple of the first.
    pub latency_ratio: f64,
    /// In what they differ, additions aside.
    pub differences: Vec<Difference>,
}

/// All pairs, and examples of what differed.
#[derive(Debug, Default)]
pub(super) struct Noise {
    a_a: Pairs,
    a_b: Pairs,
}

#[derive(Debug, Default)]
struct Pairs {
    count: u64,
    same: u64,
    latency_ratio: Histogram,
    differing: BTreeMap<String, u64>,
    examples: VecDeque<Mismatch>,
}

/// An example of what differed, fit to be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mismatch {
    /// When it was seen.
    pub at: Timestamp,
    /// Between which answers.
    pub pair: Pair,
    /// What it is about.
    pub what: String,
    /// A glimpse of the one, secrets masked.
    pub a: String,
    /// A glimpse of the other.
    pub b: String,
}

/// Pairs of one kind, as operators are told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairsReport {
    /// How many there were.
    pub pairs: u64,
    /// How many were the same to the byte, additions aside.
    pub same: u64,
    /// How long the second answer took as a multiple of the first.
    pub latency_ratio: Distribution,
    /// How often each member differed: at most 64 names and `(other)`.
    pub differing_members: BTreeMap<String, u64>,
}

impl Noise {
    /// Counts a pair, and keeps an example of what differs.
    pub(super) fn compared(&mut self, compared: Compared, at: DateTime<Utc>) {
        let Compared { pair, latency_ratio, differences } = compared;
        let pairs = self.of(pair);
        pairs.count += 1;
        pairs.same += u64::from(differences.is_empty());
        pairs.latency_ratio.record(latency_ratio);
        for name in differences.iter().filter_map(|difference| difference.member.as_deref()) {
            pairs.differed(name);
        }
        // The one that is least common tells the most: clocks differ in every pair.
        let rarity = |difference: &&Difference| {
            difference.member.as_deref().and_then(|name| pairs.differing.get(&short(name))).copied()
        };
        if let Some(example) = differences.iter().min_by_key(rarity) {
            pairs.keep(pair, example.clone(), at);
        }
    }

    /// Keeps an example of what differs between an answer and the enhanced one outside of a pair.
    pub(super) fn example(&mut self, example: Difference, at: DateTime<Utc>) {
        self.a_b.keep(Pair::AB, example, at);
    }

    fn of(&mut self, pair: Pair) -> &mut Pairs {
        match pair {
            Pair::AA => &mut self.a_a,
            Pair::AB => &mut self.a_b,
        }
    }

    /// The pairs of one kind.
    pub(super) fn report(&self, pair: Pair) -> PairsReport {
        let pairs = match pair {
            Pair::AA => &self.a_a,
            Pair::AB => &self.a_b,
        };
        PairsReport {
            pairs: pairs.count,
            same: pairs.same,
            latency_ratio: pairs.latency_ratio.distribution(),
            differing_members: pairs.differing.clone(),
        }
    }

    /// Examples of both kinds, newest last.
    pub(super) fn mismatches(&self) -> Vec<Mismatch> {
        let mut all: Vec<_> = self.a_a.examples.iter().chain(&self.a_b.examples).cloned().collect();
        all.sort_by_key(|example| example.at);
        all
    }
}

impl Pairs {
    fn differed(&mut self, name: &str) {
        let name = short(name);
        let has_room = self.differing.len() < NAMES || self.differing.contains_key(&name);
        *self.differing.entry(if has_room { name } else { OTHERS.to_owned() }).or_default() += 1;
    }

    fn keep(&mut self, pair: Pair, example: Difference, at: DateTime<Utc>) {
        if self.examples.len() == EXAMPLES {
            self.examples.pop_front();
        }
        let Difference { what, a, b, .. } = example;
        self.examples.push_back(Mismatch { at: Timestamp::to_millisecond(at), pair, what, a, b });
    }
}

fn short(name: &str) -> String {
    name.chars().take(NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::differences;

    fn pair(pair: Pair, a: &str, b: &str) -> Compared {
        Compared { pair, latency_ratio: 1.0, differences: differences(a.as_bytes(), b.as_bytes()) }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn pairs_are_counted_by_kind_with_the_members_that_differ() {
        let mut noise = Noise::default();
        noise.compared(pair(Pair::AA, "{\"t\":1,\"x\":1}", "{\"t\":2,\"x\":1}"), at(0));
        noise.compared(pair(Pair::AA, "{\"t\":1}", "{\"t\":1}"), at(1));
        noise.compared(pair(Pair::AB, "{\"t\":1}", "{\"t\":1}"), at(2));
        let (a_a, a_b) = (noise.report(Pair::AA), noise.report(Pair::AB));
        assert_eq!((a_a.pairs, a_a.same, a_b.pairs, a_b.same), (2, 1, 1, 1));
        assert_eq!(a_a.differing_members, BTreeMap::from([("t".to_owned(), 1)]));
        assert_eq!(a_a.latency_ratio.count, 2);
        let example = serde_json::to_value(noise.mismatches()).unwrap();
        assert_eq!(example[0]["pair"], "a_a");
        assert_eq!(example[0]["what"], "member t differs");
        assert_eq!((&example[0]["a"], &example[0]["b"]), (&"\"t\":1".into(), &"\"t\":2".into()));
    }

    #[test]
    fn examples_are_the_rarest_and_the_newest_and_few() {
        let mut noise = Noise::default();
        for second in 0..100 {
            noise.compared(pair(Pair::AA, "{\"t\":1}", "{\"t\":2}"), at(second));
        }
        noise.compared(pair(Pair::AA, "{\"a\":1,\"t\":1}", "{\"a\":2,\"t\":2}"), at(100));
        noise.example(differences(b"{\"a\":1}", b"{\"a\":2}").remove(0), at(99));
        let examples = noise.mismatches();
        assert_eq!(examples.len(), EXAMPLES + 1);
        assert_eq!(examples.last().unwrap().what, "member a differs");
        assert!(examples.is_sorted_by_key(|example| example.at));
    }

    #[test]
    fn names_of_members_cannot_fill_the_memory() {
        let mut noise = Noise::default();
        for number in 0..1000 {
            let body = format!("{{\"{}\":1}}", format!("{number}-").repeat(100));
            noise.compared(pair(Pair::AA, &body, "{}"), at(0));
        }
        let names = noise.report(Pair::AA).differing_members;
        assert_eq!(names.len(), NAMES + 1);
        assert_eq!(names[OTHERS], 1000 - NAMES as u64);
        assert!(names.keys().all(|name| name.len() <= NAME_CHARS));
    }
}
