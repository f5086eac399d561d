//! The service's own OpenAPI document on its way through: as it is, unless an operator has it describe the notes.

use serde_json::{Value, json};

use crate::support::answers::{json, json_with, status_path};
use crate::support::client::Answer;
use crate::support::logs::Logs;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::Upstream;

const PATH: &str = "/openapi.json";

/// A description, spaced as nothing in gloss would write it.
fn description() -> String {
    let schema = json!({ "type": "object", "properties": { "run_id": { "type": "string" } } });
    let answer = json!({ "content": { "application/json": { "schema": schema } } });
    let get = json!({ "responses": { "200": answer } });
    format!(
        "{{ \"openapi\" : \"3.1.0\", \"x-rate\": 1.50, \"paths\": {{ \"{}\": {{ \"get\": {get} }} }} }}",
        status_path("{run_id}")
    )
}

fn describing(answer: impl Into<Vec<u8>>) -> (Upstream, Sidecar) {
    let upstream = Upstream::answering(answer);
    let gloss = Setup::before(&upstream).logs(&Logs::new()).set("enrich.openapi", "true").start();
    (upstream, gloss)
}

fn described(gloss: &Sidecar, outcome: &str) -> u64 {
    gloss.metric(&format!("gloss_descriptions_total{{outcome=\"{outcome}\"}}"))
}

fn properties(answer: &Answer) -> Value {
    let get = &answer.json()["paths"][status_path("{run_id}")]["get"];
    get["responses"]["200"]["content"]["application/json"]["schema"]["properties"].clone()
}

#[test]
fn a_description_passes_untouched_unless_it_is_to_be_added_to() {
    let upstream = Upstream::answering(json_with("etag: \"1\"\r\n", description()));
    let gloss = Setup::before(&upstream).logs(&Logs::new()).start();
    let answer = gloss.get(PATH, &["If-None-Match: \"0\"", "Accept-Encoding: gzip"]);
    assert_eq!((answer.text(), answer.value("etag")), (&*description(), Some("\"1\"")));
    let seen = upstream.only().head;
    assert_eq!(seen.names(), ["host", "if-none-match", "accept-encoding"]);
}

#[test]
fn a_description_that_is_to_be_added_to_names_the_notes_and_has_a_head_that_fits() {
    let (upstream, gloss) = describing(json_with("etag: \"1\"\r\nset-cookie: a=b\r\n", description()));
    let answer = gloss.get(PATH, &["If-None-Match: \"0\"", "Accept-Encoding: gzip"]);
    assert_eq!((answer.status, answer.value("etag")), (200, None));
    assert_eq!(answer.value("set-cookie"), Some("a=b"));
    assert_eq!(answer.values("content-length"), [answer.body().len().to_string()]);
    let properties = properties(&answer);
    assert_eq!(properties["run_id"], json!({ "type": "string" }));
    assert!(properties.get("progress_summary").is_some(), "{properties}");
    assert!(
        answer.text().starts_with("{\"openapi\":\"3.1.0\",\"x-rate\":1.50,\"paths\""),
        "{}",
        answer.text()
    );
    let seen = upstream.only().head;
    assert_eq!(seen.value("accept-encoding"), Some("identity"));
    assert_eq!(seen.value("if-none-match"), None);
    assert_eq!(described(&gloss, "enhanced"), 1);
}

#[test]
fn what_cannot_be_added_to_is_the_services_own_and_counted_by_its_reason() {
    let encoded = json_with("content-encoding: gzip\r\n", b"\x1f\x8b\x08 not really");
    let elsewhere = json("{\"openapi\":\"3.1.0\",\"paths\":{}}");
    let refused = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno".to_vec();
    let cases = [
        (encoded, "encoded"),
        (json("[]"), "malformed"),
        (json("{\"swagger\":\"2.0\",\"paths\":{}}"), "malformed"),
        (elsewhere, "no-status-route"),
        (refused, "upstream-status"),
    ];
    for (bytes, reason) in cases {
        let body = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let expected = bytes[body..].to_vec();
        let (_upstream, gloss) = describing(bytes);
        assert_eq!(gloss.get(PATH, &[]).body(), expected, "{reason}");
        assert_eq!(described(&gloss, reason), 1, "{reason}");
    }
}

#[test]
fn the_kill_switch_leaves_descriptions_alone_too() {
    let upstream = Upstream::answering(json(description()));
    let setup = Setup::before(&upstream).logs(&Logs::new()).set("enrich.openapi", "true");
    let gloss = setup.set("rollout.enabled", "false").start();
    assert_eq!(gloss.get(PATH, &[]).text(), description());
}
