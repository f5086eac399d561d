//! Whole-process tests, one file a promise of the contract: the real program between a client and an upstream that both
//! deal in exact bytes. Not for what a unit test shows as well, and not for real clients and servers.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "these tests are all shell: they write files, read clocks, and fail by panicking"
)]

/// What the tests are written with.
mod support;

/// A line for each request, where that is switched on.
mod access_log;
/// The notes add and change nothing: bytes, members, headers.
mod additive;
/// The pure part stays pure, and arrows between modules go down only.
mod architecture;
/// The wall clock jumps.
mod clock;
/// Proving from outside, for a list of runs, that nothing but additions is in the enhanced answer.
mod compare_command;
/// What the A/B measures, and both answers in one.
mod comparison;
/// Which answer a request gets, and how the client is told.
mod decisions;
/// Everything in one process, with clients of its own.
mod demo;
/// The service's own description, with the notes in it or without.
mod descriptions;
/// A set-up that is checked from outside, end to end.
mod doctor;
/// The documents beside the code: what is generated, and what has to be named.
mod documents;
/// Whatever goes wrong with the notes, the client gets the upstream's own answer, and the reason is told and counted.
mod fallbacks;
/// What becomes of requests which the upstream does not answer.
mod faults;
/// A container's health check.
mod health;
/// A poll reads what was appended, and nothing else.
mod incremental;
/// A configuration that is looked for and written.
mod init;
/// Starting, refusing to start, draining, ending.
mod lifecycle;
/// Limits on clients' connections, and what a client sees past one.
mod limits;
/// Clients that take no more, or send no more, or never end: nothing is held for them for ever.
mod lingering;
/// What `man` shows and shells complete.
mod manual;
/// What a scrape finds.
mod metrics;
/// Logs that are objects: what a poll asks the storage for.
mod objects;
/// A single core, on which one thread does everything.
mod one_core;
/// What operators see: the runs in the cache, live, and the page.
mod operators;
/// A panic costs one request or one connection.
mod panics;
/// What passes by is remembered, and passes untouched.
mod passing_by;
/// Everything but the status route passes as if there were no proxy.
mod passthrough;
/// A run whose process has ended without a word.
mod processes;
/// A page elsewhere reaches the operators' listener by no name of its own, and changes nothing.
mod rebinding;
/// A changed configuration comes into force while gloss serves; a refused one changes nothing.
mod reload;
/// What callers prove themselves with shows nowhere.
mod secrets;
/// Polls that are the same share an answer, and no others do.
mod shield;
/// Where logs may be, in which order they are looked for, and how several are one.
mod sources;
/// Live updates: who gets them, what they say and when, and how they end.
mod streams;
/// gloss and the upstream never disagree on where a request ends.
mod strictness;
/// What systemd is told.
mod systemd;
/// What a collector of traces gets.
mod traces;
/// The ways to reach an upstream: TLS, sockets in the file system, names with several addresses.
mod upstreams;
/// A run in the terminal, through the proxy.
mod watch;
