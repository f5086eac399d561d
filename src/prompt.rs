//! Calls a service that is ready at once, as nearly all always are.
//!
//! To wait for one, a request is put aside and taken up again; being large, it is better left where it is. What does not
//! turn out to be ready is waited for after all.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;
use tower::Service;
use tower::util::{Oneshot, ServiceExt};

pin_project! {
    /// The answer of a service that was called by [`prompt`].
    pub struct Prompt<S: Service<R>, R> {
        #[pin]
        state: State<S::Future, Oneshot<S, R>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, W> {
        // It was ready.
        Called {
            #[pin]
            answer: F,
        },
        // It was not; on the heap, since that is rare.
        Waiting {
            answer: Pin<Box<W>>,
        },
    }
}

/// Has a request answered by a clone of this service.
pub fn prompt<S: Service<R> + Clone, R>(service: &S, request: R) -> Prompt<S, R> {
    let mut ready = service.clone();
    // Nobody is woken: whatever is not ready now is asked again.
    let state = match ready.poll_ready(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(())) => State::Called { answer: ready.call(request) },
        Poll::Ready(Err(_)) | Poll::Pending => {
            State::Waiting { answer: Box::pin(service.clone().oneshot(request)) }
        }
    };
    Prompt { state }
}

impl<S: Service<R>, R> Future for Prompt<S, R> {
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Called { answer } => answer.poll(cx),
            StateProjection::Waiting { answer } => answer.as_mut().poll(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{Ready, ready};

    use tokio::sync::watch;

    use super::*;

    /// Ready once it is told so, which is not seen without being woken.
    #[derive(Debug, Clone)]
    struct Gate(watch::Receiver<bool>);

    impl Service<u8> for Gate {
        type Response = u8;
        type Error = Infallible;
        type Future = Ready<Result<u8, Infallible>>;

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            let open = self.0.wait_for(|open| *open);
            std::pin::pin!(open).poll(cx).map(|_| Ok(()))
        }

        fn call(&mut self, request: u8) -> Self::Future {
            ready(Ok(request + 1))
        }
    }

    #[tokio::test]
    async fn what_is_ready_is_called_at_once_and_what_is_not_is_waited_for() {
        let (open, gate) = watch::channel(false);
        let gate = Gate(gate);
        let waiting = prompt(&gate, 1);
        assert!(matches!(waiting.state, State::Waiting { .. }));
        open.send(true).unwrap();
        assert_eq!(waiting.await, Ok(2));
        let called = prompt(&gate, 2);
        assert!(matches!(called.state, State::Called { .. }));
        assert_eq!(called.await, Ok(3));
    }
}
