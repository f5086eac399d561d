//! What a run looks like in the terminal, line by line.

use serde_json::{Value, json};

use super::*;

fn view(json: &Value) -> View {
    View::read(json.to_string().as_bytes()).unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-03-02T09:14:00Z".parse().unwrap()
}

fn running(names: &[&str]) -> View {
    let steps = names.iter().enumerate().map(|(at, name)| {
        let status = ["completed", "in_progress", "pending"][at.min(2)];
        json!({"step_id": at + 1, "name": name, "status": status, "duration_seconds": 61})
    });
    view(&json!({
        "status": "running", "result": null, "error": {"odd": 1},
        "workflow_steps": {"current_step": 2, "steps": steps.collect::<Vec<_>>()},
        "progress_summary": {
            "completion_percentage": 42.4, "estimated_completion": "2026-03-02T09:16:05Z",
            "recent_activity": "Editing src/auth.py", "stalled": false,
        },
        "run_details": {"outcome": "running", "usage": {"cost_usd": 0.5, "cost_is_estimate": true}},
    }))
}

fn lines(view: &View, columns: usize, rows: usize) -> Vec<String> {
    view.rows("run_1", columns, rows).iter().map(|row| row.text(now(), columns)).collect()
}

#[test]
fn a_running_run_is_a_bar_what_it_does_and_its_steps() {
    let lines = lines(&running(&["Read", "Fix", "Test"]), 80, 24);
    assert_eq!(
        lines,
        [
            "run_1 · running · about $0.50",
            "[██████████░░░░░░░░░░░░░░] 42 % · 1 of 3 steps done · about 2m 05s left, until 09:16 UTC",
            "Editing src/auth.py",
            &format!("  ✔  1 {:<60}   1m 01s", "Read"),
            &format!("  ▶  2 {:<60}   1m 01s", "Fix"),
            &format!("  ○  3 {:<60}   1m 01s", "Test"),
        ]
        .map(|line| shortened(line, 80))
    );
}

#[test]
fn a_line_for_each_change_says_the_same() {
    let line = running(&["Read", "Fix", "Test"]).line();
    assert_eq!(line, " 42 % · step 2 of 3: Fix · Editing src/auth.py · ends about 09:16 UTC");
    assert_eq!(view(&json!({"status": "pending"})).line(), "pending · no notes yet");
}

#[test]
fn notes_that_do_not_come_by_themselves_are_told_with_the_reason_and_what_to_do() {
    let without = |status: &str, reason: &str| {
        view(&json!({"status": status, "run_details": null})).because(Some(reason.to_owned()))
    };
    for passing in ["no-log", "status", "deadline"] {
        assert_eq!(without("running", passing).line(), "running · no notes yet");
        assert!(without("completed", passing).line().starts_with("completed · no notes: "), "{passing}");
    }
    let disabled = without("running", "disabled");
    let line = disabled.line();
    assert!(line.starts_with("running · no notes: disabled (the kill switch is on: "), "{line}");
    let lines = lines(&disabled, 40, 24);
    assert_eq!(lines[..2], ["run_1 · running · no notes: disabled", "the kill switch is on: `gloss rollout"]);
    assert_eq!(without("running", "of-later").line(), "running · no notes: of-later");
    let enhanced = view(&json!({"status": "completed", "run_details": {"outcome": "success"}}));
    assert_eq!(enhanced.because(Some("query".to_owned())).line(), "completed");
}

#[test]
fn nothing_is_wider_or_higher_than_the_terminal() {
    let names: Vec<_> = (0..50).map(|n| format!("Schritt {n} 集計できました {}", "x".repeat(200))).collect();
    let view = running(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for (columns, rows) in [(20, 5), (40, 10), (200, 60)] {
        let lines = lines(&view, columns, rows);
        assert!(lines.len() <= rows.max(3), "{lines:?}");
        assert!(lines.iter().all(|line| textwrap::core::display_width(line) <= columns), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains('▶')), "{lines:?}");
    }
}

#[test]
fn no_text_of_a_log_reaches_the_terminal_as_an_order() {
    let hostile = "\u{1b}[2J\u{7}a\u{202e}b\rc\u{9b}31m";
    let mut view = running(&[hostile, hostile]);
    view.final_result = Some(format!("one\n{hostile}"));
    view.status = hostile.to_owned();
    if let Some(progress) = &mut view.progress_summary {
        progress.recent_activity = hostile.to_owned();
    }
    let all = [lines(&view, 80, 24), vec![view.line()], view.ending(80)].concat();
    for line in all {
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
}

#[test]
fn success_is_the_only_good_end() {
    let ended = |status: &str, outcome: &str| {
        let view = view(&json!({"status": status, "run_details": {"outcome": outcome}}));
        (view.has_ended(), view.failure())
    };
    assert_eq!(ended("completed", "success"), (true, None));
    assert_eq!(ended("completed", "max_turns"), (true, Some("stopped at its turn limit")));
    assert_eq!(ended("completed", "failed"), (true, Some("failed")));
    assert_eq!(ended("failed", "lost"), (true, Some("failed")));
    assert_eq!(ended("timeout", ""), (true, Some("timed out")));
    assert_eq!(ended("killed", "cancelled"), (true, Some("was killed")));
    assert_eq!(ended("running", "running"), (false, None));
    assert!(view(&json!({"status": "completed"})).failure().is_none(), "basic has no outcome");
}
