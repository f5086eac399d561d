//! A connection that gloss ends while its client still sends: what comes is read and thrown away for a while.
//!
//! Closing at once would have the system reset the connection, since bytes of the client are left unread, and a client
//! that is reset may lose the answer that it was about to read (RFC 9112, section 9.6). So gloss says that it sends no
//! more, and closes when the client has finished or left, has been silent for [`SILENCE`], or has gone on for
//! [`LONGEST`]; nginx does likewise (`lingering_close`). Nothing of it is kept.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::proxy::Deadline;

/// How long a client may be silent.
const SILENCE: Duration = Duration::from_secs(2);

/// How long it may go on.
const LONGEST: Duration = Duration::from_secs(30);

/// The end of such a connection.
#[derive(Debug)]
pub(super) struct Linger {
    ends: Pin<Box<Sleep>>,
    silence: Deadline,
}

impl Linger {
    /// Begins now.
    pub(super) fn begin() -> Self {
        Self { ends: Box::pin(sleep(LONGEST)), silence: Deadline::default() }
    }

    /// Reads what the client sends into `unread`, for as long as it may take; nothing is read at the end.
    pub(super) fn poll_discard(
        &mut self,
        cx: &mut Context<'_>,
        socket: &mut (impl AsyncRead + Unpin),
        unread: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ends.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if let ready @ Poll::Ready(_) = Pin::new(socket).poll_read(cx, unread) {
            self.silence.met();
            return ready;
        }
        ready!(self.silence.poll_missed(cx, SILENCE));
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    /// How long it takes until no more is read.
    async fn lasted(socket: &mut (impl AsyncRead + Unpin)) -> Duration {
        let (began, mut linger) = (Instant::now(), Linger::begin());
        loop {
            let mut bytes = [0; 64];
            let read = poll_fn(|cx| {
                let mut unread = ReadBuf::new(&mut bytes);
                linger.poll_discard(cx, socket, &mut unread).map(|_| unread.filled().len())
            });
            if read.await == 0 {
                return began.elapsed();
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_lasts_until_the_client_is_silent_or_leaves() {
        let (mut client, mut socket) = duplex(64);
        client.write_all(b"the rest").await.unwrap();
        let lasted_silent = lasted(&mut socket).await;
        assert!(lasted_silent >= SILENCE && lasted_silent < 2 * SILENCE, "{lasted_silent:?}");
        drop(client);
        assert!(lasted(&mut socket).await < SILENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_goes_on_for_ever_is_not_waited_for_for_ever() {
        let (mut client, mut socket) = duplex(64);
        tokio::spawn(async move {
            while client.write_all(b"more").await.is_ok() {
                sleep(SILENCE / 2).await;
            }
        });
        let went_on = lasted(&mut socket).await;
        assert!(went_on >= LONGEST && went_on < LONGEST + SILENCE, "{went_on:?}");
    }
}
