//! The rollout on a few lines, for people.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

/// What the admin listener says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct State {
    enabled: Value,
    percent: Value,
    default: Value,
    overridden: Vec<String>,
    configured: Configured,
    opt_in: String,
    deny_rules: u64,
    allow_rules: u64,
    persisted: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
struct Configured {
    enabled: Value,
    percent: Value,
    default: Value,
}

/// What is in force; with `after`, what it was and what it is.
pub(super) fn describe(before: &State, after: Option<&State>) -> String {
    let now = after.unwrap_or(before);
    // Writing to a String cannot fail.
    let mut text = String::new();
    let rows = [
        ("enabled", &before.enabled, &now.enabled, &now.configured.enabled),
        ("percent", &before.percent, &now.percent, &now.configured.percent),
        ("default", &before.default, &now.default, &now.configured.default),
    ];
    for (key, was, is, configured) in rows {
        let shown = if was == is { word(is) } else { format!("{} → {}", word(was), word(is)) };
        let is_overridden = now.overridden.iter().any(|name| name == key);
        let origin = if is_overridden {
            format!("set at run time; configured: {}", word(configured))
        } else {
            "as configured".to_owned()
        };
        let _ = writeln!(text, "{key:<8}  {shown:<20}  {origin}");
    }
    let State { opt_in, deny_rules, allow_rules, .. } = now;
    let _ = writeln!(text, "opt_in    {opt_in:<20}  rules: {deny_rules} deny, {allow_rules} allow");
    if let Some(lasting) = lasting(now) {
        let _ = writeln!(text, "\n{lasting}");
    }
    text
}

/// How long what was set at run time stays.
fn lasting(now: &State) -> Option<&'static str> {
    match now.persisted {
        // Also when there is nothing to keep: what the file says instead comes back at the next start.
        Some(false) => {
            Some("rollout.persist could not be written: after a restart, what it kept before is in force.")
        }
        _ if now.overridden.is_empty() => None,
        Some(true) => Some("What was set at run time is kept, until --reset."),
        None => Some("What was set at run time stays until --reset, or until gloss ends."),
    }
}

/// A value without JSON's quotes, and a number without an idle fraction.
fn word(value: &Value) -> String {
    match (value.as_str(), value.as_f64()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(number)) => number.to_string(),
        (None, None) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(percent: f64, overridden: &[&str], persisted: Option<bool>) -> State {
        let state = json!({
            "enabled": true, "percent": percent, "default": "basic", "overridden": overridden,
            "configured": { "enabled": true, "percent": 0.0, "default": "basic" },
            "opt_in": "anyone", "deny_rules": 1, "allow_rules": 0, "persisted": persisted
        });
        serde_json::from_value(state).unwrap()
    }

    #[test]
    fn what_changes_is_shown_before_and_after_with_how_long_it_stays() {
        let text = describe(&state(0.0, &[], None), Some(&state(2.5, &["percent"], None)));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "enabled   true                  as configured",
                "percent   0 → 2.5               set at run time; configured: 0",
                "default   basic                 as configured",
                "opt_in    anyone                rules: 1 deny, 0 allow",
                "",
                "What was set at run time stays until --reset, or until gloss ends.",
            ]
        );
    }

    #[test]
    fn nothing_is_said_of_overrides_where_there_are_none() {
        assert_eq!(describe(&state(0.0, &[], None), None).lines().count(), 4);
        assert_eq!(describe(&state(0.0, &[], Some(true)), None).lines().count(), 4);
    }

    #[test]
    fn what_could_not_be_kept_is_told() {
        let text = describe(&state(2.5, &["percent"], Some(false)), None);
        assert!(text.contains("could not be written"), "{text}");
    }
}
