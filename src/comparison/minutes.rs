//! What became of requests that were to be enhanced, minute by minute, over the last hour. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::analysis::Timestamp;

const SECONDS: i64 = 60;
/// How many minutes are kept.
const KEPT: i64 = 60;

/// Counts of the last hour. Of what is older, nothing is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Minutes(BTreeMap<i64, Counts>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Counts {
    enhanced: u64,
    by_reason: BTreeMap<&'static str, u64>,
}

/// One minute, as operators are told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Minute {
    /// Its begin.
    pub at: Timestamp,
    /// How long it is.
    pub seconds: u32,
    /// Answers that were enhanced.
    pub enhanced: u64,
    /// Answers that were to be and were not, by the reason; only reasons that occurred.
    pub by_reason: BTreeMap<&'static str, u64>,
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(SECONDS)
}

impl Minutes {
    /// Counts an answer that was enhanced, or the reason why it was not.
    pub(super) fn count(&mut self, reason: Option<&'static str>, at: DateTime<Utc>) {
        let counts = self.0.entry(minute(at)).or_default();
        let slot = match reason {
            None => &mut counts.enhanced,
            Some(reason) => counts.by_reason.entry(reason).or_default(),
        };
        *slot = slot.saturating_add(1);
        self.forget();
    }

    /// Adds the counts of another one.
    pub(super) fn merge(&mut self, other: &Self) {
        for (minute, theirs) in &other.0 {
            let ours = self.0.entry(*minute).or_default();
            ours.enhanced = ours.enhanced.saturating_add(theirs.enhanced);
            for (reason, count) in &theirs.by_reason {
                let slot = ours.by_reason.entry(reason).or_default();
                *slot = slot.saturating_add(*count);
            }
        }
        self.forget();
    }

    /// Drops what is more than an hour older than the newest.
    fn forget(&mut self) {
        if let Some((newest, _)) = self.0.last_key_value() {
            let oldest = newest - KEPT + 1;
            if self.0.first_key_value().is_some_and(|(first, _)| *first < oldest) {
                self.0 = self.0.split_off(&oldest);
            }
        }
    }

    /// The last hour, oldest first, with its empty minutes; none from before `since`, when counting began.
    pub(super) fn told(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Vec<Minute> {
        let last = minute(now);
        let first = minute(since).max(last - KEPT + 1);
        let told = |number: i64| {
            let counts = self.0.get(&number).cloned().unwrap_or_default();
            Some(Minute {
                at: Timestamp(DateTime::from_timestamp(number.checked_mul(SECONDS)?, 0)?),
                seconds: 60,
                enhanced: counts.enhanced,
                by_reason: counts.by_reason,
            })
        };
        (first..=last).filter_map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_040 + seconds, 0).unwrap()
    }

    #[test]
    fn every_minute_since_counting_began_is_told_empty_ones_too() {
        let mut minutes = Minutes::default();
        minutes.count(None, at(0));
        minutes.count(Some("no-log"), at(59));
        minutes.count(Some("no-log"), at(121));
        let told = minutes.told(at(0), at(185));
        let counts: Vec<_> = told.iter().map(|minute| (minute.enhanced, minute.by_reason.len())).collect();
        assert_eq!(counts, [(1, 1), (0, 0), (0, 1), (0, 0)]);
        assert_eq!(told[1].at.to_string(), "2025-10-09T08:55:00Z");
    }

    #[test]
    fn an_hour_is_kept_and_no_more_however_long_it_counts() {
        let mut minutes = Minutes::default();
        for hour in 0..100 {
            minutes.count(None, at(hour * 60));
        }
        assert_eq!(minutes.0.len(), 60);
        let told = minutes.told(at(0), at(99 * 60));
        assert_eq!(told.len(), 60);
        assert_eq!(told.iter().map(|minute| minute.enhanced).sum::<u64>(), 60);
        minutes.count(None, at(0));
        assert_eq!(minutes.0.len(), 60, "what is late by more than an hour is not counted");
        assert!(minutes.told(at(0), at(-60)).is_empty());
    }
}
