//! A service that can be exchanged while it serves.
//!
//! A request goes to the service that is there when it comes, and stays with it to the end of its answer: what was
//! exchanged lives on until its last request is done. A connection that stays open gets the new one for its next
//! request.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use tower::Service;

use crate::prompt::{Prompt, prompt};

/// A service in front of one that can be exchanged; a clone has the same one behind it.
pub struct Swap<S> {
    current: Arc<ArcSwap<S>>,
}

impl<S> Swap<S> {
    /// `first` is behind it until it is exchanged.
    pub fn new(first: S) -> Self {
        Self { current: Arc::new(ArcSwap::from_pointee(first)) }
    }

    /// Requests from now on go to `next`.
    pub fn set(&self, next: S) {
        self.current.store(Arc::new(next));
    }
}

impl<S> Clone for Swap<S> {
    fn clone(&self) -> Self {
        Self { current: Arc::clone(&self.current) }
    }
}

impl<S> fmt::Debug for Swap<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swap").finish_non_exhaustive()
    }
}

impl<S, R> Service<R> for Swap<S>
where
    S: Service<R> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Prompt<S, R>;

    /// Always ready: whether the service of the moment is, its request waits for itself.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        prompt::<S, R>(&self.current.load(), request)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::ready;

    use tokio::sync::oneshot;
    use tower::util::BoxCloneSyncService;
    use tower::{ServiceExt, service_fn};

    use super::*;

    type Boxed = BoxCloneSyncService<(), u8, Infallible>;

    fn answering(number: u8) -> Boxed {
        BoxCloneSyncService::new(service_fn(move |()| ready(Ok(number))))
    }

    #[tokio::test]
    async fn the_next_request_goes_to_the_new_service_also_through_an_old_clone() {
        let swap = Swap::new(answering(1));
        let connection = swap.clone();
        assert_eq!(connection.clone().oneshot(()).await, Ok(1));
        swap.set(answering(2));
        assert_eq!(connection.oneshot(()).await, Ok(2));
    }

    #[tokio::test]
    async fn a_request_under_way_ends_with_the_service_it_began_with() {
        let (finish, finished) = oneshot::channel::<u8>();
        let finished = Arc::new(std::sync::Mutex::new(Some(finished)));
        let slow = BoxCloneSyncService::new(service_fn(move |()| {
            let finished = finished.lock().unwrap().take().unwrap();
            async move { Ok::<_, Infallible>(finished.await.unwrap()) }
        }));
        let swap = Swap::new(slow);
        let mut under_way = Box::pin(swap.clone().oneshot(()));
        assert!(futures_util::poll!(&mut under_way).is_pending());
        swap.set(answering(2));
        finish.send(1).unwrap();
        assert_eq!(under_way.await, Ok(1));
    }
}
