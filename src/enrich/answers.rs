//! What was read of answers before. Most polls bring the very bytes of the last one, and reading 3 KB of JSON takes longer
//! than anything else that is done for a poll when nothing has changed.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::answer::{Answer, NotAnObject};

/// So many answers are remembered; each has the one place that its digest names, whoever was there before.
const PLACES: usize = 1024;
/// Answers of which more than this is known are not remembered, in bytes.
const MOST_BYTES: usize = 4096;

/// Answers that were read, by the digests of their bytes: 5 MiB at most.
///
/// The digest is keyed by a number that nobody outside knows. Two bodies with the same 128 bits would be read as one, whose
/// closing brace may stand elsewhere; the proof that every answer passes before it is sent finds that.
pub(super) struct Answers {
    seed: u64,
    places: Box<[Place]>,
}

/// The answer that was read last of those whose digests lead here.
type Place = Mutex<Option<(u128, Arc<Answer>)>>;

impl Answers {
    pub(super) fn new() -> Self {
        let places = (0..PLACES).map(|_| Mutex::default()).collect();
        Self { seed: RandomState::new().hash_one("answers"), places }
    }

    /// Reads a body, unless it was read lately.
    pub(super) fn read(&self, body: &[u8]) -> Result<Arc<Answer>, NotAnObject> {
        let digest = xxh3_128_with_seed(body, self.seed);
        // The remainder is smaller than a `usize`.
        let place = &self.places[(digest % PLACES as u128) as usize];
        let known = place.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, answer)) = known.filter(|(known, _)| *known == digest) {
            return Ok(answer);
        }
        let answer = Arc::new(Answer::read(body)?);
        if answer.heap_bytes() <= MOST_BYTES {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some((digest, Arc::clone(&answer)));
        }
        Ok(answer)
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
        for number in 0..5_000 {
            let body = format!("{{\"status\":\"s{number}\"}}");
            let status = answers.read(body.as_bytes()).unwrap().status.clone();
            assert_eq!(status, Some(format!("s{number}")));
        }
        assert!(answers.read(b"{").is_err() && answers.read(b"{").is_err());
    }

    #[test]
    fn what_is_known_of_an_answer_is_bounded() {
        let answers = Answers::new();
        let long = format!("{{\"{}\":1}}", "n".repeat(MOST_BYTES));
        let first = answers.read(long.as_bytes()).unwrap();
        assert!(!Arc::ptr_eq(&first, &answers.read(long.as_bytes()).unwrap()));
    }
}
