//! The bytes of one client's connection, watched on their way to hyper.
//!
//! Adds what hyper does not do: refuses ambiguous framing (see [`Framing`]), keeps time while a head is awaited and
//! while an answer waits to be taken, holds back what follows a request to upgrade until that is answered, and tells
//! clients that have left from clients that have only stopped sending. A client that still sends when the connection
//! ends is read from for a while (see [`Linger`]). It steps aside for HTTP/2 and after an accepted upgrade. A refusal
//! reaches the client as hyper's own 400, in its turn after the answers to what came before.
//!
//! `reading` is the watch of what the client sends, `writing` of what it is sent, `ending` of how it all ends.

mod ending;
mod reading;
mod writing;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::framing::Framing;
use super::linger::Linger;
use super::listener::Socket;
use super::state::ConnectionState;
use crate::proxy::Deadline;

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
    /// Whether the room that the system does not tell of is being filled.
    filling: bool,
    /// For which head, counted from 0, time has been kept: blank lines before one are not the next.
    head_timed: Option<u64>,
    /// Set when the client has said that it sends no more.
    ended: bool,
    /// When to look next whether the client is still there.
    look: Option<Pin<Box<Sleep>>>,
    /// Set when gloss has said so.
    linger: Option<Linger>,
    /// Whether closing the socket resets the connection.
    resets: bool,
    state: Arc<ConnectionState>,
}

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
            filling: false,
            head_timed: None,
            ended: false,
            look: None,
            linger: None,
            resets: false,
            state,
        }
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
            if !this.ended {
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
        this.written(cx, written, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.arm();
        let written = Pin::new(&mut this.socket).poll_write_vectored(cx, slices);
        let rest = slices.iter().find(|slice| !slice.is_empty());
        this.written(cx, written, rest.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // hyper flushes, also where there is nothing to be sent, whenever it has done what it can.
        this.watch_for_departure(cx)?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.arm();
        if this.resets {
            // An orderly end would be the answer's.
            return Poll::Ready(Ok(()));
        }
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
        }
        this.poll_linger(cx).map(Ok)
    }
}
