//! A panic costs one request or one connection, wherever it happens. For those in the enrichment see `fallbacks`, for
//! what is told of them `secrets`; here are those past the point where an answer can still be changed.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use gloss::proxy::FromClient;
use gloss::server::{self, ServerParams};
use gloss::telemetry::Metrics;
use http::{Request, Response};
use http_body::Frame;
use hyper::body::Bytes;
use tokio_util::sync::CancellationToken;
use tower::service_fn;

use crate::support::client::{Client, get};

/// A body that panics when it is asked for its second frame.
struct Panicking {
    first: Option<Bytes>,
    asked_again: bool,
}

impl http_body::Body for Panicking {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        assert!(!self.asked_again, "as the test wants it");
        // Once more round, so that the first frame is on its way.
        self.asked_again = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn answer(request: &Request<FromClient>) -> Response<Panicking> {
    assert!(request.uri().path() != "/call", "as the test wants it");
    Response::new(Panicking { first: Some(Bytes::from_static(b"first")), asked_again: false })
}

/// Serves answers that panic, on a thread of its own, until the token is cancelled.
fn serve(metrics: &Metrics) -> (SocketAddr, CancellationToken, std::thread::JoinHandle<()>) {
    let (drain, metrics) = (CancellationToken::new(), metrics.clone());
    let (told, address) = std::sync::mpsc::channel();
    let ended = drain.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap()).unwrap();
            let params = ServerParams {
                header_timeout: Duration::from_secs(30),
                max_header_bytes: 65_536,
                max_headers: 100,
                drain_timeout: Duration::from_secs(30),
                idle_timeout: Duration::from_secs(30),
                write_timeout: Duration::from_secs(30),
                max_connections: 100,
                preserve_header_case: false,
            };
            let service = service_fn(|request| ready(Ok::<_, Infallible>(answer(&request))));
            server::run(listener, service, params, metrics, ended).await;
        });
    });
    (address.recv().unwrap(), drain, thread)
}

#[test]
fn a_body_that_panics_is_cut_off_and_never_looks_complete() {
    let metrics = Metrics::new();
    let (address, drain, thread) = serve(&metrics);
    for _ in 0..3 {
        let answer = get(address, "/", &[]);
        assert_eq!(answer.status, 200);
        assert_eq!((answer.text(), answer.payload.complete), ("first", false), "{answer:?}");
    }
    drain.cancel();
    thread.join().unwrap();
    assert_eq!(metrics.open_connections(), 0, "a panic leaves no connection behind in the count");
}

#[test]
fn a_panic_beyond_every_rescue_closes_its_connection_and_no_other() {
    let metrics = Metrics::new();
    let (address, drain, thread) = serve(&metrics);
    let mut beside = Client::connect(address);
    assert_eq!(Client::connect(address).get("/call", &[]).rest(), b"");
    assert_eq!(beside.get("/", &[]).head().0, 200);
    drop(beside);
    drain.cancel();
    thread.join().unwrap();
    assert_eq!(metrics.open_connections(), 0);
}
