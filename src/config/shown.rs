//! How `gloss check` and log lines show a value: as TOML on one line.

use figment::value::Value;

/// One value; a table is an inline one.
pub(super) fn as_toml(value: &Value) -> String {
    match value {
        Value::Array(_, items) => {
            format!("[{}]", items.iter().map(as_toml).collect::<Vec<_>>().join(", "))
        }
        Value::Dict(_, members) => {
            let members: Vec<_> =
                members.iter().map(|(name, value)| format!("{name} = {}", as_toml(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        // Texts and numbers are the same in both.
        plain => serde_json::to_string(plain).unwrap_or_default(),
    }
}
