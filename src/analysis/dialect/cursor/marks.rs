//! Where a string of JSON may end or goes on with an escape: the innermost loop of all reading.
//!
//! Output of tools has an escape every few words, and beginning a vectorised search costs more than it takes to look that
//! far. So eight bytes at a time are looked at first, and only what is longer is searched.

/// So many times eight bytes are looked at before the search.
const NEAR: usize = 4;

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

/// How far the next quote or backslash is.
pub(super) fn next(text: &[u8]) -> Option<usize> {
    let mut rest = text;
    for _ in 0..NEAR {
        let Some((word, after)) = rest.split_first_chunk() else { break };
        let word = u64::from_le_bytes(*word);
        let found = bytes_equal(word, b'"') | bytes_equal(word, b'\\');
        if found != 0 {
            return Some(text.len() - rest.len() + (found.trailing_zeros() / 8) as usize);
        }
        rest = after;
    }
    memchr::memchr2(b'"', b'\\', rest).map(|at| text.len() - rest.len() + at)
}

/// The high bits of those bytes that are this one; above the lowest of them there may be others, too.
fn bytes_equal(word: u64, byte: u8) -> u64 {
    let zeros = word ^ (ONES * u64::from(byte));
    zeros.wrapping_sub(ONES) & !zeros & HIGHS
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    proptest! {
        /// Bytes beside the two in the alphabet, where a borrow could pretend to have found them.
        #[test]
        fn the_nearest_mark_is_found(
            before in vec(select(b"a!#[]\x00\x01\x7f\x80\xa2\xdc\xff".as_slice()), 0..90),
            marks in vec(select(b"a\"\\#]".as_slice()), 0..12),
        ) {
            let text = [before, marks].concat();
            prop_assert_eq!(next(&text), text.iter().position(|byte| matches!(byte, b'"' | b'\\')));
        }
    }
}
