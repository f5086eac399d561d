//! Fitting on runs made here: the same runs give the same prior, and one that knows something of such runs.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::*;

fn day() -> DateTime<Utc> {
    DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// A run of `rounds` rounds of reading, editing and testing, so and so fast.
fn log(number: i64, rounds: i64, seconds_a_line: i64) -> Vec<String> {
    let start = day() + TimeDelta::hours(number);
    let mut lines = Vec::new();
    let mut at = start;
    let mut entry = |event: &str, data: serde_json::Value, seconds: i64| {
        at += TimeDelta::seconds(seconds);
        let line = json!({"timestamp": at, "run_id": "r", "event_type": event, "data": data});
        lines.push(format!("{line}\n"));
    };
    entry("event", json!({"message": "starting"}), 0);
    let tools = [("Read", json!({"file_path": "/a"})), ("Edit", json!({"file_path": "/a"}))];
    let tools = [&tools[..], &[("Bash", json!({"command": "cargo test"}))]].concat();
    for round in 0..rounds {
        for (place, (tool, input)) in tools.iter().enumerate() {
            let id = format!("{round}-{place}");
            let text = if round == 0 { "Let me look at it first." } else { "Now the next part." };
            let content = json!([{"type": "text", "text": format!("{text} {id}")},
                {"type": "tool_use", "id": id, "name": tool, "input": input}]);
            let call =
                json!({"type": "assistant", "message": {"id": id, "role": "assistant", "content": content}});
            entry("claude_stream_assistant", call, seconds_a_line + number % 3);
            let answer = json!([{"type": "tool_result", "tool_use_id": id, "content": "ok"}]);
            let answer = json!({"type": "user", "message": {"role": "user", "content": answer}});
            entry("claude_stream_user", answer, 1 + round % 4);
        }
    }
    lines
}

fn course(lines: &[String]) -> Option<Course> {
    let mut watch = Watch::default();
    for line in lines {
        watch.line(line.as_bytes());
    }
    watch.course()
}

fn courses() -> Vec<Course> {
    (0..24).filter_map(|number| course(&log(number, 6 + number % 5, 4))).collect()
}

#[test]
fn the_same_runs_in_any_order_give_the_same_prior_and_it_knows_such_runs() {
    let mut courses = courses();
    let prior = fit(courses.clone()).expect("enough runs");
    let quality = prior.cross_validated();
    assert_eq!((prior.runs(), quality.points > 24 * 30), (24, true));
    assert!(quality.mean_error < 10.0 && quality.within_20 > 90.0, "{quality:?}");
    assert!(quality.interval_holds > 75.0, "{quality:?}");

    let text = prior.to_toml();
    courses.reverse();
    assert_eq!(fit(courses).expect("enough runs").to_toml(), text);
    let read = Prior::parse(&text).expect("what was fitted is a prior under which nothing falls");
    assert_eq!(read, prior);
}

#[test]
fn few_runs_are_no_experience() {
    let few = courses().split_off(10);
    assert_eq!(fit(few).expect_err("too few"), FitError::TooFew(14));
}

#[test]
fn short_runs_and_runs_whose_times_were_lost_are_passed_over() {
    assert!(course(&log(1, 6, 4)).is_some());
    assert!(course(&log(1, 2, 1)).is_none());
    let mut even = log(1, 9, 4);
    let start = day();
    for (place, line) in (0..).zip(&mut even) {
        let mut entry: serde_json::Value = serde_json::from_str(line).expect("a line written above");
        entry["timestamp"] = json!(start + TimeDelta::seconds(2 * place));
        *line = format!("{entry}\n");
    }
    assert!(course(&even).is_none());
    let result = json!({"timestamp": start + TimeDelta::seconds(2 * 55), "run_id": "r",
        "event_type": "claude_stream_result_success",
        "data": {"type": "result", "subtype": "success", "is_error": false, "num_turns": 9, "duration_ms": 110_000}});
    even.push(format!("{result}\n"));
    assert!(course(&even).is_some_and(|course| course.weight < 1.0));
}

#[test]
fn garbage_is_no_run() {
    assert!(course(&["{\n".to_owned(), "\0\n".to_owned(), String::new()]).is_none());
}
