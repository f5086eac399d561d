//! A few threads for file IO that may hang.
//!
//! Not tokio's blocking pool: a read stuck in a network file system would take name resolution with it, and hold up the
//! end of the process. These threads belong to one root, are bounded in number and queue, and nobody waits for them at
//! the end.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::LogError;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that run blocking jobs.
#[derive(Debug, Clone)]
pub(super) struct IoThreads {
    queue: SyncSender<Job>,
}

impl IoThreads {
    /// Starts `threads` threads with room for `queue` waiting jobs.
    pub(super) fn start(threads: usize, queue: usize) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel::<Job>(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        for n in 0..threads {
            let receiver = Arc::clone(&receiver);
            thread::Builder::new().name(format!("log-io-{n}")).spawn(move || work(&receiver))?;
        }
        Ok(Self { queue: sender })
    }

    /// Runs `job` on one of the threads.
    ///
    /// # Errors
    /// [`LogError::Stuck`] when the queue is full, which means that all threads hang; [`LogError::Unreadable`] when the
    /// job panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let (done, outcome) = oneshot::channel();
        let job = Box::new(move || {
            // Nobody may be waiting any more; then the outcome is of no use.
            let _ = done.send(job());
        });
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => LogError::Stuck,
        })?;
        outcome.await.unwrap_or_else(|_| Err(LogError::Unreadable("reading it failed unexpectedly".into())))
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting, not while working.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // A panic ends this job only: the caller sees its channel closed.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_is_refused_instead_of_waited_for() {
        let threads = IoThreads::start(1, 1).unwrap();
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let stuck = tokio::spawn({
            let threads = threads.clone();
            async move {
                threads
                    .run(move || {
                        let _ = started.send(());
                        let _ = blocked.recv();
                        Ok(1)
                    })
                    .await
            }
        });
        running.await.unwrap();
        let mut waiting = Box::pin(threads.run(|| Ok(2)));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert_eq!(threads.run(|| Ok(3)).await, Err(LogError::Stuck));
        release.send(()).unwrap();
        assert_eq!((stuck.await.unwrap(), waiting.await), (Ok(1), Ok(2)));
    }

    #[tokio::test]
    async fn a_panic_costs_one_job_and_not_the_thread() {
        let threads = IoThreads::start(1, 4).unwrap();
        let failed = threads.run::<()>(|| panic!("for the test")).await;
        assert!(matches!(failed, Err(LogError::Unreadable(_))));
        assert_eq!(threads.run(|| Ok("alive")).await, Ok("alive"));
    }
}
