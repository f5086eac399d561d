//! Who used what: the whole as the result events state it, and its parts.
//!
//! Where the result events tell by model, that is it. Else the messages do: what the result events state beyond them is
//! the main thread's (the log's output tokens are placeholders), and estimates are scaled to the stated cost.

use super::{ModelUsage, Usage};
use crate::analysis::event::Tokens;

/// Tokens and cost of a part of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::analysis) struct Charge {
    pub(in crate::analysis) tokens: Tokens,
    /// USD, and whether it is an estimate; `None` where something in it has no known price.
    pub(in crate::analysis) cost_usd: Option<(f64, bool)>,
}

/// Tokens and cost of a run and of its parts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::analysis) struct Bill {
    pub(in crate::analysis) total: Charge,
    /// By model, in the order of first use, sub-agents' included, which the totals of a result event may leave out. The
    /// costs add up to the total's where all are known.
    pub(in crate::analysis) models: Vec<(String, Charge)>,
    /// The part that sub-agents used, as far as their messages are in the log; none where there are none.
    pub(in crate::analysis) sub_agents: Option<Charge>,
    /// What estimates from messages are multiplied with so that they add up to the total.
    pub(in crate::analysis) factor: f64,
    /// The part of the total that no message accounts for, USD.
    pub(in crate::analysis) beyond_messages_usd: f64,
}

impl Usage {
    /// Adds everything up; `told` is the cost by somebody else's word, USD, for where the result events state none.
    pub(in crate::analysis) fn bill(&self, told: Option<f64>) -> Bill {
        let mut stated = self.stated.sum();
        stated.cost_usd = stated.cost_usd.or(told);
        let estimated = self.estimated_usd();
        let factor = self.factor(stated.cost_usd, estimated);
        let models = if stated.models.is_empty() {
            self.models_by_messages(stated.tokens, stated.cost_usd, factor)
        } else {
            let named = |(model, tokens, cost): &(usize, Tokens, Option<f64>)| {
                let cost_usd = cost.map(|cost| (cost, false));
                (self.models[*model].name.clone(), Charge { tokens: *tokens, cost_usd })
            };
            stated.models.iter().map(named).collect()
        };
        let tokens = models.iter().fold(Tokens::default(), |sum, (_, charge)| sum.plus(charge.tokens));
        let is_priced = !self.models.iter().any(ModelUsage::is_unpriced);
        let estimate = estimated.filter(|_| is_priced).map(|cost| (cost, true));
        let cost_usd = stated.cost_usd.map(|cost| (cost, false)).or(estimate);
        let in_messages = estimated.unwrap_or(0.0) * factor;
        Bill {
            total: Charge { tokens: if stated.tokens.is_zero() { tokens } else { stated.tokens }, cost_usd },
            models,
            sub_agents: self.sub_agents(tokens, factor),
            factor,
            beyond_messages_usd: stated.cost_usd.map_or(0.0, |cost| (cost - in_messages).max(0.0)),
        }
    }

    /// What all messages of a known price come to at list price.
    fn estimated_usd(&self) -> Option<f64> {
        self.models.iter().filter_map(|model| model.cost_usd).reduce(|sum, cost| sum + cost)
    }

    /// Where a price is not known, the others' estimates are not blown up to make up for it.
    fn factor(&self, stated: Option<f64>, estimated: Option<f64>) -> f64 {
        let most = if self.models.iter().any(ModelUsage::is_unpriced) { 1.0 } else { f64::INFINITY };
        match (stated, estimated) {
            (Some(stated), Some(estimated)) if estimated > 0.0 => (stated / estimated).min(most),
            _ => 1.0,
        }
    }

    fn models_by_messages(&self, stated: Tokens, cost: Option<f64>, factor: f64) -> Vec<(String, Charge)> {
        let main = self.models.iter().fold(Tokens::default(), |sum, model| sum.plus(model.main));
        let missing = stated.beyond(main);
        let writer = self.main_writer().or(self.models.first());
        let writer = writer.map(|model| model.name.clone()).unwrap_or_default();
        let used = self.models.iter().filter(|model| !model.tokens().is_zero());
        let mut charges: Vec<(String, Charge)> = used
            .map(|model| {
                let cost_usd = model.cost_usd.map(|cost| (cost * factor, true));
                (model.name.clone(), Charge { tokens: model.tokens(), cost_usd })
            })
            .collect();
        if !missing.is_zero() {
            if !charges.iter().any(|(name, _)| *name == writer) {
                charges.push((writer.clone(), Charge::default()));
            }
            for (_, charge) in charges.iter_mut().filter(|(name, _)| *name == writer) {
                charge.tokens = charge.tokens.plus(missing);
            }
        }
        if let ([(_, only)], Some(cost)) = (charges.as_mut_slice(), cost) {
            only.cost_usd = Some((cost, false));
        }
        charges
    }

    /// A part of what all models used, also where the result events were written before the last of them.
    fn sub_agents(&self, total: Tokens, factor: f64) -> Option<Charge> {
        let used = || self.models.iter().filter(|model| !model.sub_agents.is_zero());
        let tokens = used().map(|model| model.sub_agents).reduce(Tokens::plus)?;
        let is_priced = !used().any(|model| model.cost_usd.is_none());
        let cost: f64 = used().map(|model| model.sub_agents_usd).sum();
        Some(Charge { tokens: tokens.at_most(total), cost_usd: is_priced.then_some((cost * factor, true)) })
    }
}
