//! What stands inside messages.

use serde_json::{Value, json};

use super::{answered, called, done, failed, final_result, in_transcript, outcome, report, said};

fn from_user(content: &Value, mark: Option<&str>) -> Value {
    let mut line = json!({"type": "user", "message": {"role": "user", "content": content}});
    if let Some(mark) = mark {
        line[mark] = json!(true);
    }
    in_transcript(line, 9)
}

fn claude_ends() -> Value {
    let mut line = in_transcript(said("m1", "All is done."), 5);
    line["message"]["stop_reason"] = json!("end_turn");
    line
}

#[test]
fn words_of_a_person_come_as_a_string_or_a_list() {
    for content in [json!("Go on, please."), json!([{"type": "text", "text": "Go on, please."}])] {
        let report = report(&[claude_ends(), from_user(&content, None)]);
        assert_eq!(outcome(&report), "running", "{content}");
    }
}

#[test]
fn user_messages_that_are_no_person_do_not_reopen_a_run() {
    let nobody = [
        from_user(&json!("Caveat: …"), Some("isMeta")),
        from_user(&json!([{"type": "text", "text": "Continue."}]), Some("isSynthetic")),
        from_user(&json!("This session is being continued from …"), Some("isCompactSummary")),
        from_user(
            &json!("<command-name>/exit</command-name>\n<command-message>exit</command-message>"),
            None,
        ),
        from_user(&json!("<command-message>x</command-message>\n<command-name>/x</command-name>"), None),
        from_user(&json!("<local-command-stdout>Bye!</local-command-stdout>"), None),
        from_user(&json!([{"type": "text", "text": "<bash-input>ls</bash-input>"}]), None),
    ];
    for line in nobody {
        assert_eq!(outcome(&report(&[claude_ends(), line.clone()])), "success", "{line}");
    }
}

#[test]
fn an_interruption_is_told_by_its_words() {
    for words in ["[Request interrupted by user]", "[Request interrupted by user for tool use]"] {
        let line = from_user(&json!([{"type": "text", "text": words}]), None);
        assert_eq!(outcome(&report(&[claude_ends(), line])), "cancelled");
    }
}

#[test]
fn tool_results_come_as_a_string_or_a_list_of_blocks() {
    let output = "==== 4 passed in 0.21s ====";
    for content in [json!(output), json!([{"type": "text", "text": output}])] {
        let lines = [called("c1", "Bash", &json!({"command": "pytest -q"})), answered("c1", &content)];
        assert_eq!(report(&lines).run_details.tests.passed, 4);
    }
}

#[test]
fn the_start_of_an_output_too_large_to_show_is_no_test_result() {
    let output = "<persisted-output>\nOutput too large (80.5KB). Full output saved to: /tmp/o.txt\n\nPreview (first 2KB):\n\
        test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n…\n</persisted-output>";
    let report = report(&done("c1", "Bash", &json!({"command": "cargo test"}), output));
    assert_eq!(report.run_details.tests.runs, 0);
    assert_eq!(report.run_details.tools["Bash"].errors, 0);
}

#[test]
fn the_tags_around_an_error_are_not_its_message() {
    let words = "<tool_use_error>File has not been read yet.</tool_use_error>";
    let report = report(&[called("c1", "Edit", &json!({"file_path": "/a"})), failed("c1", words)]);
    assert_eq!(report.run_details.errors[0].message, "File has not been read yet.");
    assert!(report.run_details.files.is_empty());
}

#[test]
fn an_agent_is_what_a_task_was_called_before() {
    for name in ["Task", "Agent"] {
        let input = json!({"description": "Find usages", "subagent_type": "scout", "prompt": "Look."});
        let details = report(&done("c1", name, &input, "41 usages")).run_details;
        assert_eq!(details.sub_agents.len(), 1, "{name}");
        assert_eq!(json!(details.sub_agents[0].status), "completed");
    }
}

#[test]
fn tools_for_background_jobs_are_neither_items_nor_agents() {
    let mut lines = Vec::from(done("c1", "TaskOutput", &json!({"task_id": "b1"}), "running"));
    lines.extend(done("c2", "TaskStop", &json!({"task_id": "b1"}), "stopped"));
    let report = report(&lines);
    assert!(super::steps(&report).iter().all(|(name, _)| !name.contains("b1")));
    assert!(report.run_details.sub_agents.is_empty());
}

#[test]
fn a_tool_name_that_is_garbage_is_a_call_all_the_same() {
    let name = "Read\u{0}</invoke>{\"x\":";
    let details = report(&done("c1", name, &json!({}), "?")).run_details;
    assert_eq!(details.tools.values().map(|tool| tool.calls).sum::<u64>(), 1);
}

#[test]
fn thinking_is_no_word_of_claude_also_when_only_its_signature_is_left() {
    let thought = json!({"type": "assistant", "message": {"id": "m2", "role": "assistant",
        "content": [{"type": "thinking", "thinking": "", "signature": "sig"}]}});
    let mut secret = thought.clone();
    secret["message"]["content"][0]["thinking"] = json!("What now?");
    let end = json!({"type": "result", "subtype": "error_max_turns", "num_turns": 2});
    let report = report(&[said("m1", "Half of it."), thought, secret, end]);
    assert_eq!(final_result(&report), Some("Half of it."));
}
