//! The laws of the analysis core, held against generated logs.
//!
//! `log` makes logs that look like real ones, whole and damaged; `laws` says what must hold for every one of them,
//! `progress` what must hold of progress whatever the prior.

mod laws;
mod log;
mod progress;
