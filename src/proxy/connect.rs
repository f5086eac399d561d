//! Makes connections to the upstream, ready for requests.

use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::deadline::Deadline;
use super::dial::dial;
use super::drive::Driver;
use super::error::ProxyError;
use super::request_body::RequestBody;
use super::sips::Sips;
use super::upstream::{Endpoint, Upstream};

/// An answer may have so many headers and so long a head: far more than any sane service sends, so that gloss is never
/// stricter than the clients behind it.
const MAX_RESPONSE_HEADERS: usize = 1000;
const MAX_RESPONSE_HEAD_BYTES: usize = 2 * 1024 * 1024;

/// A connection to the upstream.
pub(super) struct Connection {
    /// Takes requests.
    pub(super) sender: http1::SendRequest<RequestBody>,
    /// Keeps it going.
    pub(super) driver: Driver,
    /// When the answer that is waited for has to be there.
    pub(super) waiting: Deadline,
}

/// Makes connections to one upstream.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    /// Where it is.
    pub(super) upstream: Upstream,
    /// How long making a connection may take: finding the address, reaching it, agreeing on TLS.
    pub(super) patience: Duration,
    /// Whether header names go out as they came in, and the upstream's are remembered as they came.
    pub(super) preserve_header_case: bool,
}

impl Connector {
    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Box<Connection>, ProxyError> {
        timeout(self.patience, self.open()).await.map_err(|_| ProxyError::ConnectTimeout(self.patience))?
    }

    async fn open(&self) -> Result<Box<Connection>, ProxyError> {
        match &self.upstream.endpoint {
            Endpoint::Plain(address) => self.speak(dial(address).await?).await,
            Endpoint::Tls(address, tls) => {
                let stream = dial(address).await?;
                self.speak(tls.handshake(stream).await.map_err(ProxyError::Tls)?).await
            }
            Endpoint::Unix(path) => {
                self.speak(UnixStream::connect(path).await.map_err(ProxyError::Connect)?).await
            }
        }
    }

    async fn speak<S>(&self, stream: S) -> Result<Box<Connection>, ProxyError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = http1::Builder::new();
        builder
            .max_headers(MAX_RESPONSE_HEADERS)
            .max_buf_size(MAX_RESPONSE_HEAD_BYTES)
            .preserve_header_case(self.preserve_header_case);
        let handshake = builder.handshake(TokioIo::new(Sips(stream))).await;
        let (sender, connection) = handshake.map_err(ProxyError::Handshake)?;
        let driver = Driver::new(async move {
            // The request on the connection learns of the failure itself; here nobody is left to tell.
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(error = %error, "an upstream connection ended");
            }
        });
        Ok(Box::new(Connection { sender, driver, waiting: Deadline::default() }))
    }
}
