//! `gloss compare` before the real proxy: what it proves, what it prints, and how it ends.

use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::answers::{answer, json as json_answer, status_body};
use crate::support::logs::Logs;
use crate::support::sidecar::{PROGRAM, Setup, Sidecar};
use crate::support::upstream::{Call, Then, Upstream, nobody};

fn compare(url: &str, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(["compare", "--url", url]).args(arguments).output().unwrap()
}

fn before(gloss: &Sidecar, arguments: &[&str]) -> Output {
    compare(&format!("http://{}", gloss.clients), arguments)
}

fn as_json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The run that a request asks for.
fn run_of(call: &Call<'_>) -> String {
    call.line().split('/').rev().nth(2).unwrap().to_owned()
}

#[test]
fn runs_that_stand_still_are_proved_and_what_was_added_is_told() {
    let upstream = Upstream::scripted(|call| {
        let refused = call.seen.head.value("x-api-key") != Some("k");
        let body = status_body(&run_of(call), "running");
        call.wire.send(if refused { answer("HTTP/1.1 401 No\r\n", "{}") } else { json_answer(body) });
        Then::Keep
    });
    let logs = Logs::with_run("run_1");
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let output = before(&gloss, &["run_1", "run_2", "--header", "x-api-key: k", "--format", "json"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    let told = as_json(&output);
    assert_eq!((&told["held"], &told["failed"], &told["undecided"]), (&json!(2), &json!(0), &json!(0)));
    let [with, without] = told["runs"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!(
        (&with["run_id"], &with["verdict"], &with["tries"]),
        (&json!("run_1"), &json!("held"), &json!(1))
    );
    let added = with["added"].as_array().unwrap();
    let names: Vec<_> = added.iter().map(|added| &added["name"]).collect();
    assert_eq!(names, ["workflow_steps", "progress_summary", "run_details", "enhancement"]);
    let bytes: u64 = added.iter().map(|added| added["bytes"].as_u64().unwrap() + 1).sum();
    let size = |form: &str| with["bytes"][form].as_u64().unwrap();
    assert_eq!(size("basic") + bytes, size("enhanced"));
    assert!(with["seconds"]["basic_again"].as_f64().unwrap() > 0.0);
    assert_eq!((&without["fallback"], &without["added"]), (&json!("no-log"), &json!([])));
    // Basic, enhanced and basic again of each, with the caller's key.
    assert_eq!(upstream.seen().len(), 6);

    let shown = text(&before(&gloss, &["run_1", "run_2", "--header", "x-api-key: k"]).stdout);
    for part in [
        "run_1  nothing but additions\n",
        "  added  workflow_steps ",
        "  size   basic ",
        "  time   basic ",
        "run_2  no notes (no-log): the service's own answer, byte for byte\n",
        "2 runs: 2 proved\n",
    ] {
        assert!(shown.contains(part), "{part:?} is missing in {shown}");
    }
}

#[test]
fn a_gloss_that_changes_a_byte_is_found() {
    // Not gloss, but what a broken one would look like.
    let upstream = Upstream::scripted(|call| {
        let variant = call.seen.head.value("gloss").unwrap_or_default().to_owned();
        let run = run_of(call);
        let change = |body: String| match run.as_str() {
            "run_bad" => body.replace("91.0", "91"),
            "run_renamed" => body.replace("\"logs\"", "\"logz\""),
            "run_shuffled" => body.replace("\"tokens\":0,\"turns\":0", "\"turns\":0,\"tokens\":0"),
            "run_repeated" => format!("{},\"tokens\":1}}", body.strip_suffix('}').unwrap()),
            _ => body,
        };
        let body = status_body(&run, "running");
        let body = if variant == "enhanced" {
            change(format!("{},\"x\":1}}", body.strip_suffix('}').unwrap()))
        } else {
            body
        };
        let labels = format!("gloss-variant: {variant}\r\ngloss-reason: header\r\n");
        call.wire.send(crate::support::answers::json_with(&labels, body));
        Then::Keep
    });
    let runs = ["run_bad", "run_fine", "run_renamed", "run_shuffled", "run_repeated"];
    let output = compare(&upstream.url(), &[&runs[..], &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let told = as_json(&output);
    assert_eq!((&told["held"], &told["failed"]), (&json!(1), &json!(4)), "{told}");
    assert_eq!(told["runs"][1]["verdict"], "held");
    assert!(told["runs"][0]["reason"].as_str().unwrap().starts_with("byte "), "{told}");
    assert!(told["runs"][4]["reason"].as_str().unwrap().contains("twice"), "{told}");
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("the proof fails for run_bad, run_renamed, run_shuffled, run_repeated"),
        "{stderr}"
    );
}

/// An upstream whose every answer has another time in it.
fn restless() -> Upstream {
    let count = AtomicUsize::new(0);
    Upstream::scripted(move |call| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let body = status_body("run_1", "running");
        call.wire.send(json_answer(
            body.replace("\"execution_time\":91.0", &format!("\"execution_time\":{number}")),
        ));
        Then::Keep
    })
}

#[test]
fn what_the_service_changes_itself_is_undecided_and_no_failure() {
    let (upstream, logs) = (restless(), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let output = before(&gloss, &["run_1", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = as_json(&output);
    assert_eq!((&told["undecided"], &told["runs"][0]["tries"]), (&json!(1), &json!(5)));
    assert_eq!(told["runs"][0]["moved"], json!(["execution_time"]));
    let shown = text(&before(&gloss, &["run_1"]).stdout);
    assert!(shown.contains("run_1  undecided: the service's own answer changed"), "{shown}");
    assert!(shown.contains("(execution_time)") && shown.ends_with("1 run: 1 undecided\n"), "{shown}");
}

#[test]
fn where_gloss_gives_both_in_one_a_restless_run_is_proved_all_the_same() {
    let (upstream, logs) = (restless(), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).set("compare.enabled", "true").start();
    let told = as_json(&before(&gloss, &["run_1", "--format", "json"]));
    let run = &told["runs"][0];
    assert_eq!((&run["verdict"], &run["reason"]), (&json!("held"), &Value::Null), "{told}");
    assert_eq!((run["added"].as_array().unwrap().len(), &run["moved"]), (4, &json!(["execution_time"])));
}

#[test]
fn a_run_that_changes_once_is_tried_again() {
    let answers = Mutex::new(vec!["5", "4", "3", "2", "1"]);
    let upstream = Upstream::scripted(move |call| {
        let mut answers = answers.lock().unwrap();
        let next = if answers.len() > 1 { answers.pop().unwrap() } else { answers[0] };
        let body = status_body("run_1", "running")
            .replace("\"execution_time\":91.0", &format!("\"execution_time\":{next}"));
        call.wire.send(json_answer(body));
        Then::Keep
    });
    let logs = Logs::with_run("run_1");
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let told = as_json(&before(&gloss, &["run_1", "--format", "json"]));
    assert_eq!((&told["held"], &told["runs"][0]["tries"]), (&json!(1), &json!(2)), "{told}");
}

#[test]
fn notes_that_come_late_are_asked_for_again() {
    // What a gloss says whose first analysis takes too long.
    let asked = AtomicUsize::new(0);
    let upstream = Upstream::scripted(move |call| {
        let body = status_body("run_1", "running");
        let wants_notes = call.seen.head.value("gloss") == Some("enhanced");
        let is_late = wants_notes && asked.fetch_add(1, Ordering::Relaxed) == 0;
        let (labels, body) = match (wants_notes, is_late) {
            (true, false) => {
                ("enhanced\r\ngloss-reason: header", format!("{},\"x\":1}}", body.strip_suffix('}').unwrap()))
            }
            (true, true) => ("basic\r\ngloss-reason: deadline", body),
            (false, _) => ("basic\r\ngloss-reason: header", body),
        };
        call.wire.send(crate::support::answers::json_with(&format!("gloss-variant: {labels}\r\n"), body));
        Then::Keep
    });
    let run = &as_json(&compare(&upstream.url(), &["run_1", "--format", "json"]))["runs"][0];
    assert_eq!((&run["verdict"], &run["fallback"], &run["tries"]), (&json!("held"), &Value::Null, &json!(2)));
    assert_eq!(run["added"][0]["name"], "x");
}

#[test]
fn a_run_that_cannot_be_fetched_is_a_failure_with_its_reason() {
    let upstream =
        Upstream::answering(answer("HTTP/1.1 404 Not Found\r\n", "{\"detail\":\"Run not found\"}"));
    let gloss = Setup::before(&upstream).start();
    let output = before(&gloss, &["run_1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stdout)
            .contains("run_1  cannot be fetched: the service answers 404 Not Found: Run not found")
    );
    assert!(text(&output.stderr).contains("run_1 cannot be fetched"), "{}", text(&output.stderr));
    let output = compare(&format!("http://{}", nobody()), &["run_1"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout).matches("refused").count(), 1, "{}", text(&output.stdout));
    let alone = Setup::before_address(nobody()).start();
    let shown = text(&before(&alone, &["run_1"]).stdout);
    assert!(
        shown.contains("cannot be fetched: gloss answers 502 itself (connection_refused): The upstream"),
        "{shown}"
    );

    // Straight to the service, nothing says which answer came.
    let service = Upstream::answering(json_answer(status_body("run_1", "running")));
    let output = compare(&service.url(), &["run_1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("Gloss-Variant"), "{}", text(&output.stderr));
}

#[test]
fn another_name_of_the_header_is_used_where_it_is_given_and_no_key_is_shown() {
    let (upstream, logs) =
        (Upstream::answering(json_answer(status_body("run_1", "running"))), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).set("gloss.header", "\"X-Notes\"").start();
    let arguments = ["run_1", "--opt-in", "X-Notes", "--header", "x-api-key: s3cret"];
    let output = before(&gloss, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let without = before(&gloss, &["run_1", "--header", "x-api-key: s3cret"]);
    assert_eq!(without.status.code(), Some(1));
    for output in [output, without] {
        assert!(!(text(&output.stdout) + &text(&output.stderr)).contains("s3cret"));
    }
}

#[test]
fn wrong_usage_is_refused_with_2() {
    for arguments in [&[][..], &["../x"], &["run_1", "--format", "xml"], &["run_1", "--header", "none"]] {
        assert_eq!(compare("http://127.0.0.1:1", arguments).status.code(), Some(2), "{arguments:?}");
    }
}
