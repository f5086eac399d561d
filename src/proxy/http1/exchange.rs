//! One request after the other on a connection, and the answer to each.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::{Method, Request, Response};
use http_body::{Frame, SizeHint};
use hyper::ext::ReasonPhrase;
use tokio::io::AsyncWrite;

use super::MAX_HEAD_BYTES;
use super::decoder::Decoder;
use super::error::ConnectionError;
use super::head::{self, Head};
use super::stream::{SIP, Stream};

/// What is set aside for the first read of an answer: a head and a short body.
const FIRST_SIP: usize = 8 * 1024;

/// A connection on which exchanges take place.
#[derive(Debug)]
pub(in crate::proxy) struct Exchange {
    stream: Stream,
    /// The request, and how much of it is sent; no memory once it is.
    request: Vec<u8>,
    sent: usize,
    head_only: bool,
    /// What has come of a head that is not complete, and how much of it was looked at.
    came: BytesMut,
    seen: usize,
    /// How long the interim answers to this request were.
    interim: usize,
    /// How much the next read of a body brings at most.
    sip: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is under way.
    Idle,
    /// A request, or its answer, is.
    Busy {
        /// Whether the connection may serve another request afterwards, as far as is known.
        keeps_alive: bool,
    },
    /// It serves no other request.
    Over,
}

/// Why there is no answer.
#[derive(Debug)]
pub(in crate::proxy) struct Fault {
    pub(in crate::proxy) error: ConnectionError,
    /// Whether nothing of the request was sent.
    pub(in crate::proxy) is_unsent: bool,
}

/// The body of an answer. What of it has not come yet is read from the connection.
#[derive(Debug)]
pub(in crate::proxy) struct Answer {
    decoder: Decoder,
    came: Bytes,
}

impl Exchange {
    pub(in crate::proxy) fn new(stream: Stream) -> Self {
        Self {
            stream,
            request: Vec::new(),
            sent: 0,
            head_only: false,
            came: BytesMut::new(),
            seen: 0,
            interim: 0,
            sip: FIRST_SIP,
            state: State::Idle,
        }
    }

    /// Whether nothing is under way, and another request can be sent, as far as is known.
    pub(in crate::proxy) fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// The same, and the other side agrees.
    pub(in crate::proxy) fn is_usable(&mut self) -> bool {
        self.is_idle() && self.stream.is_quiet()
    }

    /// The connection, for somebody else who is to use it.
    pub(in crate::proxy) fn into_stream(self) -> Stream {
        self.stream
    }

    /// Begins to send a request, whose body is not sent. The connection has to be idle.
    pub(in crate::proxy) fn begin<B>(&mut self, request: &Request<B>) {
        debug_assert!(self.is_idle(), "one exchange at a time");
        head::write(request, &mut self.request);
        self.head_only = *request.method() == Method::HEAD;
        self.interim = 0;
        self.sip = FIRST_SIP;
        self.state = State::Busy { keeps_alive: true };
    }

    /// Sends the request, and waits for the head of the answer.
    pub(in crate::proxy) fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Response<()>, Answer), Fault>> {
        let answer = self.poll_head(cx);
        if let Poll::Ready(Err(_)) = &answer {
            self.state = State::Over;
        }
        answer.map_err(|error| Fault { error, is_unsent: self.sent == 0 && !self.request.is_empty() })
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Response<()>, Answer), ConnectionError>> {
        let mut failure = match self.poll_send(cx) {
            Poll::Ready(Err(error)) => Some(error),
            _ => None,
        };
        // One that refuses what it is sent may have said why before it ended the connection.
        loop {
            match self.stream.poll_fill(cx, FIRST_SIP, &mut self.came) {
                Poll::Pending => {
                    return match failure {
                        Some(error) => Poll::Ready(Err(error.into())),
                        None => Poll::Pending,
                    };
                }
                Poll::Ready(Err(error)) => {
                    // What TLS has to say is the cause of all else.
                    let cause = match failure {
                        Some(failure) if error.kind() != io::ErrorKind::InvalidData => failure,
                        _ => error,
                    };
                    return Poll::Ready(Err(cause.into()));
                }
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(failure.map_or(ConnectionError::Ended, Into::into)));
                }
                Poll::Ready(Ok(_)) => {}
            }
            if let Some(failure) = failure.take_if(|_| self.sent == 0) {
                // Whatever it is, it is no answer to this request.
                return Poll::Ready(Err(failure.into()));
            }
            if let Some(answer) = self.read_head()? {
                return Poll::Ready(Ok(answer));
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.request.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while self.sent < self.request.len() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.request[self.sent..]);
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                bytes => self.sent += bytes,
            }
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        (self.request, self.sent) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }

    /// The answer, once its head is complete.
    fn read_head(&mut self) -> Result<Option<(Response<()>, Answer)>, ConnectionError> {
        if self.seen > 0 && !head::may_end(&self.came, self.seen) {
            return self.wait_for_more();
        }
        // All of it, so that nothing holds on to the memory behind what was taken.
        let mut came = mem::take(&mut self.came).freeze();
        let head = loop {
            let Some(head) = head::read(&came, self.head_only)? else {
                self.came = came.into();
                return self.wait_for_more();
            };
            if !head.is_interim() {
                break head;
            }
            came.advance(head.bytes);
            self.interim += head.bytes;
            if self.interim >= MAX_HEAD_BYTES {
                return Err(ConnectionError::LargeHead);
            }
        };
        self.seen = 0;
        let Head { mut response, reason, body, keeps_alive, bytes } = head;
        if let Some(reason) = reason.and_then(|reason| ReasonPhrase::try_from(reason).ok()) {
            response.extensions_mut().insert(reason);
        }
        // A request that was not read whole leaves something behind.
        let keeps_alive = keeps_alive && self.request.is_empty();
        self.state = State::Busy { keeps_alive };
        Ok(Some((response, Answer { decoder: body, came: came.slice(bytes..) })))
    }

    fn wait_for_more<T>(&mut self) -> Result<Option<T>, ConnectionError> {
        if self.came.len() >= MAX_HEAD_BYTES {
            return Err(ConnectionError::LargeHead);
        }
        self.seen = self.came.len();
        Ok(None)
    }

    /// The next piece of a body of which at most so much is still to come; empty at the end of the connection.
    fn poll_piece(&mut self, cx: &mut Context<'_>, left: u64) -> Poll<io::Result<Bytes>> {
        // With room for one byte more, a last read that is not full tells that nothing else is there.
        let most = usize::try_from(left.saturating_add(1)).unwrap_or(usize::MAX).min(self.sip);
        let mut piece = BytesMut::new();
        let bytes = ready!(self.stream.poll_fill(cx, most, &mut piece))?;
        if bytes == self.sip {
            self.sip = (2 * self.sip).min(SIP);
        } else if bytes < self.sip / 4 {
            self.sip = (self.sip / 2).max(FIRST_SIP);
        }
        Poll::Ready(Ok(piece.freeze()))
    }

    /// The answer has ended; what came behind it belongs to no request.
    fn end(&mut self, is_last: bool) {
        self.state = match self.state {
            State::Busy { keeps_alive: true } if is_last => State::Idle,
            _ => State::Over,
        };
    }
}

impl Answer {
    /// Whether nothing has to come any more. Then the exchange on `connection` is over.
    pub(in crate::proxy) fn settle(&mut self, connection: &mut Exchange) -> bool {
        let is_here = match self.decoder.size_hint().exact() {
            Some(left) => left <= self.came.len() as u64,
            None => false,
        };
        if is_here {
            let left = self.decoder.size_hint().lower();
            connection.end(left == self.came.len() as u64);
        }
        is_here
    }

    /// The next frame; of one that is here already, there is no connection.
    pub(in crate::proxy) fn poll_frame(
        &mut self,
        connection: Option<&mut Exchange>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ConnectionError>>> {
        let Some(connection) = connection else {
            return Poll::Ready(self.decoder.next(&mut self.came).transpose());
        };
        loop {
            let frame = self.decoder.next(&mut self.came)?;
            if self.decoder.is_done() {
                connection.end(self.came.is_empty());
                return Poll::Ready(frame.map(Ok));
            }
            if frame.is_some() {
                return Poll::Ready(frame.map(Ok));
            }
            let left = self.decoder.size_hint().upper().unwrap_or(u64::MAX);
            self.came = ready!(connection.poll_piece(cx, left))?;
            if self.came.is_empty() {
                self.decoder.connection_ended()?;
            }
        }
    }

    pub(in crate::proxy) fn is_done(&self) -> bool {
        self.decoder.is_done()
    }

    pub(in crate::proxy) fn size_hint(&self) -> SizeHint {
        self.decoder.size_hint()
    }
}
