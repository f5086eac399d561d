//! Finds a working address behind a name, and connects to it.
//!
//! A name may have several addresses, some of which lead nowhere: they are tried one after the other, the next one early
//! where one takes long, the two families in turn (RFC 8305, without its history of what worked before). The first
//! connection wins and the other attempts are dropped.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::error::ProxyError;
use super::upstream::HostPort;

/// How long an attempt stays the only one (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to one of the addresses of a host.
///
/// # Cancel safety
/// Dropping the future drops every attempt.
pub(super) async fn dial(address: &HostPort) -> Result<TcpStream, ProxyError> {
    let found = lookup_host((&*address.host, address.port)).await.map_err(ProxyError::Resolve)?;
    let stream = first_of(alternating(found)).await.map_err(ProxyError::Connect)?;
    // Without it a small request waits for the acknowledgement of the one before.
    stream.set_nodelay(true).map_err(ProxyError::Connect)?;
    Ok(stream)
}

/// The families in turn, that of the first address first; within each, the order in which they came.
fn alternating(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses = addresses.peekable();
    let six_first = addresses.peek().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.partition(|address| address.is_ipv6() == six_first);
    let longer = first.len().max(second.len());
    (0..longer).flat_map(|at| [first.get(at), second.get(at)]).flatten().copied().collect()
}

/// The first connection that comes about, or the first failure when none does.
async fn first_of(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = None;
    loop {
        match waiting.next() {
            Some(address) => attempts.push(TcpStream::connect(address)),
            None if attempts.is_empty() => {
                return Err(failure.unwrap_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable)));
            }
            None => {}
        }
        let ended = if waiting.len() == 0 {
            attempts.next().await
        } else {
            timeout(HEAD_START, attempts.next()).await.ok().flatten()
        };
        match ended {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => failure = failure.or(Some(error)),
            // Late, but not given up.
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn nobody() -> SocketAddr {
        listener().await.1
    }

    /// An address at which connections wait for ever: its queue is full.
    async fn silence() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = timeout(Duration::from_millis(50), TcpStream::connect(address)).await {
            queued.push(stream.unwrap());
        }
        (listener, queued, address)
    }

    #[test]
    fn the_families_take_turns() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let given = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(address);
        let expected = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"].map(address);
        assert_eq!(alternating(given.into_iter()), expected);
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_passed_over() {
        let (_listener, good) = listener().await;
        let stream = first_of(vec![nobody().await, nobody().await, good]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_does_not_hold_up_the_others() {
        let (_silent, _queued, silent) = silence().await;
        let (_listener, good) = listener().await;
        let stream = timeout(Duration::from_secs(20), first_of(vec![silent, good])).await;
        assert_eq!(stream.expect("the second is tried beside the first").unwrap().peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn the_failure_of_the_first_address_is_told_when_none_is_good() {
        let error = first_of(vec![nobody().await, nobody().await]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(first_of(Vec::new()).await.unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
    }
}
