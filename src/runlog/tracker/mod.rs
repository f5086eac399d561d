//! Keeps an analysis up with its log: one checkpoint a log in a cache bounded by bytes, one reader a log at a time.
//!
//! A poll finds the log, and reads what was appended since the checkpoint; a log that was replaced or truncated is
//! begun anew. Whoever comes while somebody reads waits for him. If the analysis panics, the checkpoint is given up and
//! the next poll begins anew; the panic itself goes to the caller's task.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

mod checkpoint;
mod watch;

use std::collections::HashMap;
use std::io;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use moka::sync::Cache;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::threads::{JobFailure, WorkThreads};
use super::{LogError, LogIdentity, Named, OpenLog, Place, RunFields};
use crate::analysis::{self, Additions, Analysis, CacheOutcome, Context, Limits, LogSourceKind, Prior};
use crate::run_id::RunId;
use crate::telemetry::Metrics;

use checkpoint::Checkpoint;
#[cfg(feature = "objects")]
pub(super) use checkpoint::TAIL_BYTES;
pub use watch::StorageWatch;

/// One read asks for at most this much.
const READ_BYTES: usize = 256 * 1024;
/// Up to so many bytes are folded where they were read: less work than a change of threads is worth.
const INLINE_BYTES: usize = 16 * 1024;
/// A report on a state that holds no more than so many bytes is made at once.
const INLINE_REPORT_BYTES: usize = 256 * 1024;
/// Jobs that may wait for the folding threads; more than enrichments may go on at the same time as a rule.
const FOLDING_QUEUE: usize = 4096;
/// What an entry weighs beside its analysis, in bytes.
const ENTRY_BYTES: usize = 512;

/// The tracker's limits.
#[derive(Debug, Clone)]
pub struct TrackerParams {
    /// Bounds on each analysis.
    pub limits: Limits,
    /// What progress estimates rest on.
    pub prior: Arc<Prior>,
    /// How much of a log one poll reads at most, in bytes; the next poll goes on from there.
    pub max_bytes_per_poll: u64,
    /// How much memory the checkpoints may hold together, in bytes.
    pub cache_bytes: u64,
    /// How long a checkpoint that nobody asks for is kept.
    pub cache_idle: Duration,
}

/// The analyses of the logs of one source; a clone shares them.
#[derive(Debug, Clone)]
pub struct Tracker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    places: Vec<Place>,
    params: TrackerParams,
    cache: Cache<RunId, Arc<Entry>>,
    /// Every entry that anybody holds, so that one which the cache has dropped does not get a second reader.
    held: StdMutex<HashMap<RunId, Weak<Entry>>>,
    /// Fold long logs.
    threads: WorkThreads,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct Entry {
    /// `None` before the first reading, and after one that failed half-way.
    checkpoint: Mutex<Option<Checkpoint>>,
    weight: AtomicU32,
}

/// An analysis that is up with its log as it was found.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The folded state.
    pub analysis: Arc<Analysis>,
    /// How much had to be read for it.
    pub cache: CacheOutcome,
    /// Where it was read.
    pub source: LogSourceKind,
    /// The moment as of which it is: every line that was there then is in it.
    pub as_of: DateTime<Utc>,
    threads: WorkThreads,
}

impl Snapshot {
    /// Makes the report; a long one on a thread of its own, as folding is.
    ///
    /// # Panics
    /// When the analysis does, which the caller has to contain.
    pub async fn report(&self, context: Context) -> Additions {
        if self.analysis.weight() <= INLINE_REPORT_BYTES {
            return self.analysis.report(&context);
        }
        let analysis = Arc::clone(&self.analysis);
        let job_context = context.clone();
        match self.threads.run(move || analysis.report(&job_context)).await {
            Ok(additions) => additions,
            Err(JobFailure::Panicked(panic)) => resume_unwind(panic),
            Err(JobFailure::Full) => self.analysis.report(&context),
        }
    }
}

/// What a log looks like from outside; another value means that it may say something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogMark {
    identity: LogIdentity,
    length: u64,
    stamp: u128,
}

/// How catching up with a log ended.
#[derive(Debug, Clone)]
pub enum CatchUp {
    /// The analysis is up with the log.
    Done(Snapshot),
    /// There is a log, but nothing in it.
    Empty,
    /// The poll's share of bytes was used up before the end was reached.
    Behind,
    /// The log gives nothing.
    Failed(LogError),
    /// Another reader was at it until nobody waited any more.
    Abandoned,
}

impl Tracker {
    /// Tracks the logs of these places, the first that has a run counts, and starts the threads that fold long ones: half as many as there are cores, so
    /// that forwarding has the other half.
    ///
    /// # Errors
    /// When they cannot be started.
    pub fn start(places: Vec<Place>, params: TrackerParams, metrics: Metrics) -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = WorkThreads::start("log-fold", (cores / 2).max(1), FOLDING_QUEUE)?;
        // Before the first client asks, so that it need not wait for this.
        threads.submit(|| drop(analysis::warm_up()));
        let cache = Cache::builder()
            .max_capacity(params.cache_bytes)
            .weigher(|_: &RunId, entry: &Arc<Entry>| entry.weight.load(Ordering::Relaxed))
            .time_to_idle(params.cache_idle)
            .build();
        Ok(Self(Arc::new(Shared { places, params, cache, held: StdMutex::default(), threads, metrics })))
    }

    /// Brings the analysis of a run's log up to date.
    ///
    /// # Cancel safety
    /// A future that is dropped while it reads gives the checkpoint up. To stop waiting for another reader, cancel
    /// `nobody_waits`; once this is the reader, it goes on to the end so that the next poll finds its work.
    ///
    /// # Panics
    /// When the analysis does, which the caller's task has to contain.
    pub async fn catch_up(
        &self,
        run: &RunId,
        nobody_waits: &CancellationToken,
        watch: &StorageWatch,
    ) -> CatchUp {
        // Not even in line behind a reader who may be the one that hangs.
        if !self.0.answers() {
            return CatchUp::Failed(LogError::Stuck);
        }
        let entry = self.0.entry(run);
        let mut checkpoint = tokio::select! {
            biased;
            checkpoint = entry.checkpoint.lock() => checkpoint,
            () = nobody_waits.cancelled() => return CatchUp::Abandoned,
        };
        let outcome = match self.0.read_on(run, &mut checkpoint, watch).await {
            Ok(outcome) => outcome,
            Err(error) => return CatchUp::Failed(error),
        };
        let weight = checkpoint.as_ref().map_or(0, Checkpoint::weight);
        drop(checkpoint);
        self.0.keep(run, &entry, weight);
        outcome
    }

    /// Looks at a run's log without reading it.
    pub async fn look(&self, run: &RunId) -> Result<LogMark, LogError> {
        if !self.0.answers() {
            return Err(LogError::Stuck);
        }
        self.0.metrics.log_lookup();
        let (log, _) = self.0.open(run).await?;
        Ok(LogMark { identity: log.identity(), length: log.length(), stamp: log.stamp() })
    }

    /// Drops what nobody asked for lately and reports what is left to the metrics.
    pub fn tidy(&self) {
        self.0.cache.run_pending_tasks();
        self.0.metrics.cache(self.0.cache.entry_count(), self.0.cache.weighted_size());
    }
}

impl Shared {
    /// Whether any place can be asked, if there is one.
    fn answers(&self) -> bool {
        self.places.is_empty() || self.places.iter().any(|place| place.source.answers())
    }

    /// The run's log in the first place that has one.
    async fn open(&self, run: &RunId) -> Result<(Box<dyn OpenLog>, LogSourceKind), LogError> {
        let fields = RunFields::of(run.clone());
        let mut refused = LogError::Missing;
        for place in &self.places {
            for template in &place.templates {
                let Named::Exactly(name) = template.name(&fields) else { continue };
                match place.source.open(&name).await {
                    Ok(log) => return Ok((log, place.source.kind())),
                    Err(error) if refused == LogError::Missing => refused = error,
                    Err(_) => {}
                }
            }
        }
        Err(refused)
    }

    fn entry(&self, run: &RunId) -> Arc<Entry> {
        if let Some(entry) = self.cache.get(run) {
            return entry;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = held.get(run).and_then(Weak::upgrade) {
            return entry;
        }
        // Entries that nobody holds any more are swept when the map is about to grow, which spreads the cost.
        if held.len() == held.capacity() {
            held.retain(|_, entry| entry.strong_count() > 0);
        }
        let entry = Arc::new(Entry::default());
        held.insert(run.clone(), Arc::downgrade(&entry));
        entry
    }

    /// Puts the entry into the cache, again if its weight has changed: moka weighs at insertion only.
    fn keep(&self, run: &RunId, entry: &Arc<Entry>, weight: usize) {
        let weight = u32::try_from(weight.saturating_add(ENTRY_BYTES)).unwrap_or(u32::MAX);
        if entry.weight.swap(weight, Ordering::Relaxed) != weight || !self.cache.contains_key(run) {
            self.cache.insert(run.clone(), Arc::clone(entry));
        }
    }

    async fn read_on(
        &self,
        run: &RunId,
        slot: &mut Option<Checkpoint>,
        watch: &StorageWatch,
    ) -> Result<CatchUp, LogError> {
        self.metrics.log_lookup();
        let as_of = Utc::now();
        let (log, source) = watch.during(self.open(run)).await?;
        if log.length() == 0 {
            *slot = None;
            return Ok(CatchUp::Empty);
        }
        if !self.still_holds(slot.as_mut(), &*log, watch).await? {
            *slot = None;
        } else if let Some(known) = slot.as_ref().filter(|known| known.is_up_with(&*log)) {
            return Ok(CatchUp::Done(self.snapshot(known, CacheOutcome::Hit, source, as_of)));
        }
        let cache = if slot.is_some() { CacheOutcome::Incremental } else { CacheOutcome::Miss };
        if slot.is_none() {
            *slot = Some(Checkpoint::begin(&*log, &self.params));
        }
        let reached_end = self.fold(slot, &*log, watch).await?;
        Ok(match slot {
            Some(checkpoint) if reached_end => CatchUp::Done(self.snapshot(checkpoint, cache, source, as_of)),
            Some(_) | None => CatchUp::Behind,
        })
    }

    /// Whether the log is the one that was read before, and still holds it.
    async fn still_holds(
        &self,
        known: Option<&mut Checkpoint>,
        log: &dyn OpenLog,
        watch: &StorageWatch,
    ) -> Result<bool, LogError> {
        let Some(known) = known.filter(|known| known.is_of(log)) else { return Ok(false) };
        if known.is_up_with(log) || known.tail.is_empty() {
            return Ok(true);
        }
        if !known.explains(log) {
            return Ok(false);
        }
        let tail_start = known.analysis.offset() - known.tail.len() as u64;
        if self.read(log, tail_start, known.tail.len(), watch).await? != known.tail {
            return Ok(false);
        }
        let has_grown = known.analysis.offset() < log.length();
        Ok(has_grown || self.read(log, 0, known.head.len(), watch).await? == known.head)
    }

    /// Folds what lies between the checkpoint and the end; whether the end was reached. After an error the checkpoint
    /// is as far as was read; after a panic there is none, since half a state must not stay.
    async fn fold(
        &self,
        slot: &mut Option<Checkpoint>,
        log: &dyn OpenLog,
        watch: &StorageWatch,
    ) -> Result<bool, LogError> {
        let offset = |slot: &Option<Checkpoint>| slot.as_ref().map_or(0, |known| known.analysis.offset());
        let began = offset(slot);
        let stop = log.length().min(began.saturating_add(self.params.max_bytes_per_poll));
        while offset(slot) < stop {
            let left = usize::try_from(stop - offset(slot)).unwrap_or(usize::MAX);
            let bytes = self.read(log, offset(slot), left.min(READ_BYTES), watch).await?;
            if bytes.is_empty() {
                // Truncated since it was found: the next poll will notice.
                break;
            }
            let Some(checkpoint) = slot.take() else { break };
            *slot = Some(self.feed(checkpoint, bytes).await?);
        }
        // Without anything read, what has changed in the log is still open, see `Checkpoint::explains`.
        if let Some(checkpoint) = slot.as_mut().filter(|known| known.analysis.offset() > began) {
            checkpoint.stamp = log.stamp();
        }
        Ok(stop == log.length())
    }

    /// Folds some bytes; many of them on a thread of their own, so that long logs cannot hold up other requests.
    async fn feed(&self, mut checkpoint: Checkpoint, bytes: Bytes) -> Result<Checkpoint, LogError> {
        if bytes.len() <= INLINE_BYTES {
            checkpoint.feed(&bytes);
            return Ok(checkpoint);
        }
        let folding = move || {
            checkpoint.feed(&bytes);
            checkpoint
        };
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

    fn snapshot(
        &self,
        checkpoint: &Checkpoint,
        cache: CacheOutcome,
        source: LogSourceKind,
        as_of: DateTime<Utc>,
    ) -> Snapshot {
        Snapshot {
            analysis: Arc::clone(&checkpoint.analysis),
            cache,
            source,
            as_of,
            threads: self.threads.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
