//! The bytes of one client's connection, watched on their way to hyper.
//!
//! Adds what hyper does not do: refuses ambiguous framing (see [`Framing`]), keeps time while a head is awaited and
//! while an answer waits to be taken, holds back what follows a request to upgrade until that is answered, and tells
//! clients that have left from clients that have only stopped sending. A client that still sends when the connection
//! ends is read from for a while (see [`Linger`]). It steps aside for HTTP/2 and after an accepted upgrade. A refusal
//! reaches the client as hyper's own 400, in its turn after the answers to what came before.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::framing::{Followed, Framing, Phase};
use super::linger::Linger;
use super::listener::Socket;
use super::refusal::{Refusal, raw_answer};
use super::state::ConnectionState;
use crate::proxy::Deadline;

/// How often a connection that has ended on its client's side is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long a client may take for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) head: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
}

/// A client's socket with a watch on it.
#[derive(Debug)]
pub(super) struct ClientIo {
    socket: Socket,
    /// Was read already, and goes on before anything else.
    held: Bytes,
    watch: Watch,
    patience: Patience,
    reading: Deadline,
    writing: Deadline,
    /// Whether bytes wait for the client to take them.
    stalled: bool,
    /// For which head, counted from 0, time has been kept: blank lines before one are not the next.
    head_timed: Option<u64>,
    /// Set when the client has said that it sends no more.
    end: Option<End>,
    /// Set when gloss has said so.
    linger: Option<Linger>,
    /// Whether closing the socket resets the connection.
    resets: bool,
    state: Arc<ConnectionState>,
}

/// The end of what a client sends, and when to look whether the client itself is still there.
#[derive(Debug, Default)]
struct End(Option<Pin<Box<Sleep>>>);

/// What is done with the bytes that a client sends.
#[derive(Debug)]
enum Watch {
    /// HTTP/1: they are followed.
    Framing(Framing),
    /// A request to upgrade came; nothing passes before its answer.
    UpgradeAsked(Framing),
    /// HTTP/2: they pass.
    Http2,
    /// After an upgrade the connection is the two sides' own: they pass, for as long as they like.
    Tunnel,
    /// What is held back ends the connection, whatever more the client sends.
    Refused,
    /// The connection ends for want of a request.
    Idle,
}

impl ClientIo {
    /// Watches an HTTP/1 connection of which `held` has been read.
    pub(super) fn http1(
        socket: Socket,
        held: Bytes,
        patience: Patience,
        state: Arc<ConnectionState>,
    ) -> Self {
        Self::new(socket, held, Watch::Framing(Framing::new()), patience, state)
    }

    /// Watches an HTTP/2 connection of which `held` has been read.
    pub(super) fn http2(
        socket: Socket,
        held: Bytes,
        patience: Patience,
        state: Arc<ConnectionState>,
    ) -> Self {
        Self::new(socket, held, Watch::Http2, patience, state)
    }

    fn new(
        socket: Socket,
        held: Bytes,
        watch: Watch,
        patience: Patience,
        state: Arc<ConnectionState>,
    ) -> Self {
        let (reading, writing) = (Deadline::default(), Deadline::default());
        Self {
            socket,
            held,
            watch,
            patience,
            reading,
            writing,
            stalled: false,
            head_timed: None,
            end: None,
            linger: None,
            resets: false,
            state,
        }
    }

    /// Puts what is to pass before anything else into `buf`.
    fn take_held(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.held.len().min(buf.remaining());
        buf.put_slice(&self.held[..count]);
        self.held.advance(count);
        if self.held.is_empty() {
            // Lets go of the memory behind it.
            self.held = Bytes::new();
        }
    }

    /// Follows what `buf` has gained since it held `before` bytes, and takes back what may not pass yet, or ever.
    fn follow(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let Watch::Framing(framing) = &mut self.watch else { return };
        let (phase, heads) = (framing.phase(), framing.heads());
        let followed = framing.follow(&buf.filled()[before..]);
        // Only a whole head counts, and the first byte of one: a client that sends one byte now and then is not in time.
        let begun = framing.phase() == Phase::Head && self.head_timed != Some(framing.heads());
        if begun {
            self.head_timed = Some(framing.heads());
        }
        if begun || framing.heads() != heads || (phase == Phase::Body) != (framing.phase() == Phase::Body) {
            self.reading.met();
        }
        match followed {
            Followed::Passed => {}
            Followed::UpgradeAt(at) => {
                let rest = [&buf.filled()[before + at..], &self.held].concat();
                self.held = rest.into();
                buf.set_filled(before + at);
                self.watch = Watch::UpgradeAsked(std::mem::take(framing));
            }
            Followed::RefusedAt(at, violation) => {
                buf.set_filled(before + at);
                self.held = Bytes::from_static(spoiled(framing.phase()));
                self.state.refuse(violation.into());
                self.watch = Watch::Refused;
            }
        }
    }
}

/// What hyper gets to read in place of what is refused; the end of the input follows.
fn spoiled(phase: Phase) -> &'static [u8] {
    match phase {
        // No line of a head may hold a NUL, and the empty line ends the wait for the rest of the head.
        Phase::Between | Phase::Head => b"\0\r\n\r\n",
        // The one or the other is an error in each state of a chunked body, and neither can complete it.
        Phase::Body => b"\0\n",
    }
}

impl ClientIo {
    /// Waits for bytes of an HTTP/1 client, for as long as it may take in this phase.
    fn poll_in_time(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        phase: Phase,
    ) -> Poll<io::Result<()>> {
        if let ready @ Poll::Ready(_) = Pin::new(&mut self.socket).poll_read(cx, buf) {
            return ready;
        }
        let patience = match phase {
            Phase::Between => self.patience.idle,
            Phase::Head => self.patience.head,
            // Whoever reads the body keeps the time.
            Phase::Body => return Poll::Pending,
        };
        loop {
            ready!(self.reading.poll_missed(cx, patience));
            // The time in which it was gloss that was waited for does not count. It is looked at only now: hyper does
            // not read again when an answer has ended.
            match self.state.waiting_for_client() {
                None => self.reading.met(),
                Some(waiting) if waiting < patience => {
                    self.reading.extend(patience.saturating_sub(waiting));
                }
                Some(_) => break,
            }
        }
        if phase == Phase::Head {
            self.state.refuse(Refusal::HeadTimeout);
            let answer = raw_answer(
                "408 Request Timeout",
                "http_request_error",
                "The request's head took too long",
                "",
            );
            // All answers before it are out, or hyper would not read; it fits into the socket's buffer.
            let _ = Pin::new(&mut self.socket).poll_write(cx, &answer);
        }
        self.watch = if phase == Phase::Head { Watch::Refused } else { Watch::Idle };
        // The end of the input: hyper closes.
        Poll::Ready(Ok(()))
    }

    /// The client sends no more: passed on unless an answer is owed, since hyper would take it for the client's own end.
    ///
    /// A client that waits for its answer has closed its own side only. One that has left does not answer its system's
    /// probes any more (Linux forgets a closed connection after 60 s), or is known to have left by a socket in the file
    /// system, and that is looked for.
    fn poll_end(&mut self, cx: &mut Context<'_>, phase: Phase) -> Poll<io::Result<()>> {
        let End(look) = self.end.get_or_insert_default();
        while phase == Phase::Between && self.state.poll_answered(cx).is_pending() {
            if let Some(look) = look {
                ready!(look.as_mut().poll(cx));
            }
            if let Some(error) = self.socket.departure()? {
                return Poll::Ready(Err(error));
            }
            *look = Some(Box::pin(sleep(LOOK_EVERY)));
        }
        Poll::Ready(Ok(()))
    }

    /// Has the system tell the client of every end but the good one, while only the end of the connection ends an answer.
    fn arm(&mut self) {
        let resets = self.state.is_open_ended();
        if resets != self.resets {
            self.resets = resets;
            self.socket.reset_when_closed(resets);
        }
    }

    /// Whether the client is in the midst of sending; `None` where what it has sent may be more than was read.
    fn sends(&self) -> Option<bool> {
        match &self.watch {
            Watch::Framing(framing) if framing.phase() == Phase::Between => None,
            Watch::UpgradeAsked(_) => None,
            Watch::Framing(_) | Watch::Refused => Some(true),
            Watch::Idle | Watch::Http2 | Watch::Tunnel => Some(false),
        }
    }

    /// Throws away what the client still sends, until it has finished or its time is up.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 8192];
        loop {
            let sends = self.sends();
            if sends == Some(false) {
                return Poll::Ready(());
            }
            let mut unread = ReadBuf::new(&mut bytes);
            let linger = self.linger.get_or_insert_with(Linger::begin);
            match linger.poll_discard(cx, &mut self.socket, &mut unread) {
                Poll::Pending if sends.is_none() => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
                // The end, or a connection that is gone.
                Poll::Ready(read) if read.is_err() || unread.filled().is_empty() => return Poll::Ready(()),
                Poll::Ready(_) => {}
            }
            if let Watch::Framing(framing) = &mut self.watch
                && framing.follow(unread.filled()) != Followed::Passed
            {
                self.watch = Watch::Refused;
            }
        }
    }

    /// Keeps time while a client does not take what it is sent.
    fn written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing.met();
            if std::mem::take(&mut self.stalled) {
                self.state.written();
            }
            return written;
        }
        self.stalled = true;
        self.state.stalled();
        if matches!(self.watch, Watch::Tunnel) {
            return Poll::Pending;
        }
        ready!(self.writing.poll_missed(cx, self.patience.write));
        self.state.refuse(Refusal::WriteTimeout);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Watch::UpgradeAsked(framing) = &mut this.watch {
            let accepted = ready!(this.state.poll_switched(cx, framing.heads()));
            this.watch = if accepted { Watch::Tunnel } else { Watch::Framing(std::mem::take(framing)) };
        }
        let before = buf.filled().len();
        if !this.held.is_empty() {
            this.take_held(buf);
        } else if let Watch::Framing(framing) = &this.watch {
            let phase = framing.phase();
            if this.end.is_none() {
                ready!(this.poll_in_time(cx, buf, phase))?;
            }
            if buf.filled().len() == before {
                ready!(this.poll_end(cx, phase))?;
            }
        } else if !matches!(this.watch, Watch::Refused | Watch::Idle) {
            ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
        }
        this.follow(buf, before);
        if matches!(this.watch, Watch::Refused) && buf.filled().len() == before {
            // Nothing before it passed; an empty read would mean the end.
            this.take_held(buf);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.arm();
        let written = Pin::new(&mut this.socket).poll_write(cx, bytes);
        this.written(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.arm();
        let written = Pin::new(&mut this.socket).poll_write_vectored(cx, slices);
        this.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.arm();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
        }
        this.poll_linger(cx).map(Ok)
    }
}
