//! config/FIELDS.md behind its mark: the schema of the added fields as tables for people.

use serde_json::{Map, Value};

/// What stands before this is written by hand.
pub(super) const MARK: &str =
    "<!-- From here on made from the schema, by the tests: change src/analysis/report.rs, not this. -->\n";

/// Everything behind the mark.
pub(super) fn rendered(schema_text: &str) -> String {
    let schema: Value = serde_json::from_str(schema_text).unwrap();
    let parts = schema["$defs"].as_object().unwrap();
    let (objects, words): (Vec<_>, Vec<_>) =
        parts.iter().partition(|(_, part)| part["properties"].is_object());
    let mut text =
        format!("{MARK}\n## The added members\n\n{}", table(&schema, &order(&schema, schema_text), parts));
    // In the order in which they are met, each below what refers to it first.
    for name in met(&schema, schema_text, parts) {
        let (part, heading) = (&parts[&name], format!("\n## {name}\n\n{}\n\n", line(&parts[&name])));
        text += &heading;
        text += &if objects.iter().any(|(known, _)| **known == name) {
            table(part, &order(part, schema_text), parts)
        } else {
            values(part)
        };
    }
    assert_eq!(text.matches("\n## ").count(), 1 + objects.len() + words.len(), "every part has its section");
    text
}

/// The names of an object's properties as they are written: of what is always there `required` keeps the order.
fn order(object: &Value, schema_text: &str) -> Vec<String> {
    let properties = object["properties"].as_object().unwrap();
    let required: Vec<_> =
        object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut names: Vec<_> = properties.keys().cloned().collect();
    if object["$id"].is_string() {
        names.sort_by_key(|name| schema_text.find(&format!("\n    \"{name}\": {{")));
    } else {
        names.sort_by_key(|name| required.iter().position(|known| known == name).unwrap_or(required.len()));
    }
    names
}

fn met(schema: &Value, schema_text: &str, parts: &Map<String, Value>) -> Vec<String> {
    let mut names = Vec::new();
    walk(schema, schema_text, parts, &mut names);
    names
}

fn walk(object: &Value, schema_text: &str, parts: &Map<String, Value>, names: &mut Vec<String>) {
    for property in order(object, schema_text) {
        let Some(name) = referred(&object["properties"][&property]) else { continue };
        if !names.contains(&name) {
            names.push(name.clone());
            if parts[&name]["properties"].is_object() {
                walk(&parts[&name], schema_text, parts, names);
            }
        }
    }
}

/// The part that a property is of, itself or in a list.
fn referred(property: &Value) -> Option<String> {
    let alternatives = property["anyOf"].as_array().into_iter().flatten();
    let mut places =
        [property, &property["items"], &property["additionalProperties"]].into_iter().chain(alternatives);
    places.find_map(|place| Some(place["$ref"].as_str()?.rsplit('/').next()?.to_owned()))
}

fn table(object: &Value, names: &[String], parts: &Map<String, Value>) -> String {
    let required: Vec<_> =
        object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let row = |name: &String| {
        let property = &object["properties"][name];
        let absent = if required.contains(&name.as_str()) { "" } else { "; may be absent" };
        format!("| `{name}` | {}{absent} | {} |\n", kind(property, parts), line(property))
    };
    format!("| field | is | meaning |\n| --- | --- | --- |\n{}", names.iter().map(row).collect::<String>())
}

fn values(words: &Value) -> String {
    let words = words["oneOf"].as_array().unwrap_or_else(|| panic!("{words} is neither an object nor words"));
    let row = |word: &Value| format!("| `{}` | {} |\n", word["const"].as_str().unwrap(), line(word));
    format!("| value | meaning |\n| --- | --- |\n{}", words.iter().map(row).collect::<String>())
}

/// What a property is, in words.
fn kind(property: &Value, parts: &Map<String, Value>) -> String {
    if let Some(alternatives) = property["anyOf"].as_array() {
        return alternatives.iter().map(|one| kind(one, parts)).collect::<Vec<_>>().join(" or ");
    }
    if let Some(name) = property["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        let word = if parts[name]["oneOf"].is_array() { "one of " } else { "" };
        return format!("{word}[{name}](#{})", name.to_lowercase());
    }
    let words = match &property["type"] {
        Value::String(word) => vec![word.as_str()],
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
        _ => panic!("no type: {property}"),
    };
    words.into_iter().map(|word| of_type(word, property, parts)).collect::<Vec<_>>().join(" or ")
}

fn of_type(word: &str, property: &Value, parts: &Map<String, Value>) -> String {
    let range = match (property["minimum"].as_i64(), property["maximum"].as_i64()) {
        (Some(low), Some(high)) => format!(" {low}–{high}"),
        _ => String::new(),
    };
    match word {
        "string" if property["format"] == "date-time" => "time (RFC 3339, UTC, `Z`)".to_owned(),
        "string" => "text".to_owned(),
        "boolean" => "true or false".to_owned(),
        "integer" => format!("whole number{range}"),
        "array" => format!("list of {}", kind(&property["items"], parts)),
        "object" => format!("object: name → {}", kind(&property["additionalProperties"], parts)),
        "number" => format!("number{range}"),
        other => other.to_owned(),
    }
}

/// A description in one line of a table.
fn line(described: &Value) -> String {
    let text = described["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
