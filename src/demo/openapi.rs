//! What `/openapi.json` says: the sample's routes, with the schema of the status answer. Pure.

use super::python::{Separators, dumps};
use super::value::{Dict, Value};

/// The keys of the status answer, with their JSON types; a key with two is nullable by the second.
const STATUS_KEYS: [(&str, &[&str]); 24] = [
    ("run_id", &["string"]),
    ("status", &["string"]),
    ("session_id", &["string"]),
    ("workflow_name", &["string"]),
    ("started_at", &["string"]),
    ("updated_at", &["string", "null"]),
    ("container_id", &["string", "null"]),
    ("execution_time", &["number", "null"]),
    ("result", &["string", "null"]),
    ("exit_code", &["integer", "null"]),
    ("git_commits", &["array"]),
    ("error", &["string", "null"]),
    ("logs", &["string", "null"]),
    ("cost", &["number", "null"]),
    ("tokens", &["integer", "null"]),
    ("turns", &["integer", "null"]),
    ("tool_calls", &["integer", "null"]),
    ("tools_used", &["array", "null"]),
    ("claude_session_id", &["string", "null"]),
    ("progress_indicator", &["string", "null"]),
    ("last_activity", &["string", "null"]),
    ("recent_steps", &["object", "null"]),
    ("elapsed_seconds", &["integer", "null"]),
    ("debug_info", &["object", "null"]),
];
/// The keys that are always there and never null.
const REQUIRED: [&str; 5] = ["run_id", "status", "session_id", "workflow_name", "started_at"];

/// The document, as JSON.
pub(super) fn document() -> String {
    let paths = Value::dict([
        ("/health", Value::dict([("get", operation("Health", &[], "HealthResponse"))])),
        (
            "/api/v1/workflows/claude-code/run/{workflow_name}",
            Value::dict([(
                "post",
                operation("Start a run", &[("workflow_name", "path", "string")], "RunStarted"),
            )]),
        ),
        (
            "/api/v1/workflows/claude-code/run/{run_id}/status",
            Value::dict([(
                "get",
                operation(
                    "Status of a run",
                    &[("run_id", "path", "string"), ("debug", "query", "boolean")],
                    "RunStatus",
                ),
            )]),
        ),
    ]);
    let schemas = Value::dict([
        ("HealthResponse", strings(&["status", "timestamp", "version", "environment"])),
        (
            "RunStarted",
            strings(&["run_id", "status", "message", "session_id", "workflow_name", "started_at"]),
        ),
        ("RunStatus", status_schema()),
    ]);
    let info = Value::dict([
        ("title", "Sample workflow service".into()),
        ("description", "Replays recorded runs of Claude Code workflows.".into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
    ]);
    let document = Value::dict([
        ("openapi", "3.1.0".into()),
        ("info", info),
        ("paths", paths),
        ("components", Value::dict([("schemas", schemas), ("securitySchemes", security_schemes())])),
    ]);
    dumps(&document, Separators::Compact)
}

fn operation(summary: &str, parameters: &[(&str, &str, &str)], answer: &str) -> Value {
    let parameters: Vec<Value> = parameters
        .iter()
        .map(|(name, place, kind)| {
            Value::dict([
                ("name", (*name).into()),
                ("in", (*place).into()),
                ("required", (*place == "path").into()),
                ("schema", Value::dict([("type", (*kind).into())])),
            ])
        })
        .collect();
    let schema = Value::dict([("$ref", format!("#/components/schemas/{answer}").into())]);
    let content = Value::dict([("application/json", Value::dict([("schema", schema)]))]);
    let ok = Value::dict([("description", "Successful Response".into()), ("content", content)]);
    Value::dict([
        ("summary", summary.into()),
        ("parameters", parameters.into()),
        ("responses", Value::dict([("200", ok)])),
    ])
}

fn status_schema() -> Value {
    let properties: Dict =
        STATUS_KEYS.iter().map(|(key, kinds)| ((*key).to_owned(), kinds_of(kinds))).collect();
    Value::dict([
        ("type", "object".into()),
        ("properties", Value::Dict(properties)),
        ("required", REQUIRED.to_vec().into()),
    ])
}

fn kinds_of(kinds: &[&str]) -> Value {
    match kinds {
        [kind] => Value::dict([("type", (*kind).into())]),
        _ => Value::dict([("type", kinds.to_vec().into())]),
    }
}

fn strings(keys: &[&str]) -> Value {
    let properties: Dict =
        keys.iter().map(|key| ((*key).to_owned(), Value::dict([("type", "string".into())]))).collect();
    Value::dict([
        ("type", "object".into()),
        ("properties", Value::Dict(properties)),
        ("required", keys.to_vec().into()),
    ])
}

fn security_schemes() -> Value {
    let scheme = |place: &str| {
        Value::dict([("type", "apiKey".into()), ("in", place.into()), ("name", "x-api-key".into())])
    };
    Value::dict([("APIKeyHeader", scheme("header")), ("APIKeyQuery", scheme("query"))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_to_a_schema_and_the_status_has_24_keys() {
        let text = document();
        let document: Value = serde_json::from_str(&text).unwrap();
        let schemas = document.get("components").and_then(|parts| parts.get("schemas")).unwrap();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.get(name).is_some(), "{name}");
        }
        let Some(Value::Dict(properties)) =
            schemas.get("RunStatus").and_then(|status| status.get("properties"))
        else {
            panic!("properties are an object")
        };
        assert_eq!(properties.len(), 24);
    }
}
