//! Adds notes to status answers: decides, reads the log beside the upstream's call, merges, falls back.
//!
//! `service` is the tower layer, `exchange` knows the order of things, `attempt` is one reading of a log; `answer`, `eligible`
//! and `merge` are pure; `live` is an answer that is sent again whenever it changes. Whatever fails here is a [`Fallback`]: the client gets the upstream's own bytes.

pub mod answer;
mod attempt;
mod description;
pub mod eligible;
mod exchange;
mod fallback;
mod live;
pub mod merge;
mod respond;
mod service;
mod starts;

pub use description::Descriptions;
pub use exchange::EnrichParams;
pub use fallback::Fallback;
pub use service::{Enrich, EnrichLayer};
