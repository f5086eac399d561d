//! HTTP/2 streams: how much of an answer its client has not taken, and for how long.
//!
//! A client's connection may be lively while one of its streams is not: its flow-control window stays closed, and hyper
//! then waits for ever, with the answer and its upstream connection in hand. So each stream's task is run here beside a
//! clock, which stands while nothing of the answer waits and begins anew whenever the client takes some of it. A stream
//! whose time is up is dropped, which resets it (`CANCEL`) and ends what was behind it; the other streams go on. Not for
//! a client that takes nothing at all from its socket: see [`ClientIo`](super::client_io::ClientIo).
//!
//! An answer's end is told only when all of it was taken, for as long as which its stream is held to the clock. Memory:
//! besides what hyper may send ahead (`SEND_AHEAD` in `connection`), one chunk of a body a stream.

use std::convert::Infallible;
use std::future::Future;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use futures_util::task::AtomicWaker;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use pin_project_lite::pin_project;
use tower::Service;

use super::refusal::Refusal;
use super::service::{Answer, Answering, ConnectionService};
use crate::proxy::{Deadline, FromClient};
use crate::telemetry::Metrics;

tokio::task_local! {
    /// What waits for the client on the stream that the running task is for.
    static UNTAKEN: Arc<Untaken>;
}

/// Bytes of one answer that were handed over and that the client has not taken.
#[derive(Debug, Default)]
struct Untaken {
    bytes: AtomicUsize,
    /// Rises whenever bytes come or go.
    moves: AtomicU64,
    emptied: AtomicWaker,
}

impl Untaken {
    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
        self.moves.fetch_add(1, Ordering::AcqRel);
    }

    fn take(&self, bytes: usize) {
        self.moves.fetch_add(1, Ordering::AcqRel);
        if self.bytes.fetch_sub(bytes, Ordering::AcqRel) == bytes {
            self.emptied.wake();
        }
    }

    fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }

    fn moves(&self) -> u64 {
        self.moves.load(Ordering::Acquire)
    }

    /// Ready when nothing waits. Wakes the task when that comes to be so.
    fn poll_empty(&self, cx: &mut Context<'_>) -> Poll<()> {
        // First the waker, then the look: an end in between must not be missed.
        self.emptied.register(cx.waker());
        if self.bytes() == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Runs hyper's tasks, one a stream, for as long as their clients take what they are sent.
#[derive(Debug, Clone)]
pub(super) struct StreamExecutor {
    /// How long a client may take nothing of an answer that waits for it.
    pub(super) patience: Duration,
    /// Where streams that were reset are counted.
    pub(super) metrics: Metrics,
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let untaken = Arc::new(Untaken::default());
        let watched = Watched {
            stream: UNTAKEN.scope(Arc::clone(&untaken), stream),
            untaken,
            patience: self.patience,
            waiting: Deadline::default(),
            moves: 0,
        };
        let metrics = self.metrics.clone();
        tokio::spawn(async move {
            if watched.await == Outcome::NotTaken {
                metrics.refusal(Refusal::StreamTimeout.as_str());
                tracing::debug!("an HTTP/2 stream was reset: its client does not take the answer");
            }
        });
    }
}

/// How a stream's task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Ended,
    /// The client took nothing for too long.
    NotTaken,
}

pin_project! {
    /// A stream's task, and the clock beside it.
    struct Watched<F> {
        #[pin]
        stream: F,
        untaken: Arc<Untaken>,
        patience: Duration,
        waiting: Deadline,
        moves: u64,
    }
}

impl<F: Future<Output = ()>> Future for Watched<F> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = self.project();
        if this.stream.poll(cx).is_ready() {
            return Poll::Ready(Outcome::Ended);
        }
        loop {
            let moves = this.untaken.moves();
            if std::mem::replace(this.moves, moves) != moves {
                this.waiting.met();
            }
            // More begins to wait only while the stream is polled, and so before this.
            if this.untaken.bytes() == 0 {
                return Poll::Pending;
            }
            ready!(this.waiting.poll_missed(cx, *this.patience));
            // Bytes go without waking this task.
            if this.untaken.moves() == moves {
                return Poll::Ready(Outcome::NotTaken);
            }
        }
    }
}

/// The service of one HTTP/2 connection.
#[derive(Debug, Clone)]
pub(super) struct StreamService<S>(pub(super) ConnectionService<S>);

impl<S, B> hyper::service::Service<Request<Incoming>> for StreamService<S>
where
    S: Service<Request<FromClient>, Response = Response<B>, Error = Infallible> + Clone,
    B: Body,
{
    type Response = Response<StreamAnswer<B>>;
    type Error = Infallible;
    type Future = StreamAnswering<S>;

    fn call(&self, request: Request<Incoming>) -> StreamAnswering<S> {
        StreamAnswering { inner: self.0.call(request) }
    }
}

pin_project! {
    /// A request on a stream being answered.
    pub(super) struct StreamAnswering<S: Service<Request<FromClient>>> {
        #[pin]
        inner: Answering<S>,
    }
}

impl<S, B> Future for StreamAnswering<S>
where
    S: Service<Request<FromClient>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    type Output = Result<Response<StreamAnswer<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.project().inner.poll(cx))?;
        let untaken = UNTAKEN.try_with(Arc::clone).expect("hyper runs a stream by its executor");
        Poll::Ready(Ok(response.map(|inner| StreamAnswer { inner, untaken, trailers: None })))
    }
}

pin_project! {
    /// An answer's body on a stream; it ends when the client has taken all of it.
    pub(super) struct StreamAnswer<B> {
        #[pin]
        inner: Answer<B>,
        untaken: Arc<Untaken>,
        // Its trailers, until what comes before them was taken.
        trailers: Option<HeaderMap>,
    }
}

impl<B: Body> Body for StreamAnswer<B> {
    type Data = Tracked<B::Data>;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, B::Error>>> {
        let this = self.project();
        if this.trailers.is_none() && !this.inner.is_end_stream() {
            match ready!(this.inner.poll_frame(cx)).transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => {
                    return Poll::Ready(Some(Ok(Frame::data(Tracked::new(data, Arc::clone(this.untaken))))));
                }
                Some(Err(last)) => *this.trailers = last.into_trailers().ok(),
                None => {}
            }
        }
        ready!(this.untaken.poll_empty(cx));
        Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.trailers.is_none() && self.inner.is_end_stream() && self.untaken.bytes() == 0
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Bytes that wait for the client until they were read from here, or dropped.
#[derive(Debug)]
pub(super) struct Tracked<D: Buf> {
    data: D,
    untaken: Arc<Untaken>,
}

impl<D: Buf> Tracked<D> {
    fn new(data: D, untaken: Arc<Untaken>) -> Self {
        untaken.add(data.remaining());
        Self { data, untaken }
    }
}

impl<D: Buf> Buf for Tracked<D> {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.data.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.data.advance(count);
        self.untaken.take(count);
    }
}

impl<D: Buf> Drop for Tracked<D> {
    fn drop(&mut self) {
        self.untaken.take(self.data.remaining());
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn watched<F: Future<Output = ()>>(stream: F, untaken: &Arc<Untaken>) -> Watched<F> {
        let untaken = Arc::clone(untaken);
        Watched { stream, untaken, patience: PATIENCE, waiting: Deadline::default(), moves: 0 }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_lasts_while_nothing_waits_and_while_its_client_takes_some() {
        let untaken = Arc::new(Untaken::default());
        let idle = watched(std::future::pending(), &untaken);
        assert!(timeout(10 * PATIENCE, idle).await.is_err());

        let mut data = Tracked::new(Bytes::from_static(&[0; 8]), Arc::clone(&untaken));
        let taking = tokio::spawn(async move {
            for _ in 0..8 {
                tokio::time::sleep(PATIENCE / 2).await;
                data.advance(1);
            }
        });
        let began = tokio::time::Instant::now();
        let slow = watched(async { drop(taking.await) }, &untaken);
        assert_eq!(slow.await, Outcome::Ended);
        assert!(began.elapsed() >= 4 * PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_of_which_nothing_is_taken_ends_in_time() {
        let untaken = Arc::new(Untaken::default());
        let _data = Tracked::new(Bytes::from_static(b"waits"), Arc::clone(&untaken));
        let began = tokio::time::Instant::now();
        assert_eq!(watched(std::future::pending(), &untaken).await, Outcome::NotTaken);
        assert!(began.elapsed() <= PATIENCE + Duration::from_millis(5), "{:?}", began.elapsed());
    }

    #[test]
    fn what_was_dropped_waits_no_longer() {
        let untaken = Arc::new(Untaken::default());
        let mut data = Tracked::new(Bytes::from_static(b"12345"), Arc::clone(&untaken));
        data.advance(2);
        assert_eq!(untaken.bytes(), 3);
        drop(data);
        assert_eq!(untaken.bytes(), 0);
    }
}
