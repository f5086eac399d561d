//! What the A/B measures: did anything break, what did it cost, was it more useful, was the ETA right. Pure.
//!
//! Not for measuring: times, texts and outcomes arrive as arguments, from the enrichment. [`Comparison`] is what a
//! process counts into and tells from; behind it are a [`Tally`] of everything that adds up (in several parts, so that
//! requests seldom wait for each other), the predictions that wait for their run's end, and pairs of answers.
//! [`prove`] shows that an enhanced body is the upstream's with members added.
//!
//! Memory is bounded, whatever is counted: some 2 MB when every histogram is full, 200 KB as a rule, and 3 MB of predictions
//! when a thousand runs go on at the same time.

mod difference;
mod eta;
mod histogram;
mod minutes;
mod noise;
mod proof;
mod report;
mod tally;
mod verdict;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::analysis::Timestamp;
use crate::run_id::RunId;

pub use difference::{Difference, differences, members};
pub use eta::{Course, EtaBand, EtaReport, Prediction};
pub use histogram::{Distribution, Histogram, LEAST, MOST, RELATIVE_ERROR};
pub use minutes::Minute;
pub use noise::{Compared, Mismatch, Pair, PairsReport};
pub use proof::{Added, Broken, prove, prove_but_for_logs, prove_list, prove_pieces};
pub use report::{Fallbacks, Halves, NoiseReport, Proof, Report, Useful, UsefulnessReport, VariantReport};
pub use tally::{Exchange, Half, Received, Sent, Tally, Usefulness};
pub use verdict::{Sides, Verdict};

use eta::Predictions;
use noise::Noise;
use report::every_reason;

/// Into so many parts the tally is divided. A request counts into one, for less than a microsecond.
const PARTS: usize = 4;

/// All that a process has seen of status requests since it began; a clone counts into the same.
#[derive(Clone)]
pub struct Comparison(Arc<Inner>);

struct Inner {
    since: DateTime<Utc>,
    /// Every reason for which there may be no notes, so that one that never occurred shows as zero.
    reasons: Vec<&'static str>,
    next: AtomicU64,
    parts: [Mutex<Tally>; PARTS],
    predictions: Mutex<Predictions>,
    noise: Mutex<Noise>,
}

impl Comparison {
    /// Nothing was counted yet. `reasons` are the words for why there may be no notes.
    pub fn new(since: DateTime<Utc>, reasons: impl IntoIterator<Item = &'static str>) -> Self {
        Self(Arc::new(Inner {
            since,
            reasons: reasons.into_iter().collect(),
            next: AtomicU64::new(0),
            parts: Default::default(),
            predictions: Mutex::default(),
            noise: Mutex::default(),
        }))
    }

    /// Counts a request that is done with.
    pub fn exchange(&self, exchange: &Exchange) {
        let number = self.number();
        self.part(number).exchange(exchange, Half::of(number));
    }

    /// Counts what became of a request that was to be enhanced: that, or the reason why not.
    pub fn outcome(&self, fallback: Option<&'static str>, at: DateTime<Utc>) {
        self.part(self.number()).outcome(fallback, at);
    }

    /// Counts notes that were made for nobody: what the client would have waited for them, in seconds, or the reason why there are
    /// none.
    pub fn shadow(&self, would_add: Result<f64, &'static str>) {
        self.part(self.number()).shadow(would_add);
    }

    /// Counts what the notes of an answer brought.
    pub fn useful(&self, useful: &Usefulness) {
        self.part(self.number()).useful(useful);
    }

    /// Takes what an answer tells of a run's end.
    pub fn course(&self, run: &RunId, course: Course) {
        locked(&self.0.predictions).learn(run, course);
    }

    /// Counts an answer of which it was checked that nothing was done to it but adding, and keeps what was not so.
    pub fn proof(&self, failed: Option<Difference>, at: DateTime<Utc>) {
        self.part(self.number()).count_proof(failed.is_none());
        if let Some(example) = failed {
            locked(&self.0.noise).example(example, at);
        }
    }

    /// Counts two answers that were compared.
    pub fn compared(&self, compared: Compared, at: DateTime<Utc>) {
        locked(&self.0.noise).compared(compared, at);
    }

    /// All of it, as of `now`.
    pub fn report(&self, now: DateTime<Utc>) -> Report {
        let mut tally = Tally::default();
        for part in &self.0.parts {
            tally.merge(&locked(part));
        }
        let noise = locked(&self.0.noise);
        Report {
            since: Timestamp::to_millisecond(self.0.since),
            as_of: Timestamp::to_millisecond(now),
            variants: tally.variants(),
            fallbacks: Fallbacks {
                by_reason: every_reason(&self.0.reasons, &tally.fallbacks),
                shadow_by_reason: every_reason(&self.0.reasons, &tally.shadow_fallbacks),
                over_time: tally.minutes.told(self.0.since, now),
            },
            usefulness: tally.usefulness(),
            eta: locked(&self.0.predictions).report(),
            proof: tally.proof(),
            noise: NoiseReport {
                a_a: noise.report(Pair::AA),
                a_b: noise.report(Pair::AB),
                halves: tally.halves(),
            },
            mismatches: noise.mismatches(),
        }
    }

    fn number(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    fn part(&self, number: u64) -> MutexGuard<'_, Tally> {
        let [one, two, three, four] = &self.0.parts;
        locked(match number % PARTS as u64 {
            0 => one,
            1 => two,
            2 => three,
            _ => four,
        })
    }
}

/// What was counted before somebody panicked stays.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comparison").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
