//! Whole pages, of runs of our own.

use serde_json::{Value, json};

use super::*;
use crate::analysis::{Analysis, Beside, CacheOutcome, Context, Detail, Limits, LogSourceKind, RunStatus};

/// A transcript line a minute.
fn page(status: RunStatus, messages: &[Value]) -> String {
    let mut analysis = Analysis::new(Limits::default());
    for (minute, message) in (0..).zip(messages) {
        let at =
            DateTime::from_timestamp(1_760_000_000 + 60 * minute, 0).expect("a moment in 2025").to_rfc3339();
        let kind = message["role"].clone();
        let line = json!({"type": kind, "timestamp": at, "sessionId": "s", "message": message});
        analysis.feed(format!("{line}\n").as_bytes());
    }
    let context = Context {
        now: analysis.last_event_at().unwrap_or_default(),
        status: Some(status),
        max_turns: None,
        detail: Detail::Full,
        compat_fields: false,
        source: LogSourceKind::File,
        cache: CacheOutcome::Miss,
        beside: Beside::default(),
    };
    let (progress, steps) = analysis.progress(&context);
    render(&analysis.report(&context), &progress, &steps.steps, analysis.first_event_at())
}

fn says(id: &str, block: &Value) -> Value {
    json!({"role": "assistant", "id": id, "model": "claude-sonnet-4-5", "content": [block],
        "usage": {"input_tokens": 100_000, "output_tokens": 1000}})
}

fn calls(id: &str, tool: &str, input: &Value) -> Value {
    says(id, &json!({"type": "tool_use", "id": id, "name": tool, "input": input}))
}

fn answers(id: &str, content: &str, is_error: bool) -> Value {
    let block = json!({"type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error});
    json!({"role": "user", "content": [block]})
}

fn messages() -> Vec<Value> {
    let todo = |first: &str, second: &str| {
        json!({"todos": [{"content": "書く", "status": first},
            {"content": "Check all of it and then once more, so that nobody can say that it was not checked", "status": second}]})
    };
    vec![
        calls("a", "TodoWrite", &todo("in_progress", "pending")),
        answers("a", "ok", false),
        calls("b", "Write", &json!({"file_path": "/srv/app/src/lexer.rs"})),
        answers("b", "File created successfully", false),
        calls("c", "Edit", &json!({"file_path": "/srv/app/README.md"})),
        answers("c", "updated", false),
        calls("d", "TodoWrite", &todo("completed", "in_progress")),
        answers("d", "ok", false),
        calls("e", "Bash", &json!({"command": "cargo test"})),
        answers("e", "Exit code 101\n\ntest result: FAILED. 8 passed; 1 failed; 0 ignored; 0 measured", true),
        says("f", &json!({"type": "text", "text": "One test fails. ".repeat(20)})),
    ]
}

#[test]
fn a_run_is_a_page_of_aligned_lines() {
    let page = page(RunStatus::Completed, &messages());
    let expected = "\
✔ succeeded · 10m 00s · 6 turns · about $1.89 · claude-sonnet-4-5

Steps (1 of 2 done)
 ✔   1  書く                                                         6m 00s    4 calls    $1.26
 ▶   2  Check all of it and then once more, so that nobody can sa…   4m 00s     1 call    $0.63
";
    assert!(page.starts_with(expected), "{page}");
    assert!(
        page.contains("\nFiles (2) in /srv/app/\n  + src/lexer.rs (1 edit)\n  ~ README.md (1 edit)\n"),
        "{page}"
    );
    assert!(page.contains("\nErrors   1, the last: Bash: Exit code 101: test result: FAILED."), "{page}");
    assert!(page.ends_with("\nCost     about $1.89\n"), "{page}");
}

#[test]
fn no_line_is_wider_than_a_chat_and_none_ends_in_blanks() {
    for status in [RunStatus::Running, RunStatus::Completed, RunStatus::Failed] {
        for line in page(status, &messages()).lines() {
            assert!(display_width(line) <= LINE_WIDTH && line == line.trim_end(), "{line:?}");
        }
    }
}

#[test]
fn a_running_run_says_when_it_may_end_and_a_failed_one_what_its_last_words_were() {
    let running = page(RunStatus::Running, &messages()[..9]);
    assert!(running.contains("\nNow      Running cargo test\nEnds     in about "), "{running}");
    assert!(running.contains("most likely between "), "{running}");
    let failed = page(RunStatus::Failed, &messages());
    assert!(failed.contains("\nLast words\n  One test fails.") && !failed.contains("\nResult"), "{failed}");
}
