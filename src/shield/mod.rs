//! The shield: many polls of one run by one caller cost the upstream one request.
//!
//! Off unless a time to live is configured. An answer to a status request is then kept for that long and given to
//! requests which are the same in all that could matter: method, path, query, and every header but those that are known
//! not to. Requests that come while the upstream is being asked wait for that answer; from half the time on one request
//! in the background renews it. What is added to answers is made anew each time, and not kept here.
//!
//! `key` says which requests are the same, `rules` what may be shared and kept and for how long; both are pure. `store` keeps
//! answers and lets one ask for all; `service` is the tower layer. A key that was revoked works for the time to live at
//! most, since a new credential always asks the upstream and a kept answer is only ever given to the one that it was given
//! to.

pub mod key;
pub mod rules;
mod service;
mod store;

pub use service::{Shield, ShieldLayer, ShieldParams, Stale};
