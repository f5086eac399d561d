//! A slow plain reading of a log, against which gloss's analysis is held: what is knowable exactly.
//!
//! Deliberately simple: the whole file at once, every line as a tree of JSON values, no bounds, no state that is carried on,
//! and nothing of `gloss::analysis` in it. It says nothing of what has to be guessed: phases, headings, progress.

mod agree;
mod events;
mod facts;
mod lists;
mod python_text;

pub(crate) use agree::disagreements;
pub(crate) use facts::Facts;

use serde_json::Value;

/// A member as text: an id may be a number. Anything else is empty.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// The first of these members that says something.
fn first_filled(of: &Value, names: &[&str]) -> Option<String> {
    names.iter().map(|name| text(&of[*name])).find(|text| !text.trim().is_empty())
}

/// Whether the logger put a marker in place of a longer text.
fn is_marker(text: &str) -> bool {
    let middle = |start: &str, end: &str| text.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    middle("<large_content:", "_chars>")
        .or(middle("<large_list:", "_items>"))
        .is_some_and(|digits| digits.parse::<u64>().is_ok())
}
