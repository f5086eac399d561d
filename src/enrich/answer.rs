//! Reads what merging needs to know of the upstream's body, and nothing else of it. Pure.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::analysis::RunStatus;

/// What is known of a body that is one JSON object.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The names of its members.
    pub names: Vec<String>,
    /// The run's id; `None` where the member is missing or no string.
    pub run: Option<String>,
    /// The run's status by the upstream's word; `None` where the member is missing or no string.
    pub status: Option<String>,
    /// The run's workflow; `None` where the member is missing or no string.
    pub workflow: Option<String>,
    /// The upstream's own session; `None` where the member is missing or no string.
    pub session: Option<String>,
    /// Claude Code's session; `None` where the member is missing, no string, or says that it is not known yet.
    pub claude_session: Option<String>,
    /// The turn limit, where this version of the upstream tells it.
    pub max_turns: Option<u64>,
    /// The turns that were taken; `None` where it tells none, and while they are not counted.
    pub turns: Option<u64>,
    /// What the run cost, USD; `None` where it tells nothing, and while it is not known.
    pub cost_usd: Option<f64>,
    /// Whether the upstream itself has a `result`: one that is not null.
    pub has_result: bool,
    /// Where the value of `logs` stands in the body.
    pub logs: Option<Range<usize>>,
    /// Where the closing brace stands in the body.
    pub closing_brace: usize,
}

/// The body is not one JSON object in UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnObject;

impl Answer {
    /// Reads a body.
    pub fn read(body: &[u8]) -> Result<Self, NotAnObject> {
        let text = std::str::from_utf8(body).map_err(|_| NotAnObject)?;
        let members: Members<'_> = serde_json::from_str(text).map_err(|_| NotAnObject)?;
        let closing_brace = text.rfind('}').ok_or(NotAnObject)?;
        let progress = members.progress.and_then(shaped::<Progress>).unwrap_or_default();
        let metrics = members.metrics.and_then(shaped::<Metrics>).unwrap_or_default();
        let turns = members.turns.and_then(shaped::<u64>).or(progress.turns);
        let cost_usd = members.cost.and_then(shaped::<f64>).or(metrics.cost_usd);
        Ok(Self {
            run: members.run.and_then(text_of),
            status: members.status.and_then(text_of),
            workflow: members.workflow.and_then(text_of),
            session: members.session.and_then(text_of),
            claude_session: members.claude_session.and_then(text_of).filter(|id| id != "pending"),
            max_turns: members.debug_info.and_then(requested_turns).or(progress.max_turns),
            // Both are nought as long as the service has not read the run's end.
            turns: turns.filter(|turns| *turns > 0),
            cost_usd: cost_usd.filter(|cost| *cost > 0.0),
            has_result: members.result.is_some_and(|raw| raw.get() != "null"),
            logs: members.logs.map(|raw| span(text, raw)),
            names: members.names.into_iter().map(Cow::into_owned).collect(),
            closing_brace,
        })
    }

    /// Whether one of its members has this name.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// Whether it says that nothing more will happen in the run.
    pub fn has_ended(&self) -> bool {
        let status = self.status.as_deref().and_then(RunStatus::from_word);
        status.is_some_and(|status| status != RunStatus::Running)
    }

    /// How much memory it holds, in bytes.
    pub fn heap_bytes(&self) -> usize {
        let texts = [&self.run, &self.status, &self.workflow, &self.session, &self.claude_session];
        let texts = texts.into_iter().flatten().chain(&self.names);
        self.names.capacity() * size_of::<String>() + texts.map(String::capacity).sum::<usize>()
    }
}

fn text_of(value: &RawValue) -> Option<String> {
    shaped(value)
}

/// `debug_info.session_info.max_turns_requested`, which the seed version tells with `debug=true`.
fn requested_turns(debug_info: &RawValue) -> Option<u64> {
    #[derive(Deserialize)]
    struct DebugInfo {
        session_info: SessionInfo,
    }
    #[derive(Deserialize)]
    struct SessionInfo {
        max_turns_requested: Option<u64>,
    }
    shaped::<DebugInfo>(debug_info)?.session_info.max_turns_requested
}

/// `progress`, of later versions.
#[derive(Default, Deserialize)]
struct Progress {
    turns: Option<u64>,
    max_turns: Option<u64>,
}

/// `metrics`, of later versions.
#[derive(Default, Deserialize)]
struct Metrics {
    cost_usd: Option<f64>,
}

/// What a value is of this shape; `None` where it is of another.
fn shaped<'b, T: Deserialize<'b>>(value: &'b RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

/// The place of a value that was borrowed from `text`.
fn span(text: &str, raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr().addr() - text.as_ptr().addr();
    start..start + raw.get().len()
}

#[derive(Default)]
struct Members<'b> {
    names: Vec<Cow<'b, str>>,
    run: Option<&'b RawValue>,
    status: Option<&'b RawValue>,
    workflow: Option<&'b RawValue>,
    session: Option<&'b RawValue>,
    claude_session: Option<&'b RawValue>,
    result: Option<&'b RawValue>,
    logs: Option<&'b RawValue>,
    debug_info: Option<&'b RawValue>,
    progress: Option<&'b RawValue>,
    turns: Option<&'b RawValue>,
    cost: Option<&'b RawValue>,
    metrics: Option<&'b RawValue>,
}

impl<'de: 'b, 'b> Deserialize<'de> for Members<'b> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(Name(name)) = map.next_key()? {
            match &*name {
                "run_id" => members.run = Some(map.next_value()?),
                "status" => members.status = Some(map.next_value()?),
                "workflow_name" => members.workflow = Some(map.next_value()?),
                "session_id" => members.session = Some(map.next_value()?),
                "claude_session_id" => members.claude_session = Some(map.next_value()?),
                "result" => members.result = Some(map.next_value()?),
                "logs" => members.logs = Some(map.next_value()?),
                "debug_info" => members.debug_info = Some(map.next_value()?),
                "progress" => members.progress = Some(map.next_value()?),
                "turns" => members.turns = Some(map.next_value()?),
                "cost" => members.cost = Some(map.next_value()?),
                "metrics" => members.metrics = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            members.names.push(name);
        }
        Ok(members)
    }
}

/// A member's name, borrowed unless it has escapes.
struct Name<'b>(Cow<'b, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }
            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_merging_needs_is_read_whatever_the_order_and_spacing() {
        let text = "{ \"logs\" : \"a\\n}b\" ,\"x\":[{}],\n\"status\":\"running\" } \n";
        let answer = Answer::read(text.as_bytes()).unwrap();
        assert_eq!(answer.status.as_deref(), Some("running"));
        assert_eq!(answer.names, ["logs", "x", "status"]);
        assert_eq!(&text[answer.logs.unwrap()], "\"a\\n}b\"");
        assert_eq!(&text[answer.closing_brace..], "} \n");
    }

    #[test]
    fn the_turn_limit_is_found_in_both_generations() {
        let seed = r#"{"debug_info":{"session_info":{"max_turns_requested":30}}}"#;
        assert_eq!(Answer::read(seed.as_bytes()).unwrap().max_turns, Some(30));
        let later = r#"{"debug_info":null,"progress":{"turns":3,"max_turns":50}}"#;
        assert_eq!(Answer::read(later.as_bytes()).unwrap().max_turns, Some(50));
        assert_eq!(Answer::read(br#"{"progress":{"max_turns":null}}"#).unwrap().max_turns, None);
        assert_eq!(Answer::read(br#"{"progress":"none"}"#).unwrap().max_turns, None);
    }

    #[test]
    fn turns_and_cost_are_found_in_both_generations_once_they_are_known() {
        let told = |body: &str| {
            let answer = Answer::read(body.as_bytes()).unwrap();
            (answer.turns, answer.cost_usd)
        };
        assert_eq!(told(r#"{"cost":0.25,"turns":7,"progress":null}"#), (Some(7), Some(0.25)));
        assert_eq!(told(r#"{"progress":{"turns":7},"metrics":{"cost_usd":2}}"#), (Some(7), Some(2.0)));
        for unknown in [
            r#"{"cost":0.0,"turns":0}"#,
            r#"{"cost":null,"turns":null}"#,
            r#"{"cost":"much","turns":-1,"metrics":[]}"#,
            "{}",
        ] {
            assert_eq!(told(unknown), (None, None), "{unknown}");
        }
    }

    #[test]
    fn null_is_no_result() {
        for (body, has_result) in [
            ("{}", false),
            ("{\"result\": null }", false),
            ("{\"result\":{}}", true),
            ("{\"result\":\"null\"}", true),
        ] {
            assert_eq!(Answer::read(body.as_bytes()).unwrap().has_result, has_result, "{body}");
        }
    }

    #[test]
    fn a_status_that_is_no_string_is_none() {
        assert_eq!(Answer::read(br#"{"status":3}"#).unwrap().status, None);
        assert_eq!(Answer::read(b"{}").unwrap().status, None);
    }

    #[test]
    fn whatever_is_not_one_object_is_refused() {
        for bad in ["", "[]", "null", "\"}\"", "{", "{}{}", "{} x", "{\"a\":NaN}", "\u{feff}{}", "{\"a\":1,}"]
        {
            assert!(Answer::read(bad.as_bytes()).is_err(), "{bad:.40}");
        }
        assert!(Answer::read(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn nesting_costs_no_stack() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert!(Answer::read(deep.as_bytes()).is_ok());
    }

    #[test]
    fn escaped_names_are_compared_as_they_mean() {
        assert_eq!(Answer::read(br#"{"st\u0061tus":"failed"}"#).unwrap().status.as_deref(), Some("failed"));
    }
}
