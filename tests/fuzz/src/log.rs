//! A log of plausible lines, whose order and contents the bytes choose: what must hold of any log, and what gloss says of it
//! is what the plain reading says.

use chrono::DateTime;
use gloss::analysis::{Analysis, RunStatus};
use serde_json::{Value, json};

use super::bytes::Choices;
use super::reference::{Facts, disagreements};

/// Enough for any course of events, and quick.
const MAX_EVENTS: usize = 60;

/// The first byte says how the log is cut; the others choose its lines.
///
/// # Panics
/// Where something does not hold.
pub fn check(bytes: &[u8]) {
    let Some((cut, choices)) = bytes.split_first() else { return };
    let log = log(choices);
    super::analysis::check(&[&[*cut], log.as_slice()].concat());
    super::analysis::check_progress(&log);
    let mut analysis = Analysis::default();
    analysis.feed(&log);
    let long_after = DateTime::from_timestamp(1_760_900_000, 0).expect("a moment in 2025");
    let report = analysis.report(&super::analysis::context(long_after, Some(RunStatus::Completed)));
    let found = disagreements(&Facts::of(&log), &report);
    assert!(found.is_empty(), "{found:#?}\n{}", String::from_utf8_lossy(&log));
}

fn log(bytes: &[u8]) -> Vec<u8> {
    let mut writer = Writer { choices: Choices(bytes), calls: 0, seconds: 1_760_000_000, lines: Vec::new() };
    for _ in 0..MAX_EVENTS {
        if writer.choices.is_empty() {
            break;
        }
        writer.step();
    }
    writer.lines.join(&b"\n"[..])
}

struct Writer<'b> {
    choices: Choices<'b>,
    calls: u8,
    seconds: i64,
    lines: Vec<Vec<u8>>,
}

const TEXTS: [&str; 8] = [
    "Step 2: write the lexer",
    "## Phase 1 — Überblick",
    "I will:\n1. Read the parser\n2. Write the lexer",
    "All 9 tests pass.",
    "",
    "[Request interrupted by user]",
    "Task #1 created successfully: Plan",
    "5-hour limit reached ∙ resets 12am",
];
const STATUSES: [&str; 5] = ["pending", "in_progress", "completed", "deleted", "odd"];
const NAMES: [&str; 5] = ["Plan it", "Plan it all", "Build", "Run the tests", "größer"];
const NOISE: [&[u8]; 8] = [
    b"npm warn",
    b"",
    b"{\"type\":\"assist",
    b"\0\0\0",
    b"{\"type\":\"rate_limit_event\"}",
    b"{\"a\":1}{\"type\":\"system\",\"subtype\":\"compact_boundary\"}",
    b"\xef\xbb\xbf{\"type\":\"queue-operation\"}\r",
    b"\xff\xfe[1,2]",
];

impl Writer<'_> {
    fn step(&mut self) {
        self.seconds += i64::from(self.choices.byte() % 64);
        match self.choices.byte() % 12 {
            0 | 1 => {
                let text = self.text();
                self.assistant(&json!({"type": "text", "text": text}));
            }
            2..=5 => self.call(),
            6..=8 => self.answer(),
            9 => self.result(),
            10 => self.lines.push(self.choices.one(&NOISE).to_vec()),
            _ => self.again(),
        }
    }

    /// A text of ours, or whatever the bytes say.
    fn text(&mut self) -> String {
        match usize::from(self.choices.byte()) {
            known if known < TEXTS.len() => TEXTS[known].to_owned(),
            _ => String::from_utf8_lossy(self.choices.piece()).into_owned(),
        }
    }

    fn call(&mut self) {
        self.calls = self.calls.wrapping_add(1);
        let (name, input) = match self.choices.byte() % 9 {
            0 => ("Edit", json!({"file_path": self.choices.one(&["/a.rs", "/b.rs", ""])})),
            1 => ("Write", json!({"file_path": self.choices.one(&["/a.rs", "/c.rs"])})),
            2 => ("NotebookEdit", json!({"notebook_path": "/n.ipynb"})),
            3 => ("Bash", json!({"command": self.choices.one(&["cargo test", "git push", "pytest -q", ""])})),
            4 => ("TodoWrite", json!({"todos": self.todos()})),
            5 => ("TaskCreate", json!({"subject": self.choices.one(&NAMES)})),
            6 => ("TaskUpdate", self.task_change()),
            7 => ("Task", json!({"description": "Find", "subagent_type": "explorer"})),
            _ => ("mcp__bus__emit", json!({"event_type": "claude_stream_raw"})),
        };
        let id = format!("c{}", self.calls);
        self.assistant(&json!({"type": "tool_use", "id": id, "name": name, "input": input}));
    }

    fn todos(&mut self) -> Vec<Value> {
        let count = self.choices.byte() % 5;
        (0..count)
            .map(|_| {
                let (name, status) = (*self.choices.one(&NAMES), *self.choices.one(&STATUSES[..3]));
                match self.choices.byte() % 4 {
                    0 => json!(name),
                    1 => json!({"content": name, "status": status, "id": "1", "priority": "high"}),
                    _ => json!({"content": name, "status": status, "activeForm": name}),
                }
            })
            .collect()
    }

    fn task_change(&mut self) -> Value {
        let mut change = json!({"taskId": self.recent_call().to_string()});
        if self.choices.one_in(4) {
            change["subject"] = json!(self.choices.one(&NAMES));
        } else {
            change["status"] = json!(self.choices.one(&STATUSES));
        }
        change
    }

    /// An answer to one of the last calls.
    fn answer(&mut self) {
        let number = self.recent_call();
        let id = format!("c{number}");
        let content = match self.choices.byte() % 6 {
            0 => json!("Task not found"),
            1 => json!([{"type": "text", "text": "test result: ok. 3 passed; 1 failed; 0 ignored"}]),
            2 => json!("<persisted-output> Output too large (80.5KB)"),
            _ => json!(format!("Task #{number} created successfully: Plan")),
        };
        let is_error = self.choices.one_in(5);
        let block =
            json!({"type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error});
        let message = json!({"role": "user", "content": [block]});
        self.event("user", json!({"type": "user", "message": message}));
    }

    /// One of the last four; its number is also that of the task that it made, if it made one.
    fn recent_call(&mut self) -> u8 {
        self.calls.saturating_sub(self.choices.byte() % 4)
    }

    fn result(&mut self) {
        let subtype = *self.choices.one(&["success", "error_max_turns", "error_during_execution"]);
        let mut event = json!({"type": "result", "subtype": subtype, "is_error": self.choices.one_in(3),
            "num_turns": self.lines.len(), "session_id": *self.choices.one(&["s", "t"])});
        if self.choices.one_in(2) {
            event["result"] = json!(self.text());
            event["total_cost_usd"] = json!(f64::from(self.choices.byte()) / 8.0);
            event["usage"] = json!({"input_tokens": self.choices.byte(), "output_tokens": 3});
        }
        self.event(&format!("result_{subtype}"), event);
    }

    /// An earlier line comes again.
    fn again(&mut self) {
        if let Some(line) = self.lines.get(usize::from(self.choices.byte()) % self.lines.len().max(1)) {
            self.lines.push(line.clone());
        }
    }

    fn assistant(&mut self, block: &Value) {
        let usage = json!({"input_tokens": 3, "output_tokens": self.choices.byte()});
        let id = format!("m{}", self.lines.len() / 3);
        let message = json!({"id": id, "model": "claude-sonnet-4-5", "content": [block], "usage": usage});
        self.event("assistant", json!({"type": "assistant", "message": message}));
    }

    /// Writes an event in one of the dialects, sometimes as a sub-agent's.
    fn event(&mut self, kind: &str, mut event: Value) {
        if self.choices.one_in(8) && kind != "result" {
            event["parent_tool_use_id"] = json!("c1");
            // A message is of one thread.
            if let Some(id) = event["message"].get_mut("id") {
                *id = json!(format!("s{}", self.lines.len()));
            }
        }
        let time = DateTime::from_timestamp(self.seconds, 0).expect("a moment in 2025").to_rfc3339();
        match self.choices.byte() % 4 {
            0 => self.lines.push(event.to_string().into_bytes()),
            1 => {
                (event["timestamp"], event["sessionId"]) = (json!(time), json!("s"));
                self.lines.push(event.to_string().into_bytes());
            }
            raw => {
                if raw == 2 {
                    let line = event.to_string();
                    let line = if line.len() > 200 { "<large_content:300_chars>".to_owned() } else { line };
                    self.logged(&time, "claude_stream_raw", &json!({"message": line}));
                }
                self.logged(&time, &format!("claude_stream_{kind}"), &event);
            }
        }
    }

    fn logged(&mut self, time: &str, kind: &str, data: &Value) {
        let line = format!("{{\"timestamp\": \"{time}\", \"event_type\": \"{kind}\", \"data\": {data}}}");
        self.lines.push(line.into_bytes());
    }
}
