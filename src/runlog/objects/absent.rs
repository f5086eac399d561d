//! Which names had nothing when they were asked for last: nobody asks again for a second, so that a log which is not there
//! costs the storage no more than that, however often the run is asked after.

use std::time::Duration;

use moka::sync::Cache;

use crate::runlog::LogName;

/// For so long a name that had nothing is taken to have nothing still.
const AGAIN: Duration = Duration::from_secs(1);
/// The memory of one source, in bytes.
const MEMORY_BYTES: u64 = 4 * 1024 * 1024;
/// Beside the name, in bytes.
const ENTRY_BYTES: usize = 200;

/// Names that had nothing, a moment ago.
#[derive(Debug)]
pub(super) struct Absent(Cache<LogName, ()>);

impl Absent {
    pub(super) fn new() -> Self {
        let weigh =
            |name: &LogName, (): &()| u32::try_from(name.as_str().len() + ENTRY_BYTES).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(MEMORY_BYTES).weigher(weigh).time_to_live(AGAIN).build())
    }

    /// Whether nothing was there a moment ago.
    pub(super) fn has(&self, name: &LogName) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn note(&self, name: &LogName) {
        self.0.insert(name.clone(), ());
    }
}
