//! What a percentage is said to rest on is what it rests on, under priors that look at one thing only.

use serde_json::{Value, json};

use super::Basis;
use super::prior::Prior;
use crate::analysis::{
    Analysis, Beside, CacheOutcome, Context, Detail, Limits, LogSourceKind, ProgressSummary, RunStatus,
};
use chrono::DateTime;
use std::sync::Arc;

/// A prior that looks at these features only.
fn prior(weights: &[(&str, f64)]) -> Arc<Prior> {
    let weights: Vec<String> =
        weights.iter().map(|(name, weight)| format!("[{name:?}, {weight:?}],")).collect();
    let weights = weights.concat();
    let text = Prior::default().to_toml().replace("\nweights = [", &format!("\nweights = [{weights}"));
    Arc::new(Prior::parse(&text).expect("a prior"))
}

/// A transcript of these blocks, ten seconds apart, each tool's answer included.
fn progress(prior: Arc<Prior>, blocks: &[Value], max_turns: Option<u64>) -> ProgressSummary {
    let mut analysis = Analysis::with_prior(Limits::default(), prior);
    let mut seconds = 1_760_000_000;
    let mut feed = |kind: &str, message: Value| {
        seconds += 5;
        let at = DateTime::from_timestamp(seconds, 0).expect("a moment in 2025").to_rfc3339();
        let line = json!({"type": kind, "timestamp": at, "sessionId": "s", "message": message});
        analysis.feed(format!("{line}\n").as_bytes());
    };
    for (number, block) in blocks.iter().enumerate() {
        let mut block = block.clone();
        block["id"] = json!(format!("call_{number}"));
        feed("assistant", json!({"id": format!("m{number}"), "role": "assistant", "content": [block]}));
        let answer = json!({"type": "tool_result", "tool_use_id": block["id"], "content": "ok"});
        feed("user", json!({"role": "user", "content": [answer]}));
    }
    let context = Context {
        now: analysis.last_event_at().expect("lines have times"),
        status: Some(RunStatus::Running),
        max_turns,
        detail: Detail::Full,
        compat_fields: false,
        source: LogSourceKind::File,
        cache: CacheOutcome::Miss,
        beside: Beside::default(),
    };
    analysis.report(&context).progress_summary.expect("a running run has progress")
}

fn call(tool: &str, input: &Value) -> Value {
    json!({"type": "tool_use", "name": tool, "input": input})
}

fn todo(done: usize, items: usize) -> Value {
    let item = |place| json!({"content": format!("Item {place}"), "status": if place < done { "completed" } else { "pending" }});
    call("TodoWrite", &json!({"todos": (0..items).map(item).collect::<Vec<_>>()}))
}

#[test]
fn the_list_is_named_only_where_the_percentage_rests_on_it() {
    let edit = call("Edit", &json!({"file_path": "/a"}));
    let run = [edit, todo(1, 30)];
    let basis = |weights: &[(&str, f64)]| progress(prior(weights), &run, None).basis;
    assert_eq!(basis(&[("list_done", 1.0)]), Basis::Todo);
    assert_eq!(basis(&[("age", 0.5)]), Basis::History, "the prior does not look at the list");
    assert_eq!(basis(&[("age", 0.5), ("list_done", 0.01)]), Basis::History, "the list hardly counts");
    assert_eq!(basis(&[("edits", 1.0)]), Basis::Phase);
    let fell = basis(&[("list_left", -0.5)]);
    assert_eq!(fell, Basis::History, "the list says less than was shown before it came");
    assert_eq!(basis(&[("edits", 1.0), ("list_done", 1.0)]), Basis::Todo, "the list comes first");
}

#[test]
fn turns_are_named_where_they_say_more_than_all_else() {
    let run = [todo(1, 2)];
    let with = |max_turns| progress(prior(&[("list_done", 1.0)]), &run, max_turns);
    assert_eq!((with(Some(1)).basis, with(Some(100)).basis), (Basis::Turns, Basis::Todo));
    assert!((with(Some(1)).completion_percentage - 99.0).abs() < 1e-9);
}

#[test]
fn a_plan_that_is_followed_is_named_where_it_says_more_than_the_rest() {
    let text = |text: &str| json!({"type": "text", "text": text});
    let read = call("Read", &json!({}));
    let told = "I will:\n1. Read the old parser\n2. Write a lexer\n3. Remove the parser\n4. Update the docs";
    let run = [
        text(told),
        text("Let me read the old parser."),
        read.clone(),
        text("Now I'll write a lexer."),
        read.clone(),
        text("Now let me update the docs."),
        read,
    ];
    let followed = progress(prior(&[]), &run, None);
    assert_eq!((followed.basis, followed.completion_percentage), (Basis::Heading, 75.0));
    let begun = progress(prior(&[]), &run[..5], None);
    assert_eq!((begun.basis, begun.completion_percentage), (Basis::History, 50.0));
}
