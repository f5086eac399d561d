//! Stops asking a log storage that hangs, and asks again when it answers.
//!
//! A storage hangs when as many operations as its source has threads have each gone on for a second. From then on
//! whoever asks is told so at once, instead of waiting for an answer that will not come; what hangs already is the
//! probe: when one of those operations ends, the storage is asked again. Nothing is given up or retried here, so that
//! at most the enrichments that may go on at the same time are ever stuck.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    Bell, BoxFuture, LogError, LogIdentity, LogName, LogSource, LogWatch, Lookout, NamePattern, OpenLog,
    Sight,
};
use crate::analysis::LogSourceKind;
use crate::telemetry::Metrics;

/// An operation hangs that takes so long. Network storage may take a part of it on a bad day.
const PATIENCE: Duration = Duration::from_secs(1);

/// A source that is not asked while its storage hangs.
#[derive(Debug)]
pub struct Guarded {
    source: Arc<dyn LogSource>,
    watched: Arc<Watched>,
}

#[derive(Debug)]
struct Watched {
    /// So many operations have to hang: fewer may be single logs, beside which the others can be read.
    width: usize,
    operations: Mutex<Operations>,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct Operations {
    /// When each that goes on began, oldest first.
    begun: BTreeMap<u64, Instant>,
    count: u64,
    /// Whether the log says that the storage hangs.
    told: bool,
}

/// An operation that goes on, until this is dropped.
#[derive(Debug)]
struct Operation {
    watched: Arc<Watched>,
    number: u64,
}

#[derive(Debug)]
struct GuardedLog {
    log: Box<dyn OpenLog>,
    watched: Arc<Watched>,
}

impl Guarded {
    /// Stands in front of `source`.
    pub fn new(source: Arc<dyn LogSource>, metrics: Metrics) -> Self {
        // An earlier source may have hung to its end.
        metrics.operation().storage_hangs(false);
        let watched = Watched { width: source.width(), operations: Mutex::default(), metrics };
        Self { source, watched: Arc::new(watched) }
    }
}

impl LogSource for Guarded {
    fn kind(&self) -> LogSourceKind {
        self.source.kind()
    }

    fn answers(&self) -> bool {
        self.watched.answers()
    }

    fn width(&self) -> usize {
        self.source.width()
    }

    fn open<'a>(&'a self, name: &'a LogName) -> BoxFuture<'a, Result<Box<dyn OpenLog>, LogError>> {
        Box::pin(async move {
            let _operation = self.watched.begin()?;
            let log = self.source.open(name).await?;
            Ok(Box::new(GuardedLog { log, watched: Arc::clone(&self.watched) }) as Box<dyn OpenLog>)
        })
    }

    fn lookout(&self, name: &LogName) -> Option<Box<dyn Lookout>> {
        self.source.lookout(name)
    }

    fn search<'a>(
        &'a self,
        pattern: &'a NamePattern,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<LogName>, LogError>> {
        Box::pin(async move {
            let _operation = self.watched.begin()?;
            self.source.search(pattern, most).await
        })
    }

    fn watch(&self, name: &LogName, bell: &Bell) -> Option<Box<dyn LogWatch>> {
        self.source.watch(name, bell)
    }
}

impl OpenLog for GuardedLog {
    fn identity(&self) -> LogIdentity {
        self.log.identity()
    }

    fn length(&self) -> u64 {
        self.log.length()
    }

    fn stamp(&self) -> u128 {
        self.log.stamp()
    }

    fn sight(&self) -> Option<Sight> {
        self.log.sight()
    }

    fn read_at(&self, offset: u64, max_bytes: usize) -> BoxFuture<'_, Result<Bytes, LogError>> {
        Box::pin(async move {
            let _operation = self.watched.begin()?;
            self.log.read_at(offset, max_bytes).await
        })
    }
}

impl Watched {
    fn begin(self: &Arc<Self>) -> Result<Operation, LogError> {
        if !self.answers() {
            return Err(LogError::Stuck);
        }
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        operations.count += 1;
        let number = operations.count;
        operations.begun.insert(number, Instant::now());
        Ok(Operation { watched: Arc::clone(self), number })
    }

    /// Whether the storage can be asked. That it cannot is counted, and told once.
    fn answers(&self) -> bool {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        if !operations.hang(self.width, Instant::now()) {
            return true;
        }
        self.metrics.operation().storage_refusal();
        if !std::mem::replace(&mut operations.told, true) {
            self.metrics.operation().storage_hangs(true);
            tracing::error!(
                operations = operations.begun.len(),
                "the log storage does not answer: status answers stay basic until it does"
            );
        }
        false
    }

    fn end(&self, number: u64) {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        operations.begun.remove(&number);
        if operations.told && !operations.hang(self.width, Instant::now()) {
            operations.told = false;
            self.metrics.operation().storage_hangs(false);
            tracing::info!("the log storage answers again");
        }
    }
}

impl Operations {
    fn hang(&self, width: usize, now: Instant) -> bool {
        let last_needed = self.begun.values().nth(width - 1);
        last_needed.is_some_and(|begun| now.saturating_duration_since(*begun) >= PATIENCE)
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.watched.end(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANGING: usize = 4;

    fn watched() -> Arc<Watched> {
        Arc::new(Watched { width: HANGING, operations: Mutex::default(), metrics: Metrics::new() })
    }

    fn hanging(watched: &Arc<Watched>, operations: usize) -> Vec<Operation> {
        (0..operations).map(|_| watched.begin().unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_storage_whose_every_thread_hangs_is_not_asked_until_one_is_free() {
        let watched = watched();
        let mut operations = hanging(&watched, HANGING);
        tokio::time::advance(PATIENCE / 2).await;
        assert!(watched.answers());
        tokio::time::advance(PATIENCE / 2).await;
        assert!(matches!(watched.begin().map(drop), Err(LogError::Stuck)));
        assert!(watched.metrics.text().contains("gloss_log_storage_hangs 1"));
        assert!(watched.metrics.text().contains("gloss_log_storage_refusals_total 1"));
        operations.pop();
        assert!(watched.begin().is_ok());
        assert!(watched.metrics.text().contains("gloss_log_storage_hangs 0"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_files_that_hang_do_not_keep_the_others_from_being_read() {
        let watched = watched();
        let _operations = hanging(&watched, HANGING - 1);
        tokio::time::advance(PATIENCE * 100).await;
        for _ in 0..100 {
            assert!(watched.begin().is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_operations_that_each_end_are_no_fault() {
        let watched = watched();
        for _ in 0..10 {
            let _operations = hanging(&watched, 200);
            tokio::time::advance(PATIENCE / 2).await;
        }
        assert!(watched.answers());
    }
}
