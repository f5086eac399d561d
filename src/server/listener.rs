//! Where connections come from: TCP or a Unix domain socket.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::config::ListenAddress;
use crate::proxy::ClientAddress;
use crate::systemd::Handed;

/// A socket that accepts connections. A Unix one takes its file away when it is dropped.
#[derive(Debug)]
pub enum Listener {
    /// On a TCP port.
    Tcp(TcpListener),
    /// On a path, which is removed at the end if it is still this socket's.
    Unix(UnixListener, PathBuf, Option<FileId>),
}

/// Which file it is, whatever its name: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId(u64, u64);

impl FileId {
    fn of(path: &Path) -> Option<Self> {
        std::fs::symlink_metadata(path).ok().map(|found| Self(found.dev(), found.ino()))
    }
}

impl Listener {
    /// Binds `address`. A socket file that nobody listens on any more is replaced; any other file is left alone.
    ///
    /// # Errors
    /// When the address is in use or may not be bound.
    pub async fn bind(address: &ListenAddress) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp(address) => Ok(Self::Tcp(TcpListener::bind(address).await?)),
            ListenAddress::Unix(path) => {
                remove_abandoned(path).await?;
                let listener = UnixListener::bind(path)?;
                Ok(Self::Unix(listener, path.clone(), FileId::of(path)))
            }
        }
    }

    /// Goes on with a socket that listens already. Has to be called on a tokio runtime.
    ///
    /// # Errors
    /// When the system does not have it watched.
    pub fn take_over(socket: Handed) -> io::Result<Self> {
        match socket {
            Handed::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(TcpListener::from_std(listener)?))
            }
            Handed::Unix(listener) => {
                listener.set_nonblocking(true)?;
                let path = listener.local_addr()?.as_pathname().map(Path::to_owned).unwrap_or_default();
                // Not gloss's file: nothing says which it is, and so it stays.
                Ok(Self::Unix(UnixListener::from_std(listener)?, path, None))
            }
        }
    }

    /// Where it listens in fact.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<ListenAddress> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(ListenAddress::Tcp),
            Self::Unix(_, path, _) => Ok(ListenAddress::Unix(path.clone())),
        }
    }

    /// The next connection.
    ///
    /// # Cancel safety
    /// No connection is lost when the future is dropped.
    pub(super) async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Without it small answers wait for acknowledgements. A failure means that the client has gone already.
                let _ = stream.set_nodelay(true);
                let _ = probe(&stream);
                Ok(Socket::Tcp(stream))
            }
            Self::Unix(listener, ..) => listener.accept().await.map(|(stream, _)| Socket::Unix(stream)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path, id) = self
            && id.is_some()
            && FileId::of(path) == *id
        {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

/// How long a connection is silent before its other end is probed, and how long each probe may take.
const PROBE_EVERY: Duration = Duration::from_secs(15);
const PROBES: u32 = 4;

/// Has the system find out when the other end is gone for good.
fn probe(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, PROBE_EVERY)?;
    sockopt::set_tcp_keepintvl(stream, PROBE_EVERY)?;
    Ok(sockopt::set_tcp_keepcnt(stream, PROBES)?)
}

/// Removes the socket of a process that has ended.
async fn remove_abandoned(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket && UnixStream::connect(path).await.is_err_and(|error| is_refused(&error)) {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

fn is_refused(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

/// A client's connection.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Calls the same method of whichever socket it is.
macro_rules! either {
    ($socket:expr, $inner:ident => $call:expr) => {
        match $socket {
            Socket::Tcp($inner) => $call,
            Socket::Unix($inner) => $call,
        }
    };
}

impl Socket {
    /// Whose connection it is.
    pub(super) fn client(&self) -> ClientAddress {
        ClientAddress(match self {
            Self::Tcp(stream) => stream.peer_addr().ok(),
            Self::Unix(_) => None,
        })
    }

    /// What the system knows of a client that has left, and not only stopped sending.
    pub(super) fn departure(&self) -> io::Result<Option<io::Error>> {
        match self {
            Self::Tcp(stream) => stream.take_error(),
            Self::Unix(stream) => {
                // A hang-up is always told, and means that both sides were closed.
                let mut asked = [PollFd::new(stream, PollFlags::empty())];
                let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
                poll(&mut asked, Some(&at_once))?;
                let left = asked[0].revents().intersects(PollFlags::HUP | PollFlags::ERR);
                Ok(left.then(|| io::ErrorKind::BrokenPipe.into()))
            }
        }
    }

    /// Whether something waits to be read, which is left where it is, or nothing more is to come.
    pub(super) fn poll_waiting(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let peek = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        loop {
            ready!(either!(self, socket => socket.poll_read_ready(cx)))?;
            let looked = either!(self, socket => socket.try_io(Interest::READABLE, || {
                let (_, bytes) = recv(socket, &mut [0], peek)?;
                Ok(bytes > 0)
            }));
            match looked {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                looked => return Poll::Ready(looked),
            }
        }
    }

    /// Ends when there is something to read, or nothing more to come.
    pub(super) async fn readable(&self) -> io::Result<()> {
        either!(self, socket => socket.readable().await)
    }

    /// Sends as much as there is room for now, whatever the runtime knows of that.
    pub(super) fn send_at_once(&self, bytes: &[u8]) -> io::Result<usize> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        Ok(either!(self, socket => send(socket, bytes, flags))?)
    }

    /// Whether closing the connection resets it, which a client can tell from an orderly end. A socket in the file system
    /// knows no such difference.
    pub(super) fn reset_when_closed(&self, resets: bool) {
        if let Self::Tcp(stream) = self {
            // A failure means that the client has gone already.
            let _ = sockopt::set_socket_linger(stream, resets.then_some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        either!(self, socket => socket.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_abandoned_socket_file_is_replaced_and_goes_with_its_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gloss.sock");
        let address = ListenAddress::Unix(path.clone());
        // A process that was killed leaves its file.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = Listener::bind(&address).await.unwrap();
        assert_eq!(listener.address().unwrap(), address);
        assert!(Listener::bind(&address).await.is_err(), "one that is in use is left alone");
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn the_socket_file_of_a_successor_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gloss.sock");
        let address = ListenAddress::Unix(path.clone());
        let first = Listener::bind(&address).await.unwrap();
        std::fs::rename(&path, folder.path().join("old.sock")).unwrap();
        let second = Listener::bind(&address).await.unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::copy(std::env::current_exe().unwrap(), &path).unwrap();
        assert!(Listener::bind(&ListenAddress::Unix(path.clone())).await.is_err());
        assert!(path.exists());
    }
}
