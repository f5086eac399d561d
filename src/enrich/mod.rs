//! Adds notes to status answers: decides, reads the log beside the upstream's call, merges, falls back.
//!
//! `service` is the tower layer, `exchange` knows the order of things, `attempt` is one reading of a log; `answer`, `eligible`
//! and `merge` are pure; `live` is an answer that is sent again whenever it changes, `compare` has both answers in one;
//! `kept` is what outlives a configuration; `record` and `findings` (pure) tell the comparison. Whatever fails here is a [`Fallback`]: the client gets the
//! upstream's own bytes.

mod again;
pub mod answer;
mod attempt;
mod compare;
mod description;
pub mod eligible;
mod exchange;
mod fallback;
mod findings;
mod kept;
mod live;
pub mod merge;
mod record;
mod respond;
mod service;
mod slots;
mod starts;

pub use description::Descriptions;
pub use exchange::EnrichParams;
pub use fallback::Fallback;
pub use kept::Kept;
pub use service::{Enrich, EnrichLayer};
