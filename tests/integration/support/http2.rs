//! A client that speaks HTTP/2 from the first byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::Receiver;

use http::{Request, Response};
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{Builder, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};

/// Everything that is answered to a request of these headers, as they are: nothing checks them on the way.
pub(crate) fn exchange_raw(address: SocketAddr, headers: &[(&str, &str)]) -> Vec<u8> {
    let literal = |text: &str| [&[u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
    // Literals that are not to be indexed (RFC 7541, section 6.2.2); a length below 127 is one byte.
    let field = |(name, value): &(&str, &str)| [vec![0], literal(name), literal(value)].concat();
    let block: Vec<u8> = headers.iter().flat_map(field).collect();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let length = u8::try_from(block.len()).expect("a short list of headers");
    // END_STREAM and END_HEADERS, on stream 1.
    let head = [0, 0, length, 1, 5, 0, 0, 0, 1];
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(super::PATIENCE)).unwrap();
    // No more requests are going to come (RFC 9113, section 6.8): the other side closes after this one.
    let last = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let bytes = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings, &head, &block, &last].concat();
    stream.write_all(&bytes).unwrap();
    let mut answer = Vec::new();
    // The other side may reset the connection after what it had to say.
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// The answer to one request on a connection of its own.
pub(crate) fn exchange(address: SocketAddr, request: Request<&'static str>) -> Response<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let response = sender.send_request(request.map(Full::<Bytes>::from)).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Response::from_parts(parts, String::from_utf8(body.to_vec()).unwrap())
    })
}

/// A connection that stays open between requests.
pub(crate) struct Http2Client {
    runtime: tokio::runtime::Runtime,
    sender: hyper::client::conn::http2::SendRequest<Full<Bytes>>,
    connection: tokio::task::JoinHandle<hyper::Result<()>>,
}

impl Http2Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::with_window(address, 65_535)
    }

    /// Lets the other side send so many bytes of an answer ahead of its reader.
    pub(crate) fn with_window(address: SocketAddr, bytes: u32) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (sender, connection) = runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let mut builder = Builder::new(TokioExecutor::new());
            // For so many streams as there may be.
            builder
                .initial_stream_window_size(bytes)
                .initial_connection_window_size(bytes.saturating_mul(100).max(65_535));
            builder.handshake(TokioIo::new(stream)).await.unwrap()
        });
        let connection = runtime.spawn(connection);
        Self { runtime, sender, connection }
    }

    /// The status of a GET, after its whole answer.
    pub(crate) fn get(&mut self, target: &str) -> u16 {
        let request = Request::get(format!("http://h2.test{target}")).body(Full::default()).unwrap();
        self.runtime.block_on(async {
            let response = self.sender.send_request(request).await.unwrap();
            let status = response.status().as_u16();
            response.into_body().collect().await.unwrap();
            status
        })
    }

    /// The head of the answer to a GET; its body waits to be read.
    pub(crate) fn begin(&mut self, target: &str) -> Response<Incoming> {
        let request = Request::get(format!("http://h2.test{target}")).body(Full::default()).unwrap();
        self.runtime.block_on(self.sender.send_request(request)).unwrap()
    }

    /// All of a body that was begun; an error when it breaks off.
    pub(crate) fn rest(&self, response: Response<Incoming>) -> hyper::Result<Bytes> {
        self.runtime.block_on(response.into_body().collect()).map(Collected::to_bytes)
    }

    /// Waits until the other side has closed.
    pub(crate) fn wait_for_close(self) {
        let closed = async { tokio::time::timeout(super::PATIENCE, self.connection).await };
        // How it was closed does not matter here.
        let _ = self.runtime.block_on(closed).expect("the connection stayed open").unwrap();
    }
}

/// Sends a request and resets it once `begun` says that it has arrived; the connection stays until then.
pub(crate) fn give_up(address: SocketAddr, request: Request<&'static str>, begun: &Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sending = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let sending = tokio::spawn(sender.send_request(request.map(Full::<Bytes>::from)));
        (sender, sending)
    });
    begun.recv_timeout(super::PATIENCE).expect("the request arrives");
    sending.1.abort();
    runtime.shutdown_background();
}
