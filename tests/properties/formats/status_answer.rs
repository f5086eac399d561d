//! The upstream's log as its status answer tells it: a text line an entry.

use chrono::TimeDelta;
use gloss::analysis::RunStatus;
use gloss::analysis::StepStatus::{Completed, InProgress};
use serde_json::json;

use super::{final_result, outcome, report_at, report_of, steps};

const START: &str = "2025-06-20T10:00:01.5+00:00 [early_execution_start] Started\n\
    2025-06-20T10:00:02+00:00 [early_response_captured] Early response captured: On it....\n";
const TODO: &str = "2025-06-20T10:00:03+00:00 [claude_stream_raw] <large_content:2400_chars>\n\
    2025-06-20T10:00:03+00:00 [claude_stream_assistant] {'id': 'm1', 'role': 'assistant', 'model': 'claude-x', 'content': \
    [{'type': 'tool_use', 'id': 'c1', 'name': 'TodoWrite', 'input': {'todos': [{'content': \"Plan it's\", 'status': \
    'completed'}, {'content': 'Build', 'status': 'in_progress'}]}}], 'stop_reason': None, 'usage': {'input_tokens': 4}}\n\
    2025-06-20T10:00:04+00:00 [claude_stream_raw] <large_content:2100_chars>\n\
    2025-06-20T10:00:04+00:00 [claude_stream_user] {'role': 'user', 'content': [{'tool_use_id': 'c1', 'type': \
    'tool_result', 'content': 'Todos have been modified'}]}\n";

#[test]
fn parsed_entries_stand_for_raw_ones_that_were_cut() {
    let report = report_of(format!("{START}{TODO}").as_bytes());
    assert_eq!(steps(&report), [("Plan it's", Completed), ("Build", InProgress)]);
    assert_eq!(report.run_details.tools["TodoWrite"].calls, 1);
    assert_eq!((report.enhancement.unrecognised_lines, report.enhancement.truncated_values), (0, 0));
    let at = report.progress_summary.expect("it runs").last_event_at.expect("entries have times");
    assert_eq!(at.to_string(), "2025-06-20T10:00:04Z");
}

#[test]
fn a_whole_raw_entry_is_read_in_place_of_the_parsed_one_which_knows_no_parent() {
    let event = json!({"type": "assistant", "parent_tool_use_id": "c7", "message": {"id": "m2", "role": "assistant",
        "content": [{"type": "text", "text": "Sub-agent speaking."}]}});
    // The upstream keeps the CLI's order of keys.
    let raw = format!("{{\"type\":\"assistant\",{}", &event.to_string()[1..]);
    let log = format!(
        "{START}2025-06-20T10:00:05+00:00 [claude_stream_raw] {raw}\n2025-06-20T10:00:05+00:00 [claude_stream_assistant] \
         {{'id': 'm2', 'role': 'assistant', 'content': [{{'type': 'text', 'text': 'Sub-agent speaking.'}}]}}\n"
    );
    let report = report_at(log.as_bytes(), TimeDelta::zero(), Some(RunStatus::Failed));
    assert_eq!(final_result(&report), None);
    assert_eq!(report.enhancement.unrecognised_lines, 0);
}

#[test]
fn a_result_whose_raw_entry_was_cut_tells_its_subtype_and_success_tells_nothing() {
    let ended = |subtype: &str| {
        format!(
            "{START}2025-06-20T10:00:09+00:00 [claude_stream_raw] <large_content:3194_chars>\n\
             2025-06-20T10:00:09+00:00 [claude_stream_result_{subtype}] Claude stream event: result.{subtype}\n\
             2025-06-20T10:00:09+00:00 [execution_complete] Execution completed: {subtype}\n"
        )
    };
    let with = |subtype: &str, status| {
        outcome(&report_at(ended(subtype).as_bytes(), TimeDelta::zero(), Some(status)))
    };
    assert_eq!(with("error_max_turns", RunStatus::Completed), "max_turns");
    assert_eq!(with("success", RunStatus::Completed), "success");
    assert_eq!(with("success", RunStatus::Failed), "failed", "the answer's own status knows better");
}

#[test]
fn lines_that_only_look_alike_are_counted() {
    let log = "1 [x] y\n2025 [claude_stream_raw] {}\nyesterday [event] x\n[event] x\n2025-06-20T10:00:09 [What?] x\n";
    assert_eq!(report_of(log.as_bytes()).enhancement.unrecognised_lines, 5);
}
