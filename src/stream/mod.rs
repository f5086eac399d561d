//! Live updates: the enhanced answer as Server-Sent Events, sent again whenever it changes.
//!
//! ```text
//! follower (one a run) ── the log has changed ──┐
//!                                               ├→ session (one a client) ── event: status ──→ client
//! upstream, asked again as the client asked ────┘
//! ```
//!
//! What an answer says is not known here: each session asks a [`Feed`] of its own, so that nobody gets what was made for
//! somebody else. `accept` and `event` are pure. A session that fails ends its stream, and browsers connect again.

pub mod accept;
pub mod event;
mod follower;
mod places;
mod session;

pub use follower::Followers;
pub use places::{Place, Streams};
pub use session::{Asked, Feed, Pace, Session, State};
