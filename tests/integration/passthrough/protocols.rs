//! HTTP/1.0 and HTTP/2 from clients, and other protocols after an upgrade.

use std::sync::mpsc::channel;

use http::Request;

use crate::support::PATIENCE;
use crate::support::answers::{chunked, json, status_body, status_path};
use crate::support::client::request;
use crate::support::http2::{exchange, exchange_raw, give_up};
use crate::support::logs::Logs;
use crate::support::sidecar::Setup;
use crate::support::upstream::{Then, Upstream};

/// An upstream that switches protocols and then returns every byte.
fn echo() -> Upstream {
    Upstream::scripted(|call| {
        call.wire.send(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\nx-own: 1\r\n\r\n",
        );
        loop {
            let bytes = call.wire.exactly(1);
            if bytes.is_empty() {
                return Then::Close;
            }
            call.wire.send(bytes);
        }
    })
}

const UPGRADE: [&str; 3] = ["Connection: keep-alive, Upgrade", "Upgrade: echo", "Sec-WebSocket-Key: a2V5"];

#[test]
fn an_upgrade_becomes_a_tunnel() {
    let upstream = echo();
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    let (status, head) = client.get("/ws", &UPGRADE).head();
    assert_eq!((status, head.value("upgrade"), head.value("x-own")), (101, Some("echo"), Some("1")));
    assert_eq!(head.value("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
    for bytes in [&b"to"[..], b"\0\xff\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"] {
        assert_eq!(client.send(bytes).exactly(bytes.len()), bytes);
    }
    assert_eq!(client.finish().rest(), b"", "the end is passed on, too");
    let seen = upstream.only().head;
    assert_eq!((seen.value("upgrade"), seen.value("sec-websocket-key")), (Some("echo"), Some("a2V5")));
}

#[test]
fn what_a_client_sends_too_early_arrives_after_the_switch() {
    let gloss = Setup::before(&echo()).start();
    let mut client = gloss.client();
    client.send(request("GET", "/ws", &UPGRADE) + "early");
    assert_eq!(client.head().0, 101);
    assert_eq!(client.exactly(5), b"early");
    assert_eq!(client.send("late").exactly(4), b"late");
}

#[test]
fn an_upgrade_that_was_asked_for_during_another_answer_is_a_tunnel_too() {
    let upstream = Upstream::scripted(|call| {
        if call.line().contains("/first") {
            call.wire.send(json("{}"));
            return Then::Keep;
        }
        call.wire.send("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n");
        let bytes = call.wire.exactly(6);
        call.wire.send(bytes);
        Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    client.send(request("GET", "/first", &[]) + &request("GET", "/ws", &UPGRADE));
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.head().0, 101);
    assert_eq!(client.send("a\nb\n\0c").exactly(6), b"a\nb\n\0c");
}

#[test]
fn an_upgrade_that_the_upstream_declines_is_an_ordinary_answer_and_the_last_one() {
    let (tell, heard) = channel();
    let upstream = Upstream::scripted(move |call| {
        call.wire.send(json("{\"no\":1}"));
        tell.send(call.wire.rest()).unwrap();
        Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    let declined = client.send(request("GET", "/ws", &UPGRADE) + &request("GET", "/hidden", &[])).answer();
    assert_eq!((declined.status, declined.text()), (200, "{\"no\":1}"));
    assert_eq!(client.rest(), b"", "what came early may be meant for the other protocol: nothing answers it");
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), b"", "and it does not reach the upstream");
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn no_byte_of_a_tunnel_is_forwarded_before_the_switch() {
    let (go_on, wait) = channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let (tell, heard) = channel();
    let upstream = Upstream::scripted(move |call| {
        if call.line().contains("/other") {
            call.wire.send(json("{}"));
            return Then::Keep;
        }
        wait.lock().unwrap().recv().unwrap();
        tell.send(call.wire.waiting()).unwrap();
        call.wire.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
        let bytes = call.wire.exactly(5);
        call.wire.send(bytes);
        Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    client.send(request("GET", "/ws", &UPGRADE) + "early");
    // Round trips through gloss, in which the bytes would have gone on their way.
    for _ in 0..20 {
        assert_eq!(gloss.get("/other", &[]).status, 200);
    }
    go_on.send(()).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), 0);
    assert_eq!(client.head().0, 101);
    assert_eq!(client.exactly(5), b"early");
}

#[test]
fn a_switch_that_nobody_asked_for_is_no_answer() {
    let gloss = Setup::before(&echo()).start();
    let refused = gloss.get("/", &[]);
    assert_eq!(refused.status, 502);
    assert_eq!(refused.value("proxy-status"), Some("gloss; error=http_protocol_error"));
}

#[test]
fn http_2_cannot_be_smuggled_in_by_an_upgrade() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).start();
    let h2c = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"];
    assert_eq!(gloss.get("/", &h2c).status, 200);
    assert_eq!(upstream.only().head.names(), ["host"]);
}

#[test]
fn http_1_0_clients_are_served() {
    let upstream = Upstream::answering(chunked("text/plain", &[b"in ", b"chunks"], ""));
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    let answer = client.send("GET /old HTTP/1.0\r\nX-Own: 1\r\n\r\n").answer();
    assert_eq!((answer.status, answer.text()), (200, "in chunks"));
    assert_eq!(answer.value("transfer-encoding"), None, "HTTP/1.0 knows no chunks");
    let seen = upstream.only().head;
    assert_eq!(seen.line, "GET /old HTTP/1.1");
    assert_eq!(seen.values("host"), [upstream.address.to_string()], "it sent none");
}

#[test]
fn http_1_0_clients_can_keep_their_connection() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    for _ in 0..2 {
        client.send("GET / HTTP/1.0\r\nHost: old.test\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(client.answer().text(), "{}");
    }
    assert_eq!(upstream.seen()[1].head.value("host"), Some("old.test"));
}

#[test]
fn http_2_clients_are_served_on_the_same_port() {
    let upstream = Upstream::answering(json(status_body("run_1", "running")));
    let logs = Logs::with_run("run_1");
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let request = Request::get(format!("http://h2.test{}", status_path("run_1")));
    let response = exchange(gloss.clients, request.header("gloss", "enhanced").body("some body").unwrap());
    assert_eq!(
        (response.status().as_u16(), &response.headers()["gloss-variant"]),
        (200, &"enhanced".parse().unwrap())
    );
    assert!(response.body().starts_with(status_body("run_1", "running").trim_end_matches('}')));
    let seen = upstream.only();
    assert_eq!(seen.head.line, format!("GET {} HTTP/1.1", status_path("run_1")));
    assert_eq!(seen.head.values("host"), ["h2.test"]);
    assert_eq!(seen.payload.bytes, b"some body");
}

#[test]
fn cookies_that_http_2_splits_arrive_as_one_header() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).start();
    let request = Request::get("http://h2.test/").header("cookie", "a=1").header("cookie", "b=2; c=3");
    assert_eq!(exchange(gloss.clients, request.body("").unwrap()).status(), 200);
    assert_eq!(upstream.only().head.values("cookie"), ["a=1; b=2; c=3"]);
}

#[test]
fn a_request_that_an_http_2_client_gives_up_is_dropped_at_the_upstream() {
    let (begun, heard) = channel();
    let upstream = Upstream::scripted(move |call| {
        begun.send(()).unwrap();
        // Until gloss leaves.
        call.wire.rest();
        Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    give_up(gloss.clients, Request::get("http://h2.test/slow").body("").unwrap(), &heard);
    upstream.wait_for_closed(1);
}

#[test]
fn http_2_requests_have_as_many_headers_as_others() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).set("server.max_headers", "20").start();
    let with_headers = |count: usize| {
        let mut request = Request::get("http://h2.test/");
        for number in 0..count {
            request = request.header(format!("x-{number}"), "y");
        }
        exchange(gloss.clients, request.body("").unwrap())
    };
    assert_eq!(with_headers(20).status(), 200);
    let refused = with_headers(21);
    assert_eq!(refused.status(), 431);
    assert!(refused.body().contains("too many headers"), "{}", refused.body());
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn a_length_that_an_http_2_client_tells_twice_goes_out_once() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).start();
    let told = |lengths: [&str; 2]| {
        let request = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "h2.test")];
        let lengths = lengths.map(|length| ("content-length", length));
        exchange_raw(gloss.clients, &[&request[..], &lengths].concat());
    };
    told(["0", "0"]);
    assert_eq!(upstream.only().head.values("content-length"), ["0"]);
    told(["0", "7"]);
    assert_eq!(upstream.seen().len(), 1, "one that nobody can be sure of goes nowhere");
}
