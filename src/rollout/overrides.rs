//! What an operator says at run time, above the configuration. Pure: JSON in, another rollout or a refusal out.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Percent, Rollout};
use crate::variant::Variant;

/// Values that are in force instead of the configured ones. Serialises as what [`change`](Self::change) takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Overrides {
    /// Instead of [`Rollout::enabled`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Instead of [`Rollout::percent`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<Percent>,
    /// Instead of [`Rollout::default`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Variant>,
}

/// Why a change is refused.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Refused {
    /// The field; empty where it is about the whole.
    pub key: String,
    /// What it was to be. Texts are cut.
    pub value: Value,
    /// What is wrong with it.
    pub reason: &'static str,
    /// What to do.
    pub hint: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, reason, hint } = self;
        write!(f, "key={key:?} value={value} reason={reason:?} hint={hint:?}")
    }
}

/// As much of a value as a refusal repeats, in characters.
const REPEATED: usize = 100;

impl Refused {
    fn new(key: &str, value: &Value, reason: &'static str, hint: &'static str) -> Self {
        let cut = |text: &str| text.chars().take(REPEATED).collect::<String>();
        let value = match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
            Value::String(text) => Value::String(cut(text)),
            Value::Array(_) | Value::Object(_) => Value::String(cut(&value.to_string())),
        };
        Self { key: cut(key), value, reason, hint }
    }
}

impl Overrides {
    /// These with the fields of an object of `enabled`, `percent` and `default` laid over them: a field that is left out
    /// stays, `null` takes its override back.
    ///
    /// # Errors
    /// For anything that is no such object; the first field at fault is named.
    pub fn change(self, request: &Value) -> Result<Self, Refused> {
        let Value::Object(fields) = request else {
            let reason = "it has to be a JSON object";
            return Err(Refused::new("", request, reason, "such as {\"percent\": 10}"));
        };
        let known = ["enabled", "percent", "default"];
        if let Some((key, value)) = fields.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            return Err(Refused::new(key, value, "there is no such field", "enabled, percent or default"));
        }
        Ok(Self {
            enabled: field(fields, "enabled", self.enabled, Value::as_bool, "it has to be true or false")?,
            percent: field(fields, "percent", self.percent, percent, "it has to be a number from 0 to 100")?,
            default: field(
                fields,
                "default",
                self.default,
                variant,
                "it has to be basic, enhanced or shadow",
            )?,
        })
    }

    /// The rollout with these values.
    pub fn over(self, configured: &Rollout) -> Rollout {
        Rollout {
            enabled: self.enabled.unwrap_or(configured.enabled),
            percent: self.percent.unwrap_or(configured.percent),
            default: self.default.unwrap_or(configured.default),
            ..configured.clone()
        }
    }

    /// The fields that are overridden.
    pub fn keys(self) -> Vec<&'static str> {
        let keys = [
            self.enabled.map(|_| "enabled"),
            self.percent.map(|_| "percent"),
            self.default.map(|_| "default"),
        ];
        keys.into_iter().flatten().collect()
    }
}

fn percent(value: &Value) -> Option<Percent> {
    value.as_f64().and_then(Percent::new)
}

fn variant(value: &Value) -> Option<Variant> {
    value.as_str().and_then(Variant::from_word)
}

fn field<T>(
    fields: &Map<String, Value>,
    key: &str,
    before: Option<T>,
    read: impl Fn(&Value) -> Option<T>,
    reason: &'static str,
) -> Result<Option<T>, Refused> {
    match fields.get(key) {
        None => Ok(before),
        Some(Value::Null) => Ok(None),
        Some(value) => {
            let hint = "null goes back to what the configuration says";
            read(value).map(Some).ok_or_else(|| Refused::new(key, value, reason, hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn some() -> Overrides {
        Overrides { enabled: Some(false), percent: Percent::new(5.0), default: None }
    }

    #[test]
    fn fields_left_out_stay_and_null_takes_an_override_back() {
        assert_eq!(some().change(&json!({})), Ok(some()));
        let changed = some().change(&json!({ "enabled": null, "default": "shadow" })).unwrap();
        assert_eq!(
            changed,
            Overrides { enabled: None, default: Some(Variant::Shadow), percent: Percent::new(5.0) }
        );
        assert_eq!(changed.keys(), ["percent", "default"]);
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let written = serde_json::to_value(some()).unwrap();
        assert_eq!(written, json!({ "enabled": false, "percent": 5.0 }));
        assert_eq!(Overrides::default().change(&written), Ok(some()));
    }

    #[test]
    fn a_field_that_cannot_be_used_is_named_with_its_value() {
        for (request, key, value) in [
            (json!({ "percent": 101 }), "percent", json!(101)),
            (json!({ "percent": -0.1 }), "percent", json!(-0.1)),
            (json!({ "percent": "10" }), "percent", json!("10")),
            (json!({ "percent": true, "enabled": true }), "percent", json!(true)),
            (json!({ "enabled": 1 }), "enabled", json!(1)),
            (json!({ "default": "better" }), "default", json!("better")),
            (json!({ "percent": 1, "salt": "x" }), "salt", json!("x")),
            (json!({ "default": ["basic"] }), "default", json!("[\"basic\"]")),
            (json!([]), "", json!("[]")),
            (json!({ "default": "x".repeat(1000) }), "default", json!("x".repeat(100))),
        ] {
            let refused = some().change(&request).unwrap_err();
            assert_eq!((refused.key.as_str(), &refused.value), (key, &value), "{request}");
            assert!(!refused.reason.is_empty() && !refused.hint.is_empty());
        }
    }
}
