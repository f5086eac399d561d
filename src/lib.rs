//! gloss: a sidecar reverse proxy that adds notes in the margin of a status answer.

pub mod analysis;
pub mod commands;
