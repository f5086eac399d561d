//! What implementers get wrong about Claude Code's output, each measured fact shown by lines of our own.

mod content;
mod events;
mod lines;
mod newest_upstream;
mod result_event;
mod status_answer;
mod task_lists;

use chrono::{DateTime, TimeDelta, Utc};
use gloss::analysis::{
    Additions, Analysis, Beside, CacheOutcome, Context, Detail, Limits, LogSourceKind, RunStatus, Step,
    StepStatus,
};
use serde_json::{Value, json};

/// A log of the lines.
fn log(lines: &[Value]) -> Vec<u8> {
    lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

/// What is said of the log at the time of its last event, the status inferred.
fn report_of(bytes: &[u8]) -> Additions {
    report_at(bytes, TimeDelta::zero(), None)
}

fn report(lines: &[Value]) -> Additions {
    report_of(&log(lines))
}

fn report_at(bytes: &[u8], later: TimeDelta, status: Option<RunStatus>) -> Additions {
    let mut analysis = Analysis::new(Limits::default());
    analysis.feed(bytes);
    let end: DateTime<Utc> = analysis.last_event_at().unwrap_or_default();
    analysis.report(&Context {
        now: end + later,
        status,
        max_turns: None,
        detail: Detail::Full,
        compat_fields: false,
        source: LogSourceKind::File,
        cache: CacheOutcome::Miss,
        beside: Beside::default(),
    })
}

fn outcome(report: &Additions) -> String {
    json!(report.run_details.outcome).as_str().expect("a word").to_owned()
}

/// The final result of an ended run.
fn final_result(report: &Additions) -> Option<&str> {
    report.final_result.as_ref().expect("the run has ended").as_deref()
}

fn steps(report: &Additions) -> Vec<(&str, StepStatus)> {
    let name_and_status = |step| -> (&str, StepStatus) {
        let step: &Step = step;
        (&step.name, step.status)
    };
    match (&report.workflow_steps, &report.step_by_step_results) {
        (Some(running), _) => running.steps.iter().map(name_and_status).collect(),
        (None, Some(ended)) => ended.iter().map(|result| name_and_status(&result.step)).collect(),
        (None, None) => Vec::new(),
    }
}

fn said(id: &str, text: &str) -> Value {
    json!({"type": "assistant", "session_id": "s", "parent_tool_use_id": null,
        "message": {"id": id, "role": "assistant", "content": [{"type": "text", "text": text}]}})
}

fn called(id: &str, name: &str, input: &Value) -> Value {
    json!({"type": "assistant", "session_id": "s", "parent_tool_use_id": null, "message": {"id": format!("m-{id}"),
        "role": "assistant", "content": [{"type": "tool_use", "id": id, "name": name, "input": input}]}})
}

fn answered(id: &str, content: &Value) -> Value {
    json!({"type": "user", "session_id": "s", "message": {"role": "user",
        "content": [{"tool_use_id": id, "type": "tool_result", "content": content}]}})
}

fn failed(id: &str, words: &str) -> Value {
    json!({"type": "user", "session_id": "s", "message": {"role": "user",
        "content": [{"type": "tool_result", "content": words, "is_error": true, "tool_use_id": id}]}})
}

/// A call and its good answer.
fn done(id: &str, name: &str, input: &Value, answer: &str) -> [Value; 2] {
    [called(id, name, input), answered(id, &json!(answer))]
}

fn ended(result: &str) -> Value {
    json!({"type": "result", "subtype": "success", "is_error": false, "num_turns": 3, "duration_ms": 9000,
        "duration_api_ms": 8000, "result": result, "session_id": "s", "total_cost_usd": 0.5})
}

/// The same as Claude Code's transcripts have it.
fn in_transcript(mut line: Value, seconds: u32) -> Value {
    let fields = line.as_object_mut().expect("a line is an object");
    fields.remove("session_id");
    fields.remove("parent_tool_use_id");
    fields.insert("sessionId".into(), json!("t"));
    fields.insert("isSidechain".into(), json!(false));
    fields.insert("timestamp".into(), json!(format!("2025-08-01T10:00:{seconds:02}.000Z")));
    line
}
