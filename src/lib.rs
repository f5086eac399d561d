//! gloss stands in front of a service that runs Claude Code workflows and forwards everything unchanged. To the status
//! answers of callers who ask it adds notes, made from the run's log: steps, progress, result, summary.
//!
//! The modules, in the order in which a request meets them:
//!
//! ```text
//! accept → stack → route → rollout ─┬─ basic ───────────────── proxy ──────────────────────→ answer
//! server   stack   (pure)  (pure)   └─ enhanced ┬─ proxy ────────────────┐
//!                                               └─ runlog → analysis ────┴→ enrich::merge → answer
//!                                                  IO       pure            pure
//! ```
//!
//! The pure part ([`run_id`], [`variant`], [`route`], [`rollout`], [`analysis`], [`comparison`], [`openapi`], and [`enrich`]'s `answer`, `eligible`, `merge`) does
//! no IO, reads no clock, and has an outcome for every input; the rest is the shell around it. [`stream`] sends an
//! enhanced answer again whenever it changes.

pub mod commands;
pub mod config;

pub mod observe;
pub mod reload;
pub mod server;
pub mod stack;

pub mod rollout;
pub mod route;
pub mod run_id;
pub mod variant;

pub mod proxy;

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
