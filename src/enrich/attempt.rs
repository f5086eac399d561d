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
use crate::telemetry;

/// A log that was looked at so long before the upstream's answer arrived is looked at once more: the run may have ended
/// meanwhile, and notes must not be older than the answer which they are added to.
const FRESH: Duration = Duration::from_millis(10);

/// What readings need.
#[derive(Debug, Clone)]
pub(super) struct Readings {
    /// `None` when no log source is configured.
    pub(super) tracker: Option<Tracker>,
    /// A permit for each reading that may go on at the same time.
    pub(super) slots: Arc<Semaphore>,
}

/// A reading that has begun.
#[derive(Debug)]
pub(super) struct Attempt {
    reader: Reader,
    first: Reading,
}

#[derive(Debug)]
struct Reader {
    tracker: Tracker,
    run: RunId,
    slots: Arc<Semaphore>,
    watch: StorageWatch,
    /// Tells readings when nobody waits any more; they then stop queueing behind another reader.
    waiting: DropGuard,
    nobody_waits: CancellationToken,
}

#[derive(Debug)]
struct Reading {
    began: Instant,
    task: JoinHandle<Finished>,
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

impl Readings {
    /// Begins to read, unless there is nothing to read from or too much of it goes on already.
    pub(super) fn begin(&self, run: Option<&RunId>) -> Result<Attempt, Fallback> {
        let (Some(tracker), Some(run)) = (self.tracker.clone(), run.cloned()) else {
            return Err(Fallback::NoLog);
        };
        let nobody_waits = CancellationToken::new();
        let reader = Reader {
            tracker,
            run,
            slots: Arc::clone(&self.slots),
            watch: StorageWatch::default(),
            waiting: nobody_waits.clone().drop_guard(),
            nobody_waits,
        };
        let first = reader.read()?;
        Ok(Attempt { reader, first })
    }
}

impl Reader {
    fn read(&self) -> Result<Reading, Fallback> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| Fallback::Overload)?;
        let (tracker, run, watch) = (self.tracker.clone(), self.run.clone(), self.watch.clone());
        let nobody_waits = self.nobody_waits.clone();
        let began = Instant::now();
        let span = telemetry::stage("read log");
        let task = tokio::spawn(async move {
            let _slot = slot;
            let outcome = tracker.catch_up(&run, &nobody_waits, &watch).await;
            if let CatchUp::Done(snapshot) = &outcome {
                span.note("gloss.cache", snapshot.cache.as_str());
            }
            drop(span);
            Finished { outcome, took: began.elapsed() }
        });
        Ok(Reading { began, task })
    }

    /// Waits for a reading until `deadline`. What is not finished then goes on by itself, for the next poll.
    async fn finish(
        &self,
        reading: Reading,
        deadline: Instant,
        storage_patience: Duration,
    ) -> Result<Finished, Fallback> {
        let Ok(joined) = timeout_at(deadline, reading.task).await else {
            let hangs = self.watch.waiting(Instant::now()) >= storage_patience;
            return Err(if hangs { Fallback::LogTimeout } else { Fallback::Deadline });
        };
        // Cancelled means that the runtime is shutting down.
        joined.map_err(|e| if e.is_panic() { Fallback::Panic } else { Fallback::Deadline })
    }
}

impl Attempt {
    /// The notes, not older than `answered` less a moment, by `deadline`.
    ///
    /// `storage_patience` tells a storage that hangs from an analysis that is merely long.
    pub(super) async fn notes(
        self,
        answered: Instant,
        deadline: Instant,
        storage_patience: Duration,
    ) -> Result<Notes, Fallback> {
        let Self { reader, first } = self;
        let is_fresh = answered.saturating_duration_since(first.began) < FRESH;
        let mut finished = reader.finish(first, deadline, storage_patience).await?;
        if !is_fresh {
            finished = finished.then(reader.finish(reader.read()?, deadline, storage_patience).await?);
        }
        drop(reader.waiting);
        finished.notes()
    }
}

impl Finished {
    /// Both looks as one: the later outcome, and what it took altogether.
    fn then(self, mut later: Self) -> Self {
        later.took += self.took;
        if let (CatchUp::Done(first), CatchUp::Done(last)) = (&self.outcome, &mut later.outcome) {
            last.cache = last.cache.max(first.cache);
        }
        later
    }

    fn notes(self) -> Result<Notes, Fallback> {
        match self.outcome {
            CatchUp::Done(snapshot) => Ok(Notes { snapshot, took: self.took }),
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
