//! What a client is sent: how long it may wait to be taken.
//!
//! The system tells of room in its buffer only when there is much of it: Linux, when a third is free, which with its 4 MB
//! takes a client at 4 KB/s more than five minutes. So before a client counts as taking nothing, the system is asked
//! whether there is any room at all, and all of it is filled: else each piece of an answer that finds room would count as
//! taken by the client.

use std::io;
use std::task::{Context, Poll, ready};

use super::{ClientIo, Watch};
use crate::server::refusal::Refusal;

impl ClientIo {
    /// Keeps time while a client does not take what it is sent, of which `rest` is the beginning.
    pub(super) fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
        rest: &[u8],
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.filling = false;
            return self.taken(written);
        }
        self.stalled = true;
        self.state.stalled();
        if matches!(self.watch, Watch::Tunnel) {
            return Poll::Pending;
        }
        loop {
            if !self.filling {
                ready!(self.writing.poll_missed(cx, self.patience.write));
            }
            if let Ok(sent @ 1..) = self.socket.send_at_once(rest) {
                self.filling = true;
                return self.taken(Poll::Ready(Ok(sent)));
            }
            // Once all is filled, there is no room but what the client makes.
            if !std::mem::take(&mut self.filling) {
                self.state.refuse(Refusal::WriteTimeout);
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
    }

    fn taken(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.writing.met();
        if std::mem::take(&mut self.stalled) {
            self.state.written();
        }
        written
    }
}
