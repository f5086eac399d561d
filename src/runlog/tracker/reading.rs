//! Reads on in the logs of a run: what was appended, or all of it where something else has taken a log's place.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::panic::resume_unwind;

use bytes::Bytes;
use chrono::Utc;
use tokio::time::Instant;

use super::checkpoint::{Checkpoint, LogRead};
use super::find::Found;
use super::matches::Matches;
use super::{CatchUp, INLINE_BYTES, READ_BYTES, Shared, StorageWatch};
use crate::analysis::CacheOutcome;
use crate::run_id::RunId;
use crate::runlog::threads::JobFailure;
use crate::runlog::{LogError, OpenLog, RunFields};

impl Shared {
    /// Brings the checkpoint up to date with the run's logs.
    pub(super) async fn read_on(
        &self,
        run: &RunFields,
        slot: &mut Option<Checkpoint>,
        matches: &mut Matches,
        watch: &StorageWatch,
    ) -> Result<CatchUp, LogError> {
        let as_of = Utc::now();
        let mut cache = CacheOutcome::Hit;
        loop {
            let found = self.find(run, matches, watch).await?;
            if found.is_empty() {
                *slot = None;
                return Ok(CatchUp::Empty);
            }
            let reached_end = match self.read_new(slot, &found, &mut cache, watch).await {
                // What the others say does not fail with what only adds to them.
                Err(error) if found.iter().any(Found::leads) && found.iter().any(|one| !one.leads()) => {
                    let added = found.iter().filter(|one| !one.leads());
                    added.for_each(|one| matches.leave_out(one.place, error.clone(), Instant::now()));
                    continue;
                }
                reached_end => reached_end?,
            };
            if !reached_end {
                return Ok(CatchUp::Behind);
            }
            let Some(checkpoint) = slot else { return Ok(CatchUp::Behind) };
            // A log may tell the session, and by that what fills it.
            let session = checkpoint.analysis().session().and_then(RunId::new);
            if !self.can_fill() || session.is_none() || session == matches.session {
                self.note_look(checkpoint, run, matches, &found);
                return Ok(CatchUp::Done(self.snapshot(checkpoint, cache, as_of)));
            }
            matches.session = session;
        }
    }

    /// Reads what these logs have beyond the checkpoint, or all where they are others; whether their ends were reached.
    async fn read_new(
        &self,
        slot: &mut Option<Checkpoint>,
        found: &[Found],
        cache: &mut CacheOutcome,
        watch: &StorageWatch,
    ) -> Result<bool, LogError> {
        if !self.still_hold(slot.as_mut(), found, watch).await? {
            *slot = None;
        }
        if slot.as_ref().is_some_and(|known| known.is_up_with(found)) {
            return Ok(true);
        }
        let began = if slot.is_some() { CacheOutcome::Incremental } else { CacheOutcome::Miss };
        *cache = (*cache).max(began);
        let lines = |slot: &Option<Checkpoint>| {
            slot.as_ref().map(|known| known.analysis().lines_by_kind()).unwrap_or_default()
        };
        let before = lines(slot);
        let reached_end = self.fold(slot, found, watch).await?;
        self.metrics.run_logs().lines_read(before, lines(slot));
        Ok(reached_end)
    }

    /// Whether the logs are those that were read before, and still hold what was read.
    async fn still_hold(
        &self,
        known: Option<&mut Checkpoint>,
        found: &[Found],
        watch: &StorageWatch,
    ) -> Result<bool, LogError> {
        let Some(known) = known.filter(|known| known.is_of(found)) else { return Ok(false) };
        for (known, found) in known.logs.iter_mut().zip(found) {
            if !self.still_holds(known, &*found.log, watch).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn still_holds(
        &self,
        known: &mut LogRead,
        log: &dyn OpenLog,
        watch: &StorageWatch,
    ) -> Result<bool, LogError> {
        if known.is_up_with(log) || known.tail.is_empty() {
            return Ok(true);
        }
        if !known.explains(log) {
            return Ok(false);
        }
        let tail_start = known.offset() - known.tail.len() as u64;
        if self.read(log, tail_start, known.tail.len(), watch).await? != known.tail {
            return Ok(false);
        }
        let has_grown = known.offset() < log.length();
        Ok(has_grown || self.read(log, 0, known.head.len(), watch).await? == known.head)
    }

    /// Folds what lies between the checkpoint and the ends; whether they were reached. Where a log shows late what belongs
    /// before the others, all are folded anew.
    async fn fold(
        &self,
        slot: &mut Option<Checkpoint>,
        found: &[Found],
        watch: &StorageWatch,
    ) -> Result<bool, LogError> {
        let begin = || Some(Checkpoint::begin(found, &self.params));
        if slot.is_none() {
            *slot = begin();
        }
        let reached_end = self.fold_on(slot, found, watch).await?;
        if !slot.as_ref().is_some_and(Checkpoint::is_disordered) {
            return Ok(reached_end);
        }
        *slot = begin();
        self.fold_on(slot, found, watch).await
    }

    /// After an error the checkpoint is as far as was read; after a panic there is none, since half a state must not stay.
    async fn fold_on(
        &self,
        slot: &mut Option<Checkpoint>,
        found: &[Found],
        watch: &StorageWatch,
    ) -> Result<bool, LogError> {
        let lengths: Vec<u64> = found.iter().map(|found| found.log.length()).collect();
        let mut left = self.params.max_bytes_per_poll;
        let mut reached_end = false;
        while let Some(known) = slot.as_ref().filter(|known| !known.is_disordered()) {
            let Some(next) = known.next(&has_more(known, &lengths)) else {
                reached_end = true;
                break;
            };
            let (log, offset) = (&*found[next].log, known.offset(next));
            let bytes = usize::try_from((lengths[next] - offset).min(left)).unwrap_or(usize::MAX);
            let bytes = bytes.min(READ_BYTES);
            let read = if bytes == 0 { Bytes::new() } else { self.read(log, offset, bytes, watch).await? };
            if read.is_empty() {
                // Truncated since it was found, which the next poll will notice; or the poll's share is used up.
                reached_end = bytes > 0;
                break;
            }
            left -= read.len() as u64;
            let Some(checkpoint) = slot.take() else { break };
            let mut checkpoint = self.feed(checkpoint, next, read, &lengths).await?;
            // Without anything read, what has changed in the log is still open, see `LogRead::explains`.
            checkpoint.logs[next].stamp = log.stamp();
            *slot = Some(checkpoint);
        }
        if let Some(known) = slot.as_mut().filter(|_| reached_end) {
            known.refresh();
        }
        Ok(reached_end)
    }

    /// Folds some bytes of a log; many of them on a thread of their own, so that long logs cannot hold up other requests.
    async fn feed(
        &self,
        mut checkpoint: Checkpoint,
        log: usize,
        bytes: Bytes,
        lengths: &[u64],
    ) -> Result<Checkpoint, LogError> {
        let is_short = bytes.len() <= INLINE_BYTES;
        let mut has_more = has_more(&checkpoint, lengths);
        has_more[log] = checkpoint.offset(log) + (bytes.len() as u64) < lengths[log];
        let folding = move || {
            checkpoint.feed(log, &bytes, &has_more);
            if !has_more.contains(&true) {
                checkpoint.refresh();
            }
            checkpoint
        };
        if is_short {
            return Ok(folding());
        }
        self.threads.run(folding).await.map_err(|failure| match failure {
            JobFailure::Full => LogError::Stuck,
            JobFailure::Panicked(panic) => resume_unwind(panic),
        })
    }

    async fn read(
        &self,
        log: &dyn OpenLog,
        offset: u64,
        bytes: usize,
        watch: &StorageWatch,
    ) -> Result<Bytes, LogError> {
        let read = watch.during(log.read_at(offset, bytes)).await?;
        self.metrics.log_read(read.len());
        Ok(read)
    }
}

/// Which logs are longer than what was read of them.
fn has_more(known: &Checkpoint, lengths: &[u64]) -> Vec<bool> {
    lengths.iter().enumerate().map(|(log, length)| known.offset(log) < *length).collect()
}
