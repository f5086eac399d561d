//! What is counted of status requests. Two tallies merge without loss, in any order. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::histogram::Histogram;
use super::minutes::Minutes;
use crate::analysis::RunStatus;

/// What a client received; a shadow is a basic answer beside which notes were made for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Received {
    /// The upstream's own answer.
    Basic,
    /// That with notes.
    Enhanced,
    /// The upstream's own answer, with notes made beside it.
    Shadow,
    /// Both in one.
    Compare,
}

impl Received {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Basic, Self::Enhanced, Self::Shadow, Self::Compare];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Enhanced => "enhanced",
            Self::Shadow => "shadow",
            Self::Compare => "compare",
        }
    }
}

/// How sending an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// All of it was handed over.
    Whole,
    /// The upstream gave none, a 5xx, or one that broke off.
    Error,
    /// The client left before.
    Left,
}

/// One status request that is done with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exchange {
    /// What the client received. A request that ended in an error belongs to what was decided, so that what gloss adds can be
    /// blamed for it.
    pub received: Received,
    /// How that ended.
    pub sent: Sent,
    /// From asking the upstream to the last byte of its answer, in seconds.
    pub upstream_seconds: f64,
    /// From the request's arrival to the last byte handed over, in seconds.
    pub total_seconds: f64,
    /// How long the body is that the client got.
    pub body_bytes: u64,
    /// Whether nothing but forwarding was ever planned for it: then it takes part in telling one half from the other.
    pub is_plain: bool,
}

/// What the notes of one answer brought, beside what the upstream says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usefulness {
    /// The status of the run.
    pub status: RunStatus,
    /// The upstream's own `result` is not null.
    pub basic_result: bool,
    /// The notes have a `final_result` with something in it.
    pub enhanced_result: bool,
    /// The notes show at least one step; `None` where the caller wanted none.
    pub steps: Option<bool>,
    /// The notes say when the run is expected to end.
    pub has_eta: bool,
}

/// All that is counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    pub(super) variants: BTreeMap<Received, Variant>,
    pub(super) would_add_seconds: Histogram,
    pub(super) fallbacks: BTreeMap<&'static str, u64>,
    pub(super) shadow_fallbacks: BTreeMap<&'static str, u64>,
    pub(super) minutes: Minutes,
    pub(super) useful: BTreeMap<&'static str, UsefulCounts>,
    pub(super) proofs_held: u64,
    pub(super) proofs_failed: u64,
    pub(super) halves: [Histogram; 2],
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Variant {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) left: u64,
    pub(super) upstream_seconds: Histogram,
    pub(super) total_seconds: Histogram,
    pub(super) added_seconds: Histogram,
    pub(super) body_bytes: Histogram,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct UsefulCounts {
    pub(super) answers: u64,
    pub(super) basic_result: u64,
    pub(super) enhanced_result: u64,
    pub(super) steps_wanted: u64,
    pub(super) with_steps: u64,
    pub(super) with_eta: u64,
}

impl Tally {
    /// Counts a request that is done with; `half` is where a plain one belongs.
    pub fn exchange(&mut self, exchange: &Exchange, half: Half) {
        let variant = self.variants.entry(exchange.received).or_default();
        add(&mut variant.requests, 1);
        match exchange.sent {
            Sent::Error => return add(&mut variant.errors, 1),
            Sent::Left => return add(&mut variant.left, 1),
            Sent::Whole => {}
        }
        variant.upstream_seconds.record(exchange.upstream_seconds);
        variant.total_seconds.record(exchange.total_seconds);
        variant.added_seconds.record(exchange.total_seconds - exchange.upstream_seconds);
        variant.body_bytes.record(exchange.body_bytes as f64);
        if exchange.is_plain {
            let [first, second] = &mut self.halves;
            let own = if half == Half::First { first } else { second };
            own.record(exchange.total_seconds);
        }
    }

    /// Counts what became of a request that was to be enhanced: that, or the reason why not.
    pub fn outcome(&mut self, fallback: Option<&'static str>, at: DateTime<Utc>) {
        self.minutes.count(fallback, at);
        if let Some(reason) = fallback {
            add(self.fallbacks.entry(reason).or_default(), 1);
        }
    }

    /// Counts notes that were made for nobody, and what the client would have waited for them, in seconds; or the reason
    /// why there are none.
    pub fn shadow(&mut self, would_add: Result<f64, &'static str>) {
        match would_add {
            Ok(seconds) => self.would_add_seconds.record(seconds),
            Err(reason) => add(self.shadow_fallbacks.entry(reason).or_default(), 1),
        }
    }

    /// Counts what the notes of an answer brought.
    pub fn useful(&mut self, useful: &Usefulness) {
        let counts = self.useful.entry(useful.status.as_str()).or_default();
        add(&mut counts.answers, 1);
        add(&mut counts.basic_result, u64::from(useful.basic_result));
        add(&mut counts.enhanced_result, u64::from(useful.enhanced_result));
        add(&mut counts.steps_wanted, u64::from(useful.steps.is_some()));
        add(&mut counts.with_steps, u64::from(useful.steps == Some(true)));
        add(&mut counts.with_eta, u64::from(useful.has_eta));
    }

    /// Counts an answer of which it was checked that nothing was done to it but adding.
    pub fn count_proof(&mut self, held: bool) {
        add(if held { &mut self.proofs_held } else { &mut self.proofs_failed }, 1);
    }

    /// Adds all that another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (received, theirs) in &other.variants {
            self.variants.entry(*received).or_default().merge(theirs);
        }
        self.would_add_seconds.merge(&other.would_add_seconds);
        for (ours, theirs) in
            [(&mut self.fallbacks, &other.fallbacks), (&mut self.shadow_fallbacks, &other.shadow_fallbacks)]
        {
            for (reason, count) in theirs {
                add(ours.entry(reason).or_default(), *count);
            }
        }
        self.minutes.merge(&other.minutes);
        for (status, theirs) in &other.useful {
            self.useful.entry(status).or_default().merge(*theirs);
        }
        add(&mut self.proofs_held, other.proofs_held);
        add(&mut self.proofs_failed, other.proofs_failed);
        self.halves.iter_mut().zip(&other.halves).for_each(|(ours, theirs)| ours.merge(theirs));
    }
}

/// One of two halves into which plain requests are divided by lot. What differs between them, differs by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// The one.
    First,
    /// The other.
    Second,
}

impl Half {
    /// The half of the request with this number: by a mixed-up number (the finaliser of `SplitMix64`), since turns would follow
    /// whatever comes in turns itself, as polls of two clients do.
    pub fn of(number: u64) -> Self {
        let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if (mixed ^ (mixed >> 31)) & 1 == 0 { Self::First } else { Self::Second }
    }
}

impl Variant {
    fn merge(&mut self, other: &Self) {
        add(&mut self.requests, other.requests);
        add(&mut self.errors, other.errors);
        add(&mut self.left, other.left);
        self.upstream_seconds.merge(&other.upstream_seconds);
        self.total_seconds.merge(&other.total_seconds);
        self.added_seconds.merge(&other.added_seconds);
        self.body_bytes.merge(&other.body_bytes);
    }
}

impl UsefulCounts {
    pub(super) fn merge(&mut self, other: Self) {
        add(&mut self.answers, other.answers);
        add(&mut self.basic_result, other.basic_result);
        add(&mut self.enhanced_result, other.enhanced_result);
        add(&mut self.steps_wanted, other.steps_wanted);
        add(&mut self.with_steps, other.with_steps);
        add(&mut self.with_eta, other.with_eta);
    }
}

/// Counters stop at their end rather than begin anew.
fn add(counter: &mut u64, more: u64) {
    *counter = counter.saturating_add(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(received: Received, sent: Sent) -> Exchange {
        Exchange {
            received,
            sent,
            upstream_seconds: 0.010,
            total_seconds: 0.012,
            body_bytes: 700,
            is_plain: received == Received::Basic,
        }
    }

    #[test]
    fn errors_and_those_who_left_count_as_requests_and_in_no_distribution() {
        let mut tally = Tally::default();
        for sent in [Sent::Whole, Sent::Error, Sent::Left] {
            tally.exchange(&exchange(Received::Enhanced, sent), Half::First);
        }
        let variant = &tally.variants[&Received::Enhanced];
        assert_eq!((variant.requests, variant.errors, variant.left), (3, 1, 1));
        assert_eq!(variant.total_seconds.count(), 1);
        let added = variant.added_seconds.quantile(0.5).unwrap();
        assert!((added / 0.002 - 1.0).abs() < 0.021, "{added}");
        assert!(tally.halves.iter().all(|half| half.count() == 0), "only plain requests have a half");
    }

    #[test]
    fn plain_requests_fall_into_halves_that_are_about_equal_also_for_every_second_one() {
        for step in [1, 2, 3, 4, 64, 1024] {
            let first = (0..10_000).filter(|n| Half::of(n * step) == Half::First).count();
            assert!((4800..=5200).contains(&first), "{first} of 10000 with step {step}");
        }
    }

    #[test]
    fn merged_tallies_are_what_one_would_have_counted() {
        let at = DateTime::from_timestamp(1_760_000_000, 0).unwrap();
        let (mut one, mut other, mut all) = (Tally::default(), Tally::default(), Tally::default());
        let useful = Usefulness {
            status: RunStatus::Completed,
            basic_result: false,
            enhanced_result: true,
            steps: None,
            has_eta: false,
        };
        for (number, tally) in [&mut one, &mut other].into_iter().enumerate() {
            for tally in [tally, &mut all] {
                tally.exchange(&exchange(Received::Basic, Sent::Whole), Half::of(number as u64));
                tally.outcome([None, Some("no-log")][number], at);
                tally.shadow([Ok(0.001), Err("status")][number]);
                tally.useful(&useful);
                tally.count_proof(number == 0);
            }
        }
        let mut merged = Tally::default();
        merged.merge(&other);
        merged.merge(&one);
        assert_eq!(merged, all);
        assert_eq!((all.proofs_held, all.proofs_failed, all.fallbacks["no-log"]), (1, 1, 1));
    }
}
