//! One reading of a run's log, beside the upstream's call and in a task of its own, so that a slow one or a panic costs
//! nothing but the notes; and of the answer's own logs, where the log gives nothing.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::answer::Answer;
use super::fallback::Fallback;
use super::slots::Slots;
use crate::run_id::RunId;
use crate::runlog::{BodyText, CatchUp, LogError, RunFields, Snapshot, StorageWatch, Tracker};
use crate::telemetry;

/// A log that was looked at so long before the upstream's answer arrived is looked at once more, and one of a run that has
/// ended however short a time before: its client asks no more, so that it would never see what was written in between.
const FRESH: Duration = Duration::from_millis(10);

/// What readings need.
#[derive(Debug, Clone)]
pub(super) struct Readings {
    /// `None` where none are made, as in tests.
    pub(super) tracker: Option<Tracker>,
    /// A place for each reading that may go on at the same time.
    pub(super) slots: Slots,
    /// Whether the answer's own logs are read where no log gives anything.
    pub(super) own_logs: bool,
}

/// What can be read, and is once it has begun.
#[derive(Debug)]
pub(super) struct Attempt {
    log: Result<LogAttempt, Fallback>,
    own: Option<OwnReader>,
}

#[derive(Debug)]
struct LogAttempt {
    reader: Reader,
    /// And whether it began when the answer was there already.
    first: Option<(Reading, bool)>,
}

/// What the upstream's answer tells of where logs are.
#[derive(Debug, Clone)]
pub(super) struct Told<'a> {
    /// Of their names.
    pub(super) answer: &'a Answer,
    /// And the last of them itself.
    pub(super) own_logs: OwnLogs,
}

/// The logs in the answer that is to be enhanced.
#[derive(Debug, Clone)]
pub(super) enum OwnLogs {
    /// As they stand there.
    Text(BodyText),
    /// Read before, of the same answer.
    Read(Box<Notes>),
    /// There are none.
    Nothing,
}

#[derive(Debug)]
struct OwnReader {
    tracker: Tracker,
    run: Option<RunId>,
    slots: Slots,
}

/// When what has to be there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// When the upstream's answer was there.
    pub(super) answered: Instant,
    /// How long the client may wait from then on.
    pub(super) budget: Duration,
    /// Tells a storage that hangs from an analysis that is merely long.
    pub(super) storage_patience: Duration,
}

#[derive(Debug)]
struct Reader {
    tracker: Tracker,
    run: RunFields,
    slots: Slots,
    watch: StorageWatch,
    /// Tells readings when nobody waits any more; they then stop queueing behind another reader.
    _waiting: DropGuard,
    nobody_waits: CancellationToken,
}

#[derive(Debug)]
struct Reading {
    began: Instant,
    goes: Goes,
}

/// Where a reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhereTo {
    /// In the request's own task, as far as it goes without waiting.
    Here,
    /// In a task of its own: nobody waits for it.
    Apart,
}

/// Where a reading goes on.
#[derive(Debug)]
enum Goes {
    /// It had nothing to wait for. `None` where it panicked.
    Ended(Option<Finished>),
    /// In a task of its own.
    Task(JoinHandle<Finished>),
}

/// How a reading ended, and how long it took.
#[derive(Debug)]
struct Finished {
    outcome: CatchUp,
    took: Duration,
}

/// A log that was read in time.
#[derive(Debug, Clone)]
pub(super) struct Notes {
    pub(super) snapshot: Snapshot,
    /// How long reading and folding took.
    pub(super) took: Duration,
}

impl Readings {
    /// Prepares to read, unless there is nothing to read from.
    pub(super) fn prepare(&self, run: Option<&RunId>) -> Result<Attempt, Fallback> {
        let log = self.prepare_log(run);
        let own = self.own_reader(run);
        match log {
            Err(fallback) if own.is_none() => Err(fallback),
            log => Ok(Attempt { log, own }),
        }
    }

    /// Notes from the logs of an answer, for as long as that is shown.
    pub(super) async fn of_own_logs(
        &self,
        run: Option<&RunId>,
        logs: BodyText,
        deadline: Instant,
    ) -> Result<Notes, Fallback> {
        self.own_reader(run).ok_or(Fallback::NoLog)?.notes(OwnLogs::Text(logs), deadline).await
    }

    fn own_reader(&self, run: Option<&RunId>) -> Option<OwnReader> {
        let tracker = self.tracker.clone().filter(|_| self.own_logs)?;
        Some(OwnReader { tracker, run: run.cloned(), slots: self.slots.clone() })
    }

    fn prepare_log(&self, run: Option<&RunId>) -> Result<LogAttempt, Fallback> {
        let (Some(tracker), Some(run)) = (self.tracker.clone(), run.cloned()) else {
            return Err(Fallback::NoLog);
        };
        if !tracker.has_places() {
            return Err(Fallback::NoLog);
        }
        let nobody_waits = CancellationToken::new();
        let reader = Reader {
            tracker,
            run: RunFields::of(run),
            slots: self.slots.clone(),
            watch: StorageWatch::default(),
            _waiting: nobody_waits.clone().drop_guard(),
            nobody_waits,
        };
        Ok(LogAttempt { reader, first: None })
    }
}

impl Reader {
    /// Takes over what the answer says of where logs are.
    fn learn(&mut self, answer: &Answer) {
        // Values that are no legal ids are left out.
        let id = |text: &Option<String>| text.as_deref().and_then(RunId::new);
        self.run = RunFields {
            run: self.run.run.clone(),
            workflow: id(&answer.workflow),
            session: id(&answer.session),
            claude_session: id(&answer.claude_session),
            answered: true,
        };
    }

    fn read(&self, where_to: WhereTo) -> Result<Reading, Fallback> {
        let began = Instant::now();
        // Needs no place: it does nothing that goes on.
        let unchanged = || self.tracker.unchanged(&self.run);
        if where_to == WhereTo::Here
            && let Ok(Some(snapshot)) = catch_unwind(AssertUnwindSafe(unchanged))
        {
            telemetry::stage("read log").note("gloss.cache", snapshot.cache.as_str());
            let finished = Finished { outcome: CatchUp::Done(snapshot), took: began.elapsed() };
            return Ok(Reading { began, goes: Goes::Ended(Some(finished)) });
        }
        let slot = self.slots.take().ok_or(Fallback::Overload)?;
        let (tracker, run, watch) = (self.tracker.clone(), self.run.clone(), self.watch.clone());
        let nobody_waits = self.nobody_waits.clone();
        let span = telemetry::stage("read log");
        let reading = Box::pin(AssertUnwindSafe(async move {
            let _slot = slot;
            let outcome = tracker.catch_up(&run, &nobody_waits, &watch).await;
            if let CatchUp::Done(snapshot) = &outcome {
                span.note("gloss.cache", snapshot.cache.as_str());
            }
            drop(span);
            Finished { outcome, took: began.elapsed() }
        }));
        Ok(Reading { began, goes: Goes::begin(reading, where_to) })
    }

    async fn read_and_finish(
        &self,
        deadline: Instant,
        storage_patience: Duration,
    ) -> Result<Finished, Fallback> {
        self.finish(self.read(WhereTo::Here)?, deadline, storage_patience).await
    }

    /// Waits for a reading until `deadline`. What is not finished then goes on by itself, for the next poll.
    async fn finish(
        &self,
        reading: Reading,
        deadline: Instant,
        storage_patience: Duration,
    ) -> Result<Finished, Fallback> {
        let task = match reading.goes {
            Goes::Ended(finished) => return finished.ok_or(Fallback::Panic),
            Goes::Task(task) => task,
        };
        let Ok(ended) = timeout_at(deadline, task).await else {
            let hangs = self.watch.waiting(Instant::now()) >= storage_patience;
            return Err(if hangs { Fallback::LogTimeout } else { Fallback::Deadline });
        };
        joined(ended)
    }
}

impl Goes {
    /// Begins here and now: most logs have not grown, which a look tells, and a task for each would cost more than that.
    /// What has to wait goes on in a task.
    fn begin(
        mut reading: Pin<Box<AssertUnwindSafe<impl Future<Output = Finished> + Send + 'static>>>,
        where_to: WhereTo,
    ) -> Self {
        if where_to == WhereTo::Apart {
            return Self::Task(tokio::spawn(reading));
        }
        let mut nobody = Context::from_waker(Waker::noop());
        match catch_unwind(AssertUnwindSafe(|| reading.as_mut().poll(&mut nobody))) {
            Ok(Poll::Ready(finished)) => Self::Ended(Some(finished)),
            // The task polls it anew.
            Ok(Poll::Pending) => Self::Task(tokio::spawn(reading)),
            Err(_panic) => Self::Ended(None),
        }
    }
}

impl Attempt {
    /// Begins to read, unless too much of it goes on already. `is_answered` where the upstream's answer is there.
    pub(super) fn begin(&mut self, where_to: WhereTo, is_answered: bool) {
        let Ok(log) = &mut self.log else { return };
        match log.reader.read(where_to) {
            Ok(first) => log.first = Some((first, is_answered)),
            Err(fallback) => {
                // What has been refused for want of room is not tried another way.
                self.log = Err(fallback);
                self.own = None;
            }
        }
    }

    /// The notes, from the log, not older than the answer, less a moment while the run goes on; or else from the answer's own logs.
    pub(super) async fn notes(self, times: Times, told: Told<'_>) -> Result<Notes, Fallback> {
        let deadline = times.answered + times.budget;
        let Some(own) = self.own.filter(|_| !matches!(told.own_logs, OwnLogs::Nothing)) else {
            return self.log?.notes(times, deadline, told.answer).await;
        };
        let fallback = match self.log {
            // Half of the time is the log's, so that there is some left.
            Ok(log) => match log.notes(times, times.answered + times.budget / 2, told.answer).await {
                Err(fallback) if fallback.is_of_the_log() => fallback,
                noted => return noted,
            },
            Err(fallback) => fallback,
        };
        match own.notes(told.own_logs, deadline).await {
            // That there is nothing in the answer either says less than why the log gave nothing.
            Err(Fallback::NoLog) => Err(fallback),
            noted => noted,
        }
    }
}

impl OwnReader {
    async fn notes(self, logs: OwnLogs, deadline: Instant) -> Result<Notes, Fallback> {
        let text = match logs {
            OwnLogs::Text(text) => text,
            OwnLogs::Read(notes) => return Ok(*notes),
            OwnLogs::Nothing => return Err(Fallback::NoLog),
        };
        let slot = self.slots.take().ok_or(Fallback::Overload)?;
        let (tracker, run) = (self.tracker, self.run);
        let task = tokio::spawn(async move {
            let _slot = slot;
            let began = Instant::now();
            let read = tracker.read_answer(run.as_ref(), text).await;
            let outcome = read.map_or_else(CatchUp::Failed, CatchUp::Done);
            Finished { outcome, took: began.elapsed() }
        });
        joined(timeout_at(deadline, task).await.map_err(|_| Fallback::Deadline)?)?.notes()
    }
}

impl LogAttempt {
    async fn notes(self, times: Times, deadline: Instant, answer: &Answer) -> Result<Notes, Fallback> {
        let Self { mut reader, first } = self;
        let (first, is_newer) = first.map_or_else(|| Ok((reader.read(WhereTo::Here)?, true)), Ok)?;
        let is_recent = times.answered.saturating_duration_since(first.began) < FRESH;
        let is_fresh = is_newer || (is_recent && !answer.has_ended());
        let first = reader.finish(first, deadline, times.storage_patience).await?;
        if is_fresh && matches!(first.outcome, CatchUp::Done(_) | CatchUp::Behind) {
            return first.notes();
        }
        reader.learn(answer);
        if is_fresh && !reader.tracker.gains_by(&reader.run) {
            return first.notes();
        }
        // Better than none, where a storage is too slow to be asked twice.
        let is_enough = is_recent && first.is_done();
        if is_enough && Instant::now() + first.took > deadline {
            return first.notes();
        }
        match reader.read_and_finish(deadline, times.storage_patience).await {
            Ok(second) if second.is_done() || !is_enough => first.then(second).notes(),
            Err(fallback) if !is_enough => Err(fallback),
            Ok(_) | Err(_) => first.notes(),
        }
    }
}

/// What a task came to. Cancelled means that the runtime is shutting down.
fn joined(task: Result<Finished, JoinError>) -> Result<Finished, Fallback> {
    task.map_err(|error| if error.is_panic() { Fallback::Panic } else { Fallback::Deadline })
}

impl Finished {
    fn is_done(&self) -> bool {
        matches!(self.outcome, CatchUp::Done(_))
    }

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
