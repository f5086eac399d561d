//! The upstream's answer is none that notes can be added to.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use super::{case, case_with};
use crate::support::answers::{answer, chunked, framed, json, json_with, status_body, status_path, typed};
use crate::support::logs::Logs;
use crate::support::sidecar::Setup;
use crate::support::upstream::{Then, Upstream};

/// `{"status":"running"}`, compressed by gzip.
const GZIPPED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xabV*.I,)-V\xb2R**\xcd\xcb\xcb\xccKW\xaa\x05\x00*NL\xcb\x14\x00\x00\x00";

#[test]
fn an_answer_that_is_not_200_stays_as_it_is() {
    for status in ["201 Created", "401 Unauthorized", "404 Not Found", "422 Unprocessable", "500 Oops"] {
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-own: 1\r\n");
        case(answer(&head, r#"{"detail":"Run run_1 not found"}"#)).falls_back("upstream-status");
    }
}

#[test]
fn a_redirect_stays_as_it_is() {
    let redirect = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://api.test/elsewhere\r\n";
    case(answer(redirect, "")).falls_back("upstream-status");
}

#[test]
fn an_answer_without_a_body_stays_as_it_is() {
    for status in ["204 No Content", "304 Not Modified"] {
        let bytes =
            format!("HTTP/1.1 {status}\r\netag: \"1\"\r\ndate: Mon, 02 Mar 2026 09:15:31 GMT\r\n\r\n");
        case(bytes).falls_back("upstream-status");
    }
}

#[test]
fn an_answer_of_another_type_stays_as_it_is() {
    let body = status_body("run_1", "running");
    for content_type in ["text/html; charset=utf-8", "text/plain", "application/json; charset=latin-1", "x"] {
        case(typed(content_type, "", &body)).falls_back("not-json");
    }
    case(answer("HTTP/1.1 200 OK\r\n", &body)).falls_back("not-json");
    case(typed("text/html", "", "<html>{\"status\":\"running\"}</html>")).falls_back("not-json");
}

#[test]
fn json_that_is_broken_or_no_object_stays_as_it_is() {
    let broken: [&[u8]; 9] = [
        b"",
        b"{",
        b"{\"status\":\"running\"",
        b"{\"status\":\"running\",}",
        b"{\"status\":\"running\"}{}",
        b"[{\"status\":\"running\"}]",
        b"\"running\"",
        b"{\"status\":\"running\",\"a\":\"\xff\"}",
        b"{\"status\":\"running\",\"a\":NaN}",
    ];
    for body in broken {
        case(json(body)).falls_back("not-json");
    }
}

#[test]
fn a_compressed_answer_stays_as_it_is() {
    case(json_with("content-encoding: gzip\r\n", GZIPPED)).falls_back("encoded");
    case(json_with("content-encoding: identity, br\r\n", b"\x0b\x09\x80")).falls_back("encoded");
}

#[test]
fn an_answer_that_forbids_transformation_stays_as_it_is() {
    let body = status_body("run_1", "running");
    case(json_with("cache-control: no-store, No-Transform\r\n", body)).falls_back("no-transform");
}

#[test]
fn an_answer_that_announces_to_be_too_large_stays_as_it_is() {
    let body = format!("{{\"status\":\"running\",\"pad\":\"{}\"}}", "x".repeat(5000));
    case_with(json(body), |setup| setup.set("enrich.max_body_bytes", "\"4KiB\"")).falls_back("too-large");
}

#[test]
fn an_answer_that_turns_out_too_large_stays_as_it_is() {
    let body = format!("{{\"status\":\"running\",\"pad\":\"{}\"}}", "x".repeat(500_000));
    let pieces: Vec<&[u8]> = body.as_bytes().chunks(1000).collect();
    let limited = |setup: Setup| setup.set("enrich.max_body_bytes", "\"4KiB\"");
    case_with(chunked("application/json", &pieces, ""), limited).falls_back("too-large");
}

#[test]
fn an_oversize_answer_is_passed_on_before_it_has_ended() {
    let (go_on, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::scripted(move |call| {
        call.wire
            .send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
        call.wire.send(framed(&[b'['; 5000]));
        wait.lock().unwrap().recv().unwrap();
        call.wire.send(framed(&[b']'; 5000]));
        call.wire.send(b"0\r\n\r\n");
        Then::Keep
    });
    let logs = Logs::with_run("run_1");
    let gloss = Setup::before(&upstream).logs(&logs).set("enrich.max_body_bytes", "\"4KiB\"").start();
    let mut client = gloss.client();
    let (_, head) = client.get(&status_path("run_1"), &["Gloss: enhanced"]).head();
    assert_eq!(head.value("gloss-reason"), Some("too-large"));
    let mut early = Vec::new();
    while early.len() < 5000 {
        early.extend(client.chunk().unwrap());
    }
    assert_eq!(early, [b'['; 5000]);
    go_on.send(()).unwrap();
    let mut late = Vec::new();
    while late.len() < 5000 {
        late.extend(client.chunk().unwrap());
    }
    assert_eq!((late, client.chunk()), ([b']'; 5000].to_vec(), Some(Vec::new())));
}

#[test]
fn runs_that_wait_or_whose_status_is_unknown_get_no_notes() {
    for status in ["pending", "resting", "", "Running"] {
        case(json(status_body("run_1", status))).falls_back("status");
    }
    for body in [r#"{"status":null}"#, r#"{"status":3}"#, r#"{"state":"running"}"#, "{}"] {
        case(json(body)).falls_back("status");
    }
}

#[test]
fn runs_that_ended_badly_get_no_notes_where_that_is_switched_off() {
    for status in ["failed", "timeout", "killed"] {
        let off = |setup: Setup| setup.set("enrich.failed", "false");
        case_with(json(status_body("run_1", status)), off).falls_back("status");
    }
    let off = |setup: Setup| setup.set("enrich.failed", "false");
    let running = case_with(json(status_body("run_1", "running")), off);
    assert_eq!(running.ask().labels(), ("enhanced", "header"));
}

#[test]
fn a_body_that_breaks_off_is_not_passed_on_as_a_complete_one() {
    let body = status_body("run_1", "running");
    let mut announced = json(&body);
    announced.truncate(announced.len() - 10);
    let mut in_chunks = chunked("application/json", &[body.as_bytes()], "");
    in_chunks.truncate(in_chunks.len() - 5);
    for (broken, sent) in [(announced, &body[..body.len() - 10]), (in_chunks, &body[..])] {
        let (upstream, logs) = (Upstream::answering_and_closing(broken), Logs::with_run("run_1"));
        let gloss = Setup::before(&upstream).logs(&logs).start();
        let answer = gloss.get(&status_path("run_1"), &["Gloss: enhanced"]);
        assert_eq!(answer.labels(), ("basic", "not-json"));
        assert!(!answer.payload.complete, "it looks complete: {answer:?}");
        assert_eq!(answer.text(), sent);
        assert_eq!(gloss.enrichments("not-json"), 1);
    }
}

#[test]
fn trailers_stay_with_a_body_that_was_read_in_advance() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n";
    for body in [r#"{"status":"pending"}"#, r#"{"status":"pending"#] {
        let framed = String::from_utf8(framed(body.as_bytes())).unwrap();
        let case = case(format!("{head}{framed}0\r\nx-sum: 17\r\n\r\n"));
        let answer = case.gloss.get(&status_path("run_1"), &["Gloss: enhanced", "TE: trailers"]);
        assert_eq!((answer.labels().0, answer.text()), ("basic", body));
        assert_eq!(answer.payload.trailers, [("x-sum".to_owned(), "17".to_owned())]);
    }
}

#[test]
fn a_body_that_does_not_come_in_time_is_passed_on_as_it_comes() {
    let (go_on, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let body = status_body("run_1", "running");
    let (first, last) = (body.clone().split_off(100), body.clone());
    let upstream = Upstream::scripted(move |call| {
        let bytes = json(&last);
        let (early, late) = bytes.split_at(bytes.len() - first.len());
        call.wire.send(early);
        wait.lock().unwrap().recv().unwrap();
        call.wire.send(late);
        Then::Keep
    });
    let logs = Logs::with_run("run_1");
    let gloss = Setup::before(&upstream).logs(&logs).set("enrich.body_timeout", "\"20ms\"").start();
    let mut client = gloss.client();
    let (status, head) = client.get(&status_path("run_1"), &["Gloss: enhanced"]).head();
    assert_eq!((status, head.value("gloss-reason")), (200, Some("deadline")));
    assert_eq!(client.exactly(100), body.as_bytes()[..100]);
    go_on.send(()).unwrap();
    assert_eq!(client.exactly(body.len() - 100), body.as_bytes()[100..]);
    assert_eq!(gloss.enrichments("deadline"), 1);
}
