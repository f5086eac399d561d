//! Makes connections to the upstream, ready for requests.

use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::deadline::Deadline;
use super::dial::dial;
use super::error::ProxyError;
use super::http1::{Exchange, MAX_HEAD_BYTES, MAX_HEADERS, Stream};
use super::request_body::RequestBody;
use super::upstream::{Endpoint, Upstream};

/// A connection to the upstream.
pub(super) struct Connection {
    /// Who speaks on it.
    pub(super) speaker: Speaker,
    /// When the answer that is waited for has to be there.
    pub(super) waiting: Deadline,
}

/// Who sends requests and reads answers.
pub(super) enum Speaker {
    /// gloss itself, requests without a body.
    Own(Exchange),
    /// The HTTP library, in a task of the connection's own: bytes go both ways at their own pace.
    Library(Library),
}

/// What speaks for a connection of the HTTP library.
pub(super) struct Library {
    /// Takes requests.
    pub(super) sender: http1::SendRequest<RequestBody>,
    /// Ends the connection.
    pub(super) task: AbortHandle,
}

/// Makes connections to one upstream.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    /// Where it is.
    pub(super) upstream: Upstream,
    /// How long making a connection may take: finding the address, reaching it, agreeing on TLS.
    pub(super) patience: Duration,
    /// Whether header names go out as they came in, and the upstream's are remembered as they came: only the library can.
    pub(super) preserve_header_case: bool,
}

impl Connector {
    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Box<Connection>, ProxyError> {
        let opened = timeout(self.patience, self.open()).await;
        let stream = opened.map_err(|_| ProxyError::ConnectTimeout(self.patience))??;
        let speaker = Speaker::Own(Exchange::new(stream));
        Ok(Box::new(Connection { speaker, waiting: Deadline::default() }))
    }

    async fn open(&self) -> Result<Stream, ProxyError> {
        Ok(match &self.upstream.endpoint {
            Endpoint::Plain(address) => Stream::Tcp(dial(address).await?),
            Endpoint::Tls(address, tls) => {
                let stream = dial(address).await?;
                Stream::Tls(Box::new(tls.handshake(stream).await.map_err(ProxyError::Tls)?))
            }
            Endpoint::Unix(path) => {
                Stream::Unix(UnixStream::connect(path).await.map_err(ProxyError::Connect)?)
            }
        })
    }

    /// Has the library speak on a connection from now on, unless it does already.
    pub(super) async fn hand_over(
        &self,
        mut connection: Box<Connection>,
    ) -> Result<Box<Connection>, ProxyError> {
        if let Speaker::Own(exchange) = connection.speaker {
            connection.speaker = Speaker::Library(self.speak(exchange.into_stream()).await?);
        }
        Ok(connection)
    }

    async fn speak(&self, stream: Stream) -> Result<Library, ProxyError> {
        let mut builder = http1::Builder::new();
        builder
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES)
            .preserve_header_case(self.preserve_header_case);
        let handshake = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| ProxyError::Handshake(error.into()))?;
        let task = tokio::spawn(async move {
            // The request on the connection learns of the failure itself; here nobody is left to tell.
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(error = %error, "an upstream connection ended");
            }
        });
        Ok(Library { sender, task: task.abort_handle() })
    }
}

impl Connection {
    /// Whether another request can be sent on it now, as far as is known.
    pub(super) fn is_usable(&mut self) -> bool {
        match &mut self.speaker {
            Speaker::Own(exchange) => exchange.is_usable(),
            Speaker::Library(library) => library.sender.is_ready(),
        }
    }

    /// Whether another request can be sent on it now, or after its last exchange is over.
    pub(super) fn may_be_usable(&self) -> bool {
        match &self.speaker {
            Speaker::Own(exchange) => exchange.is_idle(),
            Speaker::Library(library) => !library.sender.is_closed(),
        }
    }

    /// What ends it, where dropping it does not.
    pub(super) fn task(&self) -> Option<&AbortHandle> {
        match &self.speaker {
            Speaker::Own(_) => None,
            Speaker::Library(library) => Some(&library.task),
        }
    }
}
