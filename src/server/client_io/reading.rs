//! What a client sends: followed, waited for, and ended.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

use super::{ClientIo, Watch};
use crate::server::framing::{Followed, Phase};
use crate::server::refusal::{Refusal, raw_answer};

/// How often a connection that has ended on its client's side is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl ClientIo {
    /// Puts what is to pass before anything else into `buf`.
    pub(super) fn take_held(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.held.len().min(buf.remaining());
        buf.put_slice(&self.held[..count]);
        self.held.advance(count);
        if self.held.is_empty() {
            // Lets go of the memory behind it.
            self.held = Bytes::new();
        }
    }

    /// Follows what `buf` has gained since it held `before` bytes, and takes back what may not pass yet, or ever.
    pub(super) fn follow(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
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

    /// Waits for bytes of an HTTP/1 client, for as long as it may take in this phase.
    pub(super) fn poll_in_time(
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
            // The time in which it was gloss that was waited for does not count.
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

    /// The client sends no more: passed on once no answer is owed.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>, phase: Phase) -> Poll<io::Result<()>> {
        self.ended = true;
        while phase == Phase::Between && self.state.poll_answered(cx).is_pending() {
            ready!(self.poll_look(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// While an HTTP/1 client is owed an answer, nothing of it is read: hyper would set memory aside for that. Whether it has
    /// left is looked for all the same.
    ///
    /// A connection that is broken off tells of it. A client that has sent all that it will may still wait for its answer, or have
    /// left: then it does not answer its system's probes any more (Linux forgets a closed connection after 60 s), or is known to
    /// have left by a socket in the file system, and that is looked for now and then. So it is where something waits to be read,
    /// behind which nobody sees an end.
    ///
    /// # Errors
    /// When it has left.
    pub(super) fn watch_for_departure(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let (Watch::Framing(framing) | Watch::UpgradeAsked(framing)) = &self.watch else { return Ok(()) };
        if framing.phase() != Phase::Between || !self.state.is_answering() {
            return Ok(());
        }
        if !self.ended {
            match self.socket.poll_waiting(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(waits) => self.ended = !waits?,
            }
        }
        while let Poll::Ready(looked) = self.poll_look(cx) {
            looked?;
        }
        Ok(())
    }

    /// Looks whether the client is still there, when it is time to.
    fn poll_look(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(look) = &mut self.look {
            ready!(look.as_mut().poll(cx));
        }
        if let Some(error) = self.socket.departure()? {
            return Poll::Ready(Err(error));
        }
        self.look = Some(Box::pin(sleep(LOOK_EVERY)));
        Poll::Ready(Ok(()))
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
