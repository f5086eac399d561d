//! How many logs may be read at the same time, whichever configuration they were begun under.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Places for readings; a clone has the same ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    taken: AtomicUsize,
    most: AtomicUsize,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Slot(Slots);

impl Slots {
    /// Allows so many from now on. What goes on already goes on, and counts.
    pub(super) fn allow(&self, most: usize) {
        self.0.most.store(most, Ordering::Relaxed);
    }

    /// A place, unless all are taken.
    pub(super) fn take(&self) -> Option<Slot> {
        let most = self.0.most.load(Ordering::Relaxed);
        let more = |taken| (taken < most).then_some(taken + 1);
        let taken = self.0.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.ok().map(|_| Slot(self.clone()))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_counts_also_where_fewer_are_allowed_now() {
        let slots = Slots::default();
        assert!(slots.take().is_none());
        slots.allow(2);
        let (first, second) = (slots.take().unwrap(), slots.clone().take().unwrap());
        assert!(slots.take().is_none());
        slots.allow(1);
        drop(first);
        assert!(slots.take().is_none(), "the second is one too many already");
        drop(second);
        assert!(slots.take().is_some());
    }
}
