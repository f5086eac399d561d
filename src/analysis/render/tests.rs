//! From lines to reports: facts of real logs, each shown by lines of our own.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::analysis::{Analysis, Beside, CacheOutcome, Context, Detail, Limits, LogSourceKind, RunStatus};

fn second(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_000_000 + second, 0).expect("a moment in 2025")
}

fn context(now: i64, status: Option<RunStatus>) -> Context {
    Context {
        now: second(now),
        status,
        max_turns: None,
        detail: Detail::Full,
        compat_fields: false,
        source: LogSourceKind::File,
        cache: CacheOutcome::Miss,
        beside: Beside::default(),
    }
}

/// A log in the upstream's dialect, a second a line.
#[derive(Default)]
struct Log {
    analysis: Analysis,
    seconds: i64,
}

impl Log {
    fn entry(mut self, kind: &str, data: &Value) -> Self {
        self.seconds += 1;
        let at = second(self.seconds).to_rfc3339();
        let line = format!(
            "{{\"timestamp\": \"{at}\", \"run_id\": \"r\", \"event_type\": \"{kind}\", \"event_category\": \"other\", \
             \"data\": {data}}}\n"
        );
        self.analysis.feed(line.as_bytes());
        self
    }

    fn started(self) -> Self {
        self.entry("early_execution_start", &json!({"message": "Started", "pid": 1}))
    }

    fn assistant(self, message_id: &str, block: &Value, parent: Option<&str>) -> Self {
        let message = json!({"id": message_id, "model": "claude-sonnet-4-20250514", "content": [block],
            "usage": {"input_tokens": 10, "output_tokens": 5}});
        let event = json!({"type": "assistant", "message": message, "parent_tool_use_id": parent});
        self.entry("claude_stream_assistant", &event)
    }

    fn says(self, text: &str) -> Self {
        let id = format!("msg_{}", self.seconds);
        self.assistant(&id, &json!({"type": "text", "text": text}), None)
    }

    fn calls(self, id: &str, tool: &str, input: &Value) -> Self {
        let message = format!("msg_{id}");
        self.assistant(&message, &json!({"type": "tool_use", "id": id, "name": tool, "input": input}), None)
    }

    fn answers(self, id: &str, content: &str, is_error: bool) -> Self {
        let block =
            json!({"type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error});
        self.entry(
            "claude_stream_user",
            &json!({"type": "user", "message": {"role": "user", "content": [block]}}),
        )
    }

    fn todo(self, id: &str, items: &[(&str, &str)]) -> Self {
        let items: Vec<Value> =
            items.iter().map(|(name, status)| json!({"content": name, "status": status})).collect();
        self.calls(id, "TodoWrite", &json!({"todos": items}))
    }

    fn result(self, subtype: &str, fields: &Value) -> Self {
        let mut event = json!({"message": "Claude stream event", "type": "result", "subtype": subtype});
        let object = event.as_object_mut().expect("it is an object");
        object.extend(fields.as_object().expect("fields are an object").clone());
        self.entry(&format!("claude_stream_result_{subtype}"), &event)
    }

    fn report(&self, status: Option<RunStatus>) -> Value {
        self.report_at(self.seconds, status)
    }

    fn report_at(&self, now: i64, status: Option<RunStatus>) -> Value {
        serde_json::to_value(self.analysis.report(&context(now, status))).expect("a report serialises")
    }

    fn ended(&self) -> Value {
        self.report(Some(RunStatus::Completed))
    }

    fn outcome(&self) -> Value {
        self.report(None)["run_details"]["outcome"].clone()
    }
}

fn keys(report: &Value) -> Vec<&str> {
    report.as_object().expect("a report is an object").keys().map(String::as_str).collect()
}

#[test]
fn each_status_has_its_own_fields_and_no_others() {
    let log = Log::default().started();
    assert_eq!(
        keys(&log.report(Some(RunStatus::Running))),
        ["enhancement", "progress_summary", "run_details", "workflow_steps"]
    );
    for status in [RunStatus::Completed, RunStatus::Failed, RunStatus::Timeout, RunStatus::Killed] {
        assert_eq!(
            keys(&log.report(Some(status))),
            ["enhancement", "final_result", "run_details", "step_by_step_results", "workflow_summary"]
        );
    }
}

#[test]
fn a_log_that_has_begun_shows_a_step_and_says_that_it_waits() {
    let report = Log::default().started().report(Some(RunStatus::Running));
    assert_eq!(report["workflow_steps"]["current_step"], 1);
    assert_eq!(report["progress_summary"]["current_phase"], "Starting");
    assert_eq!(report["progress_summary"]["recent_activity"], "Waiting for the first action");
    let empty = Log::default().report(Some(RunStatus::Running));
    assert_eq!(empty["workflow_steps"]["current_step"], 0);
    let mut torn = Analysis::new(Limits::default());
    torn.feed(b"{");
    let report = torn.report(&context(0, Some(RunStatus::Running)));
    assert_eq!(report.workflow_steps.map(|steps| (steps.current_step, steps.total_steps)), Some((1, 1)));
}

#[test]
fn success_with_is_error_is_failed_and_says_why() {
    let log =
        Log::default().started().calls("a", "Read", &json!({"file_path": "/x"})).answers("a", "text", false);
    let log =
        log.result("success", &json!({"is_error": true, "result": "5-hour limit reached ∙ resets 12am"}));
    assert_eq!(log.outcome(), "failed");
    let step = &log.report(None)["step_by_step_results"][0];
    assert_eq!((&step["status"], &step["success"]), (&json!("failed"), &json!(false)));
    assert_eq!(step["error"], "5-hour limit reached ∙ resets 12am");
}

#[test]
fn max_turns_is_max_turns_whether_or_not_the_version_calls_it_an_error() {
    let older = json!({"is_error": false, "errors": []});
    let newer =
        json!({"is_error": true, "errors": ["Reached maximum number of turns (200)"], "num_turns": 201});
    for fields in [older, newer] {
        assert_eq!(Log::default().started().result("error_max_turns", &fields).outcome(), "max_turns");
    }
}

#[test]
fn costs_under_their_older_names_are_read() {
    for name in ["total_cost_usd", "cost_usd", "total_cost"] {
        let log = Log::default().started().result("success", &json!({name: 0.5, "result": "done"}));
        assert_eq!(log.ended()["run_details"]["usage"]["cost_usd"], 0.5);
    }
}

#[test]
fn of_several_results_the_last_decides_and_turns_add_up() {
    let log = Log::default().started();
    let log = log.result(
        "success",
        &json!({"is_error": true, "num_turns": 3, "total_cost_usd": 0.5, "duration_ms": 1}),
    );
    let last = json!({"num_turns": 4, "total_cost_usd": 0.75, "result": "Done at last", "duration_ms": 2});
    let report = log.result("success", &last).result("success", &last).ended();
    assert_eq!(report["run_details"]["outcome"], "success");
    assert_eq!(report["run_details"]["turns"], 7);
    assert_eq!(report["run_details"]["usage"]["cost_usd"], 0.75);
    assert_eq!(report["final_result"], "Done at last");
}

#[test]
fn a_cut_result_is_the_last_text_of_the_main_thread() {
    let text = "All of it works. ".repeat(200);
    let log = Log::default().started().says(&text);
    let log = log.assistant("sub", &json!({"type": "text", "text": "a sub-agent's words"}), Some("call"));
    let log = log.result("success", &json!({"result": "<large_content:3400_chars>"}));
    let log =
        log.entry("execution_complete", &json!({"status": "completed", "final_result": "All of it…..."}));
    assert_eq!(log.ended()["final_result"], text);
    assert_eq!(log.ended()["enhancement"]["truncated_values"], 1);
}

#[test]
fn a_raw_line_is_read_only_where_its_parsed_twin_is_missing() {
    let raw =
        json!({"type": "assistant", "message": {"id": "m", "content": [{"type": "text", "text": "alone"}]}});
    let raw = raw.to_string();
    assert!(raw.starts_with(r#"{"message""#), "serde_json sorts keys, so the type is not first here");
    let alone = Log::default().started().entry("claude_stream_raw", &json!({"message": raw}));
    assert_eq!(alone.ended()["final_result"], "alone");
    let cut = json!({"message": "<large_content:5744_chars>"});
    let with_twin = Log::default().started().entry("claude_stream_raw", &cut).says("whole");
    assert_eq!(with_twin.ended()["enhancement"]["truncated_values"], 0);
    let lost =
        Log::default().started().entry("claude_stream_raw", &cut).entry("claude_stream_raw", &cut).says("x");
    assert_eq!(lost.ended()["enhancement"]["truncated_values"], 1);
}

#[test]
fn a_phase_begins_where_the_call_that_tells_it_was_begun_also_where_that_is_logged_twice() {
    let input = json!({"file_path": "/work/report.md", "old_string": "a", "new_string": "b"});
    let block = json!({"type": "tool_use", "id": "b", "name": "Edit", "input": input});
    let message = json!({"id": "msg_b", "content": [block]});
    let raw = json!({"message": format!(r#"{{"type":"assistant","message":{message}}}"#)});
    let parsed = json!({"type": "assistant", "message": message});
    let mut log = Log::default().started().calls("a", "Read", &json!({"file_path": "/work/report.md"}));
    log = log.answers("a", "# Report", false);
    let answered = second(log.seconds);
    // Writing the call took a minute and a half.
    log.seconds += 90;
    let mut begun = |kind, data| {
        log = std::mem::take(&mut log).entry(kind, data);
        let steps = &log.report(Some(RunStatus::Running))["workflow_steps"]["steps"];
        assert_eq!(steps[0]["completed_at"], steps[1]["started_at"]);
        steps[1]["started_at"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok())
    };
    let moments = (begun("claude_stream_raw", &raw), begun("claude_stream_assistant", &parsed));
    assert_eq!(moments, (Some(answered), Some(answered)));
}

#[test]
fn a_message_on_several_lines_counts_its_tokens_once() {
    let block = json!({"type": "thinking", "thinking": ""});
    let log = Log::default().started().assistant("m", &block, None).assistant("m", &block, None);
    let usage = &log.report(Some(RunStatus::Running))["run_details"]["usage"];
    assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&json!(10), &json!(5)));
    assert_eq!(usage["cost_is_estimate"], true);
}

#[test]
fn a_list_whose_write_failed_does_not_count() {
    let log = Log::default().started().todo("a", &[("One", "in_progress")]).answers("a", "ok", false);
    let log = log.todo("b", &[("Two", "completed")]).answers("b", "InputValidationError", true);
    let steps = log.ended()["step_by_step_results"].clone();
    let names: Vec<&Value> = steps.as_array().expect("a list").iter().map(|step| &step["name"]).collect();
    assert!(names.contains(&&json!("One")) && !names.contains(&&json!("Two")), "{names:?}");
}

#[test]
fn open_items_keep_their_state_when_the_run_succeeds() {
    let log = Log::default()
        .started()
        .todo("a", &[("One", "completed"), ("Two", "in_progress"), ("Three", "pending")]);
    let report =
        log.answers("a", "ok", false).result("success", &json!({"result": "- did one\n- did two"})).ended();
    let states: Vec<&Value> = report["step_by_step_results"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|step| &step["status"])
        .collect();
    assert_eq!(states, ["completed", "in_progress", "pending"]);
    assert_eq!(report["workflow_summary"]["success_rate"], 100.0);
    assert_eq!(report["workflow_summary"]["major_achievements"], json!(["One"]));
}

#[test]
fn a_list_that_comes_first_has_no_phase_before_it() {
    let log = Log::default().started().todo("a", &[("One", "in_progress")]).answers("a", "ok", false);
    let steps = &log.report(Some(RunStatus::Running))["workflow_steps"];
    assert_eq!(steps["total_steps"], 1);
    assert_eq!(steps["steps"][0]["tool_calls"], 1);
}

#[test]
fn tasks_get_their_ids_from_the_answers() {
    let log = Log::default().started().calls("a", "TaskCreate", &json!({"subject": "Add logos"}));
    let log = log.answers("a", "Task #7 created successfully: Add logos", false);
    let log = log
        .calls("b", "TaskUpdate", &json!({"taskId": "7", "status": "in_progress"}))
        .answers("b", "ok", false);
    let log =
        log.calls("c", "TaskUpdate", &json!({"taskId": 7, "status": "completed"})).answers("c", "no", true);
    let step = &log.report(Some(RunStatus::Running))["workflow_steps"]["steps"][0];
    assert_eq!((&step["name"], &step["status"]), (&json!("Add logos"), &json!("in_progress")));
}

#[test]
fn files_count_once_and_only_where_the_tool_succeeded() {
    let edit = json!({"file_path": "/a", "old_string": "x", "new_string": "y"});
    let log = Log::default().started().calls("a", "Write", &edit).answers(
        "a",
        "File created successfully at: /a",
        false,
    );
    let log = log.calls("b", "Edit", &edit).answers("b", "updated", false);
    let log = log.calls("c", "Edit", &json!({"file_path": "/b"})).answers(
        "c",
        "<tool_use_error>no</tool_use_error>",
        true,
    );
    let report = log.ended();
    assert_eq!(report["workflow_summary"]["files_modified"], 1);
    assert_eq!(report["run_details"]["files"], json!([{"path": "/a", "change": "created", "edits": 2}]));
    assert_eq!(report["run_details"]["tools"]["Edit"], json!({"calls": 2, "errors": 1}));
    assert_eq!(report["run_details"]["errors"][0]["message"], "no");
}

#[test]
fn costs_of_steps_add_up_to_the_stated_total() {
    let log = Log::default()
        .started()
        .todo("a", &[("One", "in_progress"), ("Two", "pending")])
        .answers("a", "ok", false);
    let log = log.calls("r", "Read", &json!({})).answers("r", "x", false);
    let log = log
        .todo("b", &[("One", "completed"), ("Two", "in_progress")])
        .answers("b", "ok", false)
        .says("Both done.");
    let report = log.result("success", &json!({"total_cost_usd": 1.0, "result": "ok"})).ended();
    let steps = report["step_by_step_results"].as_array().expect("a list");
    let sum: f64 = steps.iter().filter_map(|step| step["cost"].as_f64()).sum();
    assert!(sum > 0.5 && sum <= 1.000_01, "{sum}");
}

#[test]
fn silence_of_hours_is_lost_and_shorter_silence_is_stalled() {
    let log = Log::default().started().calls("a", "Read", &json!({})).answers("a", "x", false);
    let at = |now| log.report_at(now, Some(RunStatus::Running));
    assert_eq!(at(60)["progress_summary"]["stalled"], false);
    assert_eq!(at(1000)["progress_summary"]["stalled"], true);
    assert_eq!(at(1000)["run_details"]["outcome"], "running");
    assert_eq!(at(9000)["run_details"]["outcome"], "lost");
}

#[test]
fn a_run_that_has_gone_silent_neither_advances_nor_has_an_end_in_sight() {
    let log = Log::default().started().calls("a", "Read", &json!({})).answers("a", "x", false);
    let at = |now| log.report_at(now, Some(RunStatus::Running))["progress_summary"].clone();
    let (stalled, lost) = (at(1000), at(90_000));
    assert_eq!(stalled["completion_percentage"], lost["completion_percentage"], "silence is no progress");
    for silent in [stalled, lost] {
        assert!(
            silent["estimated_completion"].is_null() && silent["latest_completion"].is_null(),
            "{silent}"
        );
    }
    assert!(
        at(200)["estimated_completion"].is_string(),
        "while the silence is explained, there is an estimate"
    );
}

#[test]
fn an_interrupted_run_is_cancelled_unless_it_goes_on() {
    let interruption = json!({"type": "user", "message": {"role": "user", "content": [
        {"type": "text", "text": "[Request interrupted by user for tool use]"}]}});
    let log = Log::default().started().says("Working").entry("claude_stream_user", &interruption);
    assert_eq!(log.outcome(), "cancelled");
    assert_eq!(log.says("Going on").outcome(), "running");
}

#[test]
fn the_last_line_counts_before_its_line_feed_has_come() {
    let line =
        json!({"type": "assistant", "message": {"id": "m", "content": [{"type": "text", "text": "last"}]}});
    let mut analysis = Analysis::new(Limits::default());
    analysis.feed(line.to_string().as_bytes());
    let report = analysis.report(&context(0, Some(RunStatus::Completed)));
    assert_eq!(report.final_result, Some(Some("last".into())));
}

#[test]
fn foreign_envelopes_are_counted_and_not_guessed() {
    let mut analysis = Analysis::new(Limits::default());
    analysis.feed(b"{\"type\":\"assistant\",\"data\":{\"content\":{\"role\":\"assistant\"}}}\nnpm warn\n[1]\n{\"a\":1}\n");
    let report = analysis.report(&context(0, None));
    assert_eq!(report.enhancement.unrecognised_lines, 4);
    assert_eq!(report.run_details.turns, 0);
}

#[test]
fn older_dialects_tell_words_and_tools() {
    let log = Log::default()
        .started()
        .entry("claude_response", &json!({"response_text": "It works.", "tool_name": "Read"}))
        .entry(
            "claude_output",
            &json!({"message": "{\"type\":\"result\",\"subtype\":\"success\",\"num_turns\":2}"}),
        );
    let report = log.ended();
    assert_eq!(report["final_result"], "It works.");
    assert_eq!(report["run_details"]["tools"]["Read"]["calls"], 1);
    assert_eq!(report["run_details"]["turns"], 2);
}

#[test]
fn a_list_that_is_further_makes_the_run_further_and_the_interval_holds_the_estimate() {
    let with = |status| {
        let log = Log::default()
            .started()
            .todo("a", &[("One", status), ("Two", "pending")])
            .answers("a", "ok", false);
        log.report_at(60, Some(RunStatus::Running))["progress_summary"].clone()
    };
    let (open, done) = (with("pending"), with("completed"));
    assert_eq!(open["basis"], "todo");
    assert!(open["completion_percentage"].as_f64() < done["completion_percentage"].as_f64());
    let text = |field: &str| done[field].as_str().expect("there is an estimate").to_owned();
    assert!(text("earliest_completion") < text("estimated_completion"));
    assert!(text("estimated_completion") < text("latest_completion"));
}

#[test]
fn turns_against_the_limit_count_where_they_say_more() {
    let log = (0..9).fold(Log::default().started(), |log, turn| log.says(&format!("Turn {turn}")));
    let context = Context { max_turns: Some(10), ..context(log.seconds, Some(RunStatus::Running)) };
    let progress = log.analysis.report(&context).progress_summary.expect("a running run has progress");
    assert!((progress.completion_percentage - 90.0).abs() < 0.01);
    assert_eq!(serde_json::to_value(progress.basis).expect("a word"), "turns");
}

#[test]
fn a_running_run_whose_process_has_ended_is_lost_after_a_moment() {
    let log = Log::default().started().todo("a", &[("One", "in_progress")]).says("Working.");
    let seen = |seconds: i64, alive: Option<bool>| {
        let mut context = context(log.seconds + seconds, Some(RunStatus::Running));
        context.beside.alive = alive;
        let report = serde_json::to_value(log.analysis.report(&context)).expect("a report serialises");
        let stalled = report["progress_summary"]["stalled"] == true;
        (report["run_details"]["outcome"].as_str().expect("a word").to_owned(), stalled)
    };
    assert_eq!(seen(60, None), ("running".into(), false));
    assert_eq!(seen(60, Some(true)), ("running".into(), false));
    // Its end may be on its way into the log.
    assert_eq!(seen(5, Some(false)), ("running".into(), false));
    assert_eq!(seen(6, Some(false)), ("lost".into(), true));
    assert_eq!(log.analysis.process().map(|process| process.pid), Some(1));
    let mut ended = context(log.seconds + 60, Some(RunStatus::Completed));
    ended.beside.alive = Some(false);
    let report = serde_json::to_value(log.analysis.report(&ended)).expect("a report serialises");
    assert_eq!(report["run_details"]["outcome"], "success");
}

#[test]
fn what_was_seen_beside_the_log_is_shown_and_changes_no_progress() {
    let log = Log::default().started().says("Working.").calls("r", "Read", &json!({}));
    let seen = |max_turns: Option<u64>| {
        let mut context = context(log.seconds, Some(RunStatus::Running));
        context.beside.max_turns = max_turns;
        serde_json::to_value(log.analysis.report(&context)).expect("a report serialises")
    };
    let (with, without) = (seen(Some(2)), seen(None));
    assert_eq!(
        (&with["run_details"]["max_turns"], &without["run_details"]["max_turns"]),
        (&json!(2), &Value::Null)
    );
    assert_eq!(with["progress_summary"], without["progress_summary"]);
    assert_eq!(with["workflow_steps"], without["workflow_steps"]);
}
