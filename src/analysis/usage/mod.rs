//! What the run used: tokens once per message, by model and thread, and the price of it.
//!
//! Per message the log repeats the usage, and its output tokens are a placeholder; so what a result event states wins
//! over these sums, and the price of a message only serves to divide a total among steps or to estimate one.

mod bill;
mod stated;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::VecDeque;

use super::bounded::{fingerprint, shortened};
use super::event::{Finish, Thread, Tokens};
use super::pricing::{Price, TokenCounts};
pub(super) use bill::{Bill, Charge};
use stated::Stated;

/// How many messages back a repeated usage is recognised.
const REMEMBERED_MESSAGES: usize = 256;
/// Models beyond this are added to the last.
const MAX_MODELS: usize = 16;
/// Longer names are cut, in bytes.
const MAX_NAME_BYTES: usize = 100;

/// Tokens and costs.
#[derive(Debug, Clone, Default)]
pub(super) struct Usage {
    recent: VecDeque<Message>,
    models: Vec<ModelUsage>,
    main_messages: u64,
    stated: Stated,
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
    /// Looked up once; nothing where nobody knows it.
    price: Option<Price>,
    main: Tokens,
    sub_agents: Tokens,
    /// Estimated, USD; absent while no message had a price.
    cost_usd: Option<f64>,
    /// The part of it that sub-agents spent.
    sub_agents_usd: f64,
}

/// A change of the price of what a step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spending {
    pub(super) step: Option<usize>,
    pub(super) before: Option<f64>,
    pub(super) after: Option<f64>,
}

impl Usage {
    /// Notes a message's usage; the same message's earlier, smaller one is replaced. `step` is where a new message belongs.
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
            // A message's usage only grows: less is an earlier line that was logged once more.
            if tokens.output < message.tokens.output {
                return None;
            }
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
        let price = |tokens: Tokens| usage.price.map(|price| price.cost_usd(&priced(tokens)));
        let (before, after) = (price(before), price(after));
        if let Some(after) = after {
            let more = after - before.unwrap_or(0.0);
            usage.cost_usd = Some((usage.cost_usd.unwrap_or(0.0) + more).max(0.0));
            if !is_main {
                usage.sub_agents_usd = (usage.sub_agents_usd + more).max(0.0);
            }
        }
        Spending { step, before, after }
    }

    fn model(&mut self, name: &str) -> usize {
        let name = if name.len() > MAX_NAME_BYTES {
            Cow::Owned(shortened(name, MAX_NAME_BYTES))
        } else {
            Cow::Borrowed(name)
        };
        let known = self.models.iter().position(|model| model.name == name);
        known.unwrap_or_else(|| {
            if self.models.len() < MAX_MODELS {
                let price = Price::of(&name);
                self.models.push(ModelUsage { name: name.into_owned(), price, ..ModelUsage::default() });
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
        let models = finish.models.iter();
        let models =
            models.map(|model| (self.model(&model.name), model.tokens, model.cost_usd)).collect::<Vec<_>>();
        self.stated.finished(finish, models);
    }

    /// Messages of the main thread so far: the turns, as far as the log counts them.
    pub(super) fn main_messages(&self) -> u64 {
        self.main_messages
    }

    /// The model that wrote most of the main thread's messages.
    pub(super) fn main_model(&self) -> Option<&str> {
        self.main_writer().map(|model| model.name.as_str()).filter(|name| !name.is_empty())
    }

    fn main_writer(&self) -> Option<&ModelUsage> {
        let written = |model: &&ModelUsage| (model.main.output, model.main.cache_read);
        self.models.iter().filter(|model| !model.main.is_zero()).max_by_key(written)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let names: usize = self.models.iter().map(|model| model.name.capacity()).sum();
        names
            + self.models.capacity() * size_of::<ModelUsage>()
            + self.recent.capacity() * size_of::<Message>()
            + self.stated.heap_bytes()
    }
}

impl ModelUsage {
    fn tokens(&self) -> Tokens {
        self.main.plus(self.sub_agents)
    }

    /// Whether it wrote something that nobody knows the price of.
    fn is_unpriced(&self) -> bool {
        self.cost_usd.is_none() && !self.tokens().is_zero()
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
