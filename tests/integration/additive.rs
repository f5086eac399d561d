//! What "enhanced" means (section 3 of the contract), as far as a client sees it: the upstream's bytes first, the
//! members of the status after them, and headers that fit.

use serde_json::Value;

use crate::support::answers::{chunked, json, json_with, status_body, status_path};
use crate::support::client::Answer;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::Upstream;

const REPORT: &str = "The parser no longer drops the last line; all tests pass.";

/// Members of every enhanced answer.
const ALWAYS: [&str; 2] = ["run_details", "enhancement"];
const WHILE_RUNNING: [&str; 2] = ["workflow_steps", "progress_summary"];
const AT_THE_END: [&str; 3] = ["final_result", "workflow_summary", "step_by_step_results"];

/// Gloss in front of an upstream that gives this answer, with a log that fits its status.
fn serving(answer: impl Into<Vec<u8>>, finished: bool) -> (Upstream, Logs, Sidecar) {
    serving_with(answer, finished, |setup| setup)
}

fn serving_with(
    answer: impl Into<Vec<u8>>,
    finished: bool,
    configure: impl FnOnce(Setup) -> Setup,
) -> (Upstream, Logs, Sidecar) {
    let (upstream, logs) = (Upstream::answering(answer), Logs::new());
    let log = Log::of("run_1");
    logs.write("run_1", if finished { log.finished(REPORT) } else { log.running() });
    let gloss = configure(Setup::before(&upstream).logs(&logs)).start();
    (upstream, logs, gloss)
}

fn enhanced(gloss: &Sidecar, query: &str) -> Answer {
    let answer = gloss.get(&format!("{}{query}", status_path("run_1")), &["Gloss: enhanced"]);
    assert_eq!((answer.status, answer.labels()), (200, ("enhanced", "header")));
    answer
}

/// Asserts that the answer is the upstream's object with members inserted before its closing brace.
fn assert_additive(answer: &Answer, body: &str) {
    let end = body.rfind('}').unwrap();
    assert!(answer.text().starts_with(&body[..end]), "{}", answer.text());
    assert!(answer.text().ends_with(&body[end..]), "{}", answer.text());
    assert!(answer.text().len() > body.len(), "nothing was added: {}", answer.text());
    let before: Value = serde_json::from_str(body).unwrap();
    for (name, value) in before.as_object().unwrap() {
        assert_eq!(&answer.json()[name], value, "{name}");
    }
    let length = answer.body().len().to_string();
    assert_eq!(answer.values("content-length"), [length]);
}

fn assert_members(answer: &Answer, present: &[&str], absent: &[&str]) {
    let object = answer.json();
    for name in present {
        assert!(object.get(name).is_some(), "{name} is missing in {object}");
    }
    for name in absent {
        assert!(object.get(name).is_none(), "{name} does not belong into {object}");
    }
}

#[test]
fn every_byte_of_the_upstream_comes_first_and_unchanged() {
    let odd = [
        status_body("run_1", "running"),
        "{\n  \"status\" : \"running\",\n  \"cost\": 90.0, \"tiny\": 1e-07, \"e\": 1E+2, \"deep\": {\"a\": [1, 2 ]}\n }\n\n".to_owned(),
        "  {\"status\":\"running\",\"\\u00e9\":\"é \\/ \\ud83d\\ude00 } ]\",\"twice\":1,\"twice\":1}\t\r\n".to_owned(),
        "{\"status\":\"running\",\"big\":123456789012345678901234567890.10}".to_owned(),
    ];
    for body in odd {
        let (_upstream, _logs, gloss) = serving(json(&body), false);
        assert_additive(&enhanced(&gloss, ""), &body);
    }
}

#[test]
fn an_answer_in_many_chunks_is_enhanced_like_one_in_one_piece() {
    let body = status_body("run_1", "running");
    let pieces: Vec<&[u8]> = body.as_bytes().chunks(7).collect();
    let (_upstream, _logs, gloss) = serving(chunked("application/json", &pieces, ""), false);
    let answer = enhanced(&gloss, "");
    assert_additive(&answer, &body);
    assert_eq!(answer.value("transfer-encoding"), None);
}

#[test]
fn a_member_that_the_upstream_has_is_not_added() {
    let body = r#"{"status":"running","enhancement":"mine","run_details":null}"#;
    let (_upstream, _logs, gloss) = serving(json(body), false);
    let answer = enhanced(&gloss, "");
    assert_additive(&answer, body);
    assert_eq!(answer.text().matches("\"enhancement\":").count(), 1);
    assert_eq!(answer.text().matches("\"run_details\":").count(), 1);
    assert_members(&answer, &WHILE_RUNNING, &[]);
}

#[test]
fn a_running_run_gets_its_steps_and_its_progress() {
    let body = status_body("run_1", "running");
    let (_upstream, _logs, gloss) = serving(json(&body), false);
    let answer = enhanced(&gloss, "");
    assert_additive(&answer, &body);
    assert_members(&answer, &[&WHILE_RUNNING[..], &ALWAYS].concat(), &AT_THE_END);
    let steps = &answer.json()["workflow_steps"];
    let all = steps["steps"].as_array().unwrap();
    assert_eq!(steps["total_steps"], all.len());
    // Work before the list may have steps of its own.
    let listed: Vec<_> = all.iter().filter(|step| step["source"] == "todo").collect();
    let told = |key: &str| listed.iter().map(|step| step[key].clone()).collect::<Vec<_>>();
    assert_eq!(told("name"), ["Read the parser", "Fix the parser", "Run the tests"]);
    assert_eq!(told("status"), ["completed", "in_progress", "pending"]);
    assert_eq!(steps["current_step"], listed[1]["step_id"]);
    let progress = &answer.json()["progress_summary"];
    assert_eq!(progress["current_phase"], "Fix the parser");
    let percentage = progress["completion_percentage"].as_f64().unwrap();
    assert!((0.0..100.0).contains(&percentage), "{progress}");
}

#[test]
fn a_completed_run_gets_its_result_and_its_summary() {
    let body = status_body("run_1", "completed");
    let (_upstream, _logs, gloss) = serving(json(&body), true);
    let answer = enhanced(&gloss, "");
    assert_additive(&answer, &body);
    assert_members(&answer, &[&AT_THE_END[..], &ALWAYS].concat(), &WHILE_RUNNING);
    let object = answer.json();
    assert_eq!(object["final_result"], REPORT);
    assert_eq!(object["workflow_summary"]["success_rate"], 100.0);
    assert_eq!(object["workflow_summary"]["files_modified"], 1);
    assert!(object["step_by_step_results"].as_array().unwrap().iter().all(|step| step["success"] == true));
}

#[test]
fn runs_that_ended_badly_are_treated_like_completed_ones() {
    for status in ["failed", "timeout", "killed"] {
        let body = status_body("run_1", status);
        let (_upstream, _logs, gloss) = serving(json(&body), true);
        let answer = enhanced(&gloss, "");
        assert_additive(&answer, &body);
        assert_members(&answer, &[&AT_THE_END[..], &ALWAYS].concat(), &WHILE_RUNNING);
    }
}

#[test]
fn a_report_that_the_log_cut_is_given_whole() {
    let report = "Größe: 3 µm, \"quoted\"\n".repeat(200);
    let (upstream, logs) = (Upstream::answering(json(status_body("run_1", "completed"))), Logs::new());
    logs.write("run_1", Log::of("run_1").finished(&report));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    assert_eq!(enhanced(&gloss, "").json()["final_result"].as_str().map(str::trim), Some(report.trim()));
}

#[test]
fn result_is_never_filled_in() {
    let (_upstream, _logs, gloss) = serving(json(status_body("run_1", "completed")), true);
    assert_eq!(enhanced(&gloss, "").json()["result"], Value::Null);
    let without = r#"{"status":"completed"}"#;
    let (_upstream, _logs, gloss) = serving(json(without), true);
    assert_members(&enhanced(&gloss, ""), &AT_THE_END, &["result", "logs"]);
}

#[test]
fn steps_can_be_left_out() {
    let (_upstream, _logs, gloss) = serving(json(status_body("run_1", "running")), false);
    assert_members(&enhanced(&gloss, "?include_steps=false"), &["progress_summary"], &["workflow_steps"]);
    let (_upstream, _logs, gloss) = serving(json(status_body("run_1", "completed")), true);
    let answer = enhanced(&gloss, "?include_steps=false");
    assert_members(&answer, &["final_result", "workflow_summary"], &["step_by_step_results"]);
}

#[test]
fn logs_become_null_when_the_caller_does_not_want_them_and_nothing_else_changes() {
    let body = status_body("run_1", "running");
    let (_upstream, _logs, gloss) = serving(json(&body), false);
    let (before, rest) = body.split_once("\"logs\":").unwrap();
    let after = &rest[rest.find(",\"cost\"").unwrap()..];
    assert_additive(&enhanced(&gloss, "?include_logs=false"), &format!("{before}\"logs\":null{after}"));
    for kept in ["", "?include_logs=true", "?include_logs=maybe"] {
        assert_additive(&enhanced(&gloss, kept), &body);
    }
    let basic = gloss.get(&format!("{}?include_logs=false", status_path("run_1")), &["Gloss: basic"]);
    assert_eq!(basic.text(), body);
}

#[test]
fn what_described_the_upstreams_bytes_is_dropped_and_the_rest_stays_in_order() {
    let head = concat!(
        "x-first: 1\r\netag: \"1\"\r\nlast-modified: Mon, 02 Mar 2026 09:15:31 GMT\r\naccept-ranges: bytes\r\n",
        "content-digest: sha-256=:AA==:\r\nrepr-digest: sha-256=:AA==:\r\ndigest: sha-256=AA\r\n",
        "set-cookie: a=1; Path=/\r\nset-cookie: b=2\r\naccess-control-allow-origin: *\r\ncache-control: no-store\r\n",
        "x-last: 9\r\n"
    );
    let (_upstream, _logs, gloss) = serving(json_with(head, status_body("run_1", "running")), false);
    let answer = enhanced(&gloss, "");
    for dropped in ["etag", "last-modified", "accept-ranges", "content-digest", "repr-digest", "digest"] {
        assert_eq!(answer.value(dropped), None, "{dropped}");
    }
    assert_eq!(answer.values("set-cookie"), ["a=1; Path=/", "b=2"]);
    assert_eq!(answer.value("cache-control"), Some("no-store"));
    let gloss_own = ["gloss-variant", "gloss-reason", "vary", "server-timing", "cache-status"];
    let kept: Vec<_> = answer.names().into_iter().filter(|name| !gloss_own.contains(name)).collect();
    let upstream_order = [
        "content-type",
        "x-first",
        "set-cookie",
        "set-cookie",
        "access-control-allow-origin",
        "cache-control",
        "x-last",
        "date",
        "server",
        "content-length",
    ];
    assert_eq!(kept, upstream_order);
}

#[test]
fn the_upstream_is_asked_for_the_whole_plain_answer() {
    let (upstream, _logs, gloss) = serving(json(status_body("run_1", "running")), false);
    let conditions =
        ["If-None-Match: \"1\"", "If-Modified-Since: Mon, 02 Mar 2026 09:15:31 GMT", "Range: bytes=0-9"];
    let more =
        ["If-Match: *", "If-Unmodified-Since: x", "If-Range: \"1\"", "Accept-Encoding: gzip, br", "X-Own: 1"];
    gloss.get(&status_path("run_1"), &[&conditions[..], &more, &["Gloss: enhanced"]].concat());
    let names: Vec<_> = upstream.only().head.headers;
    let names: Vec<_> = names.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected =
        [("host", "api.test"), ("accept-encoding", "identity"), ("x-own", "1"), ("gloss", "enhanced")];
    assert_eq!(names, expected);
}

#[test]
fn conditions_and_codings_are_forwarded_when_the_decision_is_basic() {
    let (upstream, _logs, gloss) = serving(json(status_body("run_1", "running")), false);
    let conditions = ["If-None-Match: \"1\"", "Range: bytes=0-9", "Accept-Encoding: gzip"];
    gloss.get(&status_path("run_1"), &conditions);
    let seen = upstream.only().head;
    assert_eq!(seen.names(), ["host", "if-none-match", "range", "accept-encoding"]);
    assert_eq!(seen.value("accept-encoding"), Some("gzip"));
}

#[test]
fn names_that_one_published_client_looks_for_are_added_by_a_switch() {
    let body = status_body("run_1", "running");
    let compat = ["max_turns", "current_phase", "cache_efficiency"];
    let (_upstream, _logs, gloss) = serving(json(&body), false);
    assert_members(&enhanced(&gloss, ""), &ALWAYS, &compat);
    let switch = |setup: Setup| setup.set("enrich.compat_fields", "true");
    let (_upstream, _logs, gloss) = serving_with(json(&body), false, switch);
    let answer = enhanced(&gloss, "");
    assert_additive(&answer, &body);
    assert_members(&answer, &compat, &[]);
    assert_eq!(answer.json()["current_phase"], "Fix the parser");
}

#[test]
fn the_first_poll_is_a_miss_the_next_a_hit_and_one_after_an_append_incremental() {
    let (_upstream, logs, gloss) = serving(json(status_body("run_1", "running")), false);
    let cache = |gloss: &Sidecar| {
        let enhancement = enhanced(gloss, "").json()["enhancement"].clone();
        let length = std::fs::metadata(logs.path("run_1")).unwrap().len();
        assert_eq!((&enhancement["log_source"], &enhancement["version"]), (&"file".into(), &1.into()));
        assert_eq!(enhancement["log_bytes"], length);
        enhancement["cache"].clone()
    };
    assert_eq!(cache(&gloss), "miss");
    assert_eq!(cache(&gloss), "hit");
    logs.append("run_1", Log::of("run_1").running());
    assert_eq!(cache(&gloss), "incremental");
    assert_eq!(cache(&gloss), "hit");
}
