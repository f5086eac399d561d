//! How many streams there are, in the whole process: those that began before a reload count, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

use crate::telemetry::{Metrics, OpenStream};

/// The streams of a process; a clone counts into the same.
#[derive(Debug, Clone)]
pub struct Streams {
    open: Arc<AtomicUsize>,
    /// Cancelled when they are to end.
    end: CancellationToken,
    metrics: Metrics,
}

/// A stream's place among the others; it is free again when the value is dropped.
#[derive(Debug)]
pub struct Place {
    open: Arc<AtomicUsize>,
    _shown: OpenStream,
}

impl Streams {
    /// No stream yet. All of them end when `end` is cancelled.
    pub fn new(end: CancellationToken, metrics: Metrics) -> Self {
        Self { open: Arc::default(), end, metrics }
    }

    /// A place, unless `max` are taken.
    pub fn begin(&self, max: usize) -> Option<Place> {
        let one_more = |open: usize| (open < max).then_some(open + 1);
        self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Place { open: Arc::clone(&self.open), _shown: self.metrics.streams().opened() })
    }

    /// Tells when they are to end.
    pub fn end(&self) -> CancellationToken {
        self.end.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_streams_than_there_may_be() {
        let metrics = Metrics::new();
        let streams = Streams::new(CancellationToken::new(), metrics.clone());
        let (one, other) = (streams.begin(2), streams.clone().begin(2));
        assert!(one.is_some() && other.is_some() && streams.begin(2).is_none());
        assert!(metrics.text().contains("gloss_streams 2"));
        drop(one);
        assert!(streams.begin(2).is_some() && streams.begin(1).is_none());
        drop(other);
        assert!(metrics.text().contains("gloss_streams 0"));
    }
}
