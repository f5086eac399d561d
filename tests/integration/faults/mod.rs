//! What becomes of requests which the upstream does not answer: 502 or 504 as JSON with `Proxy-Status`, and at most one
//! second try.

/// Answers that break off, come too early, or are none.
mod broken_answers;

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};

use crate::support::PATIENCE;
use crate::support::answers::{framed, json, status_body, status_path};
use crate::support::client::{Answer, request};
use crate::support::logs::Logs;
use crate::support::sidecar::Setup;
use crate::support::upstream::{Then, Upstream, nobody};

pub(crate) fn assert_failed(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.value("proxy-status"), Some(format!("gloss; error={error}").as_str()));
    assert_eq!(answer.value("content-type"), Some("application/json"));
    let object = answer.json();
    assert_eq!(object.as_object().map(serde_json::Map::len), Some(1));
    assert!(!object["detail"].as_str().unwrap().is_empty());
}

/// Asks for something, and for a status in each of the three ways, of a fresh process each time.
pub(crate) fn ask_in_every_way(upstream: SocketAddr, configure: impl Fn(Setup) -> Setup) -> Vec<Answer> {
    let logs = Logs::with_run("run_1");
    let status = status_path("run_1");
    let gloss = configure(Setup::before_address(upstream).logs(&logs)).start();
    vec![
        gloss.get("/docs", &[]),
        gloss.get(&status, &[]),
        gloss.get(&status, &["Gloss: enhanced"]),
        gloss.get(&status, &["Gloss: shadow"]),
    ]
}

#[test]
fn an_upstream_that_is_down_is_a_502() {
    for answer in ask_in_every_way(nobody(), |setup| setup) {
        assert_failed(&answer, 502, "connection_refused");
    }
}

#[test]
fn an_upstream_whose_name_does_not_resolve_is_a_502() {
    let url = "\"http://nowhere.invalid:80\"";
    for answer in ask_in_every_way(nobody(), |setup| setup.set("upstream.url", url)) {
        assert_failed(&answer, 502, "dns_error");
    }
}

#[test]
fn an_upstream_that_hangs_is_a_504() {
    let upstream = Upstream::scripted(|call| {
        // Until gloss gives up.
        call.wire.rest();
        Then::Close
    });
    let hasty = |setup: Setup| setup.set("upstream.response_timeout", "\"50ms\"");
    for answer in ask_in_every_way(upstream.address, hasty) {
        assert_failed(&answer, 504, "http_response_timeout");
    }
    upstream.wait_for_closed(4);
}

#[test]
fn an_upstream_that_speaks_no_http_is_a_502() {
    for garbage in ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "\0\0\0\0\r\n\r\n"] {
        let upstream = Upstream::answering_and_closing(garbage);
        for answer in ask_in_every_way(upstream.address, |setup| setup) {
            assert_failed(&answer, 502, "http_protocol_error");
        }
    }
}

#[test]
fn an_upstream_that_closes_without_an_answer_is_a_502() {
    for part in ["", "HTTP/1.1 200 OK\r\ncontent-le"] {
        let upstream = Upstream::answering_and_closing(part);
        for answer in ask_in_every_way(upstream.address, |setup| setup) {
            assert_failed(&answer, 502, "connection_terminated");
        }
        assert_eq!(upstream.seen().len(), 4, "a fresh connection that fails is not tried again");
    }
}

#[test]
fn failures_are_counted_by_their_error() {
    let gloss = Setup::before_address(nobody()).start();
    gloss.get("/", &[]);
    gloss.get("/", &[]);
    assert_eq!(gloss.metric("gloss_rescues_total{error=\"connection_refused\"}"), 2);
}

#[test]
fn gloss_recovers_with_its_upstream() {
    let address = nobody();
    let gloss = Setup::before_address(address).start();
    assert_eq!(gloss.get("/", &[]).status, 502);
    let listener = std::net::TcpListener::bind(address).unwrap();
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut wire = crate::support::wire::Wire::over(stream);
        wire.head().unwrap();
        wire.send(json("{}"));
    });
    assert_eq!(gloss.get("/", &[]).text(), "{}");
    server.join().unwrap();
}

/// Answers the first request of its first connection, and closes at the second; later connections are good.
fn closing_at_reuse() -> Upstream {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Upstream::scripted(move |call| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
        if number == 1 {
            return Then::Close;
        }
        call.body();
        call.wire.send(json(status_body("run_1", "running")));
        Then::Keep
    })
}

#[test]
fn a_safe_request_that_meets_a_closing_connection_is_sent_once_more() {
    for method in ["GET", "OPTIONS", "DELETE"] {
        let upstream = closing_at_reuse();
        let gloss = Setup::before(&upstream).start();
        assert_eq!(gloss.get("/first", &[]).status, 200);
        let answer = gloss.client().send(request(method, "/second", &["X-Own: 1"])).answer();
        assert_eq!(answer.status, 200, "{method}");
        let seen = upstream.seen();
        let connections: Vec<_> = seen.iter().map(|seen| seen.connection).collect();
        assert_eq!(connections, [0, 0, 1], "the second try has a connection of its own");
        assert_eq!(seen[1].head.headers, seen[2].head.headers);
        assert_eq!(gloss.metric("gloss_upstream_retries_total"), 1);
    }
}

#[test]
fn an_unsafe_request_that_meets_a_closing_connection_is_not_repeated() {
    let requests = [
        request("POST", "/", &["Content-Length: 0"]),
        request("POST", "/", &["Content-Length: 5"]) + "12345",
        request("PUT", "/", &["Content-Length: 5"]) + "12345",
        request("PATCH", "/", &["Content-Length: 0"]),
    ];
    for bytes in requests {
        let upstream = closing_at_reuse();
        let gloss = Setup::before(&upstream).start();
        assert_eq!(gloss.get("/first", &[]).status, 200);
        assert_failed(&gloss.client().send(&bytes).answer(), 502, "connection_terminated");
        assert_eq!(upstream.seen().len(), 2, "{bytes}");
    }
}

#[test]
fn a_status_request_that_meets_a_closing_connection_is_enhanced_all_the_same() {
    let upstream = closing_at_reuse();
    let logs = Logs::with_run("run_1");
    let gloss = Setup::before(&upstream).logs(&logs).start();
    assert_eq!(gloss.get(&status_path("run_1"), &[]).status, 200);
    let answer = gloss.get(&status_path("run_1"), &["Gloss: enhanced"]);
    assert_eq!((answer.status, answer.labels()), (200, ("enhanced", "header")));
}

#[test]
fn connections_are_reused_and_idle_ones_are_dropped_before_the_upstream_does_it() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).set("upstream.idle_timeout", "\"300ms\"").start();
    for _ in 0..3 {
        assert_eq!(gloss.get("/", &[]).status, 200);
    }
    let connections: Vec<_> = upstream.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 0]);
    upstream.wait_for_closed(1);
    assert_eq!(gloss.get("/", &[]).status, 200);
    assert_eq!(upstream.seen()[3].connection, 1);
}

#[test]
fn a_client_that_leaves_ends_its_stream() {
    let upstream = Upstream::scripted(|call| {
        call.wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while call.wire.send(framed(b"tick")) {}
        Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    client.get("/events", &[]).head();
    drop(client);
    upstream.wait_for_closed(1);
}

#[test]
fn an_answer_that_breaks_off_arrives_as_far_as_it_came() {
    let broken = "HTTP/1.1 200 OK\r\nx-own: 1\r\ncontent-length: 10\r\n\r\n12345";
    let in_chunks = "HTTP/1.1 200 OK\r\nx-own: 1\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n";
    for bytes in [broken, in_chunks] {
        let gloss = Setup::before(&Upstream::answering_and_closing(bytes)).start();
        for _ in 0..5 {
            let answer = gloss.get("/", &[]);
            assert_eq!((answer.status, answer.value("x-own")), (200, Some("1")));
            assert_eq!((answer.text(), answer.payload.complete), ("12345", false));
        }
    }
}

/// An upstream that says when a request has come, and then waits until gloss leaves.
fn waiting() -> (Upstream, Receiver<()>) {
    let (begun, heard) = channel();
    let upstream = Upstream::scripted(move |call| {
        call.body();
        begun.send(()).unwrap();
        call.wire.rest();
        Then::Close
    });
    (upstream, heard)
}

#[test]
fn a_client_that_breaks_off_while_it_waits_ends_its_request() {
    let get = request("GET", "/", &[]);
    let upgrade = request("GET", "/", &["Connection: Upgrade", "Upgrade: echo"]);
    for (bytes, then) in [
        (get.clone(), ""),
        (request("POST", "/", &["Content-Length: 2"]) + "12", ""),
        (upgrade, ""),
        // The next request is there already, or waits to be read.
        (get.repeat(2), ""),
        (get.clone(), &get),
    ] {
        let (upstream, begun) = waiting();
        let gloss = Setup::before(&upstream).start();
        let mut client = gloss.client();
        client.send(&bytes);
        begun.recv_timeout(PATIENCE).unwrap();
        client.send(then);
        client.break_off();
        upstream.wait_for_closed(1);
    }
}

#[test]
fn a_client_that_breaks_off_while_its_stream_is_silent_ends_it() {
    let upstream = Upstream::scripted(|call| {
        call.wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ntick\r\n");
        call.wire.rest();
        Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    client.get("/events", &[]).head();
    client.break_off();
    upstream.wait_for_closed(1);
}

#[test]
fn a_connection_whose_client_has_closed_it_ends_with_the_answer() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).start();
    for bytes in [request("GET", "/", &[]), request("POST", "/", &["Content-Length: 2"]) + "12"] {
        let mut client = gloss.client();
        client.send(&bytes).finish();
        assert_eq!(client.answer().text(), "{}");
        assert_eq!(client.rest(), b"");
    }
    assert_eq!(upstream.seen().len(), 2);
}
