//! The bytes of a connection to the upstream, whatever it is made of.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::coop::has_budget_remaining;
use tokio_rustls::client::TlsStream;
use tokio_util::io::poll_read_buf;

/// The most that one read brings. A head of the upstream may be long, and the HTTP library would read bodies in pieces just
/// as long. What waits for a slow client is a few such pieces a request, so they are kept small.
pub(super) const SIP: usize = 64 * 1024;

/// A connection to the upstream.
#[derive(Debug)]
pub(in crate::proxy) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Calls the same of whatever the connection is made of.
macro_rules! each {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            Stream::Tcp($inner) => $call,
            Stream::Unix($inner) => $call,
            Stream::Tls($inner) => $call,
        }
    };
}

impl Stream {
    /// Appends what has come, and at most `most` bytes of it, to `to`; 0 bytes at the end of the connection. Memory is set aside
    /// when there is something to read.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        most: usize,
        to: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(tcp) => ready!(tcp.poll_read_ready(cx))?,
            Self::Unix(unix) => ready!(unix.poll_read_ready(cx))?,
            // What it has to read says nothing of what there is to be had from it.
            Self::Tls(_) => {}
        }
        to.reserve(most);
        let to = &mut to.limit(most);
        each!(self, inner => poll_read_buf(Pin::new(inner), cx, to))
    }

    /// Whether nothing has come while nothing was to come, and the other side has not ended the connection either.
    pub(super) fn is_quiet(&mut self) -> bool {
        let is_empty =
            |read: io::Result<usize>| read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        match self {
            // These ask the system only where something has happened.
            Self::Tcp(tcp) => is_empty(tcp.try_read(&mut [0])),
            Self::Unix(unix) => is_empty(unix.try_read(&mut [0])),
            Self::Tls(tls) => {
                // Without a budget it would not be read, however much there is.
                if !has_budget_remaining() {
                    return false;
                }
                let cx = &mut Context::from_waker(Waker::noop());
                Pin::new(tls).poll_read(cx, &mut ReadBuf::new(&mut [0])).is_pending()
            }
        }
    }
}

/// For the HTTP library, which it brings at most a sip at a time.
impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() <= SIP {
            return each!(this, inner => Pin::new(inner).poll_read(cx, buf));
        }
        each!(this, inner => poll_read_buf(Pin::new(inner), cx, &mut buf.limit(SIP))).map_ok(drop)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        each!(self, inner => inner.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_long_body_comes_in_sips_and_whole() {
        let bytes: Vec<u8> = (0..=255_u8).cycle().take(3 * SIP + 7).collect();
        let (mut far, near) = UnixStream::pair().unwrap();
        let sent = bytes.clone();
        let sends = tokio::spawn(async move { far.write_all(&sent).await.unwrap() });
        let mut near = Stream::Unix(near);
        let (mut read, mut all) = (vec![0; 10 * SIP], Vec::new());
        while all.len() < bytes.len() {
            let count = near.read(&mut read).await.unwrap();
            assert!((1..=SIP).contains(&count));
            all.extend_from_slice(&read[..count]);
        }
        sends.await.unwrap();
        assert!(all == bytes);
    }

    #[tokio::test]
    async fn nothing_is_set_aside_for_what_has_not_come() {
        let (mut far, near) = UnixStream::pair().unwrap();
        let (mut near, mut to) = (Stream::Unix(near), BytesMut::new());
        let mut fill = poll_fn(|cx| Poll::Ready(near.poll_fill(cx, 4096, &mut to).map(Result::unwrap)));
        assert!((&mut fill).await.is_pending());
        assert_eq!(to.capacity(), 0);
        far.write_all(b"here").await.unwrap();
        assert_eq!(poll_fn(|cx| near.poll_fill(cx, 3, &mut to)).await.unwrap(), 3);
        assert_eq!(&to[..], b"her");
    }

    #[tokio::test]
    async fn a_connection_is_quiet_until_something_comes_or_it_ends() {
        let (mut far, near) = UnixStream::pair().unwrap();
        let mut near = Stream::Unix(near);
        assert!(near.is_quiet());
        far.write_all(b"?").await.unwrap();
        drop(far);
        let Stream::Unix(unix) = &near else { unreachable!("it is one") };
        unix.readable().await.unwrap();
        assert!(!near.is_quiet(), "a byte came");
        assert!(!near.is_quiet(), "it has ended");
    }
}
