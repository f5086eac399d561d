//! Adds notes to status answers: decides, reads the log beside the upstream's call, merges, falls back.
//!
//! `service` is the tower layer, `exchange` decides and knows the order of things, `whole` has the upstream's answer in
//! advance, `attempt` is one reading of a log, `notes` makes the enhanced body of the two, and `written` keeps what can be
//! used again; `answer` (and `answers`, which remembers), `eligible`, `members` and `merge` are pure; `live` is an answer
//! that is sent again whenever it changes, `compare` has both answers in one, `shadow` makes notes for nobody; `kept` is
//! what outlives a configuration; `record` and `findings` (pure) tell the comparison. Whatever fails here is a
//! [`Fallback`]: the client gets the upstream's own bytes.

mod again;
pub mod answer;
mod answers;
mod attempt;
mod compare;
mod description;
pub mod eligible;
mod exchange;
mod fallback;
mod findings;
mod kept;
mod live;
pub mod members;
pub mod merge;
mod notes;
mod record;
mod respond;
mod service;
mod shadow;
mod slots;
mod starts;
mod whole;
mod written;

pub use description::Descriptions;
pub use exchange::EnrichParams;
pub use fallback::Fallback;
pub use kept::Kept;
pub use service::{Enrich, EnrichLayer};
