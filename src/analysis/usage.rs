//! What the run used: tokens once per message, by model and thread, and the price of it.
//!
//! Per message the log repeats the usage, and its output tokens are a placeholder; so what a result event states wins
//! over these sums, and the price of a message only serves to divide a total among steps or to estimate one.

use std::collections::VecDeque;

use super::bounded::{fingerprint, shortened};
use super::event::{Finish, Thread, Tokens};
use super::pricing::{TokenCounts, cost_usd};

/// How many messages back a repeated usage is recognised.
const REMEMBERED_MESSAGES: usize = 256;
/// Models beyond this are added to the last.
const MAX_MODELS: usize = 16;
/// Sessions whose totals are told apart.
const MAX_SESSIONS: usize = 256;

/// Tokens and costs.
#[derive(Debug, Clone, Default)]
pub(super) struct Usage {
    recent: VecDeque<Message>,
    models: Vec<ModelUsage>,
    main_messages: u64,
    sessions: VecDeque<SessionTotal>,
    /// What sessions that are no longer told apart came to.
    earlier: SessionTotal,
}

/// A message that may be repeated.
#[derive(Debug, Clone)]
struct Message {
    id: u64,
    /// Of the thread that it was first seen on: not every copy in a log names it.
    is_main: bool,
    model: usize,
    tokens: Tokens,
    step: Option<usize>,
}

/// One model's sums over messages.
#[derive(Debug, Clone, Default)]
struct ModelUsage {
    name: String,
    main: Tokens,
    sub_agents: Tokens,
    /// Estimated, USD; absent while no message had a price.
    cost_usd: Option<f64>,
}

/// What the last result event of a session states; costs are cumulative within it.
#[derive(Debug, Clone, Copy, Default)]
struct SessionTotal {
    session: u64,
    cost_usd: Option<f64>,
    tokens: Tokens,
}

/// A change of the price of what a step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spending {
    pub(super) step: Option<usize>,
    pub(super) before: Option<f64>,
    pub(super) after: Option<f64>,
}

impl Usage {
    /// Notes a message's usage; the same message's earlier one is replaced. `step` is where a new message belongs.
    pub(super) fn spent(
        &mut self,
        thread: Thread<'_>,
        message_id: &str,
        (model, tokens): (&str, Tokens),
        step: Option<usize>,
    ) -> Option<Spending> {
        if message_id.is_empty() && tokens.is_zero() {
            return None;
        }
        let id = fingerprint(message_id);
        let known = self.recent.iter().rposition(|message| message.id == id && !message_id.is_empty());
        let (is_main, model, step, before) = if let Some(place) = known {
            let message = &mut self.recent[place];
            let before = std::mem::replace(&mut message.tokens, tokens);
            (message.is_main, message.model, message.step, before)
        } else {
            let (is_main, model) = (thread.is_main(), self.model(model));
            self.remember(Message { id, is_main, model, tokens, step });
            self.main_messages += u64::from(is_main);
            (is_main, model, step, Tokens::default())
        };
        Some(self.account(is_main, model, (before, tokens), step))
    }

    fn account(
        &mut self,
        is_main: bool,
        model: usize,
        (before, after): (Tokens, Tokens),
        step: Option<usize>,
    ) -> Spending {
        let usage = &mut self.models[model];
        let sum = if is_main { &mut usage.main } else { &mut usage.sub_agents };
        sum.replace(before, after);
        let price = |tokens: Tokens| cost_usd(&usage.name, &priced(tokens));
        let (before, after) = (price(before), price(after));
        if let Some(after) = after {
            usage.cost_usd = Some((usage.cost_usd.unwrap_or(0.0) - before.unwrap_or(0.0) + after).max(0.0));
        }
        Spending { step, before, after }
    }

    fn model(&mut self, name: &str) -> usize {
        let name = shortened(name, 100);
        let known = self.models.iter().position(|model| model.name == name);
        known.unwrap_or_else(|| {
            if self.models.len() < MAX_MODELS {
                self.models.push(ModelUsage { name, ..ModelUsage::default() });
            }
            self.models.len() - 1
        })
    }

    fn remember(&mut self, message: Message) {
        if self.recent.len() == REMEMBERED_MESSAGES {
            self.recent.pop_front();
        }
        self.recent.push_back(message);
    }

    /// Notes what a result event states.
    pub(super) fn finished(&mut self, finish: &Finish<'_>) {
        let total = self.session(fingerprint(finish.session));
        total.cost_usd = match (total.cost_usd, finish.cost_usd) {
            (Some(before), Some(now)) => Some(before.max(now)),
            (before, now) => now.or(before),
        };
        if !finish.tokens.is_zero() {
            total.tokens = finish.tokens;
        }
    }

    fn session(&mut self, session: u64) -> &mut SessionTotal {
        let known = self.sessions.iter().position(|total| total.session == session);
        let place = known.unwrap_or_else(|| {
            if self.sessions.len() == MAX_SESSIONS
                && let Some(oldest) = self.sessions.pop_front()
            {
                self.earlier.add(oldest);
            }
            self.sessions.push_back(SessionTotal { session, ..SessionTotal::default() });
            self.sessions.len() - 1
        });
        &mut self.sessions[place]
    }

    /// Messages of the main thread so far: the turns, as far as the log counts them.
    pub(super) fn main_messages(&self) -> u64 {
        self.main_messages
    }

    /// All tokens: as the result events state them, else as the messages add up.
    pub(super) fn tokens(&self) -> Tokens {
        let stated = self.stated().tokens;
        if stated.is_zero() { self.summed() } else { stated }
    }

    fn summed(&self) -> Tokens {
        let mut sum = Tokens::default();
        for model in &self.models {
            sum.replace(Tokens::default(), model.main);
            sum.replace(Tokens::default(), model.sub_agents);
        }
        sum
    }

    fn stated(&self) -> SessionTotal {
        self.sessions.iter().fold(self.earlier, |mut sum, total| {
            sum.add(*total);
            sum
        })
    }

    /// The run's cost in USD, and whether it is an estimate; `None` where nothing has a known price.
    pub(super) fn cost_usd(&self) -> Option<(f64, bool)> {
        self.stated()
            .cost_usd
            .map(|cost| (cost, false))
            .or_else(|| self.estimated_usd().map(|cost| (cost, true)))
    }

    /// What all messages come to at list price.
    pub(super) fn estimated_usd(&self) -> Option<f64> {
        self.models.iter().filter_map(|model| model.cost_usd).reduce(|sum, cost| sum + cost)
    }

    /// The model that wrote most of the main thread's messages.
    pub(super) fn main_model(&self) -> Option<&str> {
        let written = |model: &&ModelUsage| (model.main.output, model.main.cache_read);
        let main = self.models.iter().filter(|model| !model.main.is_zero()).max_by_key(written)?;
        Some(main.name.as_str()).filter(|name| !name.is_empty())
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let names: usize = self.models.iter().map(|model| model.name.capacity()).sum();
        names
            + self.models.capacity() * size_of::<ModelUsage>()
            + self.recent.capacity() * size_of::<Message>()
            + self.sessions.capacity() * size_of::<SessionTotal>()
    }
}

impl SessionTotal {
    fn add(&mut self, other: Self) {
        self.cost_usd = match (self.cost_usd, other.cost_usd) {
            (Some(mine), Some(others)) => Some(mine + others),
            (mine, others) => mine.or(others),
        };
        self.tokens.replace(Tokens::default(), other.tokens);
    }
}

fn priced(tokens: Tokens) -> TokenCounts {
    TokenCounts {
        input: tokens.input,
        output: tokens.output,
        cache_creation: tokens.cache_creation - tokens.cache_creation_1h.min(tokens.cache_creation),
        cache_creation_1h: tokens.cache_creation_1h,
        cache_read: tokens.cache_read,
        web_searches: 0,
    }
}
