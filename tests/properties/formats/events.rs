//! Events: order, times, repeated usage, other types, names.

use serde_json::{Value, json};

use super::{answered, called, done, ended, final_result, in_transcript, log, report, report_of, said};

#[test]
fn the_first_line_need_not_be_the_init() {
    let lines = [
        json!({"type": "system", "subtype": "hook_started", "hook_name": "SessionStart:startup"}),
        json!({"=== our own marker": 1}),
        json!({"type": "system", "subtype": "init", "session_id": "abc", "model": "claude-x"}),
        said("m1", "Hello."),
    ];
    let report = report(&lines);
    assert_eq!(report.run_details.model.as_deref(), Some("claude-x"));
    assert_eq!(report.run_details.claude_session_id.as_deref(), Some("s"));
    assert_eq!(report.enhancement.unrecognised_lines, 1);
}

#[test]
fn times_on_some_lines_only_are_enough() {
    let [call, mut answer] = done("c1", "Read", &json!({"file_path": "/a"}), "text");
    answer["timestamp"] = json!("2025-08-01T10:00:07.500Z");
    let report = report(&[said("m1", "Let me look."), call, answer, said("m2", "I see.")]);
    let at = report.progress_summary.expect("it runs").last_event_at.expect("one line has a time");
    assert_eq!(at.to_string(), "2025-08-01T10:00:07.500Z");
}

#[test]
fn lines_of_transcripts_without_time_are_known_and_tell_no_time() {
    let lines = [
        json!({"type": "summary", "summary": "Lexer work", "leafUuid": "u"}),
        json!({"type": "ai-title", "title": "Lexer work", "sessionId": "t"}),
        json!({"type": "last-prompt", "lastPrompt": "go on", "sessionId": "t"}),
        json!({"type": "custom-title", "customTitle": "mine", "sessionId": "t"}),
        json!({"type": "permission-mode", "permissionMode": "plan", "sessionId": "t"}),
    ];
    let report = report(&lines);
    assert_eq!(report.enhancement.unrecognised_lines, 0);
    assert_eq!(report.progress_summary.expect("it runs").last_event_at, None);
}

#[test]
fn a_message_on_several_lines_counts_its_last_usage_once() {
    let block = |content: Value, output: u32| {
        json!({"type": "assistant", "message": {"id": "m1", "model": "claude-x", "role": "assistant",
            "content": [content], "usage": {"input_tokens": 10, "output_tokens": output}}})
    };
    let lines = [
        block(json!({"type": "thinking", "thinking": "", "signature": "x"}), 8),
        block(json!({"type": "text", "text": "Both files."}), 8),
        block(json!({"type": "tool_use", "id": "c1", "name": "Read", "input": {"file_path": "/a"}}), 12_203),
    ];
    let details = report(&lines).run_details;
    assert_eq!((details.usage.input_tokens, details.usage.output_tokens, details.turns), (10, 12_203, 1));
}

#[test]
fn other_types_are_known_and_partials_repeat_nothing() {
    let partial = json!({"type": "stream_event", "event": {"type": "content_block_delta",
        "delta": {"type": "text_delta", "text": "All is d"}}, "session_id": "s"});
    let system = |subtype: &str| json!({"type": "system", "subtype": subtype, "session_id": "s"});
    let mut lines = vec![json!({"type": "rate_limit_event", "rate_limit_info": {}}), partial];
    lines.extend(
        ["status", "task_started", "task_progress", "task_notification", "api_retry", "thinking_tokens"]
            .map(system),
    );
    lines.extend(["compact_boundary", "away_summary", "microcompact_boundary"].map(system));
    let others = ["attachment", "queue-operation", "file-history-snapshot", "pr-link"];
    lines.extend(others.map(|kind| json!({"type": kind, "sessionId": "t"})));
    lines.push(json!({"type": "progress", "data": {"type": "bash_progress"}, "toolUseID": "c"}));
    lines.extend([said("m1", "All is done."), ended("All is done.")]);
    let report = report(&lines);
    assert_eq!(report.enhancement.unrecognised_lines, 0);
    assert_eq!(report.run_details.compactions, 1);
    assert_eq!(final_result(&report), Some("All is done."));
}

#[test]
fn a_new_type_is_counted_and_not_guessed() {
    let lines = [json!({"type": "hologram", "message": {"content": "x"}}), said("m1", "Hello.")];
    assert_eq!(report(&lines).enhancement.unrecognised_lines, 1);
}

#[test]
fn a_background_agent_ends_with_its_notification() {
    let mut launch = answered("c1", &json!("Launched."));
    launch["tool_use_result"] = json!({"isAsync": true, "status": "async_launched", "agentId": "a1"});
    let mut lines =
        vec![called("c1", "Agent", &json!({"description": "Look", "subagent_type": "scout"})), launch];
    let status = |lines: &[Value]| json!(report(lines).run_details.sub_agents[0].status);
    assert_eq!(status(&lines), "running");
    lines.push(
        json!({"type": "system", "subtype": "task_notification", "tool_use_id": "c1", "status": "completed"}),
    );
    assert_eq!(status(&lines), "completed");
}

#[test]
fn both_formats_name_the_session_the_details_and_the_parent_in_their_own_way() {
    let stream = {
        let mut answer = answered("c1", &json!("ok"));
        answer["tool_use_result"] = json!({"type": "create", "filePath": "/n"});
        [called("c1", "Write", &json!({"file_path": "/n", "content": ""})), answer]
    };
    let transcript = stream.clone().map(|line| {
        let mut line = in_transcript(line, 1);
        if let Some(detail) = line.as_object_mut().expect("an object").remove("tool_use_result") {
            line["toolUseResult"] = detail;
        }
        line
    });
    for (lines, session) in [(stream, "s"), (transcript, "t")] {
        let details = report(&lines).run_details;
        assert_eq!(details.claude_session_id.as_deref(), Some(session));
        assert_eq!(json!(details.files[0].change), "created");
    }
}

#[test]
fn a_sub_agents_words_never_count_under_either_name_of_its_mark() {
    let mut by_parent = said("m2", "Sub-agent speaking.");
    by_parent["parent_tool_use_id"] = json!("c1");
    let mut by_side = in_transcript(said("m2", "Sub-agent speaking."), 3);
    by_side["isSidechain"] = json!(true);
    by_side["agentId"] = json!("a1");
    for aside in [by_parent, by_side] {
        let mut lines = vec![said("m1", "Claude speaking.")];
        lines.extend([called("c1", "Task", &json!({"description": "Look"})), aside]);
        let mut end = ended("");
        end.as_object_mut().expect("an object").remove("result");
        lines.push(end);
        assert_eq!(final_result(&report(&lines)), Some("Claude speaking."));
    }
}

#[test]
fn the_transcript_of_one_sub_agent_is_a_log_of_its_own() {
    let mut lines = Vec::from(done("c1", "Edit", &json!({"file_path": "/srv/a.rs"}), "ok"));
    lines.push(said("m9", "The audit found nothing."));
    lines[2]["message"]["stop_reason"] = json!("end_turn");
    for (line, second) in lines.iter_mut().zip(1..) {
        *line = in_transcript(line.clone(), second);
        line["isSidechain"] = json!(true);
        line["agentId"] = json!("a1");
    }
    let report = report(&lines);
    assert_eq!(final_result(&report), Some("The audit found nothing."));
    assert_eq!(report.run_details.turns, 2);
}

#[test]
fn the_warm_up_of_a_sub_agent_before_the_run_is_not_the_runs_word() {
    let mut warm_up = in_transcript(said("m0", "I am ready to help."), 1);
    warm_up["isSidechain"] = json!(true);
    let interrupted =
        json!({"type": "user", "message": {"role": "user", "content": "[Request interrupted by user]"}});
    let report = report(&[warm_up, in_transcript(interrupted, 2)]);
    assert_eq!(final_result(&report), None);
}

#[test]
fn a_sub_agents_calls_inside_a_transcripts_progress_are_its_own() {
    let inside = |event: Value| {
        json!({"type": "progress", "parentToolUseID": "c1", "toolUseID": "agent_msg_1",
            "data": {"type": "agent_progress", "agentId": "a1", "message": event}})
    };
    let [call, answer] = done("c2", "Grep", &json!({"pattern": "fn"}), "src/a.rs");
    let lines = [
        called("c1", "Task", &json!({"description": "Look", "subagent_type": "scout"})),
        inside(call),
        inside(answer),
        inside(said("m5", "Found it.")),
    ];
    let report = report_of(&log(&lines.map(|line| in_transcript(line, 4))));
    assert_eq!(report.run_details.tools["Grep"].calls, 1);
    assert_eq!(report.run_details.sub_agents[0].tool_calls, 1);
    assert_eq!(report.enhancement.unrecognised_lines, 0);
}
