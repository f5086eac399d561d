//! A run whose process has ended without a word is lost within seconds, where gloss has seen that process.

use std::process::{Child, Command};

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::support::answers::{json as as_json, status_body, status_path};
use crate::support::eventually;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::Upstream;

/// A process that does nothing, and a log which says that it is the run's.
fn run(logs: &Logs) -> Child {
    let child = Command::new("sleep").arg("600").spawn().unwrap();
    let named = json!({
        "timestamp": Utc::now().to_rfc3339_opts(SecondsFormat::Micros, false), "run_id": "run_1",
        "event_type": "early_execution_start", "event_category": "other",
        "data": {"message": "Started", "workflow": "builder", "run_id": "run_1", "pid": child.id()},
    });
    logs.write("run_1", format!("{}{named}\n", Log::of("run_1").running()));
    child
}

fn notes(gloss: &Sidecar) -> Value {
    let answer = gloss.get(&status_path("run_1"), &["Gloss: enhanced"]);
    assert_eq!(answer.labels(), ("enhanced", "header"));
    answer.json()
}

fn outcome(gloss: &Sidecar) -> Value {
    notes(gloss)["run_details"]["outcome"].clone()
}

#[test]
fn a_run_whose_process_has_ended_is_lost_within_seconds_and_one_that_lives_is_not() {
    let (upstream, logs) = (Upstream::answering(as_json(status_body("run_1", "running"))), Logs::new());
    let mut process = run(&logs);
    let mut looks = Setup::before(&upstream).logs(&logs).start();
    let looks_not = Setup::before(&upstream).logs(&logs).set("analysis.process_check", "\"off\"").start();
    assert_eq!(outcome(&looks), "running");
    // What was seen is not forgotten with the configuration.
    looks.reload("enrich.compat_fields", "true");
    process.kill().unwrap();
    process.wait().unwrap();
    eventually("it is lost", || (outcome(&looks) == "lost").then_some(()));
    let lost = notes(&looks);
    assert_eq!(lost["progress_summary"]["stalled"], true);
    assert_eq!(lost["progress_summary"]["estimated_completion"], Value::Null);
    assert_eq!(
        (outcome(&looks_not), &notes(&looks_not)["progress_summary"]["stalled"]),
        ("running".into(), &false.into())
    );
    // Nor does it say so who has never seen the process.
    let came_late = Setup::before(&upstream).logs(&logs).start();
    assert_eq!(outcome(&came_late), "running");
    // What the log says of the end counts more.
    logs.append("run_1", Log::of("run_1").finished("After all."));
    assert_eq!(outcome(&looks), "success");
}
