//! What was read of answers before. Most polls bring the very bytes of the last one, and reading 3 KB of JSON takes longer
//! than anything else that is done for a poll when nothing has changed.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use super::answer::{Answer, NotAnObject};

/// So many answers are remembered; each has the one place that its beginning leads to, whoever was there before.
const PLACES: usize = 512;
/// An answer begins with the run's id.
const BEGINNING_BYTES: usize = 128;
/// Answers of which more than this is known are not remembered, in bytes.
const MOST_KNOWN_BYTES: usize = 4096;
/// Longer bodies are remembered by their digests, in bytes.
const MOST_BODY_BYTES: usize = 8192;

/// Answers that were read, by their bytes, or the digests of those: 6 MiB at most.
///
/// The digest is keyed by a number that nobody outside knows. Two bodies with the same 128 bits would be read as one, whose
/// closing brace may stand elsewhere; the proof that every answer passes before it is sent finds that.
pub(super) struct Answers {
    seed: u64,
    places: Box<[Place]>,
}

/// The answer that was read last of those that lead here.
type Place = Mutex<Option<(Mark, Arc<Answer>)>>;

/// What a body is known again by.
#[derive(Debug)]
enum Mark {
    Bytes(Box<[u8]>),
    Digest(u128),
}

impl Answers {
    pub(super) fn new() -> Self {
        let places = (0..PLACES).map(|_| Mutex::default()).collect();
        Self { seed: RandomState::new().hash_one("answers"), places }
    }

    /// Reads a body, unless it was read lately.
    pub(super) fn read(&self, body: &[u8]) -> Result<Arc<Answer>, NotAnObject> {
        let beginning = xxh3_64_with_seed(&body[..body.len().min(BEGINNING_BYTES)], self.seed);
        let place = &self.places[usize::try_from(beginning % PLACES as u64).unwrap_or_default()];
        let digest = (body.len() > MOST_BODY_BYTES).then(|| xxh3_128_with_seed(body, self.seed));
        if let Some((mark, answer)) = &*place.lock().unwrap_or_else(PoisonError::into_inner)
            && mark.is_of(body, digest)
        {
            return Ok(Arc::clone(answer));
        }
        let answer = Arc::new(Answer::read(body)?);
        if answer.heap_bytes() <= MOST_KNOWN_BYTES {
            let mark = digest.map_or_else(|| Mark::Bytes(body.into()), Mark::Digest);
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some((mark, Arc::clone(&answer)));
        }
        Ok(answer)
    }
}

impl Mark {
    fn is_of(&self, body: &[u8], digest: Option<u128>) -> bool {
        match self {
            Self::Bytes(bytes) => digest.is_none() && **bytes == *body,
            Self::Digest(known) => digest == Some(*known),
        }
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_was_read_is_known_again_and_another_is_not_taken_for_it() {
        let answers = Answers::new();
        let first = answers.read(b"{\"status\":\"running\"}").unwrap();
        assert!(Arc::ptr_eq(&first, &answers.read(b"{\"status\":\"running\"}").unwrap()));
        for filler in ["", &"x".repeat(MOST_BODY_BYTES)] {
            for number in 0..2_000 {
                let body = format!("{{\"filler\":\"{filler}\",\"status\":\"s{number}\"}}");
                let status = answers.read(body.as_bytes()).unwrap().status.clone();
                assert_eq!(status, Some(format!("s{number}")));
            }
            let same = format!("{{\"filler\":\"{filler}\",\"status\":\"s1999\"}}");
            let first = answers.read(same.as_bytes()).unwrap();
            assert!(Arc::ptr_eq(&first, &answers.read(same.as_bytes()).unwrap()));
        }
        assert!(answers.read(b"{").is_err() && answers.read(b"{").is_err());
    }

    #[test]
    fn what_is_known_of_an_answer_is_bounded() {
        let answers = Answers::new();
        let long = format!("{{\"{}\":1}}", "n".repeat(MOST_KNOWN_BYTES));
        let first = answers.read(long.as_bytes()).unwrap();
        assert!(!Arc::ptr_eq(&first, &answers.read(long.as_bytes()).unwrap()));
    }
}
