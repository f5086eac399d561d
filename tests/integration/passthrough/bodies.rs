//! Bodies of requests and answers: streamed both ways, framed as their sender framed them, never gathered.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use crate::support::answers::{answer, chunked, framed, json};
use crate::support::client::request;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream};

const STREAM: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn serving(answer: impl Into<Vec<u8>>) -> (Upstream, Sidecar) {
    let upstream = Upstream::answering(answer);
    let gloss = Setup::before(&upstream).start();
    (upstream, gloss)
}

fn every_byte(length: usize) -> Vec<u8> {
    (0..=255_u8).cycle().take(length).collect()
}

#[test]
fn a_request_body_arrives_whole_and_framed_as_it_was_sent() {
    let (upstream, gloss) = serving(json("{}"));
    let body = every_byte(300_000);
    gloss.client().send(request("POST", "/", &["Content-Length: 300000"])).send(&body).answer();
    let by_length = upstream.seen().pop().unwrap();
    assert_eq!(by_length.head.value("content-length"), Some("300000"));
    assert!(by_length.payload.bytes == body && by_length.payload.complete);

    let mut client = gloss.client();
    client.send(request("PUT", "/", &["Transfer-Encoding: chunked"]));
    for chunk in body.chunks(9000) {
        client.send(framed(chunk));
    }
    client.send("0\r\n\r\n").answer();
    let in_chunks = upstream.seen().pop().unwrap();
    assert_eq!(in_chunks.head.value("transfer-encoding"), Some("chunked"));
    assert_eq!(in_chunks.head.value("content-length"), None);
    assert!(in_chunks.payload.bytes == body && in_chunks.payload.complete);
}

#[test]
fn an_empty_body_and_no_body_are_told_apart() {
    let (upstream, gloss) = serving(json("{}"));
    gloss.client().send(request("POST", "/", &["Content-Length: 0"])).answer();
    assert_eq!(upstream.seen().pop().unwrap().head.value("content-length"), Some("0"));
    gloss.get("/", &[]);
    let bare = upstream.seen().pop().unwrap().head;
    assert_eq!((bare.value("content-length"), bare.value("transfer-encoding")), (None, None));
}

#[test]
fn a_request_body_is_streamed() {
    let (arrived, heard) = channel();
    let upstream = Upstream::scripted(move |call| {
        // Says what came before the client has sent the rest.
        arrived.send(call.wire.chunk().unwrap()).unwrap();
        call.body();
        call.wire.send(json("{}"));
        Then::Keep
    });
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    client.send(request("POST", "/", &["Transfer-Encoding: chunked"])).send(framed(b"first"));
    assert_eq!(heard.recv().unwrap(), b"first");
    client.send(framed(b"second")).send("0\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert_eq!(upstream.only().payload.bytes, b"second");
}

#[test]
fn an_answer_may_come_before_the_request_has_ended() {
    let upstream = Upstream::scripted(|call| {
        call.wire.send(STREAM);
        while let Some(chunk) = call.wire.chunk() {
            if chunk.is_empty() {
                break;
            }
            call.wire.send(framed(&chunk));
        }
        call.wire.send("0\r\n\r\n");
        Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    client.send(request("POST", "/echo", &["Transfer-Encoding: chunked"]));
    assert_eq!(client.head().0, 200);
    for word in ["to", "and", "fro"] {
        client.send(framed(word.as_bytes()));
        assert_eq!(client.chunk().unwrap(), word.as_bytes());
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.chunk(), Some(Vec::new()));
}

#[test]
fn events_reach_the_client_one_by_one_as_they_come() {
    let (next, wait) = channel::<&str>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::scripted(move |call| {
        call.wire.send(STREAM);
        for event in &*wait.lock().unwrap() {
            call.wire.send(framed(event.as_bytes()));
        }
        call.wire.send("0\r\n\r\n");
        Then::Keep
    });
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    let (_, head) = client.get("/events", &["Accept: text/event-stream"]).head();
    assert_eq!(head.value("content-type"), Some("text/event-stream"));
    for event in ["data: 1\n\n", ": ping\n\n", "data: 2\n\n"] {
        next.send(event).unwrap();
        assert_eq!(client.chunk().unwrap(), event.as_bytes());
    }
    drop(next);
    assert_eq!(client.chunk(), Some(Vec::new()));
}

#[test]
fn an_answer_body_arrives_whole_whatever_its_framing() {
    let body = every_byte(300_000);
    let (_upstream, gloss) = serving(answer("HTTP/1.1 200 OK\r\n", &body));
    assert!(gloss.get("/", &[]).body() == body);

    let pieces: Vec<&[u8]> = body.chunks(7777).collect();
    let (_upstream, gloss) = serving(chunked("application/octet-stream", &pieces, ""));
    let in_chunks = gloss.get("/", &[]);
    assert!(in_chunks.body() == body && in_chunks.payload.complete);
    assert_eq!(in_chunks.value("content-length"), None);

    let until_close = Upstream::answering_and_closing([&b"HTTP/1.1 200 OK\r\n\r\n"[..], &body].concat());
    let gloss = Setup::before(&until_close).start();
    let answer = gloss.get("/", &[]);
    assert!(answer.body() == body && answer.payload.complete);
}

#[test]
fn compressed_bodies_pass_as_they_are() {
    let bytes = b"\x1f\x8b\x08 not really gzip \xff\x00";
    let (_upstream, gloss) = serving(answer("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n", bytes));
    let through = gloss.get("/", &["Accept-Encoding: gzip"]);
    assert_eq!((through.value("content-encoding"), through.body()), (Some("gzip"), &bytes[..]));
}

#[test]
fn answers_that_have_no_body_get_none_and_leave_the_connection_usable() {
    let upstream = Upstream::scripted(|call| {
        let bytes: &[u8] = match call.line().split(' ').nth(1).unwrap() {
            "/204" => b"HTTP/1.1 204 No Content\r\nx-own: 1\r\n\r\n",
            "/304" => b"HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n",
            _ => b"HTTP/1.1 200 OK\r\ncontent-length: 4711\r\nx-own: 1\r\n\r\n",
        };
        call.wire.send(bytes);
        Then::Keep
    });
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    assert_eq!(client.get("/204", &[]).answer().status, 204);
    let not_modified = client.get("/304", &["If-None-Match: \"1\""]).answer();
    assert_eq!((not_modified.status, not_modified.value("etag")), (304, Some("\"1\"")));
    let (status, head) = client.send(request("HEAD", "/long", &[])).head();
    assert_eq!((status, head.value("content-length")), (200, Some("4711")));
    assert_eq!(client.get("/204", &[]).answer().status, 204);
}

#[test]
fn a_broken_request_body_does_not_arrive_as_a_complete_one() {
    for (framing, sent) in [("Content-Length: 10", "12345"), ("Transfer-Encoding: chunked", "5\r\n12345\r\n")]
    {
        let (tell, heard) = channel();
        let upstream = Upstream::scripted(move |call| {
            let payload = call.body().clone();
            tell.send((payload.bytes, payload.complete)).unwrap();
            Then::Close
        });
        let gloss = Setup::before(&upstream).start();
        let mut client = gloss.client();
        client.send(request("POST", "/", &[framing])).send(sent);
        drop(client);
        assert_eq!(heard.recv().unwrap(), (b"12345".to_vec(), false), "{framing}");
    }
}

#[test]
fn a_client_may_close_its_side_and_still_wait_for_the_answer() {
    let (closed, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::scripted(move |call| {
        wait.lock().unwrap().recv().unwrap();
        call.wire.send(json("{\"late\":1}"));
        Then::Keep
    });
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    client.get("/", &[]).finish();
    // A round trip on another connection, in which gloss comes to see the end of this one.
    assert_eq!(gloss.client().send("GET / HTTP/1.1\r\n\r\n").answer().status, 400);
    closed.send(()).unwrap();
    assert_eq!(client.answer().text(), "{\"late\":1}");
}

#[test]
fn trailers_pass() {
    let head = "HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 17\r\n\r\n";
    let (upstream, gloss) = serving(head);
    let through = gloss.get("/", &["TE: trailers"]);
    assert_eq!((through.text(), &through.payload.trailers), ("abc", &vec![("x-sum".into(), "17".into())]));

    let mut client = gloss.client();
    client.send(request("POST", "/", &["Transfer-Encoding: chunked", "Trailer: X-Sum"]));
    client.send("3\r\nabc\r\n0\r\nX-Sum: 18\r\n\r\n").answer();
    let sent = upstream.seen().pop().unwrap().payload;
    assert_eq!(sent.trailers, [("x-sum".to_owned(), "18".to_owned())]);
}

#[test]
fn trailers_that_nobody_announced_or_asked_for_are_left_out() {
    let unannounced =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 17\r\n\r\n";
    let unasked = "HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 17\r\n\r\n";
    for (answer, headers) in [(unannounced, &["TE: trailers"][..]), (unasked, &[])] {
        let (_upstream, gloss) = serving(answer);
        let through = gloss.get("/", headers).payload;
        assert_eq!((&*through.bytes, through.complete, through.trailers), (&b"abc"[..], true, Vec::new()));
    }
    let (upstream, gloss) = serving(json("{}"));
    let mut client = gloss.client();
    client.send(request("POST", "/", &["Transfer-Encoding: chunked"]));
    client.send("3\r\nabc\r\n0\r\nX-Sum: 18\r\n\r\n").answer();
    let sent = upstream.seen().pop().unwrap().payload;
    assert_eq!((&*sent.bytes, sent.complete, sent.trailers), (&b"abc"[..], true, Vec::new()));
}

#[test]
fn a_client_that_expects_100_continue_gets_it_before_it_sends_the_body() {
    let (upstream, gloss) = serving(json("{}"));
    let mut client = gloss.client();
    client.send(request("POST", "/", &["Expect: 100-continue", "Content-Length: 5"]));
    assert_eq!(client.answer().status, 100);
    client.send("12345");
    assert_eq!(client.answer().status, 200);
    assert_eq!(upstream.only().payload.bytes, b"12345");
}
