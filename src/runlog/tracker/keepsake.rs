//! A place beside an analysis for what others have made of it, kept for as long as the analysis is what it was.
//!
//! There is one for each state of an analysis: once the log has grown, there is a new one. It is not for what outlives
//! that, see [`Told`](super::Told).

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One thing, of whatever type its owner likes.
#[derive(Default)]
pub struct Keepsake(Mutex<Option<Kept>>);

struct Kept {
    thing: Arc<dyn Any + Send + Sync>,
    bytes: usize,
}

impl Keepsake {
    /// What is kept, where it is of this type.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let thing = Arc::clone(&self.lock().as_ref()?.thing);
        thing.downcast().ok()
    }

    /// Keeps this instead of what was kept before. It holds so much memory, in bytes.
    pub fn keep<T: Any + Send + Sync>(&self, thing: Arc<T>, bytes: usize) {
        *self.lock() = Some(Kept { thing, bytes });
    }

    /// How much memory is held, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.lock().as_ref().map_or(0, |kept| kept.bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Keepsake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keepsake").field("heap_bytes", &self.heap_bytes()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_last_is_found_by_its_type() {
        let keepsake = Keepsake::default();
        assert_eq!(keepsake.get::<u32>(), None);
        keepsake.keep(Arc::new(1_u32), 4);
        keepsake.keep(Arc::new(2_u32), 40);
        assert_eq!((keepsake.get::<u32>(), keepsake.heap_bytes()), (Some(Arc::new(2)), 40));
        assert_eq!(keepsake.get::<String>(), None);
    }
}
