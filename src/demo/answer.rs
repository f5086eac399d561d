//! The status answer: 24 keys, always all there, always in the same order. Pure.
//!
//! Its oddities are the real service's and kept on purpose: counts are null for the first thirty seconds, then zero
//! or naive until the end; `claude_session_id` turns from real to `"pending"` to null; `result` and `exit_code` are
//! never filled in; a failed run has no `error`.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::python::{Separators, dumps, naive};
use super::reading::Reading;
use super::run::{Progress, Run};
use super::script::Outcome;
use super::value::{Dict, Value};

/// How long a running run answers without counts.
const WITHOUT_COUNTS: TimeDelta = TimeDelta::seconds(30);
/// The service notes the last activity a little before the end.
const ACTIVITY_BEFORE_END: TimeDelta = TimeDelta::microseconds(2430);
/// What a run may take unless the caller says otherwise, in seconds.
const TIMEOUT_REQUESTED: i64 = 7200;

/// The body of the status answer for a run that has come to `progress`, its log read as `reading`.
pub(super) fn status(
    run: &Run,
    progress: &Progress,
    reading: &Reading,
    now: DateTime<Utc>,
    debug: bool,
) -> String {
    let (state, counts) = match progress.ended {
        Some((_, outcome)) => (name(outcome), true),
        None => ("running", now - progress.started_at >= WITHOUT_COUNTS),
    };
    let took = execution_time(progress, now);
    let counted = |value: Value| if counts { value } else { Value::None };
    let body = Value::dict([
        ("run_id", run.identity.run_id.as_str().into()),
        ("status", state.into()),
        ("session_id", run.identity.session_id.as_str().into()),
        ("workflow_name", run.identity.workflow.as_str().into()),
        ("started_at", naive(progress.started_at.trunc_subsecs(0)).into()),
        ("updated_at", updated_at(progress).map(naive).into()),
        ("container_id", Value::None),
        ("execution_time", seconds(took).into()),
        ("result", Value::None),
        ("exit_code", Value::None),
        ("git_commits", Value::List(Vec::new())),
        ("error", Value::None),
        ("logs", reading.text.as_str().into()),
        ("cost", counted(reading.cost.into())),
        ("tokens", counted(reading.tokens.into())),
        ("turns", counted(reading.turns.into())),
        ("tool_calls", counted(reading.tool_calls.into())),
        ("tools_used", counted(reading.tools_used.clone().into())),
        ("claude_session_id", claude_session(run, progress, counts).into()),
        ("progress_indicator", counted(indicator(reading).into())),
        ("last_activity", last_activity(progress, reading).into()),
        ("recent_steps", recent_steps(reading)),
        ("elapsed_seconds", counted(took.num_seconds().into())),
        ("debug_info", if debug { debug_info(run, reading) } else { Value::None }),
    ]);
    dumps(&body, Separators::Compact)
}

const fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Failed => "failed",
    }
}

/// Until the end since the start, and in the end only since the first response.
fn execution_time(progress: &Progress, now: DateTime<Utc>) -> TimeDelta {
    match (&progress.ended, &progress.responded) {
        (Some((ended, _)), Some((responded, _))) => *ended - *responded,
        (Some((ended, _)), None) => *ended - progress.started_at,
        (None, _) => now - progress.started_at,
    }
}

/// The first response, then the end: no heartbeat.
fn updated_at(progress: &Progress) -> Option<DateTime<Utc>> {
    progress.ended.map(|(at, _)| at).or(progress.responded.as_ref().map(|(at, _)| *at))
}

fn claude_session<'a>(run: &'a Run, progress: &Progress, counts: bool) -> Option<&'a str> {
    match (&progress.ended, &progress.responded) {
        (Some(_), _) | (None, None) => None,
        (None, Some(_)) if counts => Some("pending"),
        (None, Some(_)) => Some(&run.identity.claude_session_id),
    }
}

fn indicator(reading: &Reading) -> String {
    format!("Turn {}, {} tools used", reading.turns, reading.tool_calls)
}

fn last_activity(progress: &Progress, reading: &Reading) -> Option<String> {
    reading.last_tool.as_ref()?;
    match progress.ended {
        Some((at, _)) => Some(naive(at - ACTIVITY_BEFORE_END)),
        None => reading.last_entry_at.as_ref().map(|at| at.trim_end_matches("+00:00").to_owned()),
    }
}

fn recent_steps(reading: &Reading) -> Value {
    let Some((tool, at)) = &reading.last_tool else { return Value::None };
    let last_tool = Value::dict([
        ("type", "tool_use".into()),
        ("tool_name", tool.as_str().into()),
        ("timestamp", at.as_str().into()),
        ("summary", format!("Using {tool} tool").into()),
    ]);
    Value::dict([("last_tool", last_tool)])
}

/// Mostly zeros in the real service too; `max_turns_requested` is the part that is told nowhere else.
fn debug_info(run: &Run, reading: &Reading) -> Value {
    let empty = || Value::Dict(Dict::new());
    let none = || Value::List(Vec::new());
    let event_counts = reading
        .event_counts
        .iter()
        .map(|(event_type, count)| (event_type.clone(), (*count).into()))
        .collect();
    Value::dict([
        ("claude_command", empty()),
        (
            "stream_analysis",
            Value::dict([
                ("total_stream_entries", 0_i64.into()),
                ("stream_types", none()),
                ("raw_streams", none()),
            ]),
        ),
        ("tool_usage", empty()),
        (
            "execution_stats",
            Value::dict([
                ("total_turns", 0_i64.into()),
                ("tool_calls", 0_i64.into()),
                ("event_counts", Value::Dict(event_counts)),
                ("cost_usd", 0.0.into()),
                ("duration_ms", 0_i64.into()),
            ]),
        ),
        ("costs", Value::dict([("total_usd", 0.0.into()), ("currency", "USD".into())])),
        ("raw_streams", none()),
        ("session_info", session_info(run)),
        (
            "message_analysis",
            Value::dict([
                ("total_assistant_messages", 0_i64.into()),
                ("last_message_length", 0_i64.into()),
                ("total_content_length", 0_i64.into()),
            ]),
        ),
    ])
}

fn session_info(run: &Run) -> Value {
    Value::dict([
        ("workflow_name", run.identity.workflow.as_str().into()),
        ("git_branch", "main".into()),
        ("container_id", Value::None),
        ("run_id", run.identity.run_id.as_str().into()),
        ("claude_session_id", Value::None),
        ("max_turns_requested", run.max_turns.into()),
        ("timeout_requested", TIMEOUT_REQUESTED.into()),
        ("repository_url", Value::None),
    ])
}

fn seconds(span: TimeDelta) -> f64 {
    span.num_microseconds().unwrap_or(i64::MAX) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::super::run::Runs;
    use super::super::script::{Stage, runs};
    use super::*;

    const KEYS: [&str; 24] = [
        "run_id",
        "status",
        "session_id",
        "workflow_name",
        "started_at",
        "updated_at",
        "container_id",
        "execution_time",
        "result",
        "exit_code",
        "git_commits",
        "error",
        "logs",
        "cost",
        "tokens",
        "turns",
        "tool_calls",
        "tools_used",
        "claude_session_id",
        "progress_indicator",
        "last_activity",
        "recent_steps",
        "elapsed_seconds",
        "debug_info",
    ];

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 250_000_000).unwrap()
    }

    fn run() -> Arc<Run> {
        let run = Runs::bundled(Path::new("/nowhere"), start()).get(runs()[0].id).unwrap();
        run.reach(&Stage::Begun, start());
        run.reach(&Stage::Responded("Hello".to_owned()), start() + TimeDelta::milliseconds(1500));
        run
    }

    fn reading() -> Reading {
        Reading {
            text: "T [event] x".to_owned(),
            tokens: 12,
            tool_calls: 2,
            tools_used: vec!["Read".to_owned()],
            last_tool: Some(("Read".to_owned(), "2023-11-14T22:13:25+00:00".to_owned())),
            last_entry_at: Some("2023-11-14T22:13:26.500000+00:00".to_owned()),
            ..Reading::default()
        }
    }

    fn answer(run: &Run, after_seconds: i64) -> Value {
        let now = start() + TimeDelta::seconds(after_seconds);
        serde_json::from_str(&status(run, &run.progress(), &reading(), now, false)).unwrap()
    }

    fn nulls(answer: &Value) -> Vec<&str> {
        KEYS.into_iter().filter(|key| answer.get(key) == Some(&Value::None)).collect()
    }

    #[test]
    fn all_keys_are_there_in_order_whatever_the_status() {
        let run = run();
        let early = answer(&run, 29);
        let later = answer(&run, 30);
        run.reach(&Stage::Ended(Outcome::Failed), start() + TimeDelta::seconds(40));
        for answer in [early, later, answer(&run, 50)] {
            let Value::Dict(members) = answer else { panic!("an object") };
            let keys: Vec<_> = members.iter().map(|(key, _)| key.as_str()).collect();
            assert_eq!(keys, KEYS);
        }
    }

    #[test]
    fn counts_are_null_for_thirty_seconds_and_then_zero_or_naive() {
        let run = run();
        let early = answer(&run, 29);
        assert_eq!(
            nulls(&early),
            [
                "container_id",
                "result",
                "exit_code",
                "error",
                "cost",
                "tokens",
                "turns",
                "tool_calls",
                "tools_used",
                "progress_indicator",
                "elapsed_seconds",
                "debug_info"
            ]
        );
        assert_eq!(early.str("claude_session_id"), Some(run.identity.claude_session_id.as_str()));
        let later = answer(&run, 30);
        assert_eq!(nulls(&later), ["container_id", "result", "exit_code", "error", "debug_info"]);
        assert_eq!(later.str("claude_session_id"), Some("pending"));
        assert_eq!((later.int("turns"), later.int("tokens")), (Some(0), Some(12)));
        assert_eq!(later.get("cost"), Some(&Value::Float(0.0)));
        assert_eq!(later.get("execution_time"), Some(&Value::Float(30.0)));
        assert_eq!(later.int("elapsed_seconds"), Some(30));
        assert_eq!(later.str("progress_indicator"), Some("Turn 0, 2 tools used"));
        assert_eq!(later.str("last_activity"), Some("2023-11-14T22:13:26.500000"));
    }

    #[test]
    fn the_end_is_told_without_result_error_or_exit_code() {
        for (outcome, name) in [(Outcome::Completed, "completed"), (Outcome::Failed, "failed")] {
            let run = run();
            run.reach(&Stage::Ended(outcome), start() + TimeDelta::seconds(61));
            let ended = answer(&run, 3600);
            assert_eq!(ended.str("status"), Some(name));
            assert_eq!(
                nulls(&ended),
                ["container_id", "result", "exit_code", "error", "claude_session_id", "debug_info"]
            );
            assert_eq!(ended.str("started_at"), Some("2023-11-14T22:13:20"));
            assert_eq!(ended.str("updated_at"), Some("2023-11-14T22:14:21.255000"));
            assert_eq!(ended.get("execution_time"), Some(&Value::Float(59.505)));
            assert_eq!(ended.int("elapsed_seconds"), Some(59));
        }
    }

    #[test]
    fn debug_tells_the_most_turns_requested() {
        let run = run();
        let body = status(&run, &run.progress(), &reading(), start(), true);
        let body: Value = serde_json::from_str(&body).unwrap();
        let session = body.get("debug_info").and_then(|debug| debug.get("session_info")).unwrap();
        assert_eq!(session.int("max_turns_requested"), Some(60));
    }
}
