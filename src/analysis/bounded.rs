//! Collections that forget the oldest instead of growing, and texts cut to a length: what keeps memory bounded.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

/// A hash that is the same in every process, for recognising an id again without keeping it.
pub(super) fn fingerprint(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Remembers the last `CAPACITY` fingerprints, 8 bytes each and their place in a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen<const CAPACITY: usize> {
    order: VecDeque<u64>,
    known: HashSet<u64, BuildHasherDefault<AsItIs>>,
}

/// Takes a fingerprint, which is a hash already, for its hash.
#[derive(Debug, Clone, Copy, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}

impl<const CAPACITY: usize> Seen<CAPACITY> {
    /// Notes it; whether it is new.
    pub(super) fn is_new(&mut self, fingerprint: u64) -> bool {
        if !self.known.insert(fingerprint) {
            return false;
        }
        self.order.push_back(fingerprint);
        if self.order.len() > CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    pub(super) fn contains(&self, fingerprint: u64) -> bool {
        self.known.contains(&fingerprint)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        // A hash table keeps a control byte an entry and stays at most 7/8 full.
        self.order.capacity() * 8 + self.known.capacity() * 8 / 7 * 9
    }
}

/// The start of `text`, at most `bytes` long and cut between characters, with an ellipsis where something is missing.
pub(super) fn shortened(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut short = head(text, bytes.saturating_sub('…'.len_utf8())).trim_end().to_owned();
    short.push('…');
    short
}

/// The start of `text`, at most `bytes` long and cut between characters.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut seen = Seen::<2>::default();
        assert!([1, 2, 3].into_iter().all(|id| seen.is_new(id)));
        assert!(!seen.contains(1) && seen.contains(2) && !seen.is_new(3));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shortened("äöü", 6), "äöü");
        assert_eq!(shortened("äöüß", 7), "äö…");
    }
}
