//! Choices out of a fuzzer's bytes: when they have run out, every choice is the first.

/// The bytes that have not been used.
#[derive(Debug)]
pub(crate) struct Choices<'b>(pub(crate) &'b [u8]);

impl<'b> Choices<'b> {
    pub(crate) fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// True for one byte in so many.
    pub(crate) fn one_in(&mut self, many: u8) -> bool {
        self.byte().is_multiple_of(many)
    }

    /// One of these; there is at least one.
    pub(crate) fn one<'c, T>(&mut self, of: &'c [T]) -> &'c T {
        &of[usize::from(self.byte()) % of.len()]
    }

    /// The next bytes up to a zero, or all of them.
    pub(crate) fn piece(&mut self) -> &'b [u8] {
        let mut pieces = self.0.splitn(2, |byte| *byte == 0);
        let piece = pieces.next().unwrap_or_default();
        self.0 = pieces.next().unwrap_or_default();
        piece
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
