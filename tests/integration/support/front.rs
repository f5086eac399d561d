//! Other ways to an upstream: TLS in front of it, or a socket in the file system.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpStream, UnixListener};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::PATIENCE;

/// Somebody who signs certificates.
pub(crate) struct Signer {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// What a TLS server was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) server_name: Option<String>,
    pub(crate) protocol: Option<String>,
}

/// TLS in front of an upstream.
pub(crate) struct TlsFront {
    pub(crate) address: SocketAddr,
    hellos: Receiver<Hello>,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// The file of its own certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A server that shows a certificate for `name`.
    pub(crate) fn server(&self, name: &str) -> ServerConfig {
        self.server_with(&CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    /// A server that shows a certificate like this.
    pub(crate) fn server_with(&self, params: &CertificateParams) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

impl TlsFront {
    /// Speaks TLS as `config` says, and passes what is said in it on to `upstream`.
    pub(crate) fn before(upstream: SocketAddr, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (address, (said, hellos)) = (listener.local_addr().unwrap(), channel());
        on_a_thread(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let said = Arc::new(Mutex::new(said));
            loop {
                let stream = listener.accept().await.unwrap().0;
                tokio::spawn(speak(acceptor.clone(), stream, upstream, Arc::clone(&said)));
            }
        });
        Self { address, hellos }
    }

    /// Its address as a URL.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.address.port())
    }

    /// What the next connection that was accepted had asked for.
    pub(crate) fn hello(&self) -> Hello {
        self.hellos.recv_timeout(PATIENCE).expect("a connection comes")
    }
}

async fn speak(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    upstream: SocketAddr,
    said: Arc<Mutex<Sender<Hello>>>,
) {
    // Who does not like the certificate leaves.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let session = stream.get_ref().1;
    let hello = Hello {
        server_name: session.server_name().map(str::to_owned),
        protocol: session.alpn_protocol().map(|name| String::from_utf8(name.to_vec()).unwrap()),
    };
    // The test may not want to know.
    let _ = said.lock().unwrap().send(hello);
    join(stream, upstream).await;
}

/// A socket in the file system that leads to `upstream`.
pub(crate) fn unix_front(upstream: SocketAddr, path: &Path) {
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    listener.set_nonblocking(true).unwrap();
    on_a_thread(async move {
        let listener = UnixListener::from_std(listener).unwrap();
        loop {
            let stream = listener.accept().await.unwrap().0;
            tokio::spawn(join(stream, upstream));
        }
    });
}

async fn join<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, upstream: SocketAddr) {
    let mut plain = TcpStream::connect(upstream).await.unwrap();
    // Either side may end it as it likes.
    let _ = copy_bidirectional(&mut stream, &mut plain).await;
}

fn on_a_thread(work: impl Future<Output = ()> + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    thread::spawn(move || runtime.block_on(work));
}
