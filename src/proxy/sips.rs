//! The upstream's bytes, read a little at a time.
//!
//! A head of the upstream may be long, and hyper would read bodies in pieces just as long. What waits for a slow client
//! is a few such pieces a request, so they are kept small here: at most [`SIP`] bytes a read, for which hyper sets aside
//! at most twice as much.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

/// The most that one read brings.
const SIP: usize = 64 * 1024;

/// A connection to the upstream that is read in sips.
#[derive(Debug)]
pub(super) struct Sips<S>(pub(super) S);

impl<S: AsyncRead + Unpin> AsyncRead for Sips<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let inner = Pin::new(&mut self.get_mut().0);
        if buf.remaining() <= SIP {
            return inner.poll_read(cx, buf);
        }
        poll_read_buf(inner, cx, &mut buf.limit(SIP)).map_ok(drop)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Sips<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let inner = Pin::new(&mut self.get_mut().0);
        // A head without a body is one piece, which the system takes more easily than a list of one.
        match slices {
            [only] => inner.poll_write(cx, only),
            _ => inner.poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_long_body_comes_in_sips_and_whole() {
        let bytes: Vec<u8> = (0..=255_u8).cycle().take(3 * SIP + 7).collect();
        let mut sips = Sips(io::Cursor::new(bytes.clone()));
        let (mut read, mut all) = (vec![0; 10 * SIP], Vec::new());
        loop {
            let count = sips.read(&mut read).await.unwrap();
            assert!(count <= SIP);
            if count == 0 {
                break;
            }
            all.extend_from_slice(&read[..count]);
        }
        assert!(all == bytes);
    }
}
