//! Where the upstream is, and how a connection to it is made.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Uri};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::ProxyError;
use super::request_body::RequestBody;

/// An answer may have so many headers and so long a head: far more than any sane service sends, so that gloss is never
/// stricter than the clients behind it.
const MAX_RESPONSE_HEADERS: usize = 1000;
const MAX_RESPONSE_HEAD_BYTES: usize = 2 * 1024 * 1024;

/// The address of the upstream, as `http://host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    host: Arc<str>,
    port: u16,
    authority: HeaderValue,
}

/// Why a URL cannot be an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UpstreamUrlError {
    /// It does not parse.
    #[error("it is not a URL")]
    NotAUrl,
    /// Another scheme than http.
    #[error("the scheme has to be http")]
    Scheme,
    /// User name or password in it.
    #[error("credentials do not belong into the upstream's URL: clients send their own")]
    Credentials,
    /// A path or query after the authority.
    #[error("a path or query is not allowed: requests keep their own")]
    Path,
}

impl Upstream {
    /// Reads a URL.
    pub fn parse(url: &str) -> Result<Self, UpstreamUrlError> {
        let uri: Uri = url.parse().map_err(|_| UpstreamUrlError::NotAUrl)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some(_) => return Err(UpstreamUrlError::Scheme),
            None => return Err(UpstreamUrlError::NotAUrl),
        }
        let authority = uri.authority().ok_or(UpstreamUrlError::NotAUrl)?;
        if authority.as_str().contains('@') {
            return Err(UpstreamUrlError::Credentials);
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(UpstreamUrlError::Path);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(UpstreamUrlError::NotAUrl);
        }
        let value = HeaderValue::from_str(authority.as_str()).map_err(|_| UpstreamUrlError::NotAUrl)?;
        Ok(Self { host: host.into(), port: authority.port_u16().unwrap_or(80), authority: value })
    }

    /// What stands in `Host` where the client sent none.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// Opens a connection and drives it in a task of its own until either side closes it.
    pub(super) async fn connect(
        &self,
        patience: Duration,
    ) -> Result<http1::SendRequest<RequestBody>, ProxyError> {
        let dial = TcpStream::connect((&*self.host, self.port));
        let stream = timeout(patience, dial)
            .await
            .map_err(|_| ProxyError::ConnectTimeout(patience))?
            .map_err(ProxyError::Connect)?;
        // Without it a small request waits for the acknowledgement of the one before.
        stream.set_nodelay(true).map_err(ProxyError::Connect)?;
        let mut builder = http1::Builder::new();
        builder.max_headers(MAX_RESPONSE_HEADERS).max_buf_size(MAX_RESPONSE_HEAD_BYTES);
        let handshake = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(ProxyError::Handshake)?;
        tokio::spawn(async move {
            // The request on the connection learns of the failure itself; here nobody is left to tell.
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(error = %error, "an upstream connection ended");
            }
        });
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_an_http_authority() {
        let upstream = Upstream::parse("http://10.0.0.1:8881").unwrap();
        assert_eq!((&*upstream.host, upstream.port), ("10.0.0.1", 8881));
        assert_eq!(Upstream::parse("http://api/").unwrap().port, 80);
        assert_eq!(&*Upstream::parse("http://[::1]:9").unwrap().host, "::1");
    }

    #[test]
    fn what_is_no_upstream_is_refused_with_a_reason() {
        let refused = |url: &str| Upstream::parse(url).unwrap_err();
        assert_eq!(refused("127.0.0.1:8881"), UpstreamUrlError::NotAUrl);
        assert_eq!(refused("ftp://api"), UpstreamUrlError::Scheme);
        assert_eq!(refused("http://user:secret@api"), UpstreamUrlError::Credentials);
        assert_eq!(refused("http://api/v1"), UpstreamUrlError::Path);
        assert_eq!(refused("http://api/?x=1"), UpstreamUrlError::Path);
    }
}
