//! Notices that a log has changed: one task a run, however many listen.
//!
//! A storage that tells of changes is looked at when it does. Every storage is looked at now and then in any case, so
//! that a change shows within a second also where nothing tells of it: notifications of the kernel know nothing of what
//! another machine writes to a network file system, and an object store has none. What fails is asked again.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::run_id::RunId;
use crate::runlog::{LogMark, Tracker, Wakes};
use crate::telemetry::LookCause;

/// How often a log is looked at of whose changes nothing tells. No log is looked at more often than that.
const UNTOLD: Duration = Duration::from_millis(250);
/// How often one is of which something does: what was believed wrongly has to show within a second, too.
const TOLD: Duration = Duration::from_millis(750);
/// After so long a log that changes is looked at: what is written in one go is seen in one look, as a rule.
const SETTLE: Duration = Duration::from_millis(50);

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
    let (mut wakes, mut trust, mut cause) = (Wakes::default(), Trust::default(), LookCause::Timer);
    while !ended(&runs, &run, &news) {
        // From here on: what changes before the look is seen by it.
        let tell = wakes.tell();
        let looked_at = Instant::now();
        let look = AssertUnwindSafe(tracker.look(&run, &mut wakes, cause)).catch_unwind();
        tokio::select! {
            () = news.closed() => continue,
            // A log that cannot be looked at, or panics, has no news.
            seen = look => if let Ok(Ok(mark)) = seen {
                trust.looked(cause, news.borrow().as_ref().is_some_and(|known| *known != mark));
                news.send_if_modified(|known| known.replace(mark.clone()) != Some(mark));
            }
        }
        let every = if tell && trust.holds() { TOLD } else { UNTOLD };
        tokio::select! {
            () = news.closed() => continue,
            next = next_look(&wakes, looked_at, every) => cause = next,
        }
        if trust.is_lost(cause) {
            wakes.renew();
        }
    }
}

/// Waits until it is time to look again; why it is.
async fn next_look(wakes: &Wakes, looked_at: Instant, every: Duration) -> LookCause {
    let cause = tokio::select! {
        () = wakes.bell().rung() => {
            sleep_until((Instant::now() + SETTLE).max(looked_at + UNTOLD)).await;
            LookCause::Told
        }
        () = sleep(every) => LookCause::Timer,
    };
    // The look answers whatever was told by now.
    if wakes.bell().hush() { LookCause::Told } else { cause }
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

/// Whether experience bears out that changes are told.
#[derive(Debug, Default)]
struct Trust {
    /// The last change was not told.
    doubted: bool,
    /// A change was found of which nothing had told yet.
    suspected: bool,
}

impl Trust {
    fn holds(&self) -> bool {
        !self.doubted
    }

    /// A look for this cause has found a change, or none.
    fn looked(&mut self, cause: LookCause, changed: bool) {
        self.suspected |= cause == LookCause::Timer && changed;
    }

    /// The next look has this cause; whether it is clear now that a change was not told.
    fn is_lost(&mut self, next: LookCause) -> bool {
        let suspected = std::mem::take(&mut self.suspected);
        self.doubted = match next {
            LookCause::Told => false,
            LookCause::Timer => self.doubted || suspected,
        };
        suspected && self.doubted
    }
}

#[cfg(test)]
mod tests;
