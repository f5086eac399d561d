//! Everything that can keep a request from being answered by the upstream.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use super::http1::ConnectionError;
use super::tls;

/// Why a request could not be forwarded or got no answer.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// The upstream's name has no address.
    #[error("the upstream's name could not be resolved: {0}")]
    Resolve(#[source] io::Error),
    /// No connection to the upstream could be made.
    #[error("no connection to the upstream: {0}")]
    Connect(#[source] io::Error),
    /// The connection was made, but TLS on it failed.
    #[error("TLS with the upstream failed: {0}")]
    Tls(#[source] io::Error),
    /// The upstream did not accept a connection in time.
    #[error("the upstream accepted no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// The connection was made but could not be used.
    #[error("the connection to the upstream could not be used: {0}")]
    Handshake(#[source] ConnectionError),
    /// The upstream's answer did not begin in time.
    #[error("the upstream's answer did not begin within {0:?}")]
    ResponseTimeout(Duration),
    /// The connection ended, or broke, before an answer.
    #[error("the upstream closed the connection without an answer: {0}")]
    Closed(#[source] ConnectionError),
    /// What the upstream sent is not HTTP.
    #[error("the upstream's answer is not valid HTTP: {0}")]
    Malformed(#[source] ConnectionError),
    /// A 101 that nobody asked for.
    #[error("the upstream switched protocols without being asked")]
    UnaskedUpgrade,
    /// The client's own body was broken or broke off.
    #[error("the request's body is malformed or broke off")]
    ClientBody,
    /// The client stopped sending its body.
    #[error("nothing more of the request's body came for {0:?}")]
    ClientStalled(Duration),
    /// The client sent its body more slowly than so many bytes a second.
    #[error("the request's body came at less than {0} bytes a second")]
    ClientSlow(u64),
    /// More headers than so many.
    #[error("the request has more than {0} headers")]
    ManyHeaders(usize),
    /// CONNECT is not for reverse proxies.
    #[error("CONNECT is not supported")]
    ConnectMethod,
    /// The request has no usable target.
    #[error("the request's target or Host is malformed")]
    Target,
    /// What another met who asked for this client, too.
    #[error(transparent)]
    Shared(Arc<ProxyError>),
}

impl ProxyError {
    /// The status of the answer that the client gets.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ConnectTimeout(_) | Self::ResponseTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Resolve(_)
            | Self::Connect(_)
            | Self::Tls(_)
            | Self::Handshake(_)
            | Self::Closed(_)
            | Self::Malformed(_)
            | Self::UnaskedUpgrade => StatusCode::BAD_GATEWAY,
            Self::ClientBody | Self::Target => StatusCode::BAD_REQUEST,
            Self::ClientStalled(_) | Self::ClientSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::ManyHeaders(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::ConnectMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Shared(error) => error.status(),
        }
    }

    /// The error type for `Proxy-Status`, from the registry of RFC 9209, section 2.3.
    pub fn proxy_status(&self) -> &'static str {
        match self {
            Self::Resolve(_) => "dns_error",
            Self::Connect(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => "connection_refused",
                io::ErrorKind::TimedOut => "connection_timeout",
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    "destination_ip_unroutable"
                }
                io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => "connection_terminated",
                _ => "destination_unavailable",
            },
            Self::ConnectTimeout(_) => "connection_timeout",
            // Without a cause in TLS itself, the other side went away.
            Self::Tls(error) => tls::proxy_status(error).unwrap_or("connection_terminated"),
            // What the other side does not like about TLS it may say when everything seems settled.
            Self::Handshake(error) | Self::Closed(error) => {
                tls::proxy_status(error).unwrap_or("connection_terminated")
            }
            Self::ResponseTimeout(_) => "http_response_timeout",
            Self::Malformed(error) if error.is_large_head() => "http_response_header_section_size",
            Self::Malformed(_) | Self::UnaskedUpgrade => "http_protocol_error",
            Self::ClientBody
            | Self::ClientStalled(_)
            | Self::ClientSlow(_)
            | Self::ManyHeaders(_)
            | Self::ConnectMethod
            | Self::Target => "http_request_error",
            Self::Shared(error) => error.proxy_status(),
        }
    }

    /// The words for which connections are ended here, in metrics.
    pub const REFUSALS: [&str; 2] = ["body-timeout", "body-rate"];

    /// The word for it where a client was too slow, and its connection ends for that.
    pub fn refusal(&self) -> Option<&'static str> {
        let [timeout, rate] = Self::REFUSALS;
        match self {
            Self::ClientStalled(_) => Some(timeout),
            Self::ClientSlow(_) => Some(rate),
            _ => None,
        }
    }

    /// What the client reads in `detail`: what happened, without addresses or anything the request carried.
    pub fn detail(&self) -> &'static str {
        match self {
            Self::Resolve(_) | Self::Connect(_) | Self::Handshake(_) => "The upstream cannot be reached",
            Self::Tls(_) => "No secure connection to the upstream could be made",
            Self::ConnectTimeout(_) => "The upstream did not accept a connection in time",
            Self::ResponseTimeout(_) => "The upstream did not answer in time",
            Self::Closed(_) => "The upstream closed the connection without an answer",
            Self::Malformed(_) | Self::UnaskedUpgrade => "The upstream's answer is not valid HTTP",
            Self::ClientBody => "The request's body is malformed or incomplete",
            Self::ClientStalled(_) => "The request's body took too long",
            Self::ClientSlow(_) => "The request's body came too slowly",
            Self::ManyHeaders(_) => "The request has too many headers",
            Self::ConnectMethod => "CONNECT is not supported",
            Self::Target => "The request's target or Host is malformed",
            Self::Shared(error) => error.detail(),
        }
    }
}
