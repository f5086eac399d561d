//! The upstream's own answer as the source: with nothing configured but the upstream.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use gloss::demo::logs_in_answer;

use super::{Answering, RUN, cache, enhanced, reason, source, steps};
use crate::support::answers::{json, later_status_body, status_body_with, status_path};
use crate::support::eventually;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream};

/// The answer to a run whose log is this.
fn telling(log: &str, status: &str) -> String {
    status_body_with(RUN, status, &logs_in_answer(log.as_bytes()), None)
}

fn before(upstream: &Upstream) -> Sidecar {
    Setup::before(upstream).sources("[]").start()
}

#[test]
fn with_nothing_but_an_upstream_its_answers_say_what_the_log_would() {
    let answering = Answering::with(telling(&Log::of(RUN).running(), "running"));
    let logs = Logs::with_run(RUN);
    let (gloss, beside) =
        (before(&answering.upstream), Setup::before(&answering.upstream).logs(&logs).start());
    let (from_body, from_log) = (enhanced(&gloss), enhanced(&beside));
    assert_eq!((source(&from_body), source(&from_log)), ("body", "file"));
    assert_eq!(steps(&from_body), steps(&from_log));
    assert_eq!(steps(&from_body)[1].0, "Fix the parser");
    assert_eq!(from_body["run_details"]["tools"], from_log["run_details"]["tools"]);
    assert_eq!(from_body["enhancement"]["complete"], true);
    assert!(gloss.stderr().contains("last 1000 entries"), "{}", gloss.stderr());

    let finished = Log::of(RUN).finished("The parser reads again.");
    answering.now(telling(&finished, "completed"));
    logs.write(RUN, &finished);
    let (from_body, from_log) = (enhanced(&gloss), enhanced(&beside));
    assert_eq!(from_body["final_result"], "The parser reads again.");
    for field in ["final_result", "step_by_step_results", "workflow_summary"] {
        assert_eq!(from_body[field], from_log[field], "{field}");
    }
}

#[test]
fn an_answer_that_grew_is_read_from_where_the_last_one_ended() {
    let log = Log::of(RUN).call("Read", &serde_json::json!({"file_path": "a.py"}));
    let answering = Answering::with(telling(&log.clone().text(), "running"));
    let gloss = before(&answering.upstream);
    assert_eq!(cache(&enhanced(&gloss)), "miss");
    assert_eq!(cache(&enhanced(&gloss)), "hit");
    answering.now(telling(&log.says("All of it.").text(), "completed"));
    let grown = enhanced(&gloss);
    assert_eq!((cache(&grown), &grown["final_result"]), ("incremental", &"All of it.".into()));
}

#[test]
fn of_a_long_run_the_answer_has_the_end_only_and_says_so() {
    let mut log = Log::of(RUN);
    for n in 0..600 {
        log = log.call("Read", &serde_json::json!({"file_path": format!("{n}.py")}));
    }
    let answering = Answering::with(telling(&log.says("Nearly there.").text(), "running"));
    let answer = enhanced(&before(&answering.upstream));
    assert_eq!(answer["enhancement"]["complete"], false);
    assert_eq!(answer["enhancement"]["log_lines"], 1000);
    assert_eq!(answer["run_details"]["tools"]["Read"]["calls"], 499);
}

#[test]
fn a_text_that_has_lost_its_oldest_entries_is_read_whole_and_says_what_any_replica_says() {
    let calls = |log: Log, count: u32| {
        let call = |log: Log, n| log.call("Read", &serde_json::json!({"file_path": format!("{n}.py")}));
        (0..count).fold(log, call)
    };
    let first = calls(Log::of(RUN).todo(&[("Long gone", "completed"), ("At work", "in_progress")]), 600);
    let answering = Answering::with(telling(&first.clone().text(), "running"));
    let gloss = before(&answering.upstream);
    assert_eq!(cache(&enhanced(&gloss)), "miss");
    answering.now(telling(&calls(first, 20).says("Further on.").text(), "running"));
    let (rotated, anew) = (enhanced(&gloss), enhanced(&before(&answering.upstream)));
    assert_eq!((cache(&rotated), &rotated["enhancement"]["log_lines"]), ("miss", &1000.into()));
    assert_eq!((steps(&rotated), &rotated["run_details"]), (steps(&anew), &anew["run_details"]));
    assert_eq!(cache(&enhanced(&gloss)), "hit");
}

#[test]
fn another_text_in_the_place_of_the_first_is_read_anew() {
    let about = |item: &str| telling(&Log::of(RUN).todo(&[(item, "in_progress")]).text(), "running");
    let answering = Answering::with(about("Old work"));
    let gloss = before(&answering.upstream);
    // Shorter, of the same length, and longer than the one before.
    for item in ["Work", "Play", "New work, and much of it", "Old work"] {
        assert_eq!(steps(&enhanced(&gloss)).len(), 1);
        answering.now(about(item));
        let replaced = enhanced(&gloss);
        assert_eq!((cache(&replaced), steps(&replaced)[0].0.as_str()), ("miss", item));
    }
}

#[test]
fn an_answer_without_logs_stays_as_it_is() {
    let of_kind = |logs: &str| status_body_with(RUN, "running", "", None).replace("\"logs\":\"\"", logs);
    for body in [
        later_status_body(RUN, "running"),
        of_kind("\"logs\":\"\""),
        of_kind("\"logs\":null"),
        of_kind("\"logs\":[\"2026-03-02T09:14:02 [event] Begun\"]"),
    ] {
        let answering = Answering::with(body.clone());
        let gloss = before(&answering.upstream);
        assert_eq!(reason(&gloss), "no-log", "{body}");
        assert_eq!(gloss.get(&status_path(RUN), &["Gloss: enhanced"]).text(), body);
    }
}

#[test]
fn logs_of_no_known_form_are_a_short_analysis_and_no_error() {
    for text in ["no entry at all", "\n\n[x] ]\u{0}\n", "2026-03-02T09:14:02 [claude_stream_raw] {\"type\":"]
    {
        let answering = Answering::with(status_body_with(RUN, "running", text, None));
        let answer = enhanced(&before(&answering.upstream));
        assert_eq!((source(&answer), steps(&answer).len()), ("body", 1), "{text:?}");
    }
}

#[test]
fn an_answer_that_comes_slowly_is_waited_for_and_noted_when_it_is_whole() {
    let body = telling(&Log::of(RUN).running(), "running");
    let (go_on, wait) = channel();
    let (wait, answer) = (Mutex::new(wait), json(&body));
    let half = body.len() / 2;
    let upstream = Upstream::scripted(move |call| {
        let (first, second) = answer.split_at(answer.len() - half);
        call.wire.send(first);
        wait.lock().unwrap().recv().unwrap();
        call.wire.send(second);
        Then::Keep
    });
    let gloss = before(&upstream);
    let mut client = gloss.client();
    client.get(&status_path(RUN), &["Gloss: enhanced"]);
    let held = (body.len() - half) as u64;
    eventually("half of it is there", || (gloss.metric("gloss_held_bytes") == held).then_some(()));
    go_on.send(()).unwrap();
    let answer = client.answer();
    assert_eq!(answer.labels(), ("enhanced", "header"));
    assert_eq!((source(&answer.json()), steps(&answer.json())[1].0.as_str()), ("body", "Fix the parser"));
}

#[test]
fn what_one_caller_is_shown_is_made_from_what_the_upstream_told_this_caller() {
    let upstream = Upstream::scripted(|call| {
        call.body();
        let key = call.seen.head.value("x-api-key").unwrap_or_default().to_owned();
        let log = Log::of(RUN).todo(&[(&format!("The plan of {key}"), "in_progress")]).text();
        call.wire.send(json(telling(&log, "running")));
        Then::Keep
    });
    let gloss = before(&upstream);
    for caller in ["Ann", "Bob", "Ann", "Bob"] {
        let headers = ["Gloss: enhanced", &format!("X-Api-Key: {caller}")];
        let answer = gloss.get(&status_path(RUN), &headers).json();
        assert_eq!(steps(&answer)[0].0, format!("The plan of {caller}"));
    }
}

#[test]
fn live_updates_follow_the_answers() {
    let answering = Answering::with(telling(&Log::of(RUN).text(), "running"));
    let gloss =
        Setup::before(&answering.upstream).sources("[]").set("stream.upstream_interval", "\"100ms\"").start();
    let mut client = gloss.client();
    client.get(&status_path(RUN), &["Gloss: enhanced", "Accept: text/event-stream"]);
    assert_eq!(client.head().0, 200);
    let mut seen = String::new();
    let mut until = |client: &mut crate::support::client::Client, word: &str| {
        let begun = std::time::Instant::now();
        while !seen.contains(word) {
            assert!(begun.elapsed() < Duration::from_mins(1), "{word} is missing in {seen}");
            seen.push_str(&String::from_utf8_lossy(&client.chunk().expect("it goes on")));
        }
    };
    until(&mut client, "\"log_source\":\"body\"");
    answering.now(telling(&Log::of(RUN).running(), "running"));
    until(&mut client, "\"current_phase\":\"Fix the parser\"");
}
