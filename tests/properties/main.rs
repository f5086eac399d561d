//! The laws of the analysis core, held against generated logs.
//!
//! `log` makes logs that look like real ones, whole and damaged; `laws` says what must hold for every one of them;
//! `progress` what must hold of progress whatever the prior; `accounts` that work, time and cost add up; `formats` shows, line by line, what real output is like where
//! one would expect something else.

mod accounts;
mod formats;
/// Following a connection's bytes agrees with the library that reads them.
mod framing;
mod laws;
mod log;
mod progress;
mod python;
