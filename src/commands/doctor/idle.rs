//! Measures how long a service keeps a connection that lies idle, by letting one lie.
//!
//! One request, and then nothing until it closes the connection or patience is over. Over TLS it is not measured.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::facts::Idle;
use crate::proxy::Upstream;

/// How long the answer may take after which the connection lies idle.
const ANSWER: Duration = Duration::from_secs(10);
/// A connection that ends so soon was not kept at all.
const AT_ONCE: Duration = Duration::from_millis(50);

/// Watches one connection for as long as `patience` after one answer. Has to be called on a tokio runtime.
pub(super) async fn measure(upstream: &Upstream, target: &str, patience: Duration) -> Idle {
    let peer = upstream.peer();
    let host = upstream.authority().clone();
    let connected = match (peer.scheme, peer.port) {
        ("http", Some(port)) => match TcpStream::connect((peer.address.as_str(), port)).await {
            Ok(stream) => watch(TokioIo::new(stream), host, target, patience).await,
            Err(error) => Err(error.to_string()),
        },
        ("http", None) => match UnixStream::connect(&peer.address).await {
            Ok(stream) => watch(TokioIo::new(stream), host, target, patience).await,
            Err(error) => Err(error.to_string()),
        },
        _ => Err("the service is reached over TLS".to_owned()),
    };
    connected.unwrap_or_else(Idle::Unmeasured)
}

async fn watch<IO>(io: IO, host: HeaderValue, target: &str, patience: Duration) -> Result<Idle, String>
where
    IO: Read + Write + Unpin + Send + 'static,
{
    let asking = async {
        let (mut sender, connection) = http1::handshake(io).await?;
        let connection = tokio::spawn(connection);
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.uri_mut() = target.parse()?;
        request.headers_mut().insert(header::HOST, host);
        sender.send_request(request).await?.into_body().collect().await?;
        // Whoever drops the sender ends the connection.
        anyhow::Ok((sender, connection))
    };
    let asked = timeout(ANSWER, asking).await.map_err(|_elapsed| "the service does not answer".to_owned())?;
    let (sender, mut connection) = asked.map_err(|error| error.to_string())?;
    let began = Instant::now();
    let idle = match timeout(patience, &mut connection).await {
        Ok(_ended) if began.elapsed() < AT_ONCE => Idle::NotKept,
        Ok(_ended) => Idle::ClosedAfter(began.elapsed()),
        Err(_elapsed) => Idle::OpenAfter(patience),
    };
    drop(sender);
    connection.abort();
    Ok(idle)
}
