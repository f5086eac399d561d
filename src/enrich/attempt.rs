//! One reading of a run's log, beside the upstream's call and in a task of its own, so that a slow one or a panic costs
//! nothing but the notes.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::fallback::Fallback;
use crate::run_id::RunId;
use crate::runlog::{CatchUp, LogError, Snapshot, StorageWatch, Tracker};

/// A reading that has begun.
#[derive(Debug)]
pub(super) struct Attempt {
    task: JoinHandle<Finished>,
    watch: StorageWatch,
    /// Tells the task when nobody waits any more; it then stops queueing behind another reader.
    _waiting: DropGuard,
}

/// How a reading ended, and how long it took.
#[derive(Debug)]
struct Finished {
    outcome: CatchUp,
    took: Duration,
}

/// A log that was read in time.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) snapshot: Snapshot,
    /// How long reading and folding took.
    pub(super) took: Duration,
}

impl Attempt {
    /// Begins to read, unless there is nothing to read from or too much of it goes on already.
    pub(super) fn begin(
        tracker: Option<&Tracker>,
        run: Option<&RunId>,
        slots: &Arc<Semaphore>,
    ) -> Result<Self, Fallback> {
        let (Some(tracker), Some(run)) = (tracker.cloned(), run.cloned()) else {
            return Err(Fallback::NoLog);
        };
        let slot = Arc::clone(slots).try_acquire_owned().map_err(|_| Fallback::Overload)?;
        let nobody_waits = CancellationToken::new();
        let watch = StorageWatch::default();
        let task = tokio::spawn({
            let (nobody_waits, watch) = (nobody_waits.clone(), watch.clone());
            async move {
                let _slot = slot;
                let started = Instant::now();
                let outcome = tracker.catch_up(&run, &nobody_waits, &watch).await;
                Finished { outcome, took: started.elapsed() }
            }
        });
        Ok(Self { task, watch, _waiting: nobody_waits.drop_guard() })
    }

    /// Waits until `deadline`. What is not finished then goes on by itself, for the next poll.
    ///
    /// `storage_patience` tells a storage that hangs from an analysis that is merely long.
    pub(super) async fn notes(
        mut self,
        deadline: Instant,
        storage_patience: Duration,
    ) -> Result<Notes, Fallback> {
        let Ok(joined) = timeout_at(deadline, &mut self.task).await else {
            let hangs = self.watch.waiting(Instant::now()) >= storage_patience;
            return Err(if hangs { Fallback::LogTimeout } else { Fallback::Deadline });
        };
        // Cancelled means that the runtime is shutting down.
        let finished = joined.map_err(|e| if e.is_panic() { Fallback::Panic } else { Fallback::Deadline })?;
        match finished.outcome {
            CatchUp::Done(snapshot) => Ok(Notes { snapshot, took: finished.took }),
            CatchUp::Empty | CatchUp::Failed(LogError::Missing) => Err(Fallback::NoLog),
            CatchUp::Failed(LogError::Unreadable(reason)) => {
                tracing::debug!(reason, "a run log cannot be read");
                Err(Fallback::LogUnreadable)
            }
            CatchUp::Failed(LogError::Stuck) => Err(Fallback::LogTimeout),
            CatchUp::Behind | CatchUp::Abandoned => Err(Fallback::Deadline),
        }
    }
}
