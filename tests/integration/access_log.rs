//! The access log: one line for each request, at the end of its answer, where it is switched on.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::answers::{json, status_body, status_path};
use crate::support::client::request;
use crate::support::eventually;
use crate::support::logs::Logs;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream, nobody};

const TRACEPARENT: &str = "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn logging(setup: Setup, format: &str) -> Sidecar {
    setup.set("telemetry.access_log", "\"on\"").set("telemetry.log_format", &format!("{format:?}")).start()
}

/// The first so many lines of the access log.
fn lines(gloss: &Sidecar, count: usize) -> Vec<String> {
    eventually("the requests are logged", || {
        let stderr = gloss.stderr();
        let lines: Vec<_> =
            stderr.lines().filter(|line| line.contains("gloss::access")).map(str::to_owned).collect();
        (lines.len() >= count).then_some(lines)
    })
}

fn only_line(gloss: &Sidecar) -> String {
    let lines = lines(gloss, 1);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.into_iter().next().unwrap()
}

fn fields(gloss: &Sidecar) -> Value {
    serde_json::from_str(&only_line(gloss)).unwrap()
}

#[test]
fn a_line_tells_what_a_request_was_and_what_became_of_it() {
    let (upstream, logs) =
        (Upstream::answering(json(status_body("run_1", "running"))), Logs::with_run("run_1"));
    let gloss = logging(Setup::before(&upstream).logs(&logs), "json");
    let target = format!("{}?include_steps=true&key=s3cret", status_path("run_1"));
    let answer = gloss.get(&target, &[TRACEPARENT, "User-Agent: poller/2"]);
    let line = fields(&gloss);
    for (name, told) in [
        ("level", Value::from("INFO")),
        ("target", "gloss::access".into()),
        ("message", "request".into()),
        ("http.request.method", "GET".into()),
        ("url.path", status_path("run_1").into()),
        ("url.query", "include_steps=***&key=***".into()),
        ("http.route", status_path("{run_id}").into()),
        ("http.response.status_code", 200.into()),
        ("http.request.body.size", 0.into()),
        ("http.response.body.size", answer.body().len().into()),
        ("network.protocol.version", "1.1".into()),
        ("gloss.variant", "enhanced".into()),
        ("gloss.reason", "query".into()),
        ("client.address", "127.0.0.1".into()),
        ("user_agent.original", "poller/2".into()),
        ("trace_id", "0af7651916cd43dd8448eb211c80319c".into()),
    ] {
        assert_eq!(line[name], told, "{name} in {line}");
    }
    let (all, upstream) = (&line["http.server.request.duration"], &line["http.client.request.duration"]);
    assert!(upstream.as_f64().unwrap() > 0.0 && all.as_f64() >= upstream.as_f64(), "{line}");
    assert_eq!(line.get("error.type"), None, "{line}");
    assert_eq!(line.get("http.request.method_original"), None, "{line}");
}

#[test]
fn text_and_json_have_the_same_fields() {
    let names = |format: &str| {
        let upstream = Upstream::answering(json(status_body("run_1", "running")));
        let gloss = logging(Setup::before(&upstream), format);
        let agent = "User-Agent: poller/2";
        gloss
            .client()
            .send(request("BREW", &format!("{}?a=1", status_path("run_1")), &[TRACEPARENT, agent]))
            .answer();
        only_line(&gloss)
    };
    let told = serde_json::from_str::<Value>(&names("json")).unwrap();
    let around = ["timestamp", "level", "message", "target"];
    let in_json: BTreeSet<_> =
        told.as_object().unwrap().keys().filter(|key| !around.contains(&key.as_str())).cloned().collect();
    let line = names("text");
    let in_text = line.split(' ').filter_map(|field| field.split_once('=')).map(|(name, _)| name.to_owned());
    assert_eq!(in_text.collect::<BTreeSet<_>>(), in_json, "{line}");
    assert!(in_json.contains("http.request.method_original") && in_json.len() > 12, "{in_json:?}");
}

#[test]
fn a_client_cannot_write_lines_of_its_own() {
    let upstream = Upstream::answering(json("{}"));
    for format in ["text", "json"] {
        let gloss = logging(Setup::before(&upstream), format);
        let agent = format!("User-Agent: \"}} gloss::access\u{85}\u{9b}31m\u{202e}\t{}", "x".repeat(10_000));
        gloss.client().send(request("GET", "/a%0A2026%1B[31m", &[&agent])).answer();
        let line = only_line(&gloss);
        assert!(!line.contains(|letter: char| letter.is_control() || letter == '\u{202e}'), "{line:?}");
        assert!(line.len() < 2000 && line.contains("/a%0A2026%1B[31m"), "{line}");
    }
}

#[test]
fn nothing_is_logged_of_requests_unless_that_is_switched_on_which_can_be_done_at_run_time() {
    let upstream = Upstream::answering(json("{}"));
    let mut gloss = Setup::before(&upstream).set("telemetry.log_level", "\"warn\"").start();
    gloss.get("/before", &[]);
    gloss.reload("telemetry.access_log", "\"on\"");
    gloss.get("/after", &[]);
    let line = only_line(&gloss);
    assert!(line.contains("url.path=\"/after\""), "whatever else is left out: {line}");
}

#[test]
fn a_request_that_failed_is_told_with_its_error() {
    let gloss = logging(Setup::before_address(nobody()), "json");
    gloss.get("/any", &[]);
    let line = fields(&gloss);
    assert_eq!(
        (&line["error.type"], &line["http.response.status_code"]),
        (&"connection_refused".into(), &502.into())
    );
    assert_eq!((line.get("http.client.request.duration"), line.get("http.route")), (None, None));
}

#[test]
fn a_client_that_left_is_told_with_what_it_had_got() {
    let upstream = Upstream::scripted(|call| {
        call.wire.send("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\nbegun");
        call.wire.rest();
        Then::Close
    });
    let gloss = logging(Setup::before(&upstream), "json");
    let mut client = gloss.client();
    client.get("/download", &[]).head();
    assert_eq!(client.exactly(5), b"begun");
    assert!(!gloss.stderr().contains("gloss::access"), "not before the end");
    client.break_off();
    let line = fields(&gloss);
    assert_eq!((&line["error.type"], &line["http.response.body.size"]), (&"cancelled".into(), &5.into()));
}

#[test]
fn an_upstream_cannot_put_words_into_glosss_mouth() {
    let answer = crate::support::answers::json_with("gloss-variant: evil\r\ngloss-reason: evil\r\n", "{}");
    let upstream = Upstream::answering(answer);
    let gloss = logging(Setup::before(&upstream), "json");
    gloss.get(&status_path("run_1"), &[]);
    let line = fields(&gloss);
    assert_eq!((line.get("gloss.variant"), line.get("gloss.reason")), (None, None), "{line}");
}
