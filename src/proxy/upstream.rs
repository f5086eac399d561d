//! Where the upstream is, read from a URL: `http://`, `https://` or `unix:`.
//!
//! Reads the files of trusted certificates for `https://` only; not for making connections.

use std::os::unix::net::SocketAddr as UnixAddress;
use std::path::Path;
use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderValue, Uri};
use thiserror::Error;

use super::tls::{Tls, TlsParams, TlsSetupError};
use crate::telemetry::Peer;

/// The address of the upstream: `http://host[:port]`, `https://host[:port]` or `unix:/path/to.sock`.
#[derive(Debug, Clone)]
pub struct Upstream {
    pub(super) endpoint: Endpoint,
    authority: HeaderValue,
}

/// What is connected to, and what is spoken there below HTTP.
#[derive(Debug, Clone)]
pub(super) enum Endpoint {
    /// HTTP over TCP.
    Plain(HostPort),
    /// HTTP over TLS over TCP.
    Tls(HostPort, Tls),
    /// HTTP over a socket in the file system.
    Unix(Arc<Path>),
}

/// A name or an address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPort {
    /// An IPv6 address is without brackets.
    pub(super) host: Arc<str>,
    pub(super) port: u16,
}

/// Why this cannot be an upstream.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// The URL is no good.
    #[error(transparent)]
    Url(#[from] UpstreamUrlError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
}

/// Why a URL cannot be an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UpstreamUrlError {
    /// It does not parse.
    #[error("it is not a URL")]
    NotAUrl,
    /// Another scheme.
    #[error("the scheme has to be http, https or unix")]
    Scheme,
    /// User name or password in it.
    #[error("credentials do not belong into the upstream's URL: clients send their own")]
    Credentials,
    /// A path or query after the authority.
    #[error("a path or query is not allowed: requests keep their own")]
    Path,
    /// A socket's path that depends on where gloss is started.
    #[error("the path of a socket has to be absolute")]
    RelativeSocket,
    /// A socket's path that no socket can have.
    #[error("no socket can have this path: {0}")]
    Socket(String),
}

impl Upstream {
    /// Reads a URL, and for `https://` the certificates that `tls` names; otherwise `tls` is not looked at.
    ///
    /// # Errors
    /// When the URL is no upstream's, or TLS cannot be set up.
    pub fn parse(url: &str, tls: &TlsParams) -> Result<Self, UpstreamError> {
        if let Some(rest) = url.strip_prefix("unix:") {
            return Ok(Self::unix(rest)?);
        }
        let uri: Uri = url.parse().map_err(|_| UpstreamUrlError::NotAUrl)?;
        let default_port = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            Some(_) => return Err(UpstreamUrlError::Scheme.into()),
            None => return Err(UpstreamUrlError::NotAUrl.into()),
        };
        let authority = plain_authority(&uri)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let address = HostPort { host: host.into(), port: authority.port_u16().unwrap_or(default_port) };
        let value = HeaderValue::from_str(authority.as_str()).map_err(|_| UpstreamUrlError::NotAUrl)?;
        let endpoint = if uri.scheme_str() == Some("https") {
            let tls = Tls::new(host, tls)?;
            Endpoint::Tls(address, tls)
        } else {
            Endpoint::Plain(address)
        };
        Ok(Self { endpoint, authority: value })
    }

    /// `unix:/path` and `unix:///path` are the same.
    fn unix(rest: &str) -> Result<Self, UpstreamUrlError> {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if !path.starts_with('/') {
            return Err(UpstreamUrlError::RelativeSocket);
        }
        UnixAddress::from_pathname(path).map_err(|error| UpstreamUrlError::Socket(error.to_string()))?;
        let endpoint = Endpoint::Unix(Path::new(path).into());
        Ok(Self { endpoint, authority: HeaderValue::from_static("localhost") })
    }

    /// Whom metrics name as called.
    pub fn peer(&self) -> Peer {
        match &self.endpoint {
            Endpoint::Plain(at) => Peer { scheme: "http", address: at.host.to_string(), port: Some(at.port) },
            Endpoint::Tls(at, _) => {
                Peer { scheme: "https", address: at.host.to_string(), port: Some(at.port) }
            }
            Endpoint::Unix(path) => Peer { scheme: "http", address: path.display().to_string(), port: None },
        }
    }

    /// What stands in `Host` where the client sent none, or where it is to be rewritten; `localhost` for a socket in the
    /// file system.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }
}

/// The authority of a URL that has nothing else.
fn plain_authority(uri: &Uri) -> Result<&Authority, UpstreamUrlError> {
    let authority = uri.authority().ok_or(UpstreamUrlError::NotAUrl)?;
    if authority.as_str().contains('@') {
        return Err(UpstreamUrlError::Credentials);
    }
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(UpstreamUrlError::Path);
    }
    if authority.host().is_empty() { Err(UpstreamUrlError::NotAUrl) } else { Ok(authority) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Upstream, UpstreamError> {
        Upstream::parse(url, &TlsParams::default())
    }

    fn address(url: &str) -> (String, u16) {
        match parse(url).unwrap().endpoint {
            Endpoint::Plain(address) | Endpoint::Tls(address, _) => (address.host.to_string(), address.port),
            Endpoint::Unix(path) => (path.display().to_string(), 0),
        }
    }

    #[test]
    fn an_upstream_is_an_authority_or_a_socket() {
        assert_eq!(address("http://10.0.0.1:8881"), ("10.0.0.1".to_owned(), 8881));
        assert_eq!(address("http://api/"), ("api".to_owned(), 80));
        assert_eq!(address("http://[::1]:9"), ("::1".to_owned(), 9));
        assert_eq!(address("unix:/run/api.sock"), ("/run/api.sock".to_owned(), 0));
        assert_eq!(address("unix:///run/api.sock"), ("/run/api.sock".to_owned(), 0));
    }

    #[test]
    fn what_is_no_upstream_is_refused_with_a_reason() {
        let refused = |url: &str| match parse(url) {
            Err(UpstreamError::Url(reason)) => reason,
            other => panic!("{url}: {other:?}"),
        };
        assert_eq!(refused("127.0.0.1:8881"), UpstreamUrlError::NotAUrl);
        assert_eq!(refused("ftp://api"), UpstreamUrlError::Scheme);
        assert_eq!(refused("http://user:secret@api"), UpstreamUrlError::Credentials);
        assert_eq!(refused("https://user:secret@api"), UpstreamUrlError::Credentials);
        assert_eq!(refused("http://api/v1"), UpstreamUrlError::Path);
        assert_eq!(refused("http://api/?x=1"), UpstreamUrlError::Path);
        assert_eq!(refused("unix:api.sock"), UpstreamUrlError::RelativeSocket);
        assert_eq!(refused("unix://run/api.sock"), UpstreamUrlError::RelativeSocket);
        let long = format!("unix:/{}", "x".repeat(200));
        assert!(matches!(refused(&long), UpstreamUrlError::Socket(_)));
    }

    #[test]
    fn a_socket_is_called_localhost() {
        assert_eq!(parse("unix:/run/api.sock").unwrap().authority(), "localhost");
        assert_eq!(parse("http://api:81").unwrap().authority(), "api:81");
    }
}
