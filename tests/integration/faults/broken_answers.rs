//! Answers that break off, come too early, or are none.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use super::assert_failed;
use crate::support::answers::json;
use crate::support::client::request;
use crate::support::sidecar::Setup;
use crate::support::upstream::{Then, Upstream};

#[test]
fn an_upstream_that_resets_within_the_head_is_a_502() {
    let upstream = Upstream::scripted(|call| {
        call.wire.send("HTTP/1.1 200 OK\r\ncontent-le");
        call.wire.reset();
        Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    for _ in 0..5 {
        assert_failed(&gloss.get("/", &[]), 502, "connection_terminated");
    }
    assert_eq!(upstream.seen().len(), 5);
}

#[test]
fn two_lengths_that_differ_are_a_502_for_head_too() {
    for (lengths, status) in [("4\r\ncontent-length: 5", 502), ("4\r\ncontent-length: 4", 200), ("4", 200)] {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {lengths}\r\n\r\n");
        let gloss = Setup::before(&Upstream::answering_and_closing(answer)).start();
        let answer = gloss.client().send(request("HEAD", "/", &[])).head();
        assert_eq!(answer.0, status, "{lengths}");
    }
}

#[test]
fn an_upstream_that_resets_within_the_body_never_looks_complete() {
    for head in ["content-length: 10\r\n", "transfer-encoding: chunked\r\n", "connection: close\r\n"] {
        let (read, wait) = channel();
        let wait = Mutex::new(wait);
        let chunked = head.starts_with("transfer");
        let upstream = Upstream::scripted(move |call| {
            call.wire.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n"));
            call.wire.send(if chunked { "5\r\n12345\r\n" } else { "12345" });
            wait.lock().unwrap().recv().unwrap();
            call.wire.reset();
            Then::Close
        });
        let gloss = Setup::before(&upstream).start();
        let mut client = gloss.client();
        let (status, through) = client.get("/", &[]).head();
        assert_eq!(status, 200);
        let in_chunks = through.value("transfer-encoding").is_some();
        let first = if in_chunks { client.chunk().unwrap() } else { client.exactly(5) };
        assert_eq!(first, b"12345", "{head}");
        read.send(()).unwrap();
        assert_eq!(client.rest(), b"", "no last chunk, no filling: {head}");
        assert!(in_chunks || through.value("content-length") == Some("10"), "{head}");
    }
}

#[test]
fn a_bad_chunk_ends_the_answer_where_it_was_still_good() {
    for bad in
        ["zz\r\n12345\r\n0\r\n\r\n", "5\r\n123456\r\n0\r\n\r\n", "-1\r\n\r\n", "fffffffffffffffff\r\n1"]
    {
        let start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n";
        let gloss = Setup::before(&Upstream::answering(format!("{start}{bad}"))).start();
        let answer = gloss.get("/", &[]);
        assert_eq!((answer.status, answer.payload.complete), (200, false), "{bad:?}");
        assert!(answer.text().starts_with("first"), "{bad:?}: {}", answer.text());
    }
}

#[test]
fn an_answer_whose_head_is_too_large_is_a_502() {
    let long = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(6 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x-many: 1\r\n".repeat(2000));
    for head in [long, many] {
        let upstream = Upstream::answering_and_closing(head);
        let gloss = Setup::before(&upstream).start();
        assert_failed(&gloss.get("/", &[]), 502, "http_response_header_section_size");
    }
    let just = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(1 << 19));
    let gloss = Setup::before(&Upstream::answering(just)).start();
    assert_eq!(gloss.get("/", &[]).value("x-long").map(str::len), Some(1 << 19));
}

#[test]
fn an_upstream_that_flaps_costs_only_the_requests_it_drops() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let upstream = Upstream::scripted(move |call| {
        call.body();
        if count.fetch_add(1, std::sync::atomic::Ordering::AcqRel) % 2 == 1 {
            call.wire.send(json("{}"));
        }
        Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    for round in 0..5 {
        assert_failed(&gloss.get("/", &[]), 502, "connection_terminated");
        assert_eq!(gloss.get("/", &[]).text(), "{}", "round {round}");
    }
}

#[test]
fn a_restart_of_the_upstream_leaves_no_dead_connections_behind() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, wait) = channel::<()>();
    let first = std::thread::spawn(move || {
        let mut wire = crate::support::wire::Wire::over(listener.accept().unwrap().0);
        wire.head().unwrap();
        wire.send(json("{}"));
        wait.recv().unwrap();
    });
    let gloss = Setup::before_address(address).start();
    assert_eq!(gloss.get("/", &[]).status, 200);
    stop.send(()).unwrap();
    first.join().unwrap();
    assert_failed(&gloss.get("/", &[]), 502, "connection_refused");
    let listener = std::net::TcpListener::bind(address).unwrap();
    let again = Upstream::listening(listener, |call| {
        call.body();
        call.wire.send(json("{}"));
        Then::Keep
    });
    let post = request("POST", "/", &["Content-Length: 1"]) + "1";
    assert_eq!(gloss.client().send(post).answer().status, 200);
    assert_eq!(again.seen().len(), 1);
}

#[test]
fn an_answer_that_comes_before_the_body_was_sent_passes_and_the_connection_is_not_used_again() {
    for then in [Then::Keep, Then::Close] {
        let upstream = Upstream::scripted(move |call| {
            if call.line().starts_with("GET") {
                call.wire.send(json("{}"));
                return Then::Keep;
            }
            // The body is left unread.
            call.wire.send("HTTP/1.1 413 Payload Too Large\r\ncontent-length: 3\r\n\r\nbig");
            if then == Then::Keep {
                call.wire.rest();
            }
            Then::Close
        });
        let gloss = Setup::before(&upstream).start();
        let mut client = gloss.client();
        let early = client.send(request("POST", "/", &["Content-Length: 10"])).answer();
        assert_eq!((early.status, early.text()), (413, "big"));
        assert_eq!(gloss.get("/", &[]).text(), "{}");
        assert_eq!(upstream.seen()[1].connection, 1, "the other one still waits for a body");
        drop(client);
        upstream.wait_for_closed(1);
    }
}

#[test]
fn an_upload_that_was_refused_early_ends_on_both_sides() {
    let upstream = Upstream::scripted(|call| {
        call.wire.send("HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbig");
        call.wire.finish();
        // As servers do who want their answer to be read: what still comes is thrown away.
        call.wire.rest();
        Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    client.send(request("POST", "/", &["Content-Length: 100000000"])).send(vec![b'x'; 1 << 20]);
    let early = client.answer();
    assert_eq!((early.status, early.text()), (413, "big"));
    client.rest();
    upstream.wait_for_closed(1);
}
