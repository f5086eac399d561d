//! What gloss tells of the way that a message came, and how header names are written.

use crate::support::answers::{answer, json, json_with, status_body, status_path};
use crate::support::client::request;
use crate::support::http2::exchange;
use crate::support::logs::Logs;
use crate::support::sidecar::Setup;
use crate::support::upstream::{Then, Upstream};

const CAME: [&str; 3] =
    ["Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"];

#[test]
fn nothing_is_told_of_the_way_unless_switched_on() {
    let upstream = Upstream::answering(json_with("via: 1.1 edge\r\n", "{}"));
    let gloss = Setup::before(&upstream).start();
    assert_eq!(gloss.get("/", &CAME).values("via"), ["1.1 edge"]);
    let seen = upstream.only().head;
    assert_eq!(seen.names(), ["host", "forwarded", "x-forwarded-for", "x-forwarded-proto"]);
    assert_eq!(seen.value("x-forwarded-for"), Some("192.0.2.1"));
}

#[test]
fn the_clients_address_is_added_or_set_by_switch() {
    let own = "for=127.0.0.1;host=api.test;proto=http";
    for (mode, forwarded, addresses, scheme) in [
        ("append", format!("for=192.0.2.1, {own}"), "192.0.2.1, 127.0.0.1", "https"),
        ("set", own.to_owned(), "127.0.0.1", "http"),
    ] {
        let upstream = Upstream::answering(json("{}"));
        let gloss = Setup::before(&upstream)
            .set("proxy.forwarded", &format!("{mode:?}"))
            .set("proxy.x_forwarded", &format!("{mode:?}"))
            .set("proxy.rewrite_host", "true")
            .start();
        gloss.get("/", &CAME);
        let seen = upstream.only().head;
        assert_eq!(seen.values("forwarded"), [forwarded]);
        assert_eq!(seen.values("x-forwarded-for"), [addresses]);
        assert_eq!(seen.values("x-forwarded-proto"), [scheme]);
        assert_eq!(
            seen.values("x-forwarded-host"),
            ["api.test"],
            "what the client asked for, not what Host became"
        );
        assert_eq!(seen.values("host"), [upstream.address.to_string()]);
    }
}

#[test]
fn via_names_gloss_in_both_directions_by_switch() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).set("proxy.via", "true").start();
    assert_eq!(gloss.get("/", &["Via: 1.0 fred"]).values("via"), ["1.1 gloss"]);
    assert_eq!(upstream.seen()[0].head.values("via"), ["1.0 fred, 1.1 gloss"]);
    let request = http::Request::get("http://h2.test/").body("").unwrap();
    assert_eq!(exchange(gloss.clients, request).headers()["via"], "1.1 gloss");
    assert_eq!(upstream.seen()[1].head.values("via"), ["2.0 gloss"]);
}

#[test]
fn header_names_arrive_in_lower_case() {
    let upstream = Upstream::answering(json_with("X-OwN: 1\r\n", "{}"));
    let gloss = Setup::before(&upstream).start();
    assert!(gloss.get("/", &["X-MiXed: 1"]).names().contains(&"x-own"));
    assert_eq!(upstream.only().head.names(), ["host", "x-mixed"]);
}

#[test]
fn header_names_are_kept_as_they_were_written_by_switch() {
    let upstream = Upstream::answering(answer(
        "HTTP/1.1 200 OK\r\nX-OwN: 1\r\nSet-Cookie: a\r\nset-cookie: b\r\n",
        "{}",
    ));
    let gloss = Setup::before(&upstream).set("proxy.preserve_header_case", "true").start();
    let through =
        gloss.get("/", &["X-MiXed: 1", "X-API-Key: k", "x-mixed: 2", "Connection: X-Hop", "X-Hop: 1"]);
    assert_eq!(upstream.only().head.names(), ["Host", "X-MiXed", "x-mixed", "X-API-Key"]);
    assert_eq!(through.names(), ["X-OwN", "Set-Cookie", "set-cookie", "date", "server", "content-length"]);
}

#[test]
fn header_names_are_kept_where_notes_are_added_too() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-OwN: 1\r\n";
    let upstream = Upstream::answering(answer(head, status_body("run_1", "running")));
    let logs = Logs::with_run("run_1");
    let gloss = Setup::before(&upstream).logs(&logs).set("proxy.preserve_header_case", "true").start();
    let through = gloss.get(&status_path("run_1"), &["Gloss: enhanced", "X-MiXed: 1"]);
    assert_eq!(through.labels(), ("enhanced", "header"));
    assert_eq!(through.names()[..2], ["Content-Type", "X-OwN"]);
    assert!(upstream.only().head.names().contains(&"X-MiXed"));
}

#[test]
fn header_names_are_kept_in_the_second_try_and_in_an_upgrade() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let upstream = Upstream::scripted(move |call| {
        match count.fetch_add(1, std::sync::atomic::Ordering::AcqRel) {
            1 => return Then::Close,
            3 => call.wire.send("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-OwN: 1\r\n\r\n"),
            _ => call.wire.send(json("{}")),
        };
        Then::Keep
    });
    let gloss = Setup::before(&upstream).set("proxy.preserve_header_case", "true").start();
    gloss.get("/", &[]);
    assert_eq!(gloss.client().send(request("GET", "/", &["X-MiXed: 1"])).answer().status, 200);
    assert_eq!(upstream.seen()[1].head.names(), ["Host", "X-MiXed"]);
    assert_eq!(upstream.seen()[2].head.names(), ["Host", "X-MiXed"]);
    let (status, head) = gloss.client().get("/", &["Connection: Upgrade", "Upgrade: echo"]).head();
    assert_eq!((status, head.values("x-own").len()), (101, 1));
    assert!(head.names().contains(&"X-OwN"), "{head:?}");
}
