//! What the tests are written with: an upstream and a client that deal in exact bytes, the process under test, run logs,
//! and a storage that does as it is told. Nothing in here asserts a promise.

pub(crate) mod answers;
pub(crate) mod client;
pub(crate) mod front;
pub(crate) mod gate;
pub(crate) mod http2;
pub(crate) mod logs;
#[cfg(feature = "http-logs")]
pub(crate) mod objects;
pub(crate) mod sidecar;
pub(crate) mod upstream;
pub(crate) mod wire;

use std::time::{Duration, Instant};

/// How long anything may take that has to happen: far longer than it does, so that only a real fault gets there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again until there is a value.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = ask() {
            return value;
        }
        assert!(Instant::now() < deadline, "this never happened: {what}");
        // The one place that waits by the clock, and for what other processes do only.
        std::thread::sleep(Duration::from_millis(2));
    }
}
