//! Tests of the whole: what is counted, is told, in the agreed shape.

use serde_json::{Value, json};

use super::*;
use crate::analysis::RunStatus;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_000_040 + seconds, 0).unwrap()
}

fn comparison() -> Comparison {
    Comparison::new(at(0), ["no-log", "deadline"])
}

fn told(comparison: &Comparison) -> Value {
    serde_json::to_value(comparison.report(at(59))).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn everything_is_there_before_anything_happened() {
    let report = told(&comparison());
    let sections =
        ["as_of", "eta", "fallbacks", "mismatches", "noise", "proof", "since", "usefulness", "variants"];
    assert_eq!(keys(&report), sections);
    assert_eq!(
        (&report["since"], &report["as_of"]),
        (&json!("2025-10-09T08:54:00Z"), &json!("2025-10-09T08:54:59Z"))
    );
    assert_eq!(keys(&report["variants"]), ["basic", "compare", "enhanced", "shadow"]);
    assert_eq!(report["variants"]["compare"]["total_seconds"]["p50"], Value::Null);
    assert_eq!(report["fallbacks"]["by_reason"], json!({ "no-log": 0, "deadline": 0 }));
    assert_eq!(
        report["fallbacks"]["over_time"],
        json!([{ "at": "2025-10-09T08:54:00Z", "seconds": 60, "enhanced": 0, "by_reason": {} }])
    );
    assert_eq!(
        keys(&report["usefulness"]["by_status"]),
        ["completed", "failed", "killed", "running", "timeout"]
    );
    assert_eq!(report["eta"]["by_progress"].as_array().unwrap().len(), 5);
    assert_eq!(report["proof"], json!({ "checked": 0, "held": 0, "failed": 0 }));
    assert_eq!(report["noise"]["a_a"]["pairs"], 0);
}

#[test]
fn whatever_part_it_was_counted_into_it_is_told() {
    let comparison = comparison();
    let exchange = Exchange {
        received: Received::Basic,
        sent: Sent::Whole,
        upstream_seconds: 0.1,
        total_seconds: 0.1,
        body_bytes: 10,
        is_plain: true,
    };
    for _ in 0..100 {
        comparison.exchange(&exchange);
        comparison.outcome(Some("deadline"), at(1));
        comparison.shadow(Ok(0.001));
        comparison.useful(&Usefulness {
            status: RunStatus::Running,
            basic_result: true,
            enhanced_result: false,
            steps: Some(true),
            has_eta: true,
        });
        comparison.proof(None, at(1));
    }
    let report = told(&comparison);
    assert_eq!(report["variants"]["basic"]["requests"], 100);
    assert_eq!(report["variants"]["shadow"]["would_add_seconds"]["count"], 100);
    assert_eq!(report["fallbacks"]["over_time"][0]["by_reason"], json!({ "deadline": 100 }));
    let useful = json!({
        "answers": 100, "basic_result": 100, "enhanced_result": 0, "steps_wanted": 100, "with_steps": 100,
        "with_eta": 100,
    });
    assert_eq!(report["usefulness"]["total"], useful);
    assert_eq!(report["usefulness"]["by_status"]["running"], useful);
    assert_eq!(report["proof"]["held"], 100);
    let half = |name: &str| report["noise"]["halves"][name]["count"].as_u64().unwrap();
    assert_eq!(half("first") + half("second"), 100);
    assert!(half("first") > 20 && half("second") > 20);
}

#[test]
fn a_proof_that_failed_leaves_an_example() {
    let comparison = comparison();
    let difference = differences(b"{\"a\":1}", b"{\"a\":2}").remove(0);
    comparison.proof(Some(difference), at(5));
    let report = told(&comparison);
    assert_eq!(report["proof"], json!({ "checked": 1, "held": 0, "failed": 1 }));
    assert_eq!(report["mismatches"][0]["pair"], "a_b");
    assert_eq!(report["mismatches"][0]["at"], "2025-10-09T08:54:05Z");
}
