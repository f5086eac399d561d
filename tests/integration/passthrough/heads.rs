//! Request lines and headers of both directions, and requests that are refused.

use crate::support::answers::{answer, json, json_with};
use crate::support::client::{get, request};
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::Upstream;
use crate::support::wire::latin1;

fn serving(answer: impl Into<Vec<u8>>) -> (Upstream, Sidecar) {
    let upstream = Upstream::answering(answer);
    let gloss = Setup::before(&upstream).start();
    (upstream, gloss)
}

#[test]
fn every_method_passes_with_its_target_as_it_came() {
    let (upstream, gloss) = serving(json("{}"));
    let targets =
        ["/", "/a%2Fb/%c3%a9/..;x=1/./../c?d=%20e+f&g[]=1&&=", "/?", "//double//", "/a?b=c?d=/e", "*"];
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "X-OWN", "get"] {
        for target in targets.iter().filter(|target| **target != "*" || method == "OPTIONS") {
            assert_eq!(gloss.client().send(request(method, target, &[])).answer().status, 200);
            let seen = upstream.seen().pop().unwrap();
            assert_eq!(seen.head.line, format!("{method} {target} HTTP/1.1"));
        }
    }
}

#[test]
fn request_headers_keep_their_order_and_their_repetitions() {
    let (upstream, gloss) = serving(json("{}"));
    let lines = [
        "Accept: */*",
        "X-B: 1",
        "X-A: 2",
        "Cookie: a=1; b=2",
        "X-C: \u{e4} \"q\"",
        "X-A: 3",
        "User-Agent: t/1",
    ];
    gloss.get("/", &lines);
    let seen = upstream.only().head;
    assert_eq!(seen.names(), ["host", "accept", "x-b", "x-a", "x-a", "cookie", "x-c", "user-agent"]);
    assert_eq!(seen.values("x-a"), ["2", "3"]);
    assert_eq!(seen.value("cookie"), Some("a=1; b=2"));
    assert_eq!(seen.value("host"), Some("api.test"), "the client's own Host");
}

#[test]
fn answer_headers_keep_their_order_and_their_repetitions() {
    let head = "x-b: 1\r\nset-cookie: a=1\r\nx-a: \"q\"\r\nset-cookie: b=2\r\nlocation: /else where\r\n";
    let (upstream, gloss) = serving(json_with(head, "{}"));
    let (direct, through) = (get(upstream.address, "/", &[]), gloss.get("/", &[]));
    let expected = [
        "content-type",
        "x-b",
        "set-cookie",
        "set-cookie",
        "x-a",
        "location",
        "date",
        "server",
        "content-length",
    ];
    assert_eq!(through.names(), expected);
    assert_eq!(through.values("set-cookie"), direct.values("set-cookie"));
    assert_eq!(through.body(), direct.body());
}

#[test]
fn nothing_is_invented() {
    let (upstream, gloss) = serving("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let through = gloss.get("/", &[]);
    assert_eq!(through.names(), ["content-length"]);
    assert_eq!(upstream.only().head.names(), ["host"]);
}

#[test]
fn every_status_passes() {
    for status in [200, 201, 206, 301, 400, 401, 404, 418, 422, 429, 500, 503, 599] {
        let (_upstream, gloss) = serving(answer(&format!("HTTP/1.1 {status} Own Words\r\n"), "body"));
        let through = gloss.get("/", &[]);
        assert_eq!((through.status, through.text()), (status, "body"));
    }
}

#[test]
fn hop_by_hop_headers_stay_on_their_hop() {
    let head = "connection: keep-alive, x-hop\r\nkeep-alive: timeout=5\r\nx-hop: 1\r\nproxy-authenticate: Basic\r\nx-own: 1\r\n";
    let (upstream, gloss) = serving(json_with(head, "{}"));
    let lines = [
        "Connection: keep-alive, X-Hop, close",
        "Keep-Alive: timeout=9",
        "X-Hop: 1",
        "TE: trailers",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic eA==",
        "X-Own: 1",
    ];
    let through = gloss.get("/", &lines);
    assert_eq!(upstream.only().head.names(), ["host", "x-own"]);
    for dropped in ["keep-alive", "x-hop", "proxy-authenticate"] {
        assert_eq!(through.value(dropped), None, "{dropped}");
    }
    assert_eq!(through.value("x-own"), Some("1"));
}

#[test]
fn connection_cannot_take_away_a_header_that_matters() {
    let (upstream, gloss) = serving(json("{}"));
    let lines = [
        "Connection: Host, Authorization, X-Api-Key, Cookie, Gloss, Content-Type, Content-Length, X-Forwarded-For, Forwarded",
        "Authorization: Bearer t",
        "X-Api-Key: k",
        "Cookie: c=1",
        "Gloss: basic",
        "Content-Type: text/plain",
        "X-Forwarded-For: 192.0.2.1",
        "Forwarded: for=192.0.2.1",
        "Content-Length: 5",
    ];
    gloss.client().send(request("POST", "/", &lines)).send("12345").answer();
    let seen = upstream.only();
    let expected = [
        "host",
        "authorization",
        "x-api-key",
        "cookie",
        "gloss",
        "content-type",
        "x-forwarded-for",
        "forwarded",
        "content-length",
    ];
    assert_eq!((seen.head.names(), &seen.payload.bytes[..]), (expected.to_vec(), &b"12345"[..]));
}

#[test]
fn host_can_be_rewritten() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).set("proxy.rewrite_host", "true").start();
    gloss.get("/", &[]);
    assert_eq!(upstream.only().head.values("host"), [upstream.address.to_string()]);
}

#[test]
fn an_absolute_target_decides_the_host() {
    let (upstream, gloss) = serving(json("{}"));
    let absolute = "GET http://other.test:81/a?b HTTP/1.1\r\nHost: api.test\r\n\r\n";
    assert_eq!(gloss.client().send(absolute).answer().status, 200);
    let seen = upstream.only().head;
    assert_eq!((seen.line.as_str(), seen.values("host")), ("GET /a?b HTTP/1.1", vec!["other.test:81"]));
}

#[test]
fn a_missing_or_repeated_host_is_refused() {
    let (upstream, gloss) = serving(json("{}"));
    for head in ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"] {
        let refused = gloss.client().send(head).answer();
        assert_eq!(refused.status, 400, "{head}");
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn connect_is_refused() {
    let (upstream, gloss) = serving(json("{}"));
    let refused = gloss.client().send("CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n").answer();
    assert_eq!(refused.status, 405);
    assert!(refused.value("proxy-status").unwrap().starts_with("gloss; error="), "{refused:?}");
    assert!(upstream.seen().is_empty());
}

#[test]
fn what_is_no_request_is_refused() {
    let (upstream, gloss) = serving(json("{}"));
    let broken = [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-A: \u{1}\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b/..@\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: \r\n\r\n",
    ];
    for bytes in broken {
        assert_eq!(gloss.client().send(bytes).answer().status, 400, "{bytes:?}");
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn a_head_over_the_limit_is_refused() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).set("server.max_header_bytes", "\"8KiB\"").start();
    let refused = gloss.get("/", &[&format!("X-Long: {}", "x".repeat(100_000))]);
    assert_eq!(refused.status, 431);
    assert!(upstream.seen().is_empty());
}

#[test]
fn requests_on_one_connection_are_answered_in_their_order() {
    let upstream = Upstream::scripted(|call| {
        let body = call.line().to_owned();
        call.wire.send(answer("HTTP/1.1 200 OK\r\n", body));
        crate::support::upstream::Then::Keep
    });
    let gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    for n in 0..5 {
        client.get(&format!("/{n}"), &[]);
    }
    for n in 0..5 {
        assert_eq!(client.answer().text(), format!("GET /{n} HTTP/1.1"));
    }
}

#[test]
fn the_upstreams_own_reason_and_values_beyond_ascii_pass() {
    let (upstream, gloss) = serving(answer("HTTP/1.1 299 Own Words\r\nx-odd: \u{e4}\u{f6}\r\n", "body"));
    let (_, head) = gloss.client().get("/", &["X-Odd: \u{e4}"]).head();
    assert_eq!(head.line, "HTTP/1.1 299 Own Words");
    // The text above is UTF-8, the wire shows each of its bytes.
    assert_eq!(head.value("x-odd"), Some(latin1("\u{e4}\u{f6}".as_bytes()).as_str()));
    assert_eq!(upstream.only().head.value("x-odd"), Some(latin1("\u{e4}".as_bytes()).as_str()));
}

#[test]
fn an_asterisk_is_a_target_of_its_own() {
    let (upstream, gloss) = serving(json("{}"));
    assert_eq!(gloss.client().send(request("OPTIONS", "*", &[])).answer().status, 200);
    let seen = upstream.only().head;
    assert_eq!((seen.line.as_str(), seen.value("host")), ("OPTIONS * HTTP/1.1", Some("api.test")));
}

#[test]
fn provisional_answers_of_the_upstream_end_at_gloss() {
    let early = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let bytes = [early.as_bytes(), &json("{}")].concat();
    let (_upstream, gloss) = serving(bytes);
    for _ in 0..2 {
        let through = gloss.get("/", &[]);
        assert_eq!((through.status, through.text(), through.value("link")), (200, "{}", None));
    }
}

/// Header lines with names of their own.
fn numbered(count: usize) -> String {
    let lines: Vec<_> = (0..count).map(|number| format!("x-{number}: {number}\r\n")).collect();
    lines.concat()
}

#[test]
fn an_answer_with_very_many_headers_and_trailers_passes_and_is_asked_for_once() {
    let trailers = numbered(300).replace("x-", "t-");
    let head =
        format!("HTTP/1.1 200 OK\r\n{}transfer-encoding: chunked\r\ntrailer: t-299\r\n\r\n", numbered(600));
    let (upstream, gloss) = serving(format!("{head}2\r\n{{}}\r\n0\r\n{trailers}\r\n"));
    for method in ["GET", "DELETE", "POST"] {
        let answer = gloss.client().send(request(method, "/", &["TE: trailers"])).answer();
        assert_eq!((answer.head.value("x-599"), answer.text()), (Some("599"), "{}"), "{method}");
        assert!(answer.payload.complete, "{method}");
    }
    assert_eq!(upstream.seen().len(), 3);
}

#[test]
fn a_request_has_as_many_headers_as_configured() {
    let upstream = Upstream::answering(json("{}"));
    // The second is the one number that hyper needs no memory for.
    for most in [20, 100, 300] {
        let gloss = Setup::before(&upstream).set("server.max_headers", &most.to_string()).start();
        let status_of = |count: usize| {
            let head = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", numbered(count - 1));
            gloss.client().send(head).answer().status
        };
        assert_eq!((status_of(most), status_of(most + 1)), (200, 431), "{most}");
    }
}
