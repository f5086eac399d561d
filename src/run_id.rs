//! The identifier of a run, as far as gloss lets it near a file name. Pure.

use std::fmt;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

/// The longest run id for which a log is looked for, in bytes.
pub const MAX_RUN_ID_BYTES: usize = 128;

/// A run id that is safe to use in a path: `[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}`.
///
/// It cannot be empty, begin with a dot, or contain a separator, so that no template can be led out of its root.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Arc<str>);

impl RunId {
    /// Reads the path segment of a status request, percent-decoding it once.
    ///
    /// `None` when the decoded segment is no legal id; the request is then forwarded and no log is looked for.
    pub fn from_segment(segment: &str) -> Option<Self> {
        Self::new(&percent_decode_str(segment).decode_utf8().ok()?)
    }

    /// Accepts an id that is not encoded; `None` when it is not legal.
    pub fn new(id: &str) -> Option<Self> {
        let (first, rest) = id.as_bytes().split_first()?;
        let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let legal =
            id.len() <= MAX_RUN_ID_BYTES && plain(first) && rest.iter().all(|b| plain(b) || *b == b'.');
        legal.then(|| Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_both_upstream_generations_are_legal() {
        assert_eq!(RunId::from_segment("run_08ac1de6fa8d").unwrap().as_str(), "run_08ac1de6fa8d");
        assert!(RunId::from_segment("68f104c9-7d72-4dfd-a29e-5b588975018c").is_some());
        assert_eq!(RunId::from_segment("%72un.1").unwrap().as_str(), "run.1");
    }

    #[test]
    fn ids_that_could_leave_a_folder_are_not() {
        for bad in
            ["", ".", "..", ".hidden", "a/b", "a%2fb", "..%2f..%2fetc", "a%00b", "a\\b", "%ff", "a b", "é"]
        {
            assert!(RunId::from_segment(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn an_id_is_decoded_once_only() {
        assert!(RunId::from_segment("%252e%252e").is_none());
    }

    #[test]
    fn the_length_is_bounded_at_128() {
        assert!(RunId::new(&"a".repeat(128)).is_some());
        assert!(RunId::new(&"a".repeat(129)).is_none());
    }
}
