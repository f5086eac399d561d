//! Notices that a log has changed: one task a run, however many listen.
//!
//! It asks the log's storage a few times a second, which works alike on every kind; notifications of the kernel do not
//! tell of what another machine writes to a network file system, nor does an object store have them. What fails is
//! asked again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;

use crate::run_id::RunId;
use crate::runlog::{LogMark, Tracker};

/// How often a log is looked at: often enough to show a new line within a second, whatever else takes time.
const LOOK_EVERY: Duration = Duration::from_millis(250);

type Runs = Arc<Mutex<HashMap<RunId, watch::Sender<Option<LogMark>>>>>;

/// The followers of the logs of one tracker; a clone shares them.
#[derive(Debug, Clone)]
pub struct Followers {
    tracker: Tracker,
    runs: Runs,
}

impl Followers {
    /// Nobody is followed yet.
    pub fn new(tracker: Tracker) -> Self {
        Self { tracker, runs: Runs::default() }
    }

    /// Tells of changes in the log of `run`, for as long as the receiver is kept. The first value, `None`, is replaced
    /// soon. Has to be called on a tokio runtime.
    pub fn follow(&self, run: &RunId) -> watch::Receiver<Option<LogMark>> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        match runs.entry(run.clone()) {
            Entry::Occupied(followed) => followed.get().subscribe(),
            Entry::Vacant(free) => {
                let (news, receiver) = watch::channel(None);
                free.insert(news.clone());
                tokio::spawn(follow(self.tracker.clone(), run.clone(), news, Arc::clone(&self.runs)));
                receiver
            }
        }
    }
}

/// Looks until nobody listens any more.
async fn follow(tracker: Tracker, run: RunId, news: watch::Sender<Option<LogMark>>, runs: Runs) {
    while !ended(&runs, &run, &news) {
        let look = AssertUnwindSafe(tracker.look(&run)).catch_unwind();
        tokio::select! {
            () = news.closed() => continue,
            // A log that cannot be looked at, or panics, has no news.
            seen = look => if let Ok(Ok(mark)) = seen {
                news.send_if_modified(|known| known.replace(mark.clone()) != Some(mark));
            }
        }
        tokio::select! {
            () = news.closed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Ends following if nobody listens. New listeners come under the same lock, so that none is forgotten.
fn ended(runs: &Runs, run: &RunId, news: &watch::Sender<Option<LogMark>>) -> bool {
    let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
    let unheard = news.receiver_count() == 0;
    if unheard {
        runs.remove(run);
    }
    unheard
}
