//! Tells clients that have left from clients that have only stopped sending.
//!
//! Both look the same at first: the end of what they send. A client that waits for an answer may have closed its own side
//! and is served all the same; the end is held back from HTTP for so long. But one that has left answers the probes of
//! its system no longer (Linux forgets a closed connection after 60 s), and the request is dropped, and with it its
//! connection to the upstream. A client that breaks its connection off is noticed at once, one that ends it within a
//! request's body after a second.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::Service;
use pin_project_lite::pin_project;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::proxy::{InProgress, Progress};

/// How long a connection is silent before its other end is probed, and how long each probe may take.
const PROBE_EVERY: Duration = Duration::from_secs(15);
const PROBES: u32 = 4;
/// How long a request may seem to break off that has come to its end, since what was read is passed on later.
const LAG: Duration = Duration::from_secs(1);
/// How often a connection that has ended on one side is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Has the system find out when the other end is gone for good.
pub(super) fn probe(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, PROBE_EVERY)?;
    sockopt::set_tcp_keepintvl(stream, PROBE_EVERY)?;
    Ok(sockopt::set_tcp_keepcnt(stream, PROBES)?)
}

/// A client's connection that does not end while its client waits for an answer.
#[derive(Debug)]
pub(super) struct Present {
    stream: TcpStream,
    progress: Progress,
    reading: Reading,
}

#[derive(Debug)]
enum Reading {
    /// Nothing has come yet.
    Fresh,
    /// One request at a time.
    Http1,
    /// Many at a time, which end by frames of their own: the end of the connection is the end of them all.
    Http2,
    /// Nothing comes any more; when to look whether the client is still there.
    Ended(Option<Pin<Box<Sleep>>>),
}

impl Present {
    pub(super) fn new(stream: TcpStream, progress: Progress) -> Self {
        Self { stream, progress, reading: Reading::Fresh }
    }

    /// What came, or that it was the end.
    fn note(&mut self, came: &[u8]) {
        match self.reading {
            Reading::Fresh if came.starts_with(b"PRI") => self.reading = Reading::Http2,
            Reading::Fresh if !came.is_empty() => self.reading = Reading::Http1,
            Reading::Http1 if came.is_empty() => self.reading = Reading::Ended(None),
            Reading::Fresh | Reading::Http1 | Reading::Http2 | Reading::Ended(_) => {}
        }
    }

    /// The end of the connection, once nobody waits for an answer on it.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Reading::Ended(look) = &mut self.reading else { return Poll::Ready(Ok(())) };
        while self.progress.is_answer_owed() || self.progress.is_receiving() {
            let pause = if self.progress.is_receiving() { LAG } else { LOOK_EVERY };
            ready!(look.get_or_insert_with(|| Box::pin(sleep(pause))).as_mut().poll(cx));
            *look = None;
            if let Some(error) = self.stream.take_error()? {
                return Poll::Ready(Err(error));
            }
            if self.progress.is_receiving() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Present {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !matches!(this.reading, Reading::Ended(_)) {
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            this.note(&buf.filled()[before..]);
        }
        this.poll_end(cx)
    }
}

impl AsyncWrite for Present {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// Notes in `progress` when requests begin and when their answers have ended.
///
/// hyper's kind of service and not tower's, because it has to know of a request before the connection is read on.
#[derive(Debug, Clone)]
pub(super) struct Attended<S> {
    pub(super) inner: S,
    pub(super) progress: Progress,
}

impl<S, B> Service<Request<Incoming>> for Attended<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    type Response = Response<AttendedBody<B>>;
    type Error = Infallible;
    type Future = AttendedFuture<S::Future>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let begun = self.progress.begin(request.body().is_end_stream());
        request.extensions_mut().insert(self.progress.clone());
        AttendedFuture { inner: self.inner.call(request), begun: Some(begun) }
    }
}

pin_project! {
    /// The answer of an [`Attended`].
    pub(super) struct AttendedFuture<F> {
        #[pin]
        inner: F,
        begun: Option<InProgress>,
    }
}

impl<F, B> Future for AttendedFuture<F>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
{
    type Output = Result<Response<AttendedBody<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(response) = ready!(this.inner.poll(cx));
        let begun = this.begun.take();
        Poll::Ready(Ok(response.map(|inner| AttendedBody { inner, _begun: begun })))
    }
}

pin_project! {
    /// A body whose end, or whose drop, ends the request.
    pub(super) struct AttendedBody<B> {
        #[pin]
        inner: B,
        _begun: Option<InProgress>,
    }
}

impl<B: Body> Body for AttendedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
