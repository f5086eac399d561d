//! The newest upstream's log, the stream file of the ones before, and all dialects in one log.

use gloss::analysis::StepStatus::{Completed, InProgress, Pending};
use serde_json::{Value, json};

use super::{ended, final_result, in_transcript, log, outcome, report_of, said, steps};

const SESSION: &str = "0f8b3c1a-7a52-4c1e-9a44-5d1f0c9e2b77";

/// An entry as the upstream's logger orders its keys.
fn logged(kind: &str, message: &str, seconds: u32) -> String {
    let message = json!({"message": message});
    format!(
        "{{\"timestamp\": \"2026-01-05T08:00:{seconds:02}+00:00\", \"run_id\": \"r1\", \"event_type\": \"{kind}\", \
         \"event_category\": \"other\", \"data\": {message}}}\n"
    )
}

fn messages(of: &[&str]) -> Vec<u8> {
    let mut log = String::new();
    for (message, second) in of.iter().zip(1..) {
        log += &logged(
            "execution_init",
            &format!("Workflow builder started with Claude session: {SESSION}"),
            second,
        );
        log += &logged("claude_message", message, second);
    }
    log.into_bytes()
}

const TODO: &str = "AssistantMessage(content=[ToolUseBlock(id='c1', name='TodoWrite', input={'todos': [\
    {'content': 'Plan — größer', 'status': 'completed'}, {'content': \"Build what's left\", 'status': 'in_progress'}]})])";
const TODO_DONE: &str = "UserMessage(content=[{'tool_use_id': 'c1', 'type': 'tool_result', 'content': 'Todos have been modified'}])";
const WRITE: &str = "AssistantMessage(content=[ToolUseBlock(id='c2', name='Write', input={'file_path': '/srv/a.py', 'content': 'import os\\n'})])";
const WRITTEN: &str = "UserMessage(content=[{'tool_use_id': 'c2', 'type': 'tool_result', 'content': 'File created successfully at: /srv/a.py'}])";
const EDIT: &str = "AssistantMessage(content=[ToolUseBlock(id='c3', name='Edit', input={'file_path': '/srv/b.py', 'old_string': 'a'})], model='claude-x')";
const REFUSED: &str = "UserMessage(content=[{'type': 'tool_result', 'content': 'String to replace not found', 'is_error': True, 'tool_use_id': 'c3'}])";
const WORDS: &str = "AssistantMessage(content=[TextBlock(text='## Done 🎯\\n\\nIt\\'s all \"there\".')])";
const RESULT: &str = "ResultMessage(subtype='success', duration_ms=8000, duration_api_ms=9000, is_error=False, num_turns=5, \
    session_id='0f8b3c1a-7a52-4c1e-9a44-5d1f0c9e2b77', total_cost_usd=0.25, usage={'input_tokens': 8, 'output_tokens': 120, \
    'server_tool_use': {'web_search_requests': 0}}, result='## Done 🎯\\n\\nIt\\'s all \"there\".')";

#[test]
fn the_text_form_of_sdk_messages_tells_steps_calls_files_and_result() {
    let report = report_of(&messages(&[TODO, TODO_DONE, WRITE, WRITTEN, EDIT, REFUSED, WORDS, RESULT]));
    assert_eq!(steps(&report), [("Plan — größer", Completed), ("Build what's left", InProgress)]);
    assert_eq!(final_result(&report), Some("## Done 🎯\n\nIt's all \"there\"."));
    let details = &report.run_details;
    assert_eq!((details.tools["Write"].calls, details.tools["Edit"].errors), (1, 1));
    let paths: Vec<&str> = details.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["/srv/a.py"]);
    assert_eq!((outcome(&report).as_str(), details.turns), ("success", 5));
    assert_eq!((details.usage.cost_usd, details.usage.output_tokens), (Some(0.25), 120));
    assert_eq!(details.model.as_deref(), Some("claude-x"));
    assert_eq!(report.enhancement.unrecognised_lines, 0);
}

#[test]
fn the_entry_that_is_logged_again_and_again_names_the_session_and_nothing_else() {
    let report = report_of(&messages(&[WRITE, WRITTEN]));
    assert_eq!(report.run_details.claude_session_id.as_deref(), Some(SESSION));
    assert_eq!(outcome(&report), "running");
}

#[test]
fn a_cut_list_does_not_replace_a_whole_one() {
    let cut = "AssistantMessage(content=[ToolUseBlock(id='c9', name='TodoWrite', input={'todos': [{'content': 'Plan — größer', 'sta";
    let answer = TODO_DONE.replace("c1", "c9");
    let report = report_of(&messages(&[TODO, TODO_DONE, cut, &answer]));
    assert_eq!(steps(&report), [("Plan — größer", Completed), ("Build what's left", InProgress)]);
    assert_eq!(report.run_details.tools["TodoWrite"].calls, 2);
    assert_eq!(report.enhancement.truncated_values, 1);
}

#[test]
fn of_a_cut_write_the_path_is_certain_and_of_a_cut_answer_its_call() {
    let write = "AssistantMessage(content=[ToolUseBlock(id='c2', name='Write', input={'file_path': '/srv/a.py', 'content': 'import o";
    let answer = "UserMessage(content=[{'tool_use_id': 'c2', 'type': 'tool_result', 'content': 'File cre";
    let report = report_of(&messages(&[write, answer]));
    assert_eq!(report.run_details.files[0].path, "/srv/a.py");
    assert_eq!(report.run_details.tools["Write"].errors, 0);
}

#[test]
fn a_result_whose_text_was_cut_falls_back_to_the_last_words() {
    let cut = &RESULT[..RESULT.len() - 9];
    assert_eq!(final_result(&report_of(&messages(&[WORDS, cut]))), Some("## Done 🎯\n\nIt's all \"there\"."));
    let (words, _) = WORDS.split_once("there").expect("the word is there");
    let both = report_of(&messages(&[words, cut]));
    assert_eq!(final_result(&both), Some("## Done 🎯\n\nIt's all \"…"), "a cut text shows that it is one");
}

#[test]
fn every_cut_of_every_message_is_read_without_harm() {
    for message in [TODO, TODO_DONE, WRITE, WRITTEN, EDIT, REFUSED, WORDS, RESULT] {
        for end in (1..message.len()).filter(|end| message.is_char_boundary(*end)) {
            let report = report_of(&messages(&[TODO, TODO_DONE, &message[..end]]));
            assert_eq!(steps(&report).len(), 2, "{}", &message[..end]);
        }
    }
}

#[test]
fn system_messages_and_newer_fields_are_read() {
    let init = "SystemMessage(subtype='init', data={'type': 'system', 'subtype': 'init', 'session_id': 'ab-1', 'model': 'claude-y'})";
    let compact =
        "SystemMessage(subtype='compact_boundary', data={'type': 'system', 'subtype': 'compact_boundary'})";
    let aside = "AssistantMessage(content=[TextBlock(text='Aside.')], model='claude-z', parent_tool_use_id='c2', error=None)";
    let block = "UserMessage(content=[ToolResultBlock(tool_use_id='c2', content=[{'type': 'text', 'text': 'ok'}], is_error=None)], uuid='u')";
    let report = report_of(&messages(&[init, compact, WRITE, aside, block, WORDS, RESULT]));
    assert_eq!(report.run_details.compactions, 1);
    assert_eq!(report.run_details.files.len(), 1);
    assert_eq!(report.enhancement.unrecognised_lines, 0);
}

#[test]
fn an_unknown_text_form_is_counted_and_not_guessed() {
    assert_eq!(
        report_of(&messages(&["HologramMessage(x=1)", "just words"])).enhancement.unrecognised_lines,
        2
    );
}

/// An event as the stream file has it.
fn streamed(mut event: Value, seconds: u32) -> Value {
    event["_timestamp"] = json!(format!("2025-09-01T12:00:{seconds:02}.250000"));
    event
}

#[test]
fn the_stream_file_is_the_clis_own_output_with_a_time() {
    let frame = json!({"_metadata": {"run_id": "r1", "workflow": "builder"}});
    let typed = json!({"type": "_metadata", "event": "end"});
    let lines = [frame, streamed(said("m1", "On it."), 1), streamed(ended("All is done."), 9), typed];
    let report = report_of(&log(&lines));
    assert_eq!(report.enhancement.unrecognised_lines, 0);
    assert_eq!(final_result(&report), Some("All is done."));
    let steps = report.step_by_step_results.expect("the run has ended");
    assert_eq!(steps[0].step.duration_seconds, Some(8));
}

#[test]
fn all_dialects_may_be_mixed_in_one_log() {
    let mut bytes = messages(&[TODO]);
    bytes.extend(log(&[super::answered("c1", &json!("Todos have been modified"))]));
    let parsed = json!({"type": "assistant", "message": {"id": "m7", "role": "assistant",
        "content": [{"type": "tool_use", "id": "c7", "name": "Write", "input": {"file_path": "/srv/c.py"}}]}});
    let entry = format!(
        "{{\"timestamp\": \"2026-01-05T08:00:30+00:00\", \"event_type\": \"claude_stream_assistant\", \"data\": {parsed}}}\n"
    );
    bytes.extend(entry.into_bytes());
    bytes.extend(log(&[in_transcript(super::answered("c7", &json!("File created")), 31)]));
    bytes
        .extend(log(&[streamed(super::called("c8", "TodoWrite", &json!({"todos": ["Plan — größer"]})), 40)]));
    let report = report_of(&bytes);
    assert_eq!(report.enhancement.unrecognised_lines, 0);
    assert_eq!(steps(&report), [("Plan — größer", Completed), ("Build what's left", InProgress)]);
    assert_eq!(report.run_details.files[0].path, "/srv/c.py");
    bytes.extend(log(&[super::answered("c8", &json!("Todos have been modified"))]));
    assert_eq!(steps(&report_of(&bytes))[0], ("Plan — größer", Pending));
}
