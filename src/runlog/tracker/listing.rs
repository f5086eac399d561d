//! The runs whose analyses are in the cache, for operators. Reads no log, and keeps no entry alive.

use std::sync::{Arc, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::told::Saying;
use super::{Checkpoint, Entry, Snapshot, Tracker};
use crate::analysis::{Beside, CacheOutcome, Context, Detail, Overview};
use crate::run_id::RunId;

/// For so long what was said of a run that goes on is good enough; of one that has ended, until its log grows.
const GOOD_FOR: TimeDelta = TimeDelta::milliseconds(900);

/// A run whose analysis is in the cache.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub run: RunId,
    /// What the upstream said of it, where it was learnt.
    pub told: Option<Saying>,
    /// What its log says, as far as it was read.
    pub overview: Arc<Overview>,
}

/// What was said of a run last, and from what it follows.
#[derive(Debug)]
pub(super) struct Shown {
    overview: Arc<Overview>,
    told: Option<Saying>,
    offset: u64,
    at: DateTime<Utc>,
}

impl Shown {
    fn still_holds(&self, offset: u64, told: Option<&Saying>, now: DateTime<Utc>) -> bool {
        let is_young = now - self.at < GOOD_FOR && now >= self.at;
        self.offset == offset && self.told.as_ref() == told && (is_young || !self.overview.ages())
    }
}

impl Tracker {
    /// Every run in the cache, in no order, as it is at `now` by what was read of its log.
    ///
    /// Takes time: what has changed since the last call is worked out anew. A run whose log is being read at this moment
    /// is given as it was the last time, and left out where there was none.
    ///
    /// # Panics
    /// When an analysis does, which the caller has to contain.
    pub fn runs(&self, now: DateTime<Utc>) -> Vec<Listed> {
        self.0.cache.iter().filter_map(|(run, entry)| entry.listed(&run, now)).collect()
    }

    /// Whether the analysis of a run's log is in the cache.
    pub fn holds(&self, run: &RunId) -> bool {
        self.0.cache.contains_key(run)
    }

    /// The analysis of a run's log as far as it was read, without reading on; waits for a reader who is at it.
    pub async fn latest(&self, run: &RunId, now: DateTime<Utc>) -> Option<Snapshot> {
        let entry = self.0.cache.get(run)?;
        let checkpoint = entry.checkpoint.lock().await;
        checkpoint.as_ref().map(|known| self.0.snapshot(known, CacheOutcome::Hit, now))
    }
}

impl Entry {
    fn listed(&self, run: &RunId, now: DateTime<Utc>) -> Option<Listed> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(checkpoint) = self.checkpoint.try_lock() {
            *shown = checkpoint.as_ref().map(|known| fresh(known, shown.take(), now));
        }
        let shown = shown.as_ref()?;
        Some(Listed { run: run.clone(), told: shown.told.clone(), overview: Arc::clone(&shown.overview) })
    }
}

/// What is to be said now; what was said before, where that still holds.
fn fresh(known: &Checkpoint, shown: Option<Shown>, now: DateTime<Utc>) -> Shown {
    let (offset, told) = (known.analysis().offset(), known.told.last());
    if let Some(shown) = shown.filter(|shown| shown.still_holds(offset, told.as_ref(), now)) {
        return shown;
    }
    let context = Context {
        now,
        status: told.as_ref().and_then(Saying::last_status),
        max_turns: told.as_ref().and_then(|told| told.max_turns),
        detail: Detail::Full,
        compat_fields: false,
        source: known.source(),
        cache: CacheOutcome::Hit,
        beside: Beside::default(),
    };
    Shown { overview: Arc::new(known.analysis().overview(&context)), told, offset, at: now }
}
