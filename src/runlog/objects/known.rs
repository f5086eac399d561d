//! What is remembered of the objects that were seen: enough to ask whether one has changed, and for what is new in the
//! same request. Forgetting it costs a request, never a wrong answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta};

use super::MARGIN;

/// The memory of one source, in bytes: some 50,000 objects.
const MEMORY_BYTES: u64 = 16 * 1024 * 1024;
/// Beside the texts, in bytes.
const ENTRY_BYTES: usize = 200;
const IDLE: Duration = Duration::from_hours(1);
/// Within so long of its own time stamp an object may change again without the stamp, which counts seconds.
const STAMP_TOLD: TimeDelta = TimeDelta::seconds(5);

/// The objects of one source by their keys.
#[derive(Debug)]
pub(super) struct Memory(Cache<Path, Arc<Known>>);

/// An object as it was seen last.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) meta: ObjectMeta,
    /// Up to where it was read.
    read: Arc<AtomicU64>,
}

impl Memory {
    pub(super) fn new() -> Self {
        let weigh = |key: &Path, known: &Arc<Known>| {
            let texts = key.as_ref().len() + known.meta.e_tag.as_ref().map_or(0, String::len);
            u32::try_from(texts + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(MEMORY_BYTES).weigher(weigh).time_to_idle(IDLE).build())
    }

    pub(super) fn get(&self, key: &Path) -> Option<Arc<Known>> {
        self.0.get(key)
    }

    /// Takes an object as it is now, read up to where it was before.
    pub(super) fn see(&self, meta: &ObjectMeta) -> Arc<Known> {
        let read = self.0.get(&meta.location).map_or_else(Arc::default, |known| Arc::clone(&known.read));
        let known = Arc::new(Known { meta: meta.clone(), read });
        self.0.insert(meta.location.clone(), Arc::clone(&known));
        known
    }
}

impl Known {
    /// Asks for what is new since it was read last, with a margin before by which the reader can tell that the rest is
    /// the same; for nothing if nothing has changed.
    pub(super) fn what_is_new(&self, now: DateTime<Utc>, in_parts: bool) -> GetOptions {
        let ObjectMeta { last_modified, size, e_tag, .. } = &self.meta;
        let from = self.read.load(Ordering::Relaxed).min(*size).saturating_sub(MARGIN);
        let range = (in_parts && from > 0).then_some(GetRange::Offset(from));
        let tells = e_tag.is_none() && last_modified.timestamp() > 0 && now - last_modified > STAMP_TOLD;
        let if_modified_since = tells.then_some(*last_modified);
        GetOptions { range, if_none_match: e_tag.clone(), if_modified_since, ..GetOptions::default() }
    }

    pub(super) fn was_read_to(&self, offset: u64) {
        self.read.store(offset, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(e_tag: Option<&str>, modified: i64) -> Arc<Known> {
        let meta = ObjectMeta {
            location: Path::from("run_a.log"),
            last_modified: DateTime::from_timestamp(modified, 0).unwrap(),
            size: 1000,
            e_tag: e_tag.map(ToOwned::to_owned),
            version: None,
        };
        Memory::new().see(&meta)
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn what_is_new_is_asked_for_by_tag_and_from_a_little_before_the_end() {
        let known = seen(Some("\"1\""), 100);
        assert_eq!(known.what_is_new(at(100), true).range, None, "nothing was read yet");
        known.was_read_to(1000);
        let asked = known.what_is_new(at(100), true);
        assert_eq!(asked.if_none_match.as_deref(), Some("\"1\""));
        assert_eq!(asked.if_modified_since, None);
        assert_eq!(asked.range, Some(GetRange::Offset(1000 - MARGIN)));
        assert_eq!(known.what_is_new(at(100), false).range, None, "the server sends no parts");
    }

    #[test]
    fn a_time_stamp_is_trusted_only_when_it_would_have_moved() {
        let known = seen(None, 100);
        assert_eq!(known.what_is_new(at(103), true).if_modified_since, None);
        assert_eq!(known.what_is_new(at(106), true).if_modified_since, Some(at(100)));
        assert_eq!(known.what_is_new(at(90), true).if_modified_since, None, "the server's clock is ahead");
        assert_eq!(seen(None, 0).what_is_new(at(106), true).if_modified_since, None, "there is no stamp");
    }
}
