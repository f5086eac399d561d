//! The end of a client's connection: in good order, or so that nobody takes it for that.

use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use super::{ClientIo, Watch};
use crate::server::framing::{Followed, Phase};
use crate::server::linger::Linger;

impl ClientIo {
    /// Has the system tell the client of every end but the good one, while only the end of the connection ends an answer.
    pub(super) fn arm(&mut self) {
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
    pub(super) fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
}
