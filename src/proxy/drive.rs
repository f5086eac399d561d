//! Who keeps a connection to the upstream going: the task that waits for its answer, or one of its own.
//!
//! A request without a body needs nobody else. Whoever waits for its answer lets the connection work meanwhile, on the
//! same core, without a change of tasks; and a client that takes nothing holds the upstream back by itself. Where bytes go
//! both ways at their own pace, with a body or after a switch of protocols, the connection gets a task of its own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::task::AbortHandle;

/// How often a connection is polled before its task gives way to others. It has to: once a task has done much, the runtime
/// lets nothing of it go on before it has.
const ROUNDS: usize = 4;

/// What keeps one connection going.
pub(super) struct Driver {
    runs: Runs,
    call: Arc<Call>,
    /// The connection's way to reach `call`.
    waker: Waker,
}

enum Runs {
    /// Whenever somebody who waits for it polls it.
    Here(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// By itself.
    Task(AbortHandle),
    /// No more: it has ended.
    Ended,
}

/// Takes the connection's calls. While it is being polled they need no answer but to poll it once more, so that the task
/// which does is not woken by what it brings about itself.
#[derive(Debug, Default)]
struct Call {
    came: AtomicBool,
    polling: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Call {
    /// The task that is to be woken from now on.
    fn wakes(&self, task: Option<&Waker>) {
        let mut known = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        match (known.as_ref(), task) {
            (Some(known), Some(task)) if known.will_wake(task) => {}
            (_, task) => *known = task.cloned(),
        }
    }
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // In one order with what `poll_beside` does: either it sees the call, or the task is woken.
        self.came.store(true, Ordering::SeqCst);
        if !self.polling.load(Ordering::SeqCst)
            && let Some(task) = &*self.task.lock().unwrap_or_else(PoisonError::into_inner)
        {
            task.wake_by_ref();
        }
    }
}

impl Driver {
    /// Of a connection that works whenever it is polled, until it ends.
    pub(super) fn new(connection: impl Future<Output = ()> + Send + 'static) -> Self {
        let call = Arc::<Call>::default();
        Self { runs: Runs::Here(Box::pin(connection)), waker: Waker::from(Arc::clone(&call)), call }
    }

    /// Gives the connection a task of its own, if it has none.
    pub(super) fn spawn(&mut self) {
        if matches!(self.runs, Runs::Here(_))
            && let Runs::Here(connection) = std::mem::replace(&mut self.runs, Runs::Ended)
        {
            self.runs = Runs::Task(tokio::spawn(connection).abort_handle());
        }
    }

    /// By which the connection's own task is ended; `None` where it has none, and ends when it is dropped.
    pub(super) fn task(&self) -> Option<&AbortHandle> {
        match &self.runs {
            Runs::Task(task) => Some(task),
            Runs::Here(_) | Runs::Ended => None,
        }
    }

    /// Polls `what`, which the connection brings on, and the connection for as long as that makes a difference.
    pub(super) fn poll_beside<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut what: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if !matches!(self.runs, Runs::Here(_)) {
            return what(cx);
        }
        self.call.wakes(Some(cx.waker()));
        self.call.polling.store(true, Ordering::SeqCst);
        // The connection's polls are what brings it on: nobody has to be woken for it.
        let nobody = &mut Context::from_waker(Waker::noop());
        let mut came = what(nobody);
        for _ in 0..ROUNDS {
            if came.is_ready() {
                break;
            }
            let ended = self.advance();
            came = what(nobody);
            if !ended && !self.call.came.load(Ordering::SeqCst) {
                break;
            }
        }
        self.call.polling.store(false, Ordering::SeqCst);
        // A call that came in the last round, or just now, woke nobody.
        if came.is_pending() && self.call.came.load(Ordering::SeqCst) {
            cx.waker().wake_by_ref();
        }
        came
    }

    /// Lets the connection finish what it has begun, and see whether it has ended.
    pub(super) fn settle(&mut self) {
        self.advance();
    }

    /// Nobody waits for the connection any more: from now on it wakes nobody.
    pub(super) fn rest(&self) {
        if matches!(self.runs, Runs::Here(_)) {
            self.call.wakes(None);
        }
    }

    /// The same as [`settle`](Self::settle) where something has happened to the connection since.
    pub(super) fn settle_if_called(&mut self) {
        if self.call.came.load(Ordering::SeqCst) {
            self.settle();
        }
    }

    /// Whether that was its end.
    fn advance(&mut self) -> bool {
        let Runs::Here(connection) = &mut self.runs else { return false };
        self.call.came.store(false, Ordering::SeqCst);
        let ended = connection.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready();
        if ended {
            self.runs = Runs::Ended;
        }
        ended
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = match self.runs {
            Runs::Here(_) => "here",
            Runs::Task(_) => "task",
            Runs::Ended => "ended",
        };
        f.debug_tuple("Driver").field(&runs).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::{mpsc, oneshot};

    use super::*;

    /// A connection that passes on what it gets, until there is no more.
    fn echo(mut gets: mpsc::UnboundedReceiver<u32>, gives: mpsc::UnboundedSender<u32>) -> Driver {
        Driver::new(async move {
            while let Some(number) = gets.recv().await {
                let _ = gives.send(number);
            }
        })
    }

    #[tokio::test]
    async fn whoever_waits_for_the_connection_lets_it_work() {
        let ((put, gets), (gives, mut take)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let mut driver = echo(gets, gives);
        put.send(7).unwrap();
        let came = poll_fn(|cx| driver.poll_beside(cx, |cx| take.poll_recv(cx))).await;
        assert_eq!(came, Some(7));
        // And wakes when something comes from elsewhere.
        let waiting =
            tokio::spawn(async move { poll_fn(|cx| driver.poll_beside(cx, |cx| take.poll_recv(cx))).await });
        tokio::task::yield_now().await;
        put.send(8).unwrap();
        assert_eq!(waiting.await.unwrap(), Some(8));
    }

    #[tokio::test]
    async fn what_a_poll_brings_about_itself_wakes_nobody() {
        #[derive(Debug, Default)]
        struct Counted(AtomicUsize);
        impl Wake for Counted {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let ((put, gets), (gives, mut take)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let (mut driver, counted) = (echo(gets, gives), Arc::<Counted>::default());
        let waker = Waker::from(Arc::clone(&counted));
        let mut cx = Context::from_waker(&waker);
        assert!(driver.poll_beside(&mut cx, |cx| take.poll_recv(cx)).is_pending());
        put.send(1).unwrap();
        assert_eq!(counted.0.load(Ordering::Relaxed), 1, "this came from elsewhere");
        assert!(driver.poll_beside(&mut cx, |cx| take.poll_recv(cx)).is_ready());
        assert_eq!(counted.0.load(Ordering::Relaxed), 1);
        driver.rest();
        put.send(2).unwrap();
        assert_eq!(counted.0.load(Ordering::Relaxed), 1, "nobody waits for it");
    }

    #[tokio::test]
    async fn an_end_is_seen_and_a_task_goes_on_by_itself() {
        let ((put, gets), (gives, mut take)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let mut driver = echo(gets, gives);
        drop(put);
        assert_eq!(poll_fn(|cx| driver.poll_beside(cx, |cx| take.poll_recv(cx))).await, None);
        assert!(driver.task().is_none() && format!("{driver:?}").contains("ended"));
        let (done, finished) = oneshot::channel();
        let mut driver = Driver::new(async move { done.send(()).unwrap() });
        driver.spawn();
        assert!(driver.task().is_some());
        finished.await.unwrap();
    }
}
