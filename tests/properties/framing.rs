//! Following a connection's bytes agrees with the library that reads them: on what passes, both find the same requests.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gloss::server::framing::{Followed, Framing, Phase};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

/// Pieces of which connections are made: most follow each other as they should, some do not.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let fixed = prop::sample::select(vec![
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "Content-Length: 3\r\n",
        "content-length:0003\r\n",
        "Content-Length: 4\r\n",
        "Content-Length : 4\r\n",
        "Transfer-Encoding: chunked\r\n",
        "transfer-encoding:Chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "X: y\r\n",
        " folded\r\n",
        "\r\n",
        "\n",
        "\r",
        "3\r\nabc\r\n",
        "3;ext=\"1\"\r\nabc\r\n",
        "0\r\n\r\n",
        "0\r\nTrailer: x\r\n\r\n",
        "00\r\nTrailer: x\n\r\n",
        "F",
        "abc",
    ]);
    prop_oneof![
        8 => fixed.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ]
}

fn connection() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::collection::vec(piece(), 0..12).prop_map(|pieces| pieces.concat());
    let spoiled = (any::<prop::sample::Index>(), any::<u8>());
    (pieces, prop::option::weighted(0.3, spoiled)).prop_map(|(mut bytes, spoiled)| {
        if let Some((index, byte)) = spoiled.filter(|_| !bytes.is_empty()) {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

/// What the library makes of a connection that sends these bytes and ends.
#[derive(Debug, Default, PartialEq, Eq)]
struct Served {
    begun: u64,
    complete: u64,
    failed: bool,
}

fn served(bytes: &[u8]) -> Served {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without IO starts");
    let (begun, complete) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let ended = runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        client.write_all(bytes).await.expect("there is room");
        client.shutdown().await.expect("a pipe can be shut");
        let service = service_fn(|request: Request<Incoming>| {
            let (begun, complete) = (Arc::clone(&begun), Arc::clone(&complete));
            async move {
                begun.fetch_add(1, Ordering::Relaxed);
                if request.into_body().collect().await.is_ok() {
                    complete.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        http1::Builder::new().half_close(true).serve_connection(TokioIo::new(server), service).await
    });
    Served {
        begun: begun.load(Ordering::Relaxed),
        complete: complete.load(Ordering::Relaxed),
        failed: ended.is_err(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_library_finds_no_request_that_was_not_followed(bytes in connection()) {
        let mut framing = Framing::new();
        let passed = match framing.follow(&bytes) {
            Followed::Passed => bytes.len(),
            Followed::RefusedAt(at, _) => at,
            Followed::UpgradeAt(_) => unreachable!("no piece asks for an upgrade"),
        };
        let served = served(&bytes[..passed]);
        let heads = framing.heads();
        // It may have refused something itself, or have been told to close, and read no further.
        prop_assert!(served.begun <= heads, "{served:?} of {heads} in {:?}", String::from_utf8_lossy(&bytes));
        let whole = if framing.phase() == Phase::Body { heads - 1 } else { heads };
        prop_assert!(served.complete <= whole, "{served:?} of {whole} in {:?}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn well_formed_requests_are_all_found(bodies in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..50), 0..3), 0..8)) {
        let mut bytes = Vec::new();
        for (body, form) in &bodies {
            bytes.extend_from_slice(b"POST / HTTP/1.1\r\nHost: a\r\n");
            match form {
                0 => bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes()),
                _ => bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n"),
            }
            match form {
                0 => bytes.extend_from_slice(body),
                1 => bytes.extend_from_slice(&chunked(&[body])),
                _ => bytes.extend_from_slice(&chunked(&body.chunks(7).collect::<Vec<_>>())),
            }
        }
        let mut framing = Framing::new();
        prop_assert_eq!(framing.follow(&bytes), Followed::Passed);
        prop_assert_eq!((framing.heads(), framing.phase()), (bodies.len() as u64, Phase::Between));
        let count = bodies.len() as u64;
        prop_assert_eq!(served(&bytes), Served { begun: count, complete: count, failed: false });
    }
}

fn chunked(chunks: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in chunks.iter().map(AsRef::as_ref).filter(|chunk| !chunk.is_empty()) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}
