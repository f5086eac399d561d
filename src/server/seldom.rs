//! A future that is polled when it has asked for it, however often the task that it is a part of runs.
//!
//! A connection's task runs several times a request, and beside the connection it waits for the end of the whole process.
//! That waits in a list which all connections share, and looking there each time would have them wait for each other.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use pin_project_lite::pin_project;

pin_project! {
    /// Polls its future at first and whenever that has been woken.
    pub(super) struct Seldom<F> {
        #[pin]
        inner: F,
        call: Arc<Call>,
        waker: Waker,
        // The task that a call wakes.
        task: Option<Waker>,
    }
}

/// Tells the future's own calls from all other reasons to run.
#[derive(Debug, Default)]
struct Call {
    came: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.came.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<F> Seldom<F> {
    pub(super) fn new(inner: F) -> Self {
        let call = Arc::new(Call { came: AtomicBool::new(true), task: AtomicWaker::new() });
        Self { inner, waker: Waker::from(Arc::clone(&call)), call, task: None }
    }
}

impl<F: Future> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        // First the waker, then the look: a call in between must not be missed.
        if !this.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            this.call.task.register(cx.waker());
            *this.task = Some(cx.waker().clone());
        }
        while this.call.came.swap(false, Ordering::AcqRel) {
            // The call has taken the waker with it.
            this.call.task.register(cx.waker());
            if let ready @ Poll::Ready(_) = this.inner.as_mut().poll(&mut Context::from_waker(this.waker)) {
                return ready;
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn it_is_polled_when_it_has_asked_for_it_and_not_otherwise() {
        let (polls, notify) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (counted, notified) = (Arc::clone(&polls), Arc::clone(&notify));
        let mut waits = Box::pin(async move { notified.notified().await });
        let inner = poll_fn(move |cx| {
            counted.fetch_add(1, Ordering::Relaxed);
            waits.as_mut().poll(cx)
        });
        let mut seldom = pin!(Seldom::new(inner));
        for _ in 0..10 {
            let pending = poll_fn(|cx| Poll::Ready(seldom.as_mut().poll(cx).is_pending())).await;
            assert!(pending);
        }
        assert_eq!(polls.load(Ordering::Relaxed), 1);
        notify.notify_one();
        seldom.await;
        assert_eq!(polls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn it_wakes_whichever_task_waits_for_it_now() {
        let notify = Arc::new(Notify::new());
        let notified = Arc::clone(&notify);
        let mut seldom = Box::pin(Seldom::new(async move { notified.notified().await }));
        // Polled by one task, and then awaited by another.
        assert!(poll_fn(|cx| Poll::Ready(seldom.as_mut().poll(cx).is_pending())).await);
        let other = tokio::spawn(seldom);
        tokio::task::yield_now().await;
        notify.notify_one();
        other.await.unwrap();
    }
}
