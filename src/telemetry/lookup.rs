//! Figures by their labels, looked up on the way of every request: without allocating, and without the cost of a hash that
//! strangers could attack.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

/// Figures by their labels, so that a request finds all of its own by one look; only a series that is new excludes others.
#[derive(Debug)]
pub(super) struct Lookup<L, S>(Arc<RwLock<HashMap<L, S, BuildHasherDefault<Mixed>>>>);

impl<L: Eq + Hash, S> Lookup<L, S> {
    pub(super) fn with(&self, labels: L, make: impl FnOnce(&L) -> S, observe: impl FnOnce(&S)) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(&labels) {
            return observe(series);
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        observe(known.entry(labels).or_insert_with_key(make));
    }
}

impl<L, S> Default for Lookup<L, S> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<L, S> Clone for Lookup<L, S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Hashes one small number, which nobody outside chooses freely.
#[derive(Debug, Default)]
pub(super) struct Mixed(u64);

impl Hasher for Mixed {
    fn write_u64(&mut self, number: u64) {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 << 8 | u64::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
