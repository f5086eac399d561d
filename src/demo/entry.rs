//! What the service writes into a run's log for each thing that Claude Code's CLI prints. Pure.
//!
//! The lossy rules of the real log writer are kept to the letter, since gloss has to live with them: everything up to
//! Claude's first text is not logged, each later event appears twice (as the raw line and parsed), and long top-level
//! strings and lists are replaced by a note of their size.

use chrono::{DateTime, TimeDelta, Utc};

use super::python::{Separators, aware, dumps, repr};
use super::value::{Dict, Value};

/// Top-level strings with more characters, and lists with a longer text, are replaced by their size.
const LONGEST_VALUE: usize = 2000;
/// How much of Claude's first text the log quotes, in characters.
const QUOTED_RESPONSE: usize = 100;
/// How much of the result the closing entry quotes, in characters.
const QUOTED_RESULT: usize = 200;

/// Who a run is, as far as its log says.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// `run_` and 12 hexadecimal digits.
    pub(super) run_id: String,
    /// The workflow's name.
    pub(super) workflow: String,
    /// The service's own session.
    pub(super) session_id: String,
    /// The session of Claude Code.
    pub(super) claude_session_id: String,
    /// Characters in the message that the run was started with.
    pub(super) input_length: usize,
}

/// One line of a run log, but for its time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    event_type: String,
    data: Dict,
    /// How long after the event that caused it the entry is written.
    delay: TimeDelta,
}

impl Entry {
    fn new(event_type: impl Into<String>, delay_micros: i64, data: Dict) -> Self {
        let data = data.into_iter().map(|(key, value)| (key, shortened(value))).collect();
        Self { event_type: event_type.into(), data, delay: TimeDelta::microseconds(delay_micros) }
    }

    /// The line as it stands in the log, its end included; `at` is the time of the event that caused it.
    pub(super) fn line(&self, run_id: &str, at: DateTime<Utc>) -> String {
        let category = if self.event_type == "execution_complete" { "lifecycle" } else { "other" };
        let line = Value::dict([
            ("timestamp", aware(at + self.delay).into()),
            ("run_id", run_id.into()),
            ("event_type", self.event_type.as_str().into()),
            ("event_category", category.into()),
            ("data", Value::Dict(self.data.clone())),
        ]);
        dumps(&line, Separators::Spaced) + "\n"
    }
}

/// The entries before Claude Code has said anything.
pub(super) fn opening(who: &Identity) -> Vec<Entry> {
    let workflow = &who.workflow;
    let starting = [
        ("message", format!("Starting execution until first response for workflow '{workflow}'").into()),
        ("workflow_name", workflow.as_str().into()),
        ("run_id", who.run_id.as_str().into()),
        ("session_id", who.session_id.as_str().into()),
        ("input_length", who.input_length.into()),
    ];
    let started = [
        ("message", format!("Started execute_until_first_response for workflow '{workflow}'").into()),
        ("workflow", workflow.as_str().into()),
        ("session_id", who.session_id.as_str().into()),
        ("run_id", who.run_id.as_str().into()),
        // An analyser on this host may look whether the process still lives: this one does as long as the replay.
        ("pid", Value::Int(i64::from(std::process::id()))),
    ];
    vec![
        Entry::new("event", 0, members(starting)),
        Entry::new("early_execution_start", 870, members(started)),
    ]
}

/// The entries which stand for Claude's first text and for all that came before it, `lines` lines of the CLI.
pub(super) fn first_response(who: &Identity, text: &str, lines: usize) -> Vec<Entry> {
    let quoted: String = text.chars().take(QUOTED_RESPONSE).collect();
    let length = Value::from(text.chars().count());
    let captured = [
        ("message", format!("Early response captured: {quoted}...").into()),
        ("response_length", length.clone()),
        ("claude_session_id", who.claude_session_id.as_str().into()),
        ("session_confirmed", true.into()),
        ("first_response_found", true.into()),
        ("early_lines_processed", lines.into()),
    ];
    let streaming = [
        ("message", format!("Captured first response: {quoted}...").into()),
        ("response_length", length),
        ("claude_session_id", who.claude_session_id.as_str().into()),
        ("streaming_started", true.into()),
    ];
    vec![
        Entry::new("early_response_captured", 0, members(captured)),
        Entry::new("event", 710, members(streaming)),
    ]
}

/// The entries of one later CLI event: the raw line, the parsed event, and what a result event adds.
pub(super) fn of_event(event: &Value) -> Vec<Entry> {
    let raw = dumps(event, Separators::Compact);
    let kind = event.str("type").unwrap_or("unknown");
    let subtype = event.str("subtype");
    let mut entries = vec![
        Entry::new("claude_stream_raw", 0, members([("message", raw.into())])),
        Entry::new(parsed_type(kind, subtype), 640, parsed_data(event, kind, subtype)),
    ];
    if kind == "result" {
        entries.extend(closing(event, subtype.unwrap_or("unknown")));
    }
    entries
}

fn parsed_type(kind: &str, subtype: Option<&str>) -> String {
    subtype
        .map_or_else(|| format!("claude_stream_{kind}"), |subtype| format!("claude_stream_{kind}_{subtype}"))
}

/// The event itself, after a `message`: its own where it has one, else a sentence that names the event.
fn parsed_data(event: &Value, kind: &str, subtype: Option<&str>) -> Dict {
    let name = subtype.map_or_else(|| kind.to_owned(), |subtype| format!("{kind}.{subtype}"));
    let message = event.get("message").cloned();
    let message = message.unwrap_or_else(|| format!("Claude stream event: {name}").into());
    let mut data = members([("message", message)]);
    if let Value::Dict(rest) = event {
        data.extend(rest.iter().filter(|(key, _)| key != "message").cloned());
    }
    data
}

fn closing(result: &Value, subtype: &str) -> [Entry; 2] {
    let text = result.str("result").unwrap_or_default();
    let is_error = result.get("is_error") == Some(&Value::Bool(true));
    let duration = Value::from(result.int("duration_ms"));
    let turns = Value::from(result.int("num_turns"));
    let claude_result = [
        ("message", format!("Claude result: {subtype}").into()),
        ("type", "result".into()),
        ("subtype", subtype.into()),
        ("result_length", text.chars().count().into()),
        ("cost_usd", Value::None),
        ("duration_ms", duration.clone()),
        ("num_turns", turns.clone()),
        ("is_error", is_error.into()),
    ];
    let complete = [
        ("message", format!("Execution completed: {subtype}").into()),
        ("status", if is_error { "failed" } else { "completed" }.into()),
        ("exit_code", Value::Int(i64::from(is_error))),
        ("duration_ms", duration),
        ("total_cost_usd", Value::None),
        ("turns_used", turns),
        ("final_result", quoted_result(text).into()),
        ("session_id", Value::None),
    ];
    [
        Entry::new("claude_result", 1060, members(claude_result)),
        Entry::new("execution_complete", 1430, members(complete)),
    ]
}

fn quoted_result(text: &str) -> String {
    match text.char_indices().nth(QUOTED_RESULT) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn shortened(value: Value) -> Value {
    match value {
        Value::Str(text) if text.chars().count() > LONGEST_VALUE => {
            format!("<large_content:{}_chars>", text.chars().count()).into()
        }
        Value::List(items) => {
            let length = items.len();
            let list = Value::List(items);
            let too_long = repr(&list).chars().count() > LONGEST_VALUE;
            if too_long { format!("<large_list:{length}_items>").into() } else { list }
        }
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_) | Value::Dict(_) => {
            value
        }
    }
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Dict {
    members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(event: &str) -> Vec<Value> {
        let event: Value = serde_json::from_str(event).unwrap();
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let lines = of_event(&event).into_iter().map(|entry| entry.line("run_0123456789ab", at));
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
    }

    #[test]
    fn an_event_is_logged_raw_and_parsed() {
        let event = r#"{"type":"user","message":{"role":"user","content":"é"},"session_id":"s"}"#;
        let event: Value = serde_json::from_str(event).unwrap();
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let lines: Vec<_> = of_event(&event).iter().map(|entry| entry.line("run_0123456789ab", at)).collect();
        assert_eq!(
            lines,
            [
                concat!(
                    r#"{"timestamp": "2023-11-14T22:13:20+00:00", "run_id": "run_0123456789ab", "#,
                    r#""event_type": "claude_stream_raw", "event_category": "other", "data": {"message": "#,
                    r#""{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"é\"},\"session_id\":\"s\"}"}}"#,
                    "\n"
                ),
                concat!(
                    r#"{"timestamp": "2023-11-14T22:13:20.000640+00:00", "run_id": "run_0123456789ab", "#,
                    r#""event_type": "claude_stream_user", "event_category": "other", "data": {"message": "#,
                    r#"{"role": "user", "content": "é"}, "type": "user", "session_id": "s"}}"#,
                    "\n"
                ),
            ]
        );
    }

    #[test]
    fn only_top_level_strings_and_lists_over_two_thousand_are_cut() {
        let (fits, over) = ("é".repeat(2000), "é".repeat(2001));
        let lines = lines(&format!(
            r#"{{"type":"x","fits":"{fits}","over":"{over}","short":["a"],"list":["{fits}",1],"deep":{{"s":"{over}"}}}}"#
        ));
        let data = lines[1].get("data").unwrap();
        assert_eq!(data.str("fits"), Some(fits.as_str()));
        assert_eq!(data.str("over"), Some("<large_content:2001_chars>"));
        assert_eq!(data.str("list"), Some("<large_list:2_items>"));
        assert_eq!(data.list("short"), ["a".into()]);
        assert_eq!(data.get("deep").unwrap().str("s"), Some(over.as_str()));
        assert!(lines[0].get("data").unwrap().str("message").unwrap().starts_with("<large_content:"));
    }

    #[test]
    fn a_result_closes_the_log_with_a_quote_of_200_characters() {
        let text = "ü".repeat(201);
        let lines = lines(&format!(
            r#"{{"type":"result","subtype":"success","is_error":false,"duration_ms":5,"num_turns":3,"result":"{text}"}}"#
        ));
        let types: Vec<_> = lines.iter().map(|line| line.str("event_type").unwrap()).collect();
        assert_eq!(
            types,
            ["claude_stream_raw", "claude_stream_result_success", "claude_result", "execution_complete"]
        );
        assert_eq!(lines[1].get("data").unwrap().str("message"), Some("Claude stream event: result.success"));
        assert_eq!(lines[2].get("data").unwrap().int("result_length"), Some(201));
        let complete = lines[3].get("data").unwrap();
        assert_eq!(complete.str("final_result"), Some(format!("{}...", "ü".repeat(200)).as_str()));
        assert_eq!((complete.str("status"), complete.int("exit_code")), (Some("completed"), Some(0)));
        assert_eq!(lines[3].str("event_category"), Some("lifecycle"));
    }

    #[test]
    fn an_error_result_without_text_closes_as_failed() {
        let lines = lines(r#"{"type":"result","subtype":"error_during_execution","is_error":true}"#);
        let complete = lines[3].get("data").unwrap();
        assert_eq!((complete.str("status"), complete.int("exit_code")), (Some("failed"), Some(1)));
        assert_eq!(complete.str("final_result"), Some(""));
        assert_eq!(complete.get("duration_ms"), Some(&Value::None));
    }
}
