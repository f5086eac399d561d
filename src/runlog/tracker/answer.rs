//! The `logs` text in the upstream's own answer as a log: its last 1000 entries.
//!
//! What is kept of one is known by a digest of the text, so that it serves only whoever was given that very text by the
//! upstream; a text that goes on where it ended is folded from there. Once the text begins to lose its oldest entries
//! for new ones, each is another text and is read whole: what came of it is a function of the answer alone, on every
//! replica.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::TrackerParams;
use crate::analysis::{Analysis, CacheOutcome};

/// An answer's logs that were read. Holds the analysis and nothing of the text.
#[derive(Debug)]
pub(super) struct AnswerRead {
    /// The length and the digest of the text, as it stands in the answer between its quotes.
    length: usize,
    digest: [u8; 32],
    pub(super) analysis: Arc<Analysis>,
}

/// Reads the JSON value of `logs`, from where `known` ends if it begins with that. `None` when it is no text, or empty.
pub(super) fn read(
    known: Option<&AnswerRead>,
    json: &str,
    params: &TrackerParams,
) -> Option<(AnswerRead, CacheOutcome)> {
    let text = json.strip_prefix('"')?.strip_suffix('"').filter(|text| !text.is_empty())?;
    let mut hash = Sha256::new();
    let known = known.filter(|known| {
        text.as_bytes().get(..known.length).is_some_and(|begin| {
            hash.update(begin);
            hash.clone().finalize()[..] == known.digest
        })
    });
    let Some(known) = known else {
        let mut analysis = Analysis::with_prior(params.limits, Arc::clone(&params.prior));
        analysis.feed_entries(serde_json::from_str(json).ok()?);
        let read = AnswerRead::of(text, Sha256::digest(text).into(), Arc::new(analysis));
        return Some((read, CacheOutcome::Miss));
    };
    let more = &text[known.length..];
    if more.is_empty() {
        return Some((AnswerRead::of(text, known.digest, Arc::clone(&known.analysis)), CacheOutcome::Hit));
    }
    let Some(entries) = more.strip_prefix("\\n") else { return read(None, json, params) };
    hash.update(more);
    let mut analysis = Arc::clone(&known.analysis);
    Arc::make_mut(&mut analysis).feed_entries(serde_json::from_str(&format!("\"{entries}\"")).ok()?);
    Some((AnswerRead::of(text, hash.finalize().into(), analysis), CacheOutcome::Incremental))
}

impl AnswerRead {
    fn of(text: &str, digest: [u8; 32], analysis: Arc<Analysis>) -> Self {
        Self { length: text.len(), digest, analysis }
    }

    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.analysis.weight()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::analysis::{Limits, Prior};

    fn params() -> TrackerParams {
        TrackerParams {
            limits: Limits::default(),
            prior: Prior::shipped(),
            max_bytes_per_poll: u64::MAX,
            cache_bytes: 1 << 20,
            cache_idle: Duration::from_mins(1),
        }
    }

    fn json(entries: std::ops::Range<usize>) -> String {
        let entry = |n| format!("2026-03-02T09:14:{:02}+00:00 [event] \"entry\" {n}\nof two lines", n % 60);
        serde_json::to_string(&entries.map(entry).collect::<Vec<_>>().join("\n")).unwrap()
    }

    fn after(known: Option<&AnswerRead>, json: &str) -> (AnswerRead, CacheOutcome) {
        read(known, json, &params()).unwrap()
    }

    #[test]
    fn a_text_that_goes_on_is_folded_from_where_it_ended_to_the_same_state() {
        let (first, outcome) = after(None, &json(0..3));
        assert_eq!(outcome, CacheOutcome::Miss);
        let (again, outcome) = after(Some(&first), &json(0..3));
        assert_eq!(outcome, CacheOutcome::Hit);
        let (grown, outcome) = after(Some(&again), &json(0..5));
        assert_eq!(outcome, CacheOutcome::Incremental);
        let (whole, _) = after(None, &json(0..5));
        assert_eq!(grown.analysis.offset(), whole.analysis.offset());
        assert_eq!(format!("{:?}", grown.analysis), format!("{:?}", whole.analysis));
        assert_eq!(after(Some(&grown), &json(0..5)).1, CacheOutcome::Hit);
    }

    #[test]
    fn any_other_text_is_read_whole_so_that_nothing_of_the_one_before_shows() {
        let (first, _) = after(None, &json(0..5));
        for other in
            [json(1..6), json(0..2), json(3..4), format!("\"{} more\"", json(0..5).trim_matches('"'))]
        {
            let (read, outcome) = after(Some(&first), &other);
            assert_eq!(outcome, CacheOutcome::Miss, "{other}");
            assert_eq!(format!("{:?}", read.analysis), format!("{:?}", after(None, &other).0.analysis));
        }
    }

    #[test]
    fn what_is_no_text_or_empty_gives_nothing() {
        for nothing in ["null", "\"\"", "3", "[]", "{}", "\""] {
            assert!(read(None, nothing, &params()).is_none(), "{nothing}");
        }
    }
}
