//! Which answer a request gets. Pure: what the caller asks and what the operator configured in, a decision out.
//!
//! The first rule that speaks decides: the kill switch, the header, the query, the percentage, the default.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::route::Wishes;
use crate::variant::Variant;

/// Which rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The kill switch.
    Disabled,
    /// The opt-in header.
    Header,
    /// A parameter of the query.
    Query,
    /// The percentage, by the run's bucket.
    Percent,
    /// Nobody else spoke.
    Default,
}

impl Rule {
    /// Every rule, for metrics that are registered up front.
    pub const ALL: [Self; 5] = [Self::Disabled, Self::Header, Self::Query, Self::Percent, Self::Default];

    /// The word for it in `Gloss-Reason` and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Header => "header",
            Self::Query => "query",
            Self::Percent => "percent",
            Self::Default => "default",
        }
    }
}

/// What a request gets, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What it gets.
    pub variant: Variant,
    /// Which rule said so.
    pub rule: Rule,
}

/// A share of runs, 0 to 100; fractions are allowed.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Percent(f64);

impl Percent {
    /// Accepts 0 to 100; `None` for anything else, NaN included.
    pub fn new(percent: f64) -> Option<Self> {
        (0.0..=100.0).contains(&percent).then_some(Self(percent))
    }

    /// The share, 0 to 100.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What the operator configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// The kill switch: `false` gives everybody basic.
    pub enabled: bool,
    /// The share of runs that get enhanced unasked.
    pub percent: Percent,
    /// What the others get unasked.
    pub default: Variant,
    /// Mixed into the hash, so that two installations need not choose the same runs.
    pub salt: String,
}

impl Rollout {
    /// Decides on one status request; `run` is the run's id, or what stands in its place.
    pub fn decide(&self, wishes: &Wishes, run: &str) -> Decision {
        if !self.enabled {
            return Decision { variant: Variant::Basic, rule: Rule::Disabled };
        }
        if let Some(variant) = wishes.variant {
            return Decision { variant, rule: Rule::Header };
        }
        if let Some(enhanced) = wishes.enhanced.or(wishes.include_steps.filter(|steps| *steps)) {
            let variant = if enhanced { Variant::Enhanced } else { Variant::Basic };
            return Decision { variant, rule: Rule::Query };
        }
        if self.percent.get() > 0.0 && bucket(&self.salt, run) < self.percent.get() {
            return Decision { variant: Variant::Enhanced, rule: Rule::Percent };
        }
        Decision { variant: self.default, rule: Rule::Default }
    }

    /// Whether anything here differs from "nobody gets anything unasked"; until then nothing is added to answers of
    /// callers who did not ask.
    pub fn is_configured(&self) -> bool {
        !self.enabled || self.percent.get() > 0.0 || self.default != Variant::Basic
    }
}

/// The place of a run between 0 (included) and 100 (excluded): the first eight bytes of SHA-256 over
/// `salt:run`, read as a big-endian fraction of 2⁶⁴. By hand: `printf 'SALT:RUN' | sha256sum | cut -c1-16`.
///
/// It depends on nothing else, so every replica agrees, and a raised percentage never takes a run out.
pub fn bucket(salt: &str, run: &str) -> f64 {
    let digest = Sha256::new().chain_update(salt).chain_update(":").chain_update(run).finalize();
    let head = digest.iter().take(8).fold(0_u64, |head, byte| (head << 8) | u64::from(*byte));
    // 53 bits are what a double holds exactly; more would round some runs up to 100.
    (head >> 11) as f64 / (1_u64 << 53) as f64 * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(percent: f64, default: Variant) -> Rollout {
        Rollout { enabled: true, percent: Percent::new(percent).unwrap(), default, salt: "gloss".into() }
    }

    fn asked(variant: Option<Variant>, query: &str) -> Wishes {
        Wishes { variant, ..Wishes::from_query(query) }
    }

    fn decision(rollout: &Rollout, wishes: &Wishes) -> (Variant, Rule) {
        let Decision { variant, rule } = rollout.decide(wishes, "run_1");
        (variant, rule)
    }

    #[test]
    fn without_configuration_or_wish_everybody_gets_basic() {
        let plain = rollout(0.0, Variant::Basic);
        assert_eq!(decision(&plain, &Wishes::default()), (Variant::Basic, Rule::Default));
        assert!(!plain.is_configured());
    }

    #[test]
    fn the_header_beats_the_query_and_the_query_beats_the_percentage() {
        let all = rollout(100.0, Variant::Basic);
        let header = asked(Some(Variant::Basic), "enhanced=true");
        assert_eq!(decision(&all, &header), (Variant::Basic, Rule::Header));
        assert_eq!(decision(&all, &asked(None, "enhanced=false")), (Variant::Basic, Rule::Query));
        assert_eq!(decision(&all, &asked(None, "x=1")), (Variant::Enhanced, Rule::Percent));
    }

    #[test]
    fn asking_for_steps_asks_for_enhanced_unless_enhanced_is_refused() {
        let plain = rollout(0.0, Variant::Basic);
        assert_eq!(decision(&plain, &asked(None, "include_steps=true")), (Variant::Enhanced, Rule::Query));
        let refused = asked(None, "include_steps=true&enhanced=false");
        assert_eq!(decision(&plain, &refused), (Variant::Basic, Rule::Query));
        assert_eq!(decision(&plain, &asked(None, "include_steps=false")), (Variant::Basic, Rule::Default));
    }

    #[test]
    fn the_kill_switch_beats_everything() {
        let off = Rollout { enabled: false, ..rollout(100.0, Variant::Enhanced) };
        let wish = asked(Some(Variant::Enhanced), "enhanced=true");
        assert_eq!(decision(&off, &wish), (Variant::Basic, Rule::Disabled));
        assert!(off.is_configured());
    }

    #[test]
    fn the_bucket_can_be_reproduced_by_hand() {
        // printf 'gloss:run_1' | sha256sum | cut -c1-16  →  the fraction of 2^64, in percent
        let by_hand = u64::from_str_radix(BY_HAND, 16).unwrap() as f64 / 2_f64.powi(64) * 100.0;
        assert!((bucket("gloss", "run_1") - by_hand).abs() < 1e-9);
    }
    const BY_HAND: &str = "cd1dd5b2fd7e1d80";

    #[test]
    fn raising_the_percentage_never_takes_a_run_out_and_the_share_is_right() {
        let mut inside = vec![false; 20_000];
        for percent in [0.5, 10.0, 33.3, 99.0, 100.0] {
            let rollout = rollout(percent, Variant::Basic);
            for (n, was_inside) in inside.iter_mut().enumerate() {
                let variant = rollout.decide(&Wishes::default(), &format!("run_{n:012x}")).variant;
                assert!(!*was_inside || variant == Variant::Enhanced, "run {n} fell out at {percent}");
                *was_inside = variant == Variant::Enhanced;
            }
            let share = inside.iter().filter(|inside| **inside).count() as f64 / 200.0;
            assert!((share - percent).abs() < 1.5, "{share} % at {percent} %");
        }
        assert!(inside.iter().all(|inside| *inside), "100 % is everybody");
    }

    #[test]
    fn a_percentage_is_0_to_100() {
        assert!(Percent::new(0.25).is_some());
        for bad in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            assert!(Percent::new(bad).is_none());
        }
    }
}
