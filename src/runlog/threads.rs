//! A few threads for work that would hold up tokio's: file IO that may hang, and folding long logs.
//!
//! Not tokio's blocking pool: a read stuck in a network file system would take name resolution with it, and hold up the
//! end of the process. These threads are bounded in number and queue, and nobody waits for them at the end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that run blocking jobs, first come, first served.
#[derive(Debug, Clone)]
pub(super) struct WorkThreads {
    queue: SyncSender<Job>,
}

/// Why a job has no outcome.
#[derive(Debug)]
pub(super) enum JobFailure {
    /// The queue is full: all threads have hung or been busy for long. The job was not begun.
    Full,
    /// It panicked; this is what it said.
    Panicked(Box<dyn Any + Send>),
}

impl WorkThreads {
    /// Starts `threads` threads, named after what they do, with room for `queue` waiting jobs.
    pub(super) fn start(name: &str, threads: usize, queue: usize) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel::<Job>(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        for n in 0..threads {
            let receiver = Arc::clone(&receiver);
            thread::Builder::new().name(format!("{name}-{n}")).spawn(move || work(&receiver))?;
        }
        Ok(Self { queue: sender })
    }

    /// Has `job` run on one of the threads, and nobody waits for it; without room for it, it is dropped.
    pub(super) fn submit(&self, job: impl FnOnce() + Send + 'static) {
        let contained = move || {
            let _ = catch_unwind(AssertUnwindSafe(job));
        };
        let _ = self.queue.try_send(Box::new(contained));
    }

    /// Runs `job` on one of the threads.
    ///
    /// # Cancel safety
    /// A future that is dropped leaves its job to run; its outcome is lost.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JobFailure> {
        let (done, outcome) = oneshot::channel();
        let job = Box::new(move || {
            // A panic ends this job only. Nobody may be waiting any more; then the outcome is of no use.
            let _ = done.send(catch_unwind(AssertUnwindSafe(job)));
        });
        self.queue.try_send(job).map_err(|_| JobFailure::Full)?;
        match outcome.await {
            Ok(outcome) => outcome.map_err(JobFailure::Panicked),
            Err(_) => Err(JobFailure::Full),
        }
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting, not while working.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        job();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_is_refused_instead_of_waited_for() {
        let threads = WorkThreads::start("test", 1, 1).unwrap();
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let stuck = tokio::spawn({
            let threads = threads.clone();
            async move {
                threads
                    .run(move || {
                        let _ = started.send(());
                        let _ = blocked.recv();
                        1
                    })
                    .await
            }
        });
        running.await.unwrap();
        let mut waiting = Box::pin(threads.run(|| 2));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert!(matches!(threads.run(|| 3).await, Err(JobFailure::Full)));
        release.send(()).unwrap();
        assert_eq!((stuck.await.unwrap().unwrap(), waiting.await.unwrap()), (1, 2));
    }

    #[tokio::test]
    async fn a_panic_costs_one_job_and_not_the_thread() {
        let threads = WorkThreads::start("test", 1, 4).unwrap();
        let failed = threads.run::<()>(|| panic!("for the test")).await;
        assert!(matches!(failed, Err(JobFailure::Panicked(_))));
        assert_eq!(threads.run(|| "alive").await.unwrap(), "alive");
    }
}
