//! What the A/B measures: by whole processes, as `/api/comparison` tells it, and both answers in one.

use serde_json::{Value, json};

use crate::support::answers::{answer, json, json_with, status_body, status_path, typed};
use crate::support::client::get;
use crate::support::eventually;
use crate::support::gate::Gate;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream, nobody};

const RUN: &str = "run_1";

/// What the admin listener tells.
fn report(gloss: &Sidecar) -> Value {
    get(gloss.admin, "/api/comparison", &[]).json()
}

/// The report, once this figure has come so far: an answer is counted when it has gone out.
fn report_with(gloss: &Sidecar, figure: &str, count: u64) -> Value {
    eventually(&format!("{figure} is {count}"), || {
        let report = report(gloss);
        (report.pointer(figure).and_then(Value::as_u64) == Some(count)).then_some(report)
    })
}

fn ask(gloss: &Sidecar, variant: &str) -> crate::support::client::Answer {
    gloss.get(&status_path(RUN), &[&format!("Gloss: {variant}")])
}

/// A log of a run that goes on, with times of today, so that something can be foretold of it.
fn running_now() -> String {
    Log::of(RUN).running()
}

#[test]
fn requests_are_counted_by_what_was_received_with_their_times_and_sizes() {
    let body = status_body(RUN, "running");
    let (upstream, logs) = (Upstream::answering(json(&body)), Logs::with_run(RUN));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    for _ in 0..3 {
        gloss.get(&status_path(RUN), &[]);
    }
    ask(&gloss, "enhanced");
    ask(&gloss, "shadow");
    gloss.get("/docs", &[]);
    report_with(&gloss, "/variants/basic/requests", 3);
    report_with(&gloss, "/variants/enhanced/requests", 1);
    report_with(&gloss, "/usefulness/total/answers", 2);
    let report = report_with(&gloss, "/variants/shadow/requests", 1);
    for (variant, count) in [("basic", 3), ("enhanced", 1), ("shadow", 1), ("compare", 0)] {
        let variant = &report["variants"][variant];
        assert_eq!((&variant["errors"], &variant["left"]), (&json!(0), &json!(0)));
        for figure in ["upstream_seconds", "total_seconds", "added_seconds", "body_bytes"] {
            assert_eq!(variant[figure]["count"], count, "{figure} {report}");
        }
    }
    let of = |variant: &str, figure: &str| report["variants"][variant][figure]["p50"].as_f64().unwrap();
    assert!((of("basic", "body_bytes") / body.len() as f64 - 1.0).abs() < 0.021, "{report}");
    assert!(of("enhanced", "body_bytes") > 1.5 * of("basic", "body_bytes"));
    assert!(of("enhanced", "total_seconds") >= of("enhanced", "upstream_seconds"));
    assert_eq!(report["variants"]["shadow"]["would_add_seconds"]["count"], 1);
    let halves = &report["noise"]["halves"];
    let count = |half: &str| halves[half]["count"].as_u64().unwrap();
    assert_eq!(count("first") + count("second"), 3);
    assert_eq!(report["proof"], json!({ "checked": 2, "held": 2, "failed": 0 }));
}

#[test]
fn what_gloss_adds_is_told_apart_from_what_the_upstream_takes() {
    let (upstream, logs, gate) =
        (Upstream::answering(json(status_body(RUN, "running"))), Logs::with_run(RUN), Gate::new());
    let gloss = Setup::before(&upstream).logs(&logs).set("enrich.budget", "\"300ms\"").gate(&gate).start();
    let waited = ask(&gloss, "enhanced");
    assert_eq!(waited.labels(), ("basic", "deadline"));
    let report = report_with(&gloss, "/variants/basic/requests", 1);
    let added = report["variants"]["basic"]["added_seconds"]["p50"].as_f64().unwrap();
    assert!(added >= 0.29, "the client waited for nothing: {added}");
    let upstream = report["variants"]["basic"]["upstream_seconds"]["p50"].as_f64().unwrap();
    assert!(upstream < 0.29, "the upstream is not to blame: {upstream}");
    assert_eq!(report["noise"]["halves"]["first"]["count"], 0);
    assert_eq!(report["noise"]["halves"]["second"]["count"], 0);
}

#[test]
fn an_analysis_that_hangs_in_the_shadow_delays_nobody() {
    let body = status_body(RUN, "running");
    let (upstream, logs, gate) = (Upstream::answering(json(&body)), Logs::with_run(RUN), Gate::new());
    let gloss = Setup::before(&upstream).logs(&logs).set("rollout.default", "\"shadow\"").gate(&gate).start();
    // The budget is 25 s: whoever waited for the notes would wait for that, twenty times.
    let before = std::time::Instant::now();
    let mut client = gloss.client();
    for _ in 0..20 {
        let answer = client.get(&status_path(RUN), &[]).answer();
        assert_eq!((answer.labels(), answer.text()), (("basic", "default"), body.as_str()));
    }
    assert!(before.elapsed().as_secs() < 20, "{:?}", before.elapsed());
    let report = report_with(&gloss, "/variants/shadow/requests", 20);
    assert_eq!(report["usefulness"]["total"]["answers"], 0, "no log was read");
    let added = report["variants"]["shadow"]["added_seconds"]["max"].as_f64().unwrap();
    assert!(added < 1.0, "{added}");
}

#[test]
fn fallbacks_are_told_by_reason_over_time_and_those_of_shadows_apart() {
    let (upstream, logs) = (Upstream::answering(json(status_body(RUN, "running"))), Logs::new());
    let gloss = Setup::before(&upstream).logs(&logs).start();
    ask(&gloss, "enhanced");
    ask(&gloss, "enhanced");
    ask(&gloss, "shadow");
    let report = report_with(&gloss, "/fallbacks/shadow_by_reason/no-log", 1);
    assert_eq!(report["fallbacks"]["by_reason"]["no-log"], 2);
    assert_eq!(report["fallbacks"]["by_reason"]["rule"], 0, "every reason is there");
    let minutes = report["fallbacks"]["over_time"].as_array().unwrap();
    let counted: u64 = minutes.iter().filter_map(|minute| minute["by_reason"]["no-log"].as_u64()).sum();
    assert_eq!(counted, 2, "{report}");
    assert_eq!(report_with(&gloss, "/variants/basic/requests", 2)["variants"]["enhanced"]["requests"], 0);
}

#[test]
fn errors_belong_to_what_was_decided_and_clients_who_leave_are_no_errors() {
    let upstream = Upstream::answering(answer("HTTP/1.1 503 Busy\r\n", "later"));
    let gloss = Setup::before(&upstream).start();
    ask(&gloss, "enhanced");
    ask(&gloss, "basic");
    let report = report_with(&gloss, "/variants/enhanced/errors", 1);
    assert_eq!(report["variants"]["basic"]["errors"], 1);
    assert_eq!(report["variants"]["basic"]["total_seconds"]["count"], 0);

    let nobody = Setup::before_address(nobody()).start();
    assert_eq!(ask(&nobody, "shadow").status, 502);
    report_with(&nobody, "/variants/shadow/errors", 1);

    let cut = Upstream::answering_and_closing("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
    let gloss = Setup::before(&cut).start();
    ask(&gloss, "basic");
    report_with(&gloss, "/variants/basic/errors", 1);

    let empty = Upstream::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let gloss = Setup::before(&empty).start();
    ask(&gloss, "basic");
    let report = report_with(&gloss, "/variants/basic/requests", 1);
    assert_eq!(
        (&report["variants"]["basic"]["left"], &report["variants"]["basic"]["body_bytes"]["count"]),
        (&json!(0), &json!(1))
    );

    let endless = Upstream::scripted(|call| {
        call.wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
        while call.wire.send([b' '; 4096]) {}
        Then::Close
    });
    let gloss = Setup::before(&endless).start();
    let mut client = gloss.client();
    client.get(&status_path(RUN), &[]).head();
    client.break_off();
    let report = report_with(&gloss, "/variants/basic/left", 1);
    assert_eq!(report["variants"]["basic"]["errors"], 0);
}

#[test]
fn usefulness_is_told_by_the_runs_status() {
    let with_result = status_body(RUN, "completed").replace("\"result\":null", "\"result\":{\"a\":1}");
    let bodies = [status_body(RUN, "running"), status_body(RUN, "completed"), with_result];
    for (number, body) in bodies.iter().enumerate() {
        let (upstream, logs) = (Upstream::answering(json(body)), Logs::new());
        logs.write(RUN, if number == 0 { running_now() } else { Log::of(RUN).finished("All done.") });
        let gloss = Setup::before(&upstream).logs(&logs).start();
        ask(&gloss, "enhanced");
        gloss.get(&format!("{}?include_steps=false", status_path(RUN)), &["Gloss: enhanced"]);
        let report = report_with(&gloss, "/usefulness/total/answers", 2);
        let status = if number == 0 { "running" } else { "completed" };
        let useful = &report["usefulness"]["by_status"][status];
        assert_eq!(useful, &report["usefulness"]["total"]);
        let ended = 2 * u64::from(number > 0);
        assert_eq!(useful["basic_result"], 2 * u64::from(number == 2), "{report}");
        assert_eq!((&useful["enhanced_result"], &useful["answers"]), (&json!(ended), &json!(2)));
        assert_eq!((&useful["steps_wanted"], &useful["with_steps"]), (&json!(1), &json!(1)));
    }
}

#[test]
fn what_was_measured_outlives_a_reload() {
    let (upstream, logs) = (Upstream::answering(json(status_body(RUN, "running"))), Logs::with_run(RUN));
    let mut gloss = Setup::before(&upstream).logs(&logs).start();
    ask(&gloss, "enhanced");
    let before = report_with(&gloss, "/variants/enhanced/requests", 1);
    gloss.reload("cache.idle", "\"2h\"");
    ask(&gloss, "enhanced");
    let after = report_with(&gloss, "/variants/enhanced/requests", 2);
    assert_eq!(after["since"], before["since"]);
}

#[test]
fn a_stream_counts_as_one_request() {
    let (upstream, logs) = (Upstream::answering(json(status_body(RUN, "running"))), Logs::with_run(RUN));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let mut client = gloss.client();
    client.get(&status_path(RUN), &["Gloss: enhanced", "Accept: text/event-stream"]).head();
    let report = report_with(&gloss, "/variants/enhanced/requests", 1);
    assert_eq!(report["variants"]["enhanced"]["total_seconds"]["count"], 1);
    assert_eq!(report["usefulness"]["by_status"]["running"]["answers"], 1);
}

#[test]
fn predictions_are_judged_when_the_end_of_the_run_is_seen() {
    let now = chrono::Utc::now();
    let minute =
        |minutes: i64| (now + chrono::TimeDelta::minutes(minutes)).format("%Y-%m-%dT%H:%M").to_string();
    // Begun a few minutes ago, so that there is something to foretell from.
    let begun = |log: String| {
        (0..9).fold(log, |log, n| log.replace(&format!("2026-03-02T09:{}", 14 + n), &minute(n - 8)))
    };
    let status = std::sync::Arc::new(std::sync::Mutex::new("running"));
    let said = std::sync::Arc::clone(&status);
    let upstream = Upstream::scripted(move |call| {
        call.wire.send(json(status_body(RUN, *said.lock().unwrap())));
        Then::Keep
    });
    let logs = Logs::new();
    let calls = |log: Log| (0..200).fold(log, |log, _| log.call("Read", &json!({"file_path": "a.py"})));
    let running =
        calls(Log::of(RUN)).todo(&[("One", "completed"), ("Two", "in_progress"), ("Three", "pending")]);
    logs.write(RUN, begun(running.text()));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let answer = ask(&gloss, "enhanced").json();
    let expected = &answer["progress_summary"]["estimated_completion"];
    assert!(expected.is_string(), "{}", answer["progress_summary"]);
    let report = report_with(&gloss, "/eta/runs_open", 1);
    assert_eq!((&report["eta"]["runs"], &report["eta"]["predictions"]), (&json!(0), &json!(0)));
    assert_eq!(report["usefulness"]["total"]["with_eta"], 1);

    let end = chrono::DateTime::parse_from_rfc3339(expected.as_str().unwrap()).unwrap()
        - chrono::TimeDelta::seconds(10);
    let last = Log::of(RUN).result("success", Some("Done")).text();
    let last = last
        .lines()
        .last()
        .unwrap()
        .replace("2026-03-02T09:14:02.320669", &end.format("%Y-%m-%dT%H:%M:%S.000000").to_string());
    logs.append(RUN, last + "\n");
    *status.lock().unwrap() = "completed";
    ask(&gloss, "enhanced");
    ask(&gloss, "enhanced");
    let eta = &report_with(&gloss, "/eta/runs", 1)["eta"];
    assert_eq!((&eta["predictions"], &eta["runs_open"]), (&json!(1), &json!(0)), "{eta}");
    assert_eq!((&eta["with_interval"], &eta["in_interval"]), (&json!(1), &json!(1)), "{eta}");
    let bands = eta["by_progress"].as_array().unwrap();
    let band = bands.iter().find(|band| band["predictions"] == 1).unwrap();
    let error = band["median_error_seconds"].as_f64().unwrap();
    assert!((error / 10.0 - 1.0).abs() < 0.021, "{error}");
}

mod both_in_one {
    use super::*;

    fn world(answer: Vec<u8>, log: Option<String>) -> (Upstream, Logs, Sidecar) {
        let (upstream, logs) = (Upstream::answering(answer), Logs::new());
        if let Some(log) = log {
            logs.write(RUN, log);
        }
        let gloss = Setup::before(&upstream).logs(&logs).set("compare.enabled", "true").start();
        (upstream, logs, gloss)
    }

    #[test]
    fn the_upstreams_text_stands_in_it_unchanged_beside_the_enhanced_one_and_how_they_compare() {
        let body = status_body(RUN, "running");
        let (upstream, _logs, gloss) =
            world(json_with("etag: \"1\"\r\nset-cookie: a=b\r\n", &body), Some(running_now()));
        let headers = ["Gloss: compare", "x-api-key: k", "If-None-Match: *", "Accept: application/json"];
        let answer = gloss.get(&format!("{}?full=1", status_path(RUN)), &headers);
        assert_eq!((answer.status, answer.labels()), (200, ("compare", "header")));
        assert_eq!((answer.values("vary"), answer.value("etag")), (vec!["Gloss"], None));
        assert_eq!(
            (answer.value("content-type"), answer.value("set-cookie")),
            (Some("application/json"), Some("a=b"))
        );
        assert!(
            answer.text().starts_with(&format!("{{\"variant\":\"compare\",\"basic\":{body},\"enhanced\":{{"))
        );
        let front = body.strip_suffix('}').unwrap();
        assert_eq!(answer.text().matches(front).count(), 2, "both have it, byte for byte");
        let json = answer.json();
        assert_eq!(json["enhanced"]["progress_summary"]["basis"], "todo");
        let comparison = &json["comparison"];
        assert_eq!((&comparison["identical"], &comparison["reason"]), (&json!(true), &Value::Null));
        let added: Vec<_> =
            comparison["added"].as_array().unwrap().iter().map(|added| &added["name"]).collect();
        assert_eq!(added, ["workflow_steps", "progress_summary", "run_details", "enhancement"]);
        assert_eq!(comparison["upstream"]["identical"], true);
        assert_eq!(comparison["bytes"]["basic"], body.len());

        let seen = upstream.seen();
        assert_eq!(seen.len(), 2, "the upstream is asked twice");
        assert_eq!(seen[0].head.line, seen[1].head.line);
        for name in ["x-api-key", "accept", "accept-encoding", "if-none-match", "host", "gloss"] {
            assert_eq!(seen[0].head.values(name), seen[1].head.values(name), "{name}");
        }
        let report = report_with(&gloss, "/variants/compare/requests", 1);
        assert_eq!(
            (&report["noise"]["a_a"]["pairs"], &report["noise"]["a_a"]["same"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(
            (&report["noise"]["a_b"]["pairs"], &report["noise"]["a_b"]["same"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(gloss.metric("gloss_decisions_total{variant=\"compare\",rule=\"header\"}"), 1);
    }

    #[test]
    fn what_the_upstream_changes_by_itself_is_not_blamed_on_gloss() {
        let count = std::sync::atomic::AtomicUsize::new(0);
        let upstream = Upstream::scripted(move |call| {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let moved = status_body(RUN, "running")
                .replace("\"execution_time\":91.0", &format!("\"execution_time\":{number}"));
            call.wire.send(json(moved.replace(
                "\"container_id\":null",
                &format!("\"container_id\":\"token=sk-ant-{number}23456789abcdefghijk\""),
            )));
            Then::Keep
        });
        let logs = Logs::with_run(RUN);
        let gloss = Setup::before(&upstream).logs(&logs).set("compare.enabled", "true").start();
        let comparison = &ask(&gloss, "compare").json()["comparison"];
        assert_eq!(
            (&comparison["identical"], &comparison["upstream"]["identical"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(comparison["upstream"]["differing"], json!(["container_id", "execution_time"]));
        let report = report_with(&gloss, "/variants/compare/requests", 1);
        assert_eq!(
            report["noise"]["a_a"]["differing_members"],
            json!({ "container_id": 1, "execution_time": 1 })
        );
        assert_eq!(report["noise"]["a_b"]["same"], 1);
        let mismatches = report["mismatches"].as_array().unwrap();
        assert_eq!((mismatches.len(), &mismatches[0]["pair"]), (1, &json!("a_a")));
        assert!(!report.to_string().contains("sk-ant"), "{report}");
    }

    #[test]
    fn without_notes_it_says_why() {
        let body = status_body(RUN, "running");
        let (_upstream, _logs, gloss) = world(json(&body), None);
        let answer = ask(&gloss, "compare");
        assert_eq!(answer.labels(), ("compare", "header"));
        let json = answer.json();
        assert_eq!((&json["enhanced"], &json["comparison"]["reason"]), (&Value::Null, &json!("no-log")));
        assert_eq!(gloss.enrichments("no-log"), 1);
    }

    #[test]
    fn what_cannot_be_compared_is_the_upstreams_own_answer() {
        let (_upstream, _logs, gloss) =
            world(answer("HTTP/1.1 404 Not Found\r\n", "{\"detail\":\"no\"}"), None);
        let refused = ask(&gloss, "compare");
        assert_eq!((refused.status, refused.text()), (404, "{\"detail\":\"no\"}"));
        assert_eq!(refused.labels(), ("basic", "upstream-status"));
        for (answer, reason) in [
            (typed("text/plain", "", "hello"), "not-json"),
            (json("[1]"), "not-json"),
            (json_with("content-encoding: gzip\r\n", "\x1f"), "encoded"),
        ] {
            let (_upstream, _logs, gloss) = world(answer, Some(running_now()));
            assert_eq!(ask(&gloss, "compare").labels(), ("basic", reason));
        }
    }

    #[test]
    fn an_upstream_that_answers_only_once_is_not_made_an_error() {
        let body = status_body(RUN, "running");
        let first = json(&body);
        let upstream = Upstream::scripted(move |call| {
            if call.seen.connection == 0 {
                call.wire.send(&first);
            }
            Then::Close
        });
        let logs = Logs::with_run(RUN);
        let gloss = Setup::before(&upstream).logs(&logs).set("compare.enabled", "true").start();
        let answer = ask(&gloss, "compare");
        assert_eq!(
            (answer.status, answer.labels(), answer.text()),
            (200, ("basic", "upstream-status"), body.as_str())
        );
    }

    #[test]
    fn unless_it_is_enabled_it_is_a_value_that_is_not_known() {
        let (upstream, logs) = (Upstream::answering(json(status_body(RUN, "running"))), Logs::with_run(RUN));
        let mut gloss = Setup::before(&upstream).logs(&logs).start();
        assert_eq!(ask(&gloss, "compare").labels(), ("", ""));
        assert_eq!(upstream.seen().len(), 1);
        gloss.reload("compare.enabled", "true");
        assert_eq!(ask(&gloss, "compare").labels(), ("compare", "header"));
    }

    #[test]
    fn the_kill_switch_and_deny_rules_hold_for_it_too() {
        let (upstream, logs) = (Upstream::answering(json(status_body(RUN, "running"))), Logs::with_run(RUN));
        let setup = |key: &str, value: &str| {
            let setup = Setup::before(&upstream).logs(&logs).set("compare.enabled", "true");
            setup.set(key, value).start()
        };
        assert_eq!(ask(&setup("rollout.enabled", "false"), "compare").labels(), ("basic", "disabled"));
        let pinned =
            setup("rollout.salt", "\"x\"").get(&status_path(RUN), &["Gloss: compare", "Gloss-Version: 99"]);
        assert_eq!(pinned.labels(), ("basic", "version"));
        let denied = setup("rollout.deny", "[{ workflow = \"builder\" }]");
        assert_eq!(ask(&denied, "compare").labels(), ("basic", "rule"));
        assert_eq!(ask(&denied, "compare").text(), status_body(RUN, "running"));
    }
}
