//! Where a string of JSON may end or goes on with an escape: the innermost loop of all reading.
//!
//! Output of tools has an escape every few words, and beginning a search anew behind each costs more than it takes to look
//! that far. So 64 bytes are looked at together, by the vectors that every processor of the kind has, and what was found in
//! them is kept as bits.

use wide::u8x16;

/// So many bytes are looked at together.
pub(super) const BLOCK: usize = u64::BITS as usize;
const LANES: usize = 16;

/// The quotes and backslashes of one block of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    /// Where the block begins: at a multiple of its size.
    start: usize,
    bits: u64,
}

impl Marks {
    /// Those of the first block.
    pub(super) fn new(text: &[u8]) -> Self {
        Self { start: 0, bits: bits_of(text, 0) }
    }

    /// The next quote or backslash at `from` or behind it.
    #[inline]
    pub(super) fn next(&mut self, text: &[u8], from: usize) -> Option<usize> {
        let start = from - from % BLOCK;
        if start != self.start {
            *self = Self { start, bits: bits_of(text, start) };
        }
        let left = self.bits & (u64::MAX << (from % BLOCK));
        if left == 0 { self.beyond(text) } else { Some(start + left.trailing_zeros() as usize) }
    }

    /// The first one behind this block.
    fn beyond(&mut self, text: &[u8]) -> Option<usize> {
        while self.start + BLOCK < text.len() {
            let start = self.start + BLOCK;
            *self = Self { start, bits: bits_of(text, start) };
            if self.bits != 0 {
                return Some(start + self.bits.trailing_zeros() as usize);
            }
        }
        None
    }
}

fn bits_of(text: &[u8], start: usize) -> u64 {
    let rest = text.get(start..).unwrap_or_default();
    if let Some(block) = rest.first_chunk() {
        return bits(block);
    }
    let mut block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    bits(&block)
}

fn bits(block: &[u8; BLOCK]) -> u64 {
    let lanes = block.as_chunks::<LANES>().0.iter().enumerate();
    lanes.fold(0, |bits, (place, lanes)| {
        let lanes = u8x16::new(*lanes);
        let marks = lanes.simd_eq(u8x16::splat(b'"')) | lanes.simd_eq(u8x16::splat(b'\\'));
        bits | u64::from(marks.to_bitmask()) << (place * LANES)
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    proptest! {
        /// Whatever was asked before.
        #[test]
        fn the_nearest_mark_is_found(
            pieces in vec((vec(select(b"a!#[]\x00\x7f\x80\xa2\xdc\xff".as_slice()), 0..90), select(b"\"\\".as_slice())), 0..6),
            tail in vec(Just(b'x'), 0..70),
            asked in vec(any::<prop::sample::Index>(), 1..9),
        ) {
            let pieces = pieces.into_iter().flat_map(|(piece, mark)| [piece, vec![mark]].concat());
            let text: Vec<u8> = pieces.chain(tail).collect();
            let mut marks = Marks::new(&text);
            for from in asked {
                let from = from.index(text.len() + 1);
                let nearest = text[from..].iter().position(|byte| matches!(byte, b'"' | b'\\'));
                prop_assert_eq!(marks.next(&text, from), nearest.map(|at| from + at));
            }
        }
    }
}
