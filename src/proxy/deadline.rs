//! A deadline that costs next to nothing while it is met.
//!
//! A timer is set when something is first waited for and left running when that has come; when it goes off too early
//! for what is waited for by then, it is set anew. A busy connection thus sets a timer once per timeout, not per
//! request.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// One thing at a time that has to happen before a moment.
#[derive(Debug, Default)]
pub struct Deadline {
    due: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// What was waited for has come.
    pub fn met(&mut self) {
        self.due = None;
    }

    /// What is waited for has so much time from now on.
    pub fn extend(&mut self, time: Duration) {
        self.due = Some(Instant::now() + time);
    }

    /// Whether `timeout` has passed since this was called first after [`met`](Self::met). Wakes the task when it has.
    pub fn poll_missed(&mut self, cx: &mut Context<'_>, timeout: Duration) -> Poll<()> {
        // The clock is read once for each wait; the timer tells the rest.
        let due = *self.due.get_or_insert_with(|| Instant::now() + timeout);
        // A timer never goes off at once.
        if timeout.is_zero() && Instant::now() >= due {
            return Poll::Ready(());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        // One that goes off earlier will do: this is called again then.
        if timer.deadline() > due {
            timer.as_mut().reset(due);
        }
        ready!(timer.as_mut().poll(cx));
        if timer.deadline() < due {
            // It went off for an earlier wait, just now or long ago.
            timer.as_mut().reset(due);
            return timer.as_mut().poll(cx);
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    async fn missed(deadline: &mut Deadline) -> Duration {
        let began = Instant::now();
        poll_fn(|cx| deadline.poll_missed(cx, TIMEOUT)).await;
        began.elapsed()
    }

    async fn not_missed_within(deadline: &mut Deadline, time: Duration) -> bool {
        tokio::time::timeout(time, missed(deadline)).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_missed_after_the_timeout_and_not_before() {
        let mut deadline = Deadline::default();
        assert!(not_missed_within(&mut deadline, TIMEOUT.saturating_sub(Duration::from_millis(10))).await);
        assert!(missed(&mut deadline).await <= Duration::from_millis(11));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_next_has_the_whole_time() {
        let mut deadline = Deadline::default();
        assert!(not_missed_within(&mut deadline, TIMEOUT / 2).await);
        deadline.met();
        let waited = missed(&mut deadline).await;
        assert!(waited >= TIMEOUT && waited < TIMEOUT + Duration::from_millis(5), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_shorter_wait_after_a_longer_one_ends_early_enough() {
        let mut deadline = Deadline::default();
        let long = tokio::time::timeout(
            Duration::from_secs(1),
            poll_fn(|cx| deadline.poll_missed(cx, 10 * TIMEOUT)),
        );
        assert!(long.await.is_err());
        deadline.met();
        let waited = missed(&mut deadline).await;
        assert!(waited < TIMEOUT + Duration::from_millis(5), "{waited:?}");
    }
}
