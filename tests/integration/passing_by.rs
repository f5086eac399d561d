//! What passes by is remembered, and passes untouched: the turn limit of a request that starts a run.

use serde_json::{Value, json};

use crate::support::answers::{json as as_json, status_body, status_path};
use crate::support::client::Answer;
use crate::support::eventually;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream};

const START: &str = "/api/v1/workflows/claude-code/run/builder";
const ACCEPTED: &str = r#"{"run_id":"run_1","status":"pending","message":"Started","session_id":"s","workflow_name":"builder","started_at":"2026-03-02T09:14:00"}"#;

/// An upstream that answers POSTs with these bytes and everything else with a running run's status.
fn upstream(started: Vec<u8>) -> Upstream {
    Upstream::scripted(move |call| {
        call.body();
        let status = as_json(status_body("run_1", "running"));
        call.wire.send(if call.line().starts_with("POST") { &started } else { &status });
        Then::Keep
    })
}

fn before(upstream: &Upstream, logs: &Logs) -> Sidecar {
    Setup::before(upstream).logs(logs).start()
}

fn start(gloss: &Sidecar, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let head = format!("POST {START} HTTP/1.1\r\nhost: api\r\n{headers}content-length: {length}\r\n\r\n");
    gloss.client().send(head + body).answer()
}

fn enhanced(gloss: &Sidecar) -> Value {
    let answer = gloss.get(&status_path("run_1"), &["Gloss: enhanced"]);
    assert_eq!(answer.labels(), ("enhanced", "header"));
    answer.json()
}

const JSON: &str = "content-type: application/json\r\n";

#[test]
fn the_turn_limit_that_a_run_was_started_with_is_shown_and_request_and_answer_pass_as_they_are() {
    let (upstream, logs) = (upstream(as_json(ACCEPTED)), Logs::with_run("run_1"));
    let mut gloss = before(&upstream, &logs);
    assert_eq!(enhanced(&gloss)["run_details"]["max_turns"], Value::Null);
    let request = "{ \"message\": \"Größe\",\n\"max_turns\":42 }";
    let answer = start(&gloss, JSON, request);
    assert_eq!((answer.status, answer.text()), (200, ACCEPTED));
    assert!(answer.head.value("gloss-variant").is_none());
    let sent = upstream.seen().into_iter().find(|seen| seen.head.line.starts_with("POST")).unwrap();
    assert_eq!(sent.payload.bytes, request.as_bytes());
    eventually("it is remembered", || (enhanced(&gloss)["run_details"]["max_turns"] == 42).then_some(()));
    gloss.reload("enrich.compat_fields", "true");
    let answer = enhanced(&gloss);
    assert_eq!((&answer["max_turns"], &answer["run_details"]["max_turns"]), (&42.into(), &42.into()));
}

#[test]
fn progress_is_the_same_whoever_saw_the_run_start() {
    let (upstream, logs) = (upstream(as_json(ACCEPTED)), Logs::with_run("run_1"));
    let (saw, saw_not) = (before(&upstream, &logs), before(&upstream, &logs));
    start(&saw, JSON, r#"{"message":"x","max_turns":3}"#);
    eventually("it is remembered", || (enhanced(&saw)["run_details"]["max_turns"] == 3).then_some(()));
    let (one, other) = (enhanced(&saw), enhanced(&saw_not));
    for same in ["completion_percentage", "basis", "stalled"] {
        assert_eq!(one["progress_summary"][same], other["progress_summary"][same], "{same}");
    }
    assert_eq!(one["workflow_steps"]["current_step"], other["workflow_steps"]["current_step"]);
}

#[test]
fn what_was_refused_odd_or_long_leaves_nothing_behind() {
    let good = r#"{"message":"x","max_turns":42}"#.to_owned();
    let long = json!({"max_turns": 42, "message": "x".repeat(300_000)}).to_string();
    let refused = as_json(ACCEPTED);
    let refused = [b"HTTP/1.1 422 No".as_slice(), &refused["HTTP/1.1 200 OK".len()..]].concat();
    let cases = [
        ("refused", refused, JSON, good.clone()),
        ("no id", as_json(r#"{"run_id":"../etc/passwd"}"#), JSON, good.clone()),
        ("not JSON", as_json(ACCEPTED), "content-type: text/plain\r\n", good.clone()),
        (
            "compressed",
            as_json(ACCEPTED),
            "content-type: application/json\r\ncontent-encoding: gzip\r\n",
            good,
        ),
        ("no limit", as_json(ACCEPTED), JSON, r#"{"message":"x"}"#.to_owned()),
        ("no number", as_json(ACCEPTED), JSON, r#"{"max_turns":-1}"#.to_owned()),
        ("too long", as_json(ACCEPTED), JSON, long),
        ("broken", as_json(ACCEPTED), JSON, "{\"max_turns\":42".to_owned()),
    ];
    for (what, answer, headers, body) in cases {
        let (upstream, logs) = (upstream(answer), Logs::with_run("run_1"));
        let gloss = before(&upstream, &logs);
        start(&gloss, headers, &body);
        let sent = upstream.seen().into_iter().find(|seen| seen.head.line.starts_with("POST")).unwrap();
        assert_eq!(sent.payload.bytes, body.as_bytes(), "{what}");
        // What is remembered is so before the next poll of a healthy run, by far.
        for _ in 0..3 {
            assert_eq!(enhanced(&gloss)["run_details"]["max_turns"], Value::Null, "{what}");
        }
    }
}

#[test]
fn a_start_with_no_route_configured_is_nobodys_business() {
    let (upstream, logs) = (upstream(as_json(ACCEPTED)), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).set("route.start", "[]").start();
    assert_eq!(start(&gloss, JSON, r#"{"max_turns":42}"#).text(), ACCEPTED);
    for _ in 0..3 {
        assert_eq!(enhanced(&gloss)["run_details"]["max_turns"], Value::Null);
    }
}

#[test]
fn a_log_without_a_run_that_was_started_here_says_what_it_says_itself() {
    let (upstream, logs) = (upstream(as_json(ACCEPTED)), Logs::new());
    logs.write("run_1", Log::of("run_1").finished("Done."));
    let gloss = before(&upstream, &logs);
    start(&gloss, JSON, r#"{"max_turns":7}"#);
    eventually("it is remembered", || (enhanced(&gloss)["run_details"]["max_turns"] == 7).then_some(()));
    assert_eq!(enhanced(&gloss)["run_details"]["turns"], 7);
}
