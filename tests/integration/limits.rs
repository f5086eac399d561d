//! Limits on clients' connections, and what a client sees past one (section 5 of the contract).

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use rustix::process::Signal;

use crate::support::answers::{framed, json};
use crate::support::client::{Client, get};
use crate::support::eventually;
use crate::support::http2::Http2Client;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream, nobody};
use crate::support::wire::latin1;

const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn refused(gloss: &Sidecar, reason: &str) -> u64 {
    gloss.metric(&format!("gloss_refused_connections_total{{reason=\"{reason}\"}}"))
}

/// Waits for so many connections refused for this reason; they are counted when they have ended.
fn wait_for_refused(gloss: &Sidecar, reason: &str, count: u64) {
    eventually("it is counted", || (refused(gloss, reason) >= count).then_some(()));
    assert_eq!(refused(gloss, reason), count);
}

/// Waits until so many clients are connected.
fn wait_for_connections(gloss: &Sidecar, count: u64) {
    eventually("clients connect and leave", || (gloss.metric("gloss_connections") == count).then_some(()));
}

#[test]
fn a_head_that_takes_too_long_gets_408() {
    let gloss = Setup::before_address(nobody()).set("server.header_timeout", "\"300ms\"").start();
    let mut client = gloss.client();
    client.send("GET / HTTP/1.1\r\nHost: a");
    let answer = client.answer();
    assert_eq!((answer.status, answer.value("connection")), (408, Some("close")));
    assert_eq!(answer.json()["detail"], "The request's head took too long");
    assert_eq!(client.rest(), b"", "and nothing more");
    wait_for_refused(&gloss, "head-timeout", 1);
}

#[test]
fn a_head_that_trickles_gets_no_more_time() {
    let gloss = Setup::before_address(nobody()).set("server.header_timeout", "\"300ms\"").start();
    let mut stream = TcpStream::connect(gloss.clients).unwrap();
    let trickled = std::iter::repeat_with(|| {
        let mut byte = [0];
        stream.set_read_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
        let written = std::io::Write::write(&mut stream, b"X");
        match std::io::Read::read(&mut stream, &mut byte) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                written.is_err()
            }
            _ => true,
        }
    });
    // Each byte comes well within the time for a whole head.
    assert!(trickled.take(1000).any(|ended| ended), "the connection stayed open");
    wait_for_refused(&gloss, "head-timeout", 1);
}

#[test]
fn a_body_that_pauses_for_too_long_gets_408_and_never_arrives_whole() {
    let upstream = Upstream::scripted(|call| {
        assert!(!call.body().complete);
        Then::Close
    });
    let gloss = Setup::before(&upstream).set("server.body_timeout", "\"300ms\"").start();
    for framing in ["Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let mut client = gloss.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.value("connection")), (408, Some("close")));
        assert_eq!(answer.json()["detail"], "The request's body took too long");
        assert_eq!(client.rest(), b"", "and nothing more");
    }
    upstream.wait_for_closed(2);
    assert!(upstream.seen().iter().all(|seen| seen.payload.bytes == b"half"));
}

#[test]
fn half_a_preface_is_not_waited_for_for_ever() {
    let gloss = Setup::before_address(nobody()).set("server.header_timeout", "\"300ms\"").start();
    for half in ["P", "PRI * HTTP/2.0\r\n"] {
        assert_eq!(gloss.client().send(half).rest(), b"");
    }
    wait_for_refused(&gloss, "head-timeout", 2);
    assert_eq!(gloss.client().rest(), b"", "nor is a client that says nothing at all");
    assert_eq!(refused(&gloss, "head-timeout"), 2, "which is no offence");
}

#[test]
fn a_connection_without_a_next_request_is_closed() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).set("server.idle_timeout", "\"300ms\"").start();
    let mut client = gloss.client();
    for _ in 0..2 {
        assert_eq!(client.get("/", &[]).answer().status, 200);
    }
    assert_eq!(client.rest(), b"", "no answer to a request that was not made");
    let mut http2 = Http2Client::connect(gloss.clients);
    assert_eq!(http2.get("/"), 200);
    http2.wait_for_close();
    wait_for_connections(&gloss, 0);
}

#[test]
fn waiting_for_an_answer_is_not_being_idle() {
    let (go_on, wait) = channel();
    let wait = Mutex::new(wait);
    let upstream = Upstream::scripted(move |call| {
        if call.line().contains("/slow") {
            call.wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            call.wire.send(framed(b"first "));
            wait.lock().unwrap().recv().unwrap();
            call.wire.send(framed(b"second"));
            call.wire.send("0\r\n\r\n");
        } else {
            call.wire.send(json("{}"));
        }
        Then::Keep
    });
    let setup = Setup::before(&upstream).set("server.idle_timeout", "\"200ms\"");
    let gloss =
        setup.set("server.header_timeout", "\"200ms\"").set("server.write_timeout", "\"200ms\"").start();
    let mut waiting = gloss.client();
    waiting.get("/slow", &[]);
    // Others are idle, and closed for it, one after the other.
    for _ in 0..3 {
        let mut idle = gloss.client();
        assert_eq!(idle.get("/", &[]).answer().status, 200);
        assert_eq!(idle.rest(), b"");
    }
    go_on.send(()).unwrap();
    assert_eq!(waiting.answer().text(), "first second");
}

#[test]
fn a_client_that_does_not_take_its_answer_is_let_go() {
    let upstream = Upstream::scripted(|call| {
        call.wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
        // Ends when gloss closes the connection.
        while call.wire.send(vec![b'x'; 100_000]) {}
        Then::Close
    });
    let gloss = Setup::before(&upstream).set("server.write_timeout", "\"300ms\"").start();
    let mut client = gloss.client();
    client.get("/", &[]);
    assert_eq!(client.head().0, 200);
    upstream.wait_for_closed(1);
    wait_for_refused(&gloss, "write-timeout", 1);
    wait_for_connections(&gloss, 0);
}

#[test]
fn past_the_most_connections_clients_are_told() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).set("server.max_connections", "2").start();
    let mut clients = [gloss.client(), gloss.client()];
    for client in &mut clients {
        assert_eq!(client.get("/", &[]).answer().status, 200);
    }
    let mut third = gloss.client();
    let answer = third.get("/", &[]).answer();
    assert_eq!((answer.status, answer.value("retry-after")), (503, Some("1")));
    assert_eq!(answer.value("proxy-status"), Some("gloss; error=connection_limit_reached"));
    assert_eq!(answer.json()["detail"], "gloss has as many connections as it may");
    assert_eq!(upstream.seen().len(), 2);
    assert_eq!(refused(&gloss, "connection-limit"), 1);
    // Operators are not clients.
    assert_eq!(get(gloss.admin, "/readyz", &[]).status, 200);
    drop(clients);
    wait_for_connections(&gloss, 0);
    assert_eq!(gloss.get("/", &[]).status, 200);
}

#[test]
fn refusals_are_counted_by_their_reason() {
    let gloss = Setup::before_address(nobody()).start();
    let both =
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(100_000));
    for (bytes, status, reason) in [
        (both, "400", "framing"),
        ("GET / HTTP/1.1\nHost: a\n\n", "400", "framing"),
        ("nonsense\r\n\r\n", "400", "malformed"),
        (&long, "431", "head-too-large"),
    ] {
        let before = refused(&gloss, reason);
        let answer = latin1(&gloss.client().send(bytes).finish().rest());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        wait_for_refused(&gloss, reason, before + 1);
    }
}

#[test]
fn a_drain_does_not_wait_for_clients_that_have_asked_for_nothing() {
    let upstream = Upstream::answering(json("{}"));
    // The time of the drain would outlast the test.
    let mut gloss = Setup::before(&upstream).set("drain.timeout", "\"1h\"").start();
    let mut silent = gloss.client();
    let mut half_head = gloss.client();
    half_head.send("GET / HTTP/1.1\r\nHos");
    let mut half_preface = gloss.client();
    half_preface.send(&PREFACE[..10]);
    let mut second_head: Client = gloss.client();
    assert_eq!(second_head.get("/", &[]).answer().status, 200);
    second_head.send("GET / HT");
    // Says that it speaks HTTP/2, and then neither acknowledges nor leaves.
    let mut stubborn = gloss.client();
    stubborn.send([PREFACE.as_bytes(), b"\0\0\0\x04\0\0\0\0\0"].concat());
    wait_for_connections(&gloss, 5);
    gloss.signal(Signal::TERM);
    assert_eq!(gloss.ended().code(), Some(0));
    assert!(!gloss.stderr().contains("time is up"), "{}", gloss.stderr());
    for client in [&mut silent, &mut half_head, &mut half_preface, &mut second_head] {
        assert_eq!(client.rest(), b"");
    }
    drop(stubborn);
}

#[test]
fn an_upgrade_that_was_answered_before_its_body_ended_holds_no_connection() {
    let upstream = Upstream::scripted(|call| {
        call.wire.send(json("{}"));
        Then::Keep
    });
    let gloss = Setup::before(&upstream).start();
    for framing in ["Content-Length: 4\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let mut client = gloss.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n{framing}"));
        assert_eq!(client.answer().status, 200);
        client.send(if framing.contains("chunked") { "0\r\n\r\n" } else { "d" });
    }
    wait_for_connections(&gloss, 0);
}
