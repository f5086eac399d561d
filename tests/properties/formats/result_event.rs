//! The result event, and runs without one.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{ended, final_result, in_transcript, log, outcome, report, report_at, said};

#[test]
fn subtype_success_with_is_error_is_no_success() {
    let limit = json!({"type": "result", "subtype": "success", "is_error": true, "num_turns": 4,
        "result": "Usage limit reached ∙ resets 3am", "session_id": "s"});
    let report = report(&[said("m1", "On it."), limit]);
    assert_eq!(outcome(&report), "failed");
    assert_eq!(final_result(&report), Some("Usage limit reached ∙ resets 3am"));
    assert!(!report.workflow_summary.expect("the run has ended").deployment_ready);
}

#[test]
fn max_turns_is_told_by_the_subtype_whatever_is_error_says() {
    let old = json!({"type": "result", "subtype": "error_max_turns", "is_error": false, "errors": [], "num_turns": 8});
    let new = json!({"type": "result", "subtype": "error_max_turns", "is_error": true, "num_turns": 9,
        "errors": ["Reached maximum number of turns (8)"]});
    for end in [old, new] {
        let report = report(&[said("m1", "Half of it is done."), end]);
        assert_eq!(outcome(&report), "max_turns");
        assert_eq!(
            final_result(&report),
            Some("Half of it is done."),
            "without a result the last words stand"
        );
    }
}

#[test]
fn the_stated_result_wins_over_other_last_words() {
    let report =
        report(&[said("m1", "The report:"), said("m2", "Afterthought."), ended("The report: fine.")]);
    assert_eq!(final_result(&report), Some("The report: fine."));
}

#[test]
fn of_several_results_costs_are_cumulative_and_turns_are_not() {
    let woken = |turns: u32, cost: f64, ms: u32, text: &str| {
        json!({"type": "result", "subtype": "success", "is_error": false, "num_turns": turns, "duration_ms": ms,
            "result": text, "session_id": "s", "total_cost_usd": cost})
    };
    let init = json!({"type": "system", "subtype": "init", "session_id": "s", "model": "m"});
    let lines = [
        init.clone(),
        said("m1", "Waiting for the job."),
        woken(20, 1.25, 60_000, "Waiting for the job."),
        init,
        said("m2", "The job is done."),
        woken(2, 1.5, 4_000, "The job is done."),
    ];
    let report = report(&lines);
    assert_eq!(report.run_details.usage.cost_usd, Some(1.5));
    assert_eq!(report.run_details.turns, 22);
    assert_eq!(final_result(&report), Some("The job is done."));
}

#[test]
fn a_longer_time_at_the_api_than_in_all_changes_nothing() {
    let with = |api_ms: u32| {
        let mut end = ended("Done.");
        end["duration_api_ms"] = json!(api_ms);
        serde_json::to_value(report(&[said("m1", "Done."), end])).expect("a report serialises")
    };
    assert_eq!(with(8_000), with(9_500));
}

#[test]
fn costs_are_read_under_all_their_names() {
    let cost = |fields: Value| {
        let mut end = ended("Done.");
        let end_fields = end.as_object_mut().expect("an object");
        end_fields.remove("total_cost_usd");
        end_fields.extend(fields.as_object().expect("an object").clone());
        report(&[end]).run_details.usage.cost_usd
    };
    assert_eq!(cost(json!({"cost_usd": 0.125})), Some(0.125));
    assert_eq!(cost(json!({"total_cost": 0.25})), Some(0.25));
    assert_eq!(cost(json!({"cost_usd": 0.125, "total_cost_usd": 0.5})), Some(0.5));
}

#[test]
fn keys_of_later_versions_are_read_or_do_no_harm() {
    let mut end = ended("Done.");
    end["permission_denials"] = json!([{"tool_name": "Bash", "tool_use_id": "c", "tool_input": {}}]);
    end["modelUsage"] = json!({"some-model": {"inputTokens": 5, "costUSD": 0.5}});
    end["stop_reason"] = json!("end_turn");
    end["terminal_reason"] = json!({"any": ["shape"]});
    let report = report(&[end]);
    assert_eq!(outcome(&report), "success");
    assert_eq!(report.run_details.permission_denials, 1);
}

#[test]
fn a_transcript_ends_without_a_result_event() {
    let mut last = in_transcript(said("m1", "All is done."), 5);
    last["message"]["stop_reason"] = json!("end_turn");
    let report = report(&[in_transcript(said("m0", "Let me look."), 1), last]);
    assert_eq!(outcome(&report), "success");
    assert_eq!(final_result(&report), Some("All is done."));
}

#[test]
fn transcripts_of_versions_without_a_stop_reason_end_with_an_event_beside_the_message() {
    let ends = [
        json!({"type": "system", "subtype": "turn_duration", "durationMs": 5000}),
        json!({"type": "system", "subtype": "stop_hook_summary", "hookCount": 1}),
        json!({"type": "progress", "data": {"type": "hook_progress", "hookEvent": "Stop"}, "toolUseID": "x"}),
    ];
    for end in ends {
        let lines = [in_transcript(said("m1", "All is done."), 1), in_transcript(end, 2)];
        assert_eq!(outcome(&report(&lines)), "success", "{}", lines[1]);
    }
}

#[test]
fn a_stream_that_never_got_its_result_runs_until_it_is_lost() {
    let mut line = said("m1", "Working.");
    line["timestamp"] = json!("2025-08-01T10:00:00Z");
    let bytes = log(&[line]);
    assert_eq!(outcome(&report_at(&bytes, TimeDelta::minutes(1), None)), "running");
    assert_eq!(outcome(&report_at(&bytes, TimeDelta::hours(3), None)), "lost");
}
