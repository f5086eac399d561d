//! What operators are told of the comparison. Pure.
//!
//! Shapes, and which figure goes where; the figures are worked out beside.

use std::collections::BTreeMap;

use serde::Serialize;

use super::eta::EtaReport;
use super::histogram::{Distribution, Histogram};
use super::minutes::Minute;
use super::noise::{Mismatch, PairsReport};
use super::tally::{Received, Tally, UsefulCounts, Variant};
use crate::analysis::{RunStatus, Timestamp};

/// Everything, as one JSON object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// When counting began: at the start of the process.
    pub since: Timestamp,
    /// Up to when it is.
    pub as_of: Timestamp,
    /// Requests of the status route by what the client received.
    pub variants: BTreeMap<&'static str, VariantReport>,
    /// Why answers that were to be enhanced were not.
    pub fallbacks: Fallbacks,
    /// What the notes brought.
    pub usefulness: UsefulnessReport,
    /// How right predictions of the end were.
    pub eta: EtaReport,
    /// Whether nothing was done to answers but adding.
    pub proof: Proof,
    /// How much answers differ by themselves.
    pub noise: NoiseReport,
    /// Examples of what differed, newest last; at most 20.
    pub mismatches: Vec<Mismatch>,
}

/// Requests that were answered alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VariantReport {
    /// All of them.
    pub requests: u64,
    /// Those that the upstream did not answer, or with a 5xx, or whose answer broke off; by what had been decided.
    pub errors: u64,
    /// Those whose client left before the end.
    pub left: u64,
    /// Until the last byte of the upstream's answer.
    pub upstream_seconds: Distribution,
    /// From the request's arrival until the last byte was handed over.
    pub total_seconds: Distribution,
    /// What of it was not the upstream.
    pub added_seconds: Distribution,
    /// How long the bodies are.
    pub body_bytes: Distribution,
    /// Of shadows: what the client would have waited for the notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_add_seconds: Option<Distribution>,
}

/// Reasons for which there were no notes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fallbacks {
    /// Of all answers that were to be enhanced; every reason, with 0 where it never occurred.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// Of all shadows, likewise.
    pub shadow_by_reason: BTreeMap<&'static str, u64>,
    /// The last hour by the minute, oldest first.
    pub over_time: Vec<Minute>,
}

/// What the notes brought, over all answers of which both forms were seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsefulnessReport {
    /// Whatever the run's status.
    pub total: Useful,
    /// By the run's status.
    pub by_status: BTreeMap<&'static str, Useful>,
}

/// What the notes brought, in answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Useful {
    /// All of them.
    pub answers: u64,
    /// The upstream's own `result` was not null.
    pub basic_result: u64,
    /// `final_result` had something in it.
    pub enhanced_result: u64,
    /// The caller wanted steps, which is what callers want who do not say otherwise.
    pub steps_wanted: u64,
    /// At least one step was shown.
    pub with_steps: u64,
    /// An end was foretold.
    pub with_eta: u64,
}

/// How often it was checked that the enhanced answer minus its additions is the basic one, byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Checks.
    pub checked: u64,
    /// It is.
    pub held: u64,
    /// It is not: these were not sent.
    pub failed: u64,
}

/// How much answers differ by themselves, beside how much they differ by what gloss does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoiseReport {
    /// Two answers of the upstream's own.
    pub a_a: PairsReport,
    /// One of them and the enhanced one.
    pub a_b: PairsReport,
    /// Total times of requests that were only forwarded, divided by lot into two halves: what differs between these
    /// differs by chance.
    pub halves: Halves,
}

/// Two halves of the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Halves {
    /// The one, in seconds.
    pub first: Distribution,
    /// The other.
    pub second: Distribution,
}

impl Tally {
    pub(super) fn variants(&self) -> BTreeMap<&'static str, VariantReport> {
        let none = Variant::default();
        let told = |received: Received| {
            let variant = self.variants.get(&received).unwrap_or(&none);
            let would_add = (received == Received::Shadow).then_some(&self.would_add_seconds);
            (received.as_str(), variant.told(would_add))
        };
        Received::ALL.into_iter().map(told).collect()
    }

    pub(super) fn usefulness(&self) -> UsefulnessReport {
        let mut total = UsefulCounts::default();
        let mut by_status = BTreeMap::new();
        for status in RunStatus::ALL {
            let counts = self.useful.get(status.as_str()).copied().unwrap_or_default();
            total.merge(counts);
            by_status.insert(status.as_str(), counts.told());
        }
        UsefulnessReport { total: total.told(), by_status }
    }

    pub(super) fn proof(&self) -> Proof {
        let (held, failed) = (self.proofs_held, self.proofs_failed);
        Proof { checked: held.saturating_add(failed), held, failed }
    }

    pub(super) fn halves(&self) -> Halves {
        let [first, second] = &self.halves;
        Halves { first: first.distribution(), second: second.distribution() }
    }
}

impl Variant {
    fn told(&self, would_add: Option<&Histogram>) -> VariantReport {
        VariantReport {
            requests: self.requests,
            errors: self.errors,
            left: self.left,
            upstream_seconds: self.upstream_seconds.distribution(),
            total_seconds: self.total_seconds.distribution(),
            added_seconds: self.added_seconds.distribution(),
            body_bytes: self.body_bytes.distribution(),
            would_add_seconds: would_add.map(Histogram::distribution),
        }
    }
}

impl UsefulCounts {
    fn told(self) -> Useful {
        Useful {
            answers: self.answers,
            basic_result: self.basic_result,
            enhanced_result: self.enhanced_result,
            steps_wanted: self.steps_wanted,
            with_steps: self.with_steps,
            with_eta: self.with_eta,
        }
    }
}

/// Counts by reason, with a zero for each that never occurred.
pub(super) fn every_reason(
    reasons: &[&'static str],
    counts: &BTreeMap<&'static str, u64>,
) -> BTreeMap<&'static str, u64> {
    let mut all: BTreeMap<_, _> = reasons.iter().map(|reason| (*reason, 0)).collect();
    all.extend(counts);
    all
}
