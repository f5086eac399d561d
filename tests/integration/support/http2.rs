//! A client that speaks HTTP/2 from the first byte.

use std::net::SocketAddr;
use std::sync::mpsc::Receiver;

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};

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
