//! The laws of the analysis core, held against generated logs.
//!
//! `log` makes logs that look like real ones, whole and damaged; `laws` says what must hold for every one of them;
//! `progress` what must hold of progress whatever the prior; `accounts` that work, time and cost add up; `formats` shows,
//! line by line, what real output is like where one would expect something else; `reference` is a plain reading of a log
//! that gloss has to agree with, on generated logs and, where there are some, on `real_logs`; `disorder` is what happens
//! to logs on their way; `answers` holds what the status answer itself tells of a log against the log.

mod accounts;
mod answers;
/// What the A/B counts merges in any order, and its proof lets nothing pass but additions.
mod comparison;
mod disorder;
mod formats;
/// Following a connection's bytes agrees with the library that reads them.
mod framing;
mod laws;
mod log;
/// Several logs of one run are that run.
mod merged;
mod progress;
mod python;
mod real_logs;
mod reference;
