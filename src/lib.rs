//! gloss stands in front of a service that runs Claude Code workflows and forwards everything unchanged. To the status
//! answers of callers who ask it adds notes, made from the run's log: steps, progress, result, summary.
//!
//! # The way of a request
//!
//! ```text
//! accept → stack → route → rollout ─┬─ basic ───────────────── proxy ──────────────────────→ answer
//! server   stack   (pure)  (pure)   └─ enhanced ┬─ proxy ────────────────┐
//!                                               └─ runlog → analysis ────┴→ enrich::merge → answer
//!                                                  IO       pure            pure
//! ```
//!
//! 1. [`server`] accepts a connection and reads the head of a request. What could be read in two ways is refused here, before
//!    anything is forwarded; limits on time, size and number are kept here, too.
//! 2. [`stack`] names every layer, outermost first, each with a *why*: a panic costs one request, [`observe`] counts and traces,
//!    [`shield`] shares answers where that is on, [`enrich`] adds notes, [`proxy`] forwards.
//! 3. [`route`] says whether it is a status request, and what its caller asks for; [`rollout`] decides: basic, enhanced, shadow or
//!    compare. Everything else, and basic, goes on to [`proxy`] as if the rest were not there: bodies stream both ways, upgrades
//!    are tunnelled, and what cannot be forwarded is answered with its cause.
//! 4. Enhanced: while the upstream answers, [`runlog`] looks for the run's log and reads what was appended since the last time;
//!    [`analysis`] folds the new lines into what it knows of the run. One checkpoint and one reader a log, whoever polls.
//! 5. When the upstream has answered 200 to *this* caller, [`enrich`] waits for the notes for `enrich.budget` at most and merges: the
//!    upstream's bytes, and members before their closing brace. The result is checked to be that. Whatever is not so, late or
//!    impossible is a [`Fallback`](enrich::Fallback), and the caller gets the upstream's bytes.
//! 6. With `Accept: text/event-stream`, [`stream`] sends the enhanced answer again whenever it changes.
//! 7. [`comparison`] is told what came of it, off the caller's path, and proves what was sent; [`telemetry`] counts.
//!
//! # What stands where
//!
//! | part | modules |
//! | --- | --- |
//! | pure: no IO, no clock, an outcome for every input | [`chunked`], [`run_id`], [`variant`], [`route`], [`rollout`], [`analysis`], [`comparison`], [`openapi`], and parts of others: `answer`, `eligible`, `merge`, `fallback`, `findings` of [`enrich`], `framing` of [`server`], heads and bodies in `http1` of [`proxy`], `key` and `rules` of [`shield`], `accept` and `event` of [`stream`] |
//! | the data path | [`server`], [`prompt`], [`stack`], [`observe`], [`shield`], [`enrich`], [`stream`], [`proxy`] |
//! | what it reads | [`runlog`]: folders, object stores, web servers, transcripts, the upstream's own answer |
//! | what it is told | [`config`] (raw → checked → in force), [`reload`] (again, without losing a request), [`switch`] (the rollout at run time) |
//! | what it tells | [`admin`] (metrics, runs, comparison, the schema of the notes, the page), [`telemetry`], [`systemd`] |
//! | how it is called | [`commands`], one file each; [`demo`] is a sample of the service |
//!
//! Arrows between modules go down only, from the commands over the stack to the pure part; the test `architecture` holds that, and
//! that the pure part names no runtime, socket, file, clock or environment. Memory has a bound wherever something is kept; each
//! module says which.

pub mod commands;
pub mod config;

pub mod observe;
pub mod prompt;
pub mod reload;
pub mod server;
pub mod stack;

pub mod chunked;
pub mod rollout;
pub mod route;
pub mod run_id;
pub mod variant;

pub mod proxy;
pub mod shield;

pub mod analysis;
pub mod comparison;
pub mod enrich;
pub mod openapi;
pub mod runlog;
pub mod stream;
pub mod switch;

pub mod admin;
pub mod demo;
pub mod systemd;
pub mod telemetry;
