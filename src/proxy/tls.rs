//! TLS towards the upstream: who is trusted, under which name, and what went wrong.
//!
//! The certificates that the system trusts count, and those of one more file where an operator names it; there is no
//! way to trust everybody. Files are read when the configuration is, so that a bad one stops the start and not a request.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// What an operator may say about TLS towards the upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsParams {
    /// A PEM file of certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The name that the upstream's certificate has to carry, and that is asked for (SNI); without it, the host of the
    /// URL. A DNS name or an IP address.
    pub server_name: Option<String>,
}

/// Why TLS cannot be set up.
#[derive(Debug, Error)]
pub enum TlsSetupError {
    /// The file of trusted certificates cannot be used.
    #[error("it cannot be read as PEM certificates: {0}")]
    CaFile(String),
    /// A name that no certificate can carry.
    #[error("it is neither a DNS name nor an IP address")]
    ServerName,
    /// Nobody is trusted, and so nobody could be reached.
    #[error("the system has no trusted certificates: {0}")]
    NoRoots(String),
}

/// TLS as it is going to be spoken with the upstream; a clone shares the sessions that can be resumed.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Reads the trusted certificates. `host` is the URL's, an IPv6 address without brackets.
    pub(super) fn new(host: &str, params: &TlsParams) -> Result<Self, TlsSetupError> {
        let name = params.server_name.clone().unwrap_or_else(|| host.to_owned());
        let name = ServerName::try_from(name).map_err(|_| TlsSetupError::ServerName)?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of the default versions")
            .with_root_certificates(roots(params.ca_file.as_deref())?)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Speaks TLS over a connection that was just made.
    pub(super) async fn handshake<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.connector.connect(self.name.clone(), stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    // A system's store may hold certificates too odd to be used; the others still count.
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = ca_file {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| TlsSetupError::CaFile(error.to_string()))?;
        }
    }
    if roots.is_empty() {
        let errors = system.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Err(TlsSetupError::NoRoots(if errors.is_empty() { "none found".to_owned() } else { errors }));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let refuse = |error: &dyn fmt::Display| TlsSetupError::CaFile(error.to_string());
    let sections = CertificateDer::pem_file_iter(path).map_err(|error| refuse(&error))?;
    let found = sections.collect::<Result<Vec<_>, _>>().map_err(|error| refuse(&error))?;
    if found.is_empty() { Err(refuse(&"there is none in it")) } else { Ok(found) }
}

/// The error type of RFC 9209, section 2.3, for a failure that TLS is the cause of; `None` for any other.
pub(super) fn proxy_status(error: &(dyn Error + 'static)) -> Option<&'static str> {
    Some(match cause(error)? {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            "tls_certificate_error"
        }
        rustls::Error::AlertReceived(_) => "tls_alert_received",
        _ => "tls_protocol_error",
    })
}

/// The failure of TLS that lies behind an error, however deep.
fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            // An error within an `io::Error` is not what that calls its source.
            Some(within) => Some(within),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tempfile::NamedTempFile;

    use super::*;

    #[test]
    fn a_failure_of_tls_is_found_however_deep_it_lies() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let shallow = io::Error::new(io::ErrorKind::InvalidData, tls);
        assert_eq!(proxy_status(&shallow), Some("tls_certificate_error"));
        let deep = io::Error::other(io::Error::other(rustls::Error::DecryptError));
        assert_eq!(proxy_status(&deep), Some("tls_protocol_error"));
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
        assert_eq!(proxy_status(&alert), Some("tls_alert_received"));
        assert_eq!(proxy_status(&io::Error::from(io::ErrorKind::ConnectionReset)), None);
        assert_eq!(proxy_status(&io::Error::other("something else")), None);
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let mut file = NamedTempFile::new().unwrap();
        let refused =
            |path: &Path| Tls::new("api", &TlsParams { ca_file: Some(path.into()), server_name: None });
        assert!(matches!(refused(Path::new("/nowhere.pem")), Err(TlsSetupError::CaFile(_))));
        assert!(matches!(refused(file.path()), Err(TlsSetupError::CaFile(_))));
        file.write_all(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(matches!(refused(file.path()), Err(TlsSetupError::CaFile(_))));
    }

    #[test]
    fn a_name_that_no_certificate_can_carry_is_refused() {
        let params = TlsParams { ca_file: None, server_name: Some("a b".to_owned()) };
        assert!(matches!(Tls::new("api", &params), Err(TlsSetupError::ServerName)));
    }
}
