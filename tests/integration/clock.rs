//! A wall clock that jumps: an analysis as of any moment is an analysis, and an estimate is never in the past.

use std::process::Command;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::support::logs::{Log, Logs};
use crate::support::sidecar::PROGRAM;

/// The analysis of a run that went on in 2026, as of another moment.
fn as_of(now: &str) -> Value {
    let logs = Logs::new();
    logs.write("run_1", Log::of("run_1").running());
    let mut command = Command::new(PROGRAM);
    command.args(["analyze", "--status", "running", "--now", now]).arg(logs.path("run_1"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{now}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn a_clock_at_any_moment_gives_an_analysis_without_an_estimate_in_the_past() {
    let moments = [
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "2026-03-02T09:13:59Z",
        "2026-03-02T09:14:05Z",
        "2026-03-02T09:20:00Z",
        "2038-01-19T03:14:08Z",
        "9999-12-31T23:59:59Z",
    ];
    for now in moments {
        let added = as_of(now);
        let summary = &added["progress_summary"];
        assert_eq!(moment(added["enhancement"]["generated_at"].as_str().unwrap()), moment(now), "{added}");
        for estimate in ["estimated_completion", "earliest_completion", "latest_completion"] {
            if let Some(estimate) = summary[estimate].as_str() {
                assert!(moment(estimate) >= moment(now), "as of {now}: {summary}");
            }
        }
        let percentage = summary["completion_percentage"].as_f64().unwrap();
        assert!((0.0..100.0).contains(&percentage), "as of {now}: {summary}");
        for step in added["workflow_steps"]["steps"].as_array().unwrap() {
            assert!(step["duration_seconds"].as_i64().unwrap_or(0) >= 0, "as of {now}: {step}");
        }
    }
}
