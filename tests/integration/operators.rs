//! The operators' listener (section 6 of the contract): the runs in the cache, one run in full, both live, and the page.

use serde_json::Value;

use crate::support::answers::{json, status_body, status_path};
use crate::support::client::{Answer, Client, get};
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream};

/// An upstream that calls every run by the status its id begins with.
fn upstream() -> Upstream {
    Upstream::scripted(|call| {
        let path = call.seen.head.line.split(' ').nth(1).unwrap_or_default().to_owned();
        call.body();
        let run = path.split('/').rev().nth(1).unwrap_or_default();
        let status = run.split('-').next().unwrap_or_default();
        call.wire.send(json(status_body(run, status)));
        Then::Keep
    })
}

fn operators(gloss: &Sidecar, target: &str) -> Answer {
    get(gloss.admin, target, &[])
}

fn enhanced(gloss: &Sidecar, run: &str) {
    let answer = gloss.get(&status_path(run), &["Gloss: enhanced"]);
    assert_eq!(answer.labels().0, "enhanced", "{}", answer.text());
}

fn ids(list: &Value) -> Vec<&str> {
    list["runs"].as_array().unwrap().iter().map(|run| run["run_id"].as_str().unwrap()).collect()
}

/// A gloss that was asked for a finished run, one that was stopped, and one that has fallen silent long ago.
fn with_three_runs(logs: &Logs) -> (Upstream, Sidecar) {
    logs.write("completed-1", Log::of("completed-1").finished("All is well."));
    logs.write("killed-1", Log::of("killed-1").running());
    logs.write("running-1", Log::of("running-1").says("Hello").text());
    let upstream = upstream();
    let gloss = Setup::before(&upstream).logs(logs).start();
    for run in ["running-1", "completed-1", "killed-1"] {
        enhanced(&gloss, run);
    }
    (upstream, gloss)
}

#[test]
fn the_runs_that_were_asked_for_are_listed_by_their_newest_activity() {
    let logs = Logs::new();
    logs.write("unasked", Log::of("unasked").running());
    let (_upstream, gloss) = with_three_runs(&logs);
    let list = operators(&gloss, "/api/runs").json();
    assert_eq!(ids(&list), ["completed-1", "killed-1", "running-1"]);
    let run = &list["runs"][0];
    assert_eq!((&run["outcome"], &run["completion_percentage"]), (&"success".into(), &100.0.into()));
    assert_eq!((&run["cost_usd"], &run["total_steps"]), (&0.25.into(), &3.into()));
    assert!(run["started_at"].is_string() && run["last_event_at"].is_string(), "{run}");
    assert_eq!(list["runs"][2]["outcome"], "lost");
}

#[test]
fn what_the_upstream_said_of_a_run_counts_where_its_log_does_not_know() {
    let logs = Logs::new();
    let (_upstream, gloss) = with_three_runs(&logs);
    let run = operators(&gloss, "/api/runs/killed-1").json();
    assert_eq!(
        (&run["overview"]["outcome"], &run["overview"]["status"]),
        (&"cancelled".into(), &"killed".into())
    );
    // Of a log that has taken its place, that says nothing.
    std::fs::remove_file(logs.path("killed-1")).unwrap();
    logs.write("killed-1", Log::of("killed-1").says("Once more").text());
    assert_eq!(operators(&gloss, "/api/runs/killed-1").json()["overview"]["outcome"], "lost");
}

#[test]
fn a_list_is_searched_filtered_and_paged_and_what_cannot_be_used_is_refused_by_name() {
    let logs = Logs::new();
    let (_upstream, gloss) = with_three_runs(&logs);
    for (query, found, total) in [
        ("q=COMPLETED", vec!["completed-1"], 1),
        ("q=nothing+has+this", vec![], 0),
        ("status=failed", vec!["killed-1"], 1),
        ("status=lost", vec!["running-1"], 1),
        ("limit=1", vec!["completed-1"], 3),
        ("limit=1&offset=2", vec!["running-1"], 3),
    ] {
        let list = operators(&gloss, &format!("/api/runs?{query}")).json();
        assert_eq!((ids(&list), &list["total"]), (found, &total.into()), "{query}");
    }
    let counts = operators(&gloss, "/api/runs?status=lost").json()["counts"].clone();
    assert_eq!(
        counts,
        serde_json::json!({ "all": 3, "running": 0, "stalled": 0, "completed": 1, "failed": 1, "lost": 1 })
    );
    let refused = operators(&gloss, "/api/runs?limit=1000");
    assert_eq!((refused.status, &refused.json()["detail"]["key"]), (400, &"limit".into()));
}

#[test]
fn a_list_reads_no_log() {
    let logs = Logs::new();
    let (_upstream, gloss) = with_three_runs(&logs);
    let spent = || (gloss.metric("gloss_log_lookups_total"), gloss.metric("gloss_log_reads_total"));
    let before = spent();
    logs.append("running-1", Log::of("running-1").says("More").text());
    for _ in 0..5 {
        assert_eq!(ids(&operators(&gloss, "/api/runs").json()).len(), 3);
    }
    assert_eq!(spent(), before);
}

#[test]
fn one_run_is_told_in_full_and_as_its_log_is_by_now() {
    let logs = Logs::new();
    let (_upstream, gloss) = with_three_runs(&logs);
    let done = operators(&gloss, "/api/runs/completed-1").json();
    for field in
        ["final_result", "workflow_summary", "step_by_step_results", "run_details", "enhancement", "overview"]
    {
        assert!(done.get(field).is_some(), "{field}: {done}");
    }
    assert_eq!(done["final_result"], "All is well.");
    let lines = |run: &Value| run["enhancement"]["log_lines"].as_u64().unwrap();
    let before = lines(&operators(&gloss, "/api/runs/running-1").json());
    logs.append(
        "running-1",
        Log::of("running-1").call("Read", &serde_json::json!({"file_path": "new.py"})).text(),
    );
    let after = operators(&gloss, "/api/runs/running-1").json();
    assert_eq!(lines(&after), before + 3);
    assert_eq!(after["overview"]["recent_activity"], "Reading new.py");
}

#[test]
fn a_run_that_nobody_asked_for_is_not_there_and_no_log_is_looked_for() {
    let logs = Logs::new();
    logs.write("unasked", Log::of("unasked").running());
    let (_upstream, gloss) = with_three_runs(&logs);
    let before = gloss.metric("gloss_log_lookups_total");
    for run in ["unasked", "..", "%2e%2e%2fetc", "a%00b", "", "completed-1/", "completed-1/x"] {
        assert_eq!(operators(&gloss, &format!("/api/runs/{run}")).status, 404, "{run:?}");
        assert_eq!(operators(&gloss, &format!("/api/runs/{run}/events")).status, 404, "{run:?}");
    }
    assert_eq!(gloss.metric("gloss_log_lookups_total"), before);
}

/// Reads a stream up to an event with these words.
fn event_with(client: &mut Client, words: &str) -> String {
    let mut seen = String::new();
    while let Some(chunk) = client.chunk() {
        seen.push_str(&String::from_utf8(chunk).unwrap());
        if let Some(event) =
            seen.split("\n\n").find(|event| event.contains(words) && event.starts_with("event: "))
        {
            return event.to_owned();
        }
    }
    panic!("the stream ended before {words:?}: {seen}")
}

fn follow(gloss: &Sidecar, target: &str) -> Client {
    let mut client = Client::connect(gloss.admin);
    let (status, head) = client.get(target, &["Accept: text/event-stream"]).head();
    assert_eq!((status, head.value("content-type")), (200, Some("text/event-stream")));
    client
}

#[test]
fn a_new_line_is_told_without_any_client_asking() {
    let logs = Logs::new();
    let (_upstream, gloss) = with_three_runs(&logs);
    let mut one = follow(&gloss, "/api/runs/running-1/events");
    assert!(event_with(&mut one, "\"run_id\":\"running-1\"").starts_with("event: run\n"));
    logs.append(
        "running-1",
        Log::of("running-1").call("Read", &serde_json::json!({"file_path": "news.py"})).text(),
    );
    event_with(&mut one, "Reading news.py");
}

#[test]
fn the_list_is_told_again_when_it_changes_and_only_then() {
    let logs = Logs::new();
    let (_upstream, gloss) = with_three_runs(&logs);
    let mut list = follow(&gloss, "/api/events?status=completed");
    assert!(event_with(&mut list, "completed-1").starts_with("event: runs\n"));
    logs.write("completed-2", Log::of("completed-2").finished("That, too."));
    enhanced(&gloss, "completed-2");
    let second = event_with(&mut list, "completed-2");
    assert!(second.contains("\"total\":2"), "{second}");
}

#[test]
fn streams_are_bounded_and_a_place_is_free_again_when_its_reader_leaves() {
    let logs = Logs::new();
    let (_upstream, gloss) = with_three_runs(&logs);
    let mut held: Vec<Client> = (0..64).map(|_| follow(&gloss, "/api/events")).collect();
    assert_eq!(operators(&gloss, "/api/events").status, 503);
    held.pop().expect("there are 64").break_off();
    let free = || {
        let mut client = Client::connect(gloss.admin);
        let (status, _) = client.get("/api/events", &[]).head();
        (status == 200).then_some(client)
    };
    crate::support::eventually("a place is free", free);
}

#[test]
fn with_a_token_only_the_files_of_the_page_are_open() {
    let (upstream, logs) = (upstream(), Logs::new());
    let gloss = Setup::before(&upstream).logs(&logs).set("admin.token", "\"an operator's word\"").start();
    for open in ["/", "/page/main.js", "/page/style.css", "/page/vendor/uPlot.LICENSE.txt"] {
        assert_eq!(operators(&gloss, open).status, 200, "{open}");
    }
    let run = status_path("completed-1");
    for closed in [
        "/api/runs",
        "/api/events",
        "/api/runs/a",
        "/api/runs/a/events",
        "/api/comparison",
        run.as_str(),
        "/page/",
    ] {
        assert_eq!(operators(&gloss, closed).status, 401, "{closed}");
    }
    let let_in = get(gloss.admin, "/api/runs", &["Authorization: Bearer an operator's word"]);
    assert_eq!((let_in.status, ids(&let_in.json()).len()), (200, 0));
}

#[test]
fn the_page_and_the_data_are_held_to_this_origin() {
    let (upstream, logs) = (upstream(), Logs::new());
    let gloss = Setup::before(&upstream).logs(&logs).start();
    for path in ["/", "/page/main.js", "/api/runs", "/nothing"] {
        let answer = operators(&gloss, path);
        let policy = answer.value("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{path}: {policy}"
        );
        assert_eq!(answer.value("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.value("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.value("cross-origin-opener-policy"), Some("same-origin"), "{path}");
    }
}
