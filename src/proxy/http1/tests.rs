//! What gloss reads of a connection, held beside what the HTTP library reads of the same bytes; and what becomes of the
//! connection.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Version};
use http_body::Body;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;

/// What came of an answer.
#[derive(Debug, PartialEq)]
struct Read {
    status: u16,
    version: Version,
    headers: HeaderMap,
    reason: Option<Vec<u8>>,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
    /// Whether the body ended as it should.
    is_whole: bool,
    /// Whether the connection may serve another request.
    is_reusable: bool,
}

/// What came of a request: an answer, or the failure.
#[derive(Debug, PartialEq)]
enum Came {
    Answer(Box<Read>),
    Malformed { large: bool },
    Ended,
}

impl Came {
    fn failed(error: &ConnectionError) -> Self {
        if error.is_malformed() { Self::Malformed { large: error.is_large_head() } } else { Self::Ended }
    }
}

impl Read {
    fn of(response: &Response<()>) -> Self {
        let reason = response.extensions().get::<hyper::ext::ReasonPhrase>();
        Self {
            status: response.status().as_u16(),
            version: response.version(),
            headers: response.headers().clone(),
            reason: reason.map(|reason| reason.as_bytes().to_vec()),
            body: Vec::new(),
            trailers: None,
            is_whole: true,
            is_reusable: false,
        }
    }

    fn take<E>(&mut self, frame: Result<http_body::Frame<Bytes>, E>) {
        match frame {
            Err(_) => self.is_whole = false,
            Ok(frame) => match frame.into_data() {
                Ok(data) => self.body.extend_from_slice(&data),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            },
        }
    }
}

fn request(method: &Method) -> Request<Empty<Bytes>> {
    let request = Request::builder().method(method).uri("/a?b").header("host", "a.test");
    request.body(Empty::new()).unwrap()
}

/// A connection on which these pieces come, once a request has, and which then ends or stays open.
fn far(pieces: Vec<Vec<u8>>, ends: bool) -> UnixStream {
    let (mut far, near) = UnixStream::pair().unwrap();
    tokio::spawn(async move {
        assert!(far.read(&mut [0; 1024]).await.unwrap() > 0);
        for piece in pieces {
            // Whoever has read enough may have gone.
            if far.write_all(&piece).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        if ends {
            return;
        }
        let _ = far.read(&mut [0; 1024]).await;
    });
    near
}

async fn by_gloss(method: &Method, pieces: Vec<Vec<u8>>, ends: bool) -> Came {
    let mut exchange = Exchange::new(Stream::Unix(far(pieces, ends)));
    exchange.begin(&request(method));
    let (response, mut answer) = match poll_fn(|cx| exchange.poll_answer(cx)).await {
        Ok(answered) => answered,
        Err(fault) => return Came::failed(&fault.error),
    };
    let mut read = Read::of(&response);
    let is_here = answer.settle(&mut exchange);
    while !answer.is_done() {
        let connection = (!is_here).then_some(&mut exchange);
        let mut connection = connection;
        match poll_fn(|cx| answer.poll_frame(connection.as_deref_mut(), cx)).await {
            Some(frame) => read.take(frame),
            None => break,
        }
        if !read.is_whole {
            break;
        }
    }
    read.is_reusable = read.is_whole && exchange.is_idle();
    Came::Answer(Box::new(read))
}

async fn by_library(method: &Method, pieces: Vec<Vec<u8>>, ends: bool) -> Came {
    let mut builder = http1::Builder::new();
    builder.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD_BYTES);
    let (mut sender, connection) = builder.handshake(TokioIo::new(far(pieces, ends))).await.unwrap();
    let connection = tokio::spawn(connection.with_upgrades());
    let response = match sender.try_send_request(request(method)).await {
        Ok(response) => response,
        Err(error) => return Came::failed(&error.into_error().into()),
    };
    let (parts, mut body) = response.into_parts();
    let mut read = Read::of(&Response::from_parts(parts, ()));
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        read.take(frame);
        if !read.is_whole {
            break;
        }
    }
    drop(body);
    read.is_reusable = read.is_whole && sender.ready().await.is_ok();
    connection.abort();
    Came::Answer(Box::new(read))
}

/// Parts of answers, of which most sequences are none.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 204 No Content\r\n",
        b"HTTP/1.1 304 Not Modified\r\n",
        b"HTTP/1.1 404 Nothing here\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: a\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/2 200\r\n",
        b"HTTP/1.1 200\n",
        b"HTTP/1.1 20 OK\r\n",
        b"content-length: 5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"content-length: 0\r\n",
        b"content-length: +5\r\n",
        b"content-length: 18446744073709551617\r\n",
        b"transfer-encoding: chunked\r\n",
        b"transfer-encoding: gzip, Chunked \r\n",
        b"transfer-encoding: gzip\r\n",
        b"connection: close\r\n",
        b"connection: Keep-Alive, a\r\n",
        b"connection: keep-alive\r\n",
        b"x-a: \xe4\xf6 b\r\n",
        b"x-empty:\r\n",
        b"x a: b\r\n",
        b" folded\r\n",
        b"x-lf: a\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"hello",
        b"5\r\nhello\r\n",
        b"5;a=b\r\nhello\r\n",
        b"5 \t;a\r\nhello\r\n",
        b"1A\r\nabcdefghijklmnopqrstuvwxyz\r\n",
        b"5\r\nhelloX\r\n",
        b"5\nhello\r\n",
        b"fffffffffffffffff\r\n",
        b"0\r\n\r\n",
        b"0\r\nx-t: 1\r\nx-u: 2\r\n\r\n",
        b"0\r\nx-t: 1\n\r\n",
        b"0\r\n\nx-t: 1\r\n\r\n",
        b"0\r\nx t\r\n\r\n",
    ];
    let word = prop_oneof![
        20 => proptest::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    // Most begin as an answer does, so that what follows is looked at.
    let begin = prop_oneof![4 => Just(b"HTTP/1.1 200 OK\r\n".to_vec()), 1 => Just(Vec::new())];
    let damage = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..2);
    (begin, proptest::collection::vec(word, 0..9), damage).prop_map(|(mut bytes, words, damage)| {
        bytes.extend(words.into_iter().flatten());
        for (place, byte) in damage {
            if let Some(place) = (!bytes.is_empty()).then(|| place.index(bytes.len())) {
                bytes[place] = byte;
            }
        }
        bytes
    })
}

/// The same bytes in several pieces.
fn cut(bytes: &[u8], cuts: &[proptest::sample::Index]) -> Vec<Vec<u8>> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).filter(|ends| ends[0] < ends[1]).map(|ends| bytes[ends[0]..ends[1]].to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_read_as_the_library_reads_them(
        bytes in pieces(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
        head_only in proptest::bool::weighted(0.1),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let method = if head_only { Method::HEAD } else { Method::GET };
        let pieces = cut(&bytes, &cuts);
        runtime.block_on(async {
            // What comes late counts for the library as one answer after another; it is told apart by its pieces.
            let mut ours = by_gloss(&method, pieces.clone(), true).await;
            let mut theirs = by_library(&method, pieces, true).await;
            // Whether the end was seen before the answer was through, only the order of events tells.
            for came in [&mut ours, &mut theirs] {
                if let Came::Answer(read) = came {
                    read.is_reusable = false;
                }
            }
            prop_assert_eq!(ours, theirs, "{:?}", String::from_utf8_lossy(&bytes));
            Ok(())
        })?;
    }
}

/// Sends the whole of an answer at once on a connection that stays open, and gives what both readers make of it.
async fn both(answer: &str) -> (Came, Came) {
    let pieces = vec![answer.as_bytes().to_vec()];
    (by_gloss(&Method::GET, pieces.clone(), false).await, by_library(&Method::GET, pieces, false).await)
}

#[tokio::test]
async fn a_connection_is_used_again_where_the_library_would_use_it() {
    for (answer, is_reusable) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", true),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\na: b\r\n\r\n", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", true),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: a\r\nconnection: upgrade\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok", false),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\nconnection: keep-alive\r\n\r\nok",
            false,
        ),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more", false),
        ("HTTP/1.1 204 No Content\r\n\r\nmore", false),
    ] {
        let (Came::Answer(ours), Came::Answer(theirs)) = both(answer).await else { panic!("{answer}") };
        assert_eq!((&ours.body, &ours.trailers), (&theirs.body, &theirs.trailers));
        assert_eq!(ours.is_reusable, is_reusable, "{answer}");
        // The library may notice what came behind an answer only later.
        assert!(ours.is_reusable == theirs.is_reusable || answer.ends_with("more"), "{answer}");
    }
}

#[tokio::test]
async fn a_connection_whose_end_is_the_end_of_an_answer_is_used_no_more() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\n",
    ] {
        let answer = format!("{head}all of it");
        let Came::Answer(read) = by_gloss(&Method::GET, vec![answer.into()], true).await else {
            panic!("{head}")
        };
        assert_eq!(
            (&read.body[..], read.is_whole, read.is_reusable),
            (&b"all of it"[..], true, false),
            "{head}"
        );
    }
}

#[tokio::test]
async fn answers_that_are_none_yet_come_to_an_end() {
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n".repeat(100);
    let some = format!("{interim}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let Came::Answer(read) = by_gloss(&Method::GET, vec![some.into()], false).await else {
        panic!("they are few")
    };
    assert_eq!(read.status, 200);
    let flood = vec![interim.clone().into_bytes(); MAX_HEAD_BYTES / interim.len() + 1];
    let came = by_gloss(&Method::GET, flood, false).await;
    assert!(came == Came::Malformed { large: true });
}

#[tokio::test]
async fn heads_have_a_limit_of_bytes_and_one_of_headers_and_below_them_any_head_will_do() {
    let headers = |count: usize| format!("HTTP/1.1 204 No Content\r\n{}\r\n", "a: b\r\n".repeat(count));
    let long = |bytes: usize| format!("HTTP/1.1 204 No Content\r\na: {}\r\n\r\n", "b".repeat(bytes));
    for (answer, fits) in [
        (headers(FEW), true),
        (headers(FEW + 1), true),
        (headers(MAX_HEADERS), true),
        (headers(MAX_HEADERS + 1), false),
        (long(MAX_HEAD_BYTES / 2), true),
        (long(2 * MAX_HEAD_BYTES), false),
    ] {
        let (ours, theirs) = both(&answer).await;
        // Neither is for anybody's eyes.
        assert!(ours == theirs, "{} bytes are read in two ways", answer.len());
        assert_eq!(matches!(ours, Came::Answer(_)), fits);
        assert_eq!(ours == Came::Malformed { large: true }, !fits);
    }
}

const FEW: usize = 64;

#[tokio::test]
async fn a_request_goes_out_as_the_library_sends_it() {
    for (method, target, headers) in [
        (Method::GET, "/", vec![]),
        (Method::DELETE, "/a/b?c=d&e", vec![("x-a", &b"b"[..]), ("x-a", b"c"), ("x-b", b"\xe4 \t")]),
        (Method::OPTIONS, "*", vec![("content-length", b"0")]),
        (Method::GET, "?only=a-query", vec![("transfer-encoding", b"chunked")]),
        (Method::POST, "http://a.test/b", vec![("x-empty", b"")]),
    ] {
        let request = || {
            let mut request = request(&method);
            *request.uri_mut() = match target.strip_prefix("http") {
                Some(_) => target.parse().unwrap(),
                None => target.parse::<http::uri::PathAndQuery>().unwrap().into(),
            };
            for (name, value) in &headers {
                request.headers_mut().append(*name, http::HeaderValue::from_bytes(value).unwrap());
            }
            request
        };
        let mut sent = Vec::new();
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut exchange = Exchange::new(Stream::Unix(near));
        exchange.begin(&request());
        let first = poll_fn(|cx| std::task::Poll::Ready(exchange.poll_answer(cx).is_pending())).await;
        assert!(first);
        drop(exchange);
        far.read_to_end(&mut sent).await.unwrap();
        let (near, mut far) = UnixStream::pair().unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(near)).await.unwrap();
        let connection = tokio::spawn(connection);
        let theirs = request();
        let asking = tokio::spawn(async move { sender.send_request(theirs).await.is_ok() });
        let mut expected = vec![0; sent.len()];
        far.read_exact(&mut expected).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&sent), String::from_utf8_lossy(&expected));
        drop(far);
        assert!(!asking.await.unwrap());
        drop(connection);
    }
}

#[tokio::test]
async fn what_was_not_sent_is_told_from_what_was() {
    let (near, far) = UnixStream::pair().unwrap();
    drop(far);
    let mut exchange = Exchange::new(Stream::Unix(near));
    exchange.begin(&request(&Method::GET));
    let fault = poll_fn(|cx| exchange.poll_answer(cx)).await.unwrap_err();
    assert!(fault.is_unsent && !exchange.is_idle());
    let mut exchange = Exchange::new(Stream::Unix(far_that_leaves()));
    exchange.begin(&request(&Method::GET));
    let fault = poll_fn(|cx| exchange.poll_answer(cx)).await.unwrap_err();
    assert!(!fault.is_unsent && !exchange.is_idle());
}

fn far_that_leaves() -> UnixStream {
    far(Vec::new(), true)
}

#[tokio::test]
async fn an_answer_to_a_request_that_was_not_read_ends_the_connection() {
    let (near, mut far) = UnixStream::pair().unwrap();
    let mut exchange = Exchange::new(Stream::Unix(near));
    let mut long = request(&Method::GET);
    // More than the system takes for the other side.
    long.headers_mut().insert("x-long", http::HeaderValue::try_from("a".repeat(4 << 20)).unwrap());
    exchange.begin(&long);
    far.write_all(b"HTTP/1.1 431 Too Large\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
    let (response, mut answer) = poll_fn(|cx| exchange.poll_answer(cx)).await.unwrap();
    assert_eq!(response.status(), 431);
    assert!(answer.settle(&mut exchange));
    assert!(!exchange.is_idle(), "the rest of the request would be taken for another");
}

#[tokio::test]
async fn one_request_after_the_other_goes_over_a_connection() {
    let (near, mut far) = UnixStream::pair().unwrap();
    let mut exchange = Exchange::new(Stream::Unix(near));
    for round in 0..3 {
        assert!(exchange.is_usable());
        exchange.begin(&request(&Method::GET));
        assert!(!exchange.is_usable());
        assert!(poll_fn(|cx| std::task::Poll::Ready(exchange.poll_answer(cx).is_pending())).await);
        assert!(far.read(&mut [0; 1024]).await.unwrap() > 0);
        let body = "b".repeat(100_000);
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nx-round: {round}\r\n\r\n{body}", body.len());
        let far_writes = async { far.write_all(answer.as_bytes()).await.unwrap() };
        let reads = async {
            let (response, mut answer) = poll_fn(|cx| exchange.poll_answer(cx)).await.unwrap();
            assert_eq!(response.headers()["x-round"], round.to_string().as_str());
            assert!(!answer.settle(&mut exchange));
            let mut bytes = 0;
            while let Some(frame) = poll_fn(|cx| answer.poll_frame(Some(&mut exchange), cx)).await {
                bytes += frame.unwrap().into_data().unwrap().len();
                if answer.is_done() {
                    break;
                }
            }
            assert_eq!(bytes, body.len());
        };
        tokio::join!(far_writes, reads);
    }
}
