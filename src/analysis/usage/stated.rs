//! What result events state of tokens and cost.
//!
//! Cost and the sums by model are cumulative within a session; the tokens of the main thread are those of a wake-up, and
//! in older versions only of its last message, so the messages may know better.

use std::collections::VecDeque;

use crate::analysis::bounded::fingerprint;
use crate::analysis::event::{Finish, Tokens};

/// Sessions whose totals are told apart.
const MAX_SESSIONS: usize = 256;

/// The totals of all sessions.
#[derive(Debug, Clone, Default)]
pub(super) struct Stated {
    sessions: VecDeque<Total>,
    /// What sessions that are no longer told apart came to.
    earlier: Option<Total>,
}

/// What the last result event of a session states.
#[derive(Debug, Clone, Default)]
pub(super) struct Total {
    session: u64,
    pub(super) cost_usd: Option<f64>,
    /// The main thread's.
    pub(super) tokens: Tokens,
    /// By model, sub-agents' included: the model's place, tokens, cost. Nothing where the version does not tell.
    pub(super) models: Vec<(usize, Tokens, Option<f64>)>,
}

impl Stated {
    pub(super) fn finished(&mut self, finish: &Finish<'_>, models: Vec<(usize, Tokens, Option<f64>)>) {
        let total = self.session(fingerprint(finish.session));
        total.cost_usd = match (total.cost_usd, finish.cost_usd) {
            (Some(before), Some(now)) => Some(before.max(now)),
            (before, now) => now.or(before),
        };
        if !finish.tokens.is_zero() {
            total.tokens = finish.tokens;
        }
        if !models.is_empty() {
            total.models = models;
        }
    }

    fn session(&mut self, session: u64) -> &mut Total {
        let known = self.sessions.iter().position(|total| total.session == session);
        let place = known.unwrap_or_else(|| {
            if self.sessions.len() == MAX_SESSIONS
                && let Some(oldest) = self.sessions.pop_front()
            {
                self.earlier.get_or_insert_default().add(&oldest);
            }
            self.sessions.push_back(Total { session, ..Total::default() });
            self.sessions.len() - 1
        });
        &mut self.sessions[place]
    }

    /// All sessions together; by model only where every one of them tells.
    pub(super) fn sum(&self) -> Total {
        let mut sum = Total::default();
        let totals = || self.earlier.iter().chain(&self.sessions);
        for total in totals() {
            sum.add(total);
        }
        if totals().any(|total| total.models.is_empty()) {
            sum.models.clear();
        }
        sum
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let models = self.earlier.iter().chain(&self.sessions).map(|total| total.models.capacity());
        self.sessions.capacity() * size_of::<Total>()
            + models.sum::<usize>() * size_of::<(usize, Tokens, Option<f64>)>()
    }
}

impl Total {
    fn add(&mut self, other: &Self) {
        self.cost_usd = sum(self.cost_usd, other.cost_usd);
        self.tokens = self.tokens.plus(other.tokens);
        for (model, tokens, cost) in &other.models {
            if let Some(mine) = self.models.iter_mut().find(|mine| mine.0 == *model) {
                mine.1 = mine.1.plus(*tokens);
                mine.2 = sum(mine.2, *cost);
            } else {
                self.models.push((*model, *tokens, *cost));
            }
        }
    }
}

/// Of what is known.
fn sum(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}
