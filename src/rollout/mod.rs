//! Which answer a request gets. Pure: what the caller asks and what the operator configured in, a decision out.
//!
//! The first that speaks decides:
//!
//! | order | what speaks | the answer | [`Rule`] |
//! | --- | --- | --- | --- |
//! | 1 | the kill switch | basic | `disabled` |
//! | 2 | a deny rule that matches the caller | basic | `rule` |
//! | 3 | the header, if the caller's wishes count ([`OptIn`]) | as it says | `header` |
//! | 4 | the query, likewise | as it says | `query` |
//! | 5 | an allow rule that matches the caller | enhanced | `rule` |
//! | 6 | the percentage, by the run's [`bucket`] | enhanced | `percent` |
//! | 7 | the default | as configured | `default`, or `rule` where a wish was set aside |

mod overrides;
mod rules;

use std::fmt;

use http::HeaderName;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::route::Wishes;
use crate::variant::Variant;

pub use overrides::{Overrides, Refused};
pub use rules::{AccessRule, Caller, KeyHash};

/// Which rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The kill switch.
    Disabled,
    /// A deny or an allow rule, or the rule about whose wishes count.
    Listed,
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
    pub const ALL: [Self; 6] =
        [Self::Disabled, Self::Listed, Self::Header, Self::Query, Self::Percent, Self::Default];

    /// The word for it in `Gloss-Reason` and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Listed => "rule",
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

/// Whose wishes, by header and query, count; those of others are as if they had not been there, whatever they ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OptIn {
    /// Everybody's.
    #[default]
    Anyone,
    /// Those of callers whom an allow rule matches.
    Rules,
    /// Nobody's.
    Nobody,
}

impl OptIn {
    /// Reads `anyone`, `rules` or `nobody`.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "anyone" => Some(Self::Anyone),
            "rules" => Some(Self::Rules),
            "nobody" => Some(Self::Nobody),
            _ => None,
        }
    }
}

/// What the operator configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// The kill switch: `false` gives everybody basic.
    pub enabled: bool,
    /// Callers who get basic whatever they ask for; one rule that matches is enough.
    pub deny: Vec<AccessRule>,
    /// Callers who get enhanced unless they ask for something else; one rule that matches is enough.
    pub allow: Vec<AccessRule>,
    /// Whose wishes count.
    pub opt_in: OptIn,
    /// The share of runs that get enhanced unasked.
    pub percent: Percent,
    /// What the others get unasked.
    pub default: Variant,
    /// Mixed into the hash, so that two installations need not choose the same runs.
    pub salt: String,
}

impl Rollout {
    /// Decides on one status request; `run` is the run's id, or what stands in its place.
    pub fn decide(&self, wishes: &Wishes, run: &str, caller: &Caller<'_>) -> Decision {
        let basic = |rule| Decision { variant: Variant::Basic, rule };
        if !self.enabled {
            return basic(Rule::Disabled);
        }
        if rules::any_matches(&self.deny, caller) {
            return basic(Rule::Listed);
        }
        let is_allowed = rules::any_matches(&self.allow, caller);
        let wish = wished(wishes);
        let counts = match self.opt_in {
            OptIn::Anyone => true,
            OptIn::Rules => is_allowed,
            OptIn::Nobody => false,
        };
        if let Some(decision) = wish.filter(|_| counts) {
            return decision;
        }
        if is_allowed {
            return Decision { variant: Variant::Enhanced, rule: Rule::Listed };
        }
        if self.percent.get() > 0.0 && bucket(&self.salt, run) < self.percent.get() {
            return Decision { variant: Variant::Enhanced, rule: Rule::Percent };
        }
        // Whoever asked in vain is told what stood against it.
        let rule = if wish.is_some() { Rule::Listed } else { Rule::Default };
        Decision { variant: self.default, rule }
    }

    /// Whether a deny rule names the workflow of a run. Only the upstream's answer tells it, so that this is asked after
    /// the decision, and only where that was not basic.
    pub fn denies_workflow(&self, workflow: &str) -> bool {
        self.deny.iter().any(|rule| matches!(rule, AccessRule::Workflow(name) if name == workflow))
    }

    /// The headers that rules look at, each once: what a caller gets depends on them. What it does by rules about
    /// addresses, no header tells.
    pub fn varies_by(&self) -> Vec<HeaderName> {
        let mut names = Vec::new();
        for name in self.deny.iter().chain(&self.allow).flat_map(AccessRule::headers) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Whether anything here differs from "nobody gets anything unasked, and everybody may ask"; until then nothing is
    /// added to answers of callers who did not ask.
    pub fn is_configured(&self) -> bool {
        !self.enabled
            || self.percent.get() > 0.0
            || self.default != Variant::Basic
            || !self.deny.is_empty()
            || !self.allow.is_empty()
            || self.opt_in != OptIn::Anyone
    }
}

/// What the caller asks for, if for anything: by the header, else by the query.
fn wished(wishes: &Wishes) -> Option<Decision> {
    if let Some(variant) = wishes.variant {
        return Some(Decision { variant, rule: Rule::Header });
    }
    let enhanced = wishes.enhanced.or(wishes.include_steps.filter(|steps| *steps))?;
    let variant = if enhanced { Variant::Enhanced } else { Variant::Basic };
    Some(Decision { variant, rule: Rule::Query })
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
mod tests;
