//! Keeps an analysis up with its log: one checkpoint a log in a cache bounded by bytes, one reader a log at a time.
//!
//! A poll finds the run's logs, and reads what was appended since the checkpoint; where one was replaced or truncated, or
//! has come or gone, all are begun anew. Several are merged by time, see [`Merged`](crate::analysis::Merged). Whoever comes while somebody reads waits for him. If the analysis panics, the checkpoint is given up and
//! the next poll begins anew; the panic itself goes to the caller's task.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

mod answer;
mod checkpoint;
mod find;
mod glance;
mod keepsake;
mod listing;
mod matches;
mod reading;
mod told;
mod watch;

use std::collections::HashMap;
use std::io;
use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use moka::notification::RemovalCause;
use moka::sync::Cache;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::threads::{JobFailure, WorkThreads};
use super::{LogError, LogIdentity, Place, RunFields, Wakes};
use crate::analysis::{
    self, Additions, Analysis, CacheOutcome, Context, Limits, LogSourceKind, Prior, SourceShare,
};
use crate::run_id::RunId;
use crate::telemetry::{Eviction, LookCause, Metrics};

use answer::AnswerRead;
use checkpoint::Checkpoint;
#[cfg(feature = "objects")]
pub(super) use checkpoint::TAIL_BYTES;
use find::Found;
pub use keepsake::Keepsake;
pub use listing::Listed;
use listing::Shown;
use matches::Matches;
pub use told::{Saying, Told};
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
const ENTRY_BYTES: u32 = 1024;

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
    /// The logs in the newest answer, where those were read.
    answer: StdMutex<Option<Arc<AnswerRead>>>,
    answer_weight: AtomicU32,
    /// What searches came to.
    matches: StdMutex<Matches>,
    /// What the last list of runs showed of it.
    shown: StdMutex<Option<Shown>>,
}

impl Entry {
    fn answer(&self) -> MutexGuard<'_, Option<Arc<AnswerRead>>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn matches(&self) -> MutexGuard<'_, Matches> {
        self.matches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn weight(&self) -> u32 {
        let [log, answer] = [&self.weight, &self.answer_weight].map(|weight| weight.load(Ordering::Relaxed));
        log.saturating_add(answer).saturating_add(ENTRY_BYTES)
    }
}

/// The JSON value of `logs` in an answer that was read.
#[derive(Debug, Clone)]
pub struct BodyText {
    body: Bytes,
    place: Range<usize>,
}

impl BodyText {
    /// The value at `place` in `body`; nothing where that is no text.
    pub fn new(body: Bytes, place: Range<usize>) -> Self {
        Self { body, place }
    }

    fn as_str(&self) -> &str {
        let value = self.body.get(self.place.clone()).unwrap_or_default();
        std::str::from_utf8(value).unwrap_or_default()
    }
}

/// An analysis that is up with its log as it was found.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The folded state.
    pub analysis: Arc<Analysis>,
    /// How much had to be read for it.
    pub cache: CacheOutcome,
    /// Where the log was read that leads.
    pub source: LogSourceKind,
    /// Every log that took part, where there was more than one; the first leads.
    pub sources: Vec<SourceShare>,
    /// The moment as of which it is: every line that was there then is in it.
    pub as_of: DateTime<Utc>,
    /// What the upstream said of the run; whoever learns it leaves it here.
    pub told: Arc<Told>,
    /// What was made of this very state.
    pub keepsake: Arc<Keepsake>,
    threads: WorkThreads,
}

impl Snapshot {
    /// Makes the report; a long one on a thread of its own, as folding is.
    ///
    /// # Panics
    /// When the analysis does, which the caller has to contain.
    pub async fn report(&self, context: Context) -> Additions {
        let mut additions = self.report_on(context).await;
        additions.enhancement.sources.clone_from(&self.sources);
        additions
    }

    async fn report_on(&self, context: Context) -> Additions {
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

/// What the logs of a run look like from outside; another value means that they may say something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogMark(Vec<(LogIdentity, u64, u128)>);

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
        let places = places.into_iter().map(Place::not_waited_for_beside_others).collect();
        let evictions = metrics.run_logs().clone();
        let cache = Cache::builder()
            .max_capacity(params.cache_bytes)
            .weigher(|_: &RunId, entry: &Arc<Entry>| entry.weight())
            .time_to_idle(params.cache_idle)
            .eviction_listener(move |_, _, cause| match cause {
                RemovalCause::Expired => evictions.evicted(Eviction::Idle),
                RemovalCause::Size => evictions.evicted(Eviction::Size),
                RemovalCause::Explicit | RemovalCause::Replaced => {}
            })
            .build();
        Ok(Self(Arc::new(Shared { places, params, cache, held: StdMutex::default(), threads, metrics })))
    }

    /// Whether there is any place where a log may be.
    pub fn has_places(&self) -> bool {
        !self.0.places.is_empty()
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
        run: &RunFields,
        nobody_waits: &CancellationToken,
        watch: &StorageWatch,
    ) -> CatchUp {
        // Not even in line behind a reader who may be the one that hangs.
        if !self.0.answers() {
            return CatchUp::Failed(LogError::Stuck);
        }
        let entry = self.0.entry(&run.run);
        let mut checkpoint = tokio::select! {
            biased;
            checkpoint = entry.checkpoint.lock() => checkpoint,
            () = nobody_waits.cancelled() => return CatchUp::Abandoned,
        };
        let mut matches = entry.matches().clone();
        let outcome = self.0.read_on(run, &mut checkpoint, &mut matches, watch).await;
        let weight = checkpoint.as_ref().map_or(0, Checkpoint::weight) + matches.heap_bytes();
        *entry.matches() = matches;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return CatchUp::Failed(error),
        };
        drop(checkpoint);
        self.0.keep(&run.run, &entry, &entry.weight, weight);
        outcome
    }

    /// The analysis of a run's log where that is up with it and a look from outside is enough to know so; nothing where
    /// anything has to be looked for or waited for. Costs a few microseconds.
    pub fn unchanged(&self, run: &RunFields) -> Option<Snapshot> {
        let entry = self.0.cache.get(&run.run)?;
        let checkpoint = entry.checkpoint.try_lock().ok()?;
        let known = checkpoint.as_ref().filter(|known| known.looks.still_hold(run))?;
        self.0.metrics.log_lookup();
        Some(self.0.snapshot(known, CacheOutcome::Hit, Utc::now()))
    }

    /// Whether more may be found by what is known of the run now than by its id alone.
    pub fn gains_by(&self, run: &RunFields) -> bool {
        self.0.gains_by(run)
    }

    /// The analysis of the `logs` in an answer of the upstream's, given as they stand there, quotes included. `run`, where
    /// there is a legal id, is what it is kept under.
    ///
    /// # Errors
    /// [`LogError::Missing`] when there is nothing in them, [`LogError::Stuck`] when there is too much to do.
    ///
    /// # Panics
    /// When the analysis does, which the caller's task has to contain.
    pub async fn read_answer(&self, run: Option<&RunId>, logs: BodyText) -> Result<Snapshot, LogError> {
        let as_of = Utc::now();
        let entry = run.map(|run| self.0.entry(run));
        let known = entry.as_ref().and_then(|entry| entry.answer().clone());
        let params = self.0.params.clone();
        let is_short = logs.as_str().len() <= INLINE_BYTES;
        let reading = move || answer::read(known.as_deref(), logs.as_str(), &params);
        let read = if is_short { Ok(reading()) } else { self.0.threads.run(reading).await };
        let (read, cache) = match read {
            Ok(read) => read.ok_or(LogError::Missing)?,
            Err(JobFailure::Full) => return Err(LogError::Stuck),
            Err(JobFailure::Panicked(panic)) => resume_unwind(panic),
        };
        let (analysis, weight) = (Arc::clone(&read.analysis), read.weight());
        if let (Some(run), Some(entry)) = (run, entry) {
            *entry.answer() = Some(Arc::new(read));
            self.0.keep(run, &entry, &entry.answer_weight, weight);
        }
        let threads = self.0.threads.clone();
        Ok(Snapshot {
            analysis,
            cache,
            source: LogSourceKind::Body,
            sources: Vec::new(),
            told: Arc::default(),
            keepsake: Arc::default(),
            as_of,
            threads,
        })
    }

    /// Looks at a run's log without reading it. From then on `wakes` is rung when what was looked for may have changed,
    /// where the storage tells of that.
    pub async fn look(&self, run: &RunId, wakes: &mut Wakes, cause: LookCause) -> Result<LogMark, LogError> {
        self.0.metrics.streams().looked(cause);
        if !self.0.answers() {
            return Err(LogError::Stuck);
        }
        let entry = self.0.entry(run);
        let mut matches = entry.matches().clone();
        let watch = StorageWatch::default();
        let run = RunFields::of(run.clone());
        let found = self.0.find(&run, &mut matches, &watch).await;
        let asked = self.0.asked(&run, &matches, found.as_deref().unwrap_or_default());
        wakes.listen(&asked, |place, name, bell| self.0.places[place].source.watch(name, bell));
        let found = found?;
        let mark = |found: &Found| (found.log.identity(), found.log.length(), found.log.stamp());
        Ok(LogMark(found.iter().map(mark).collect()))
    }

    /// Drops what nobody asked for lately and reports what is left to the metrics.
    pub fn tidy(&self) {
        self.0.cache.run_pending_tasks();
        self.0.metrics.cache(self.0.cache.entry_count(), self.0.cache.weighted_size());
    }
}

impl Shared {
    /// Whether any place can be asked.
    fn answers(&self) -> bool {
        self.places.iter().any(|place| place.source.answers())
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
    fn keep(&self, run: &RunId, entry: &Arc<Entry>, part: &AtomicU32, weight: usize) {
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        if part.swap(weight, Ordering::Relaxed) != weight || !self.cache.contains_key(run) {
            self.cache.insert(run.clone(), Arc::clone(entry));
        }
    }

    fn snapshot(&self, checkpoint: &Checkpoint, cache: CacheOutcome, as_of: DateTime<Utc>) -> Snapshot {
        self.metrics.run_logs().caught_up(cache);
        Snapshot {
            analysis: Arc::clone(checkpoint.analysis()),
            cache,
            source: checkpoint.source(),
            sources: checkpoint.shares(),
            as_of,
            told: Arc::clone(&checkpoint.told),
            keepsake: Arc::clone(&checkpoint.keepsake),
            threads: self.threads.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
