//! Tokens and cost in the contract's shapes: the whole, its parts, and what belongs to no step.

use super::View;
use crate::analysis::report::{UsageDetails, UsageShare};
use crate::analysis::usage::Charge;

/// What a model is called that the log does not name.
const UNNAMED: &str = "unknown";

impl View<'_> {
    pub(super) fn usage(&self) -> UsageDetails {
        let total = share(&self.bill.total);
        let named = |name: &String| if name.is_empty() { UNNAMED.to_owned() } else { name.clone() };
        UsageDetails {
            input_tokens: total.input_tokens,
            output_tokens: total.output_tokens,
            cache_creation_tokens: total.cache_creation_tokens,
            cache_read_tokens: total.cache_read_tokens,
            cost_usd: total.cost_usd,
            cost_is_estimate: total.cost_is_estimate,
            cost_outside_steps_usd: total.cost_usd.map(|_| self.outside_steps()),
            by_model: self.bill.models.iter().map(|(name, charge)| (named(name), share(charge))).collect(),
            sub_agents: self.bill.sub_agents.as_ref().map(share),
        }
    }

    /// What was spent before a step began, and what no message accounts for; where the one step stands for the whole run,
    /// nothing.
    fn outside_steps(&self) -> f64 {
        if self.fold.board.steps().is_empty() {
            return 0.0;
        }
        let before = self.fold.board.unplaced().cost_usd.unwrap_or(0.0);
        to_micros(before * self.bill.factor + self.bill.beyond_messages_usd)
    }
}

/// Stated costs are given as stated.
pub(super) fn share(charge: &Charge) -> UsageShare {
    let cost = charge.cost_usd;
    UsageShare {
        input_tokens: charge.tokens.input,
        output_tokens: charge.tokens.output,
        cache_creation_tokens: charge.tokens.cache_creation,
        cache_read_tokens: charge.tokens.cache_read,
        cost_usd: cost.map(|(usd, is_estimate)| if is_estimate { to_micros(usd) } else { usd }),
        cost_is_estimate: cost.is_some_and(|(_, is_estimate)| is_estimate),
    }
}

/// USD to the millionth, and never a negative nothing.
pub(super) fn to_micros(usd: f64) -> f64 {
    (usd * 1e6).round() / 1e6 + 0.0
}
