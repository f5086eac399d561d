//! What a client is sent: how long it may wait to be taken.
//!
//! The system tells of room in its buffer only when there is much of it: Linux, when a third is free, which with its 4 MB
//! takes a client at 4 KB/s more than five minutes. So before a client counts as taking nothing, the system is asked once
//! whether there is any room at all.

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
            return self.taken(written);
        }
        self.stalled = true;
        self.state.stalled();
        if matches!(self.watch, Watch::Tunnel) {
            return Poll::Pending;
        }
        ready!(self.writing.poll_missed(cx, self.patience.write));
        match self.socket.send_at_once(rest) {
            Ok(sent) if sent > 0 => self.taken(Poll::Ready(Ok(sent))),
            Ok(_) | Err(_) => {
                self.state.refuse(Refusal::WriteTimeout);
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
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
