//! A log of any dialect to Claude Code's own events, in their order; what is none of them is left out.
//!
//! An event that is logged twice is here twice: later readers know calls, answers and messages by their ids.

use serde_json::{Deserializer, Value, json};

use super::python_text::value_of;
use super::{first_filled, is_marker, text};

/// All events of a log.
pub(super) fn events(log: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(log);
    let mut events = Vec::new();
    for line in text.split('\n') {
        let line = line.trim_start_matches('\u{feff}').trim_matches(|c: char| c.is_ascii_whitespace());
        match entry_of_an_answer(line) {
            Some((at, kind, message)) => told_entry(at, kind, message, &mut events),
            None => objects(line).into_iter().for_each(|object| object_event(object, &mut events)),
        }
    }
    events
}

/// `TIMESTAMP [event_type] message`, as the status answer tells an entry.
fn entry_of_an_answer(line: &str) -> Option<(&str, &str, &str)> {
    let (at, rest) = line.split_once(" [")?;
    let (kind, message) = rest.split_once("] ")?;
    let is_time = chrono::DateTime::parse_from_rfc3339(at).is_ok()
        || chrono::NaiveDateTime::parse_from_str(at, "%Y-%m-%dT%H:%M:%S%.f").is_ok();
    let is_kind = kind.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'));
    (is_time && is_kind).then_some((at, kind, message))
}

/// The objects at the start of a line: usually one, and two where a writer lost a line feed.
fn objects(line: &str) -> Vec<Value> {
    let mended = mended(line);
    let objects = Deserializer::from_str(&mended).into_iter::<Value>().map_while(Result::ok);
    objects.take_while(Value::is_object).collect()
}

/// Without what keeps a line from being JSON although a reader sees one: control characters and halves of surrogates.
fn mended(line: &str) -> String {
    let line: String = line.chars().filter(|c| *c != '\0').map(|c| if c < ' ' { ' ' } else { c }).collect();
    let unit = |at: usize| {
        let digits = line.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut mended, mut at) = (String::new(), 0);
    while let Some(next) = line[at..].chars().next() {
        let width = match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => 0,
            (Some(_), _) => 6,
            (None, _) if next == '\\' => 1 + line[at + 1..].chars().next().map_or(0, char::len_utf8),
            (None, _) => next.len_utf8(),
        };
        mended.push_str(if width == 0 { "\\ufffd" } else { &line[at..at + width] });
        at += if width == 0 { 6 } else { width };
    }
    mended
}

fn object_event(object: Value, events: &mut Vec<Value>) {
    if object.get("event_type").is_some() {
        logged(&object, events);
    } else {
        claude_event(object, events);
    }
}

/// An event of Claude Code; a transcript keeps a sub-agent's inside a `progress`.
fn claude_event(event: Value, events: &mut Vec<Value>) {
    if event["type"] != "progress" {
        events.push(event);
    } else if event["data"]["type"] == "agent_progress" && event["data"]["message"].is_object() {
        let mut inner = event["data"]["message"].clone();
        inner["parent_tool_use_id"] = event["parentToolUseID"].clone();
        inner["isSidechain"] = json!(true);
        events.push(inner);
    }
}

/// An entry of the upstream's log.
fn logged(entry: &Value, events: &mut Vec<Value>) {
    let (kind, data) = (text(&entry["event_type"]), &entry["data"]);
    let message = data["message"].as_str().unwrap_or_default();
    match kind.as_str() {
        "claude_stream_raw" | "claude_output" => raw(message, events),
        "claude_message" => sdk_message(message, &text(&entry["timestamp"]), events),
        "execution_complete" => {
            let result = data["final_result"].as_str().filter(|text| !is_marker(text));
            events.push(json!({"type": "closed", "status": data["status"], "final_result": result}));
        }
        "claude_response" => {
            let words = first_filled(data, &["response_text"]).unwrap_or_else(|| message.to_owned());
            events.push(of_assistant(&json!({"type": "text", "text": words})));
            older_call(data, data, events);
        }
        kind if kind.starts_with("claude_stream_") => claude_event(data.clone(), events),
        _ if first_filled(entry, &["tool_name"]).is_some() => older_call(entry, data, events),
        _ => older_call(data, data, events),
    }
}

/// Older entries name the tool on themselves or in `data`.
fn older_call(named_in: &Value, data: &Value, events: &mut Vec<Value>) {
    if let Some(name) = first_filled(named_in, &["tool_name"]) {
        let (id, input) = (&data["tool_use_id"], &data["tool_input"]);
        events.push(of_assistant(&json!({"type": "tool_use", "id": id, "name": name, "input": input})));
    }
}

fn of_assistant(block: &Value) -> Value {
    json!({"type": "assistant", "message": {"content": [block]}})
}

/// A line of Claude Code's output, kept as text; one that was cut is a marker and says nothing.
fn raw(line: &str, events: &mut Vec<Value>) {
    for object in objects(line.trim()) {
        if object.get("event_type").is_none() {
            claude_event(object, events);
        }
    }
}

/// An entry as the status answer tells it: raw lines as they were, messages as Python prints them, figures not at all.
fn told_entry(at: &str, kind: &str, message: &str, events: &mut Vec<Value>) {
    match kind.strip_prefix("claude_stream_").unwrap_or(kind) {
        "raw" | "claude_output" => raw(message, events),
        "claude_message" => sdk_message(message, at, events),
        kind @ ("assistant" | "user") => {
            if let Some(message) = value_of(message) {
                events.push(json!({"type": kind, "message": message}));
            }
        }
        kind => {
            if let Some(status) = kind.strip_prefix("result_").filter(|subtype| *subtype != "success") {
                events.push(json!({"type": "closed", "status": status}));
            }
        }
    }
}

/// A message of the Python SDK as Python prints it. One without an id is known by the time of its entry.
fn sdk_message(words: &str, at: &str, events: &mut Vec<Value>) {
    let Some(mut object) = value_of(words) else { return };
    let kind = match text(&object["class"]).as_str() {
        "AssistantMessage" => "assistant",
        "UserMessage" => "user",
        "ResultMessage" => "result",
        _ => return,
    };
    for block in object["content"].as_array_mut().into_iter().flatten() {
        match text(&block["class"]).as_str() {
            "TextBlock" => block["type"] = json!("text"),
            "ToolUseBlock" => block["type"] = json!("tool_use"),
            "ToolResultBlock" => block["type"] = json!("tool_result"),
            _ => {}
        }
    }
    let mut event = object.clone();
    if first_filled(&object, &["id", "message_id"]).is_none() {
        object["id"] = json!(at);
    }
    event["type"] = json!(kind);
    event["message"] = object;
    events.push(event);
}
