//! How much of answers is held in memory at a time, all requests together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of bytes that all who hold some may hold together. A clone counts into the same.
#[derive(Debug, Clone)]
pub struct HeldLimit {
    held: Arc<AtomicUsize>,
    max_bytes: usize,
}

/// Bytes that are held; they count until the value is dropped.
#[derive(Debug)]
pub struct Held {
    limit: HeldLimit,
    bytes: usize,
}

impl HeldLimit {
    /// At most `max_bytes` at a time.
    pub fn new(max_bytes: usize) -> Self {
        Self { held: Arc::default(), max_bytes }
    }

    /// A holding of nothing yet.
    pub fn hold(&self) -> Held {
        Held { limit: self.clone(), bytes: 0 }
    }

    /// How many bytes are held now.
    pub fn bytes(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

impl Held {
    /// Holds so many bytes more, if there is room for them.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let with_more = |held: usize| held.checked_add(bytes).filter(|all| *all <= self.limit.max_bytes);
        let grown = self.limit.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with_more).is_ok();
        if grown {
            self.bytes += bytes;
        }
        grown
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.limit.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_together_hold_no_more_than_the_limit_and_give_it_back() {
        let limit = HeldLimit::new(100);
        let (mut one, mut other) = (limit.hold(), limit.hold());
        assert!(one.grow(60) && other.grow(40));
        assert!(!one.grow(1) && !other.grow(usize::MAX));
        drop(other);
        assert_eq!(limit.bytes(), 60);
        assert!(one.grow(40) && !one.grow(1));
        drop(one);
        assert_eq!(limit.bytes(), 0);
    }
}
