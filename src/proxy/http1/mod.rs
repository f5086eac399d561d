//! Exchanges with the upstream that need no HTTP library: a request without a body goes out, and its answer is read.
//!
//! That is what clients who poll send. Whoever waits for the answer lets the connection work meanwhile, without a task or
//! a channel of its own; memory for what comes is set aside when something comes, or before where TLS is spoken. Whatever
//! else there is goes through hyper, which takes over a connection that lies idle: bodies on their way up, a switch of
//! protocols, names to be kept as they were written.
//!
//! `head` writes heads and reads them, `decoder` tells where a body ends; both are pure. `exchange` does the IO, on a
//! `stream` of any kind. An answer is understood as hyper understands it; a test holds the two side by side.

mod decoder;
mod error;
mod exchange;
mod head;
mod stream;
#[cfg(test)]
mod tests;

pub use error::ConnectionError;
pub(super) use exchange::{Answer, Exchange};
pub(super) use stream::Stream;

/// An answer may have so many headers and so long a head: far more than any sane service sends, so that gloss is never
/// stricter than the clients behind it.
pub(super) const MAX_HEADERS: usize = 1000;
pub(super) const MAX_HEAD_BYTES: usize = 2 * 1024 * 1024;
