//! A body that is being read whole, in one piece: each chunk is copied behind the others while it is still at hand, and
//! its own memory is free for the next. One that comes in one chunk is not copied.

use bytes::{Bytes, BytesMut};

/// No more room than this is made ahead of what comes, in bytes: a length that is announced is not there yet.
const MOST_AHEAD: usize = 1024 * 1024;

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Collected {
    first: Bytes,
    joined: BytesMut,
}

impl Collected {
    /// The next chunk of a body that is going to have about so many bytes.
    pub(super) fn push(&mut self, chunk: Bytes, expected: usize) {
        if self.joined.is_empty() && self.first.is_empty() {
            self.first = chunk;
            return;
        }
        if self.joined.is_empty() {
            let first = std::mem::take(&mut self.first);
            self.joined.reserve(expected.min(MOST_AHEAD).max(first.len() + chunk.len()));
            self.joined.extend_from_slice(&first);
        }
        self.joined.extend_from_slice(&chunk);
    }

    /// All of it.
    pub(super) fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_in_their_order_and_a_single_one_is_not_copied() {
        let chunks = ["one", "", "two", "three"].map(Bytes::from);
        for count in 0..=chunks.len() {
            for expected in [0, 1000] {
                let mut collected = Collected::default();
                chunks[..count].iter().for_each(|chunk| collected.push(chunk.clone(), expected));
                assert_eq!(collected.into_bytes(), chunks[..count].concat());
            }
        }
        let mut single = Collected::default();
        single.push(chunks[3].clone(), 1000);
        assert_eq!(single.into_bytes().as_ptr(), chunks[3].as_ptr());
    }
}
