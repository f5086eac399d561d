//! Events as Python prints them: the SDK's objects, and dicts.

use serde_json::Value;

/// The event as Python's SDK prints its object.
pub(crate) fn sdk_text(event: &Value) -> String {
    let content = || {
        let blocks = event["message"]["content"].as_array().into_iter().flatten();
        blocks.map(sdk_block).collect::<Vec<_>>().join(", ")
    };
    match event["type"].as_str() {
        Some("assistant") => format!("AssistantMessage(content=[{}])", content()),
        Some("user") => format!("UserMessage(content=[{}])", content()),
        Some("result") => format!("ResultMessage({})", arguments(event)),
        _ => format!("SystemMessage(subtype={}, data={})", repr(&event["subtype"]), repr(event)),
    }
}

fn sdk_block(block: &Value) -> String {
    match block["type"].as_str() {
        Some("text") => format!("TextBlock(text={})", repr(&block["text"])),
        Some("tool_use") => format!("ToolUseBlock({})", arguments(block)),
        _ => repr(block),
    }
}

fn arguments(of: &Value) -> String {
    let members = of.as_object().into_iter().flatten().filter(|(key, _)| *key != "type");
    members.map(|(key, value)| format!("{key}={}", repr(value))).collect::<Vec<_>>().join(", ")
}

/// A value as Python prints it.
pub(crate) fn repr(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => {
            let escaped = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
            format!("'{escaped}'")
        }
        Value::Array(list) => format!("[{}]", joined(list.iter().map(repr).collect())),
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| format!("'{key}': {}", repr(value));
            format!("{{{}}}", joined(members.iter().map(member).collect()))
        }
    }
}
