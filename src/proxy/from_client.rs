//! A request's body as a client sends it, with the other end of the connection that brings it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// The other end of a client's connection; `None` where it has no address, on a socket in the file system.
///
/// A client's request has it on its [body](FromClient). One that gloss sends for that client later has it as an extension, which
/// takes three allocations: too many for every request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientAddress(pub Option<SocketAddr>);

/// What a client sends with a request.
#[derive(Debug)]
pub struct FromClient {
    incoming: Incoming,
    client: ClientAddress,
}

impl FromClient {
    /// Of this client.
    pub fn new(incoming: Incoming, client: ClientAddress) -> Self {
        Self { incoming, client }
    }

    /// Who sends it.
    pub fn client(&self) -> ClientAddress {
        self.client
    }

    /// The body by itself.
    pub(super) fn into_incoming(self) -> Incoming {
        self.incoming
    }
}

impl Body for FromClient {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.get_mut().incoming).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// For whom gloss sends a request of its own.
pub(crate) fn asked_for<B>(request: &Request<B>) -> ClientAddress {
    request.extensions().get().copied().unwrap_or_default()
}
