//! Logs that look like real ones: a run is a list of moves, and each dialect writes the moves its own way.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::python::{repr, sdk_text};

/// Something that happens in a run.
#[derive(Debug, Clone)]
pub(crate) enum Move {
    Say(String),
    Call {
        tool: &'static str,
        input: Value,
        fails: bool,
        by_sub_agent: bool,
    },
    Todo {
        items: Vec<(usize, &'static str)>,
        fails: bool,
        by_sub_agent: bool,
    },
    TaskCreate {
        subject: String,
        fails: bool,
    },
    TaskUpdate {
        task: u8,
        status: Option<&'static str>,
        subject: Option<String>,
        refusal: Refusal,
    },
    /// From here on answers wait for the next of these, and then come in order or reversed.
    Batch {
        reversed: bool,
    },
    Compact,
    Finish {
        subtype: &'static str,
        is_error: bool,
        result: Option<String>,
        usage: Option<u8>,
    },
}

/// How an update of a task does not come about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refusal {
    None,
    Error,
    InWords,
}

/// How the moves are written down.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dialect {
    /// The upstream's log, most lines twice.
    Upstream,
    /// Claude Code's own lines.
    StreamJson,
    /// Claude Code's transcript of a session.
    Transcript,
    /// The upstream's log as its status answer tells it.
    Answer,
    /// The newest upstream's log: the text form of the SDK's objects.
    Sdk,
}

const NAMES: [&str; 8] = [
    "Read the parser",
    "Write the lexer",
    "Write the lexer tests",
    "Fix the build — größer",
    "Run the tests",
    "Update the docs",
    "Update the docs and the changelog",
    "Ship it",
];

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("All tests pass.".to_owned()),
        Just("Let me look at the code. It reads well.".to_owned()),
        (0..9_u8, prop::sample::select(vec!["Step", "Schritt", "**Fix", "## Phase"]))
            .prop_map(|(number, word)| format!("{word} {number}: Überblick")),
        (1..5_u8).prop_map(|number| format!("All 9 pass. Now step {number} — the docs.")),
        (1..5_u8).prop_map(|number| format!("Теперь шаг {number}: тесты. 现在步骤 {number}：文档")),
        Just("I will:\n1. Read the parser\n2. Write the lexer\n3. Update the docs".to_owned()),
        prop::sample::select(vec!["Let me read the parser.", "Now I'll write the lexer."])
            .prop_map(str::to_owned),
        Just("## Phase 1 — Überblick\n- done\n- \"quoted\" \\ back".to_owned()),
        "[a-z ]{300,400}",
        "[ -~]{0,40}",
        "\\PC{0,20}",
    ]
}

fn status() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["pending", "in_progress", "completed", "odd"])
}

fn call() -> impl Strategy<Value = Move> {
    let tools = vec![
        ("Read", json!({"file_path": "/srv/app/src/lexer.rs"})),
        ("Edit", json!({"file_path": "/srv/app/src/lexer.rs", "old_string": "a", "new_string": "b"})),
        ("Write", json!({"file_path": "/srv/app/src/new.rs", "content": "x"})),
        ("Bash", json!({"command": "cd /srv/app && cargo test --workspace", "timeout": 120_000})),
        ("Bash", json!({"command": "git commit -m 'one' && git push"})),
        ("Grep", json!({"pattern": "fn main"})),
        ("Task", json!({"description": "Find usages", "subagent_type": "explorer", "prompt": "look"})),
        ("NotebookEdit", json!({"notebook_path": "/srv/app/plot.ipynb", "new_source": "x"})),
        ("mcp__tracker__comment", json!(null)),
        ("mcp__tracker__emit", json!({"event_type": "deployed"})),
        ("", json!([1, 2])),
    ];
    (prop::sample::select(tools), prop::bool::weighted(0.2), prop::bool::weighted(0.2))
        .prop_map(|((tool, input), fails, by_sub_agent)| Move::Call { tool, input, fails, by_sub_agent })
}

fn task_update() -> impl Strategy<Value = Move> {
    let status = prop::sample::select(vec!["pending", "in_progress", "completed", "deleted", "odd"]);
    let subject = prop::option::weighted(0.2, prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned));
    let refusal =
        prop_oneof![8 => Just(Refusal::None), 1 => Just(Refusal::Error), 1 => Just(Refusal::InWords)];
    (0..4_u8, prop::option::weighted(0.9, status), subject, refusal)
        .prop_map(|(task, status, subject, refusal)| Move::TaskUpdate { task, status, subject, refusal })
}

fn one_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => words().prop_map(Move::Say),
        8 => call(),
        4 => (prop::collection::vec((0..NAMES.len(), status()), 0..7), prop::bool::weighted(0.1), prop::bool::weighted(0.1))
            .prop_map(|(items, fails, by_sub_agent)| Move::Todo { items, fails, by_sub_agent }),
        1 => (words(), prop::bool::weighted(0.1)).prop_map(|(subject, fails)| Move::TaskCreate { subject, fails }),
        2 => task_update(),
        1 => any::<bool>().prop_map(|reversed| Move::Batch { reversed }),
        1 => Just(Move::Compact),
    ]
}

fn ending() -> impl Strategy<Value = Option<Move>> {
    let finish = (
        prop::sample::select(vec!["success", "error_max_turns", "error_during_execution"]),
        any::<bool>(),
        prop::option::of(words()),
        prop::option::of(any::<u8>()),
    );
    prop::option::of(finish.prop_map(|(subtype, is_error, result, usage)| Move::Finish {
        subtype,
        is_error,
        result,
        usage,
    }))
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop_oneof![
        3 => Just(Dialect::Upstream),
        1 => Just(Dialect::StreamJson),
        1 => Just(Dialect::Transcript),
        1 => Just(Dialect::Answer),
        1 => Just(Dialect::Sdk),
    ]
}

/// A run's lines, without line feeds.
pub(crate) fn lines(most: usize) -> impl Strategy<Value = Vec<String>> {
    let moves = (prop::collection::vec(one_move(), 0..most), ending(), dialect(), 0..200_u32);
    moves.prop_map(|(mut moves, ending, dialect, pace)| {
        moves.extend(ending);
        Writer::new(dialect, pace).write(&[(dialect, moves)])
    })
}

/// The lines of a run that was woken again a few times, each part in a dialect of its own.
pub(crate) fn lines_of_several_dialects(most: usize) -> impl Strategy<Value = Vec<String>> {
    let part = (dialect(), prop::collection::vec(one_move(), 0..most), ending());
    (prop::collection::vec(part, 1..4), 0..200_u32).prop_map(|(parts, pace)| {
        let parts: Vec<(Dialect, Vec<Move>)> = parts
            .into_iter()
            .map(|(dialect, mut moves, ending)| {
                moves.extend(ending);
                (dialect, moves)
            })
            .collect();
        Writer::new(Dialect::Upstream, pace).write(&parts)
    })
}

/// The lines of a run without sub-agents' calls, as the upstream logs it.
pub(crate) fn upstream_log(most: usize) -> impl Strategy<Value = Vec<String>> {
    (prop::collection::vec(one_move(), 0..most), ending(), 0..200_u32).prop_map(
        |(mut moves, ending, pace)| {
            by_claude_alone(&mut moves);
            moves.extend(ending);
            Writer::new(Dialect::Upstream, pace).write(&[(Dialect::Upstream, moves)])
        },
    )
}

/// The lines of one run without sub-agents' calls, as each dialect has them.
pub(crate) fn in_all_dialects(most: usize) -> impl Strategy<Value = Vec<Vec<String>>> {
    let dialects =
        [Dialect::Upstream, Dialect::StreamJson, Dialect::Transcript, Dialect::Answer, Dialect::Sdk];
    (prop::collection::vec(one_move(), 0..most), 1..200_u32).prop_map(move |(mut moves, pace)| {
        by_claude_alone(&mut moves);
        dialects.map(|dialect| Writer::new(dialect, pace).write(&[(dialect, moves.clone())])).into()
    })
}

fn by_claude_alone(moves: &mut [Move]) {
    for step in moves {
        if let Move::Call { by_sub_agent, .. } | Move::Todo { by_sub_agent, .. } = step {
            *by_sub_agent = false;
        }
    }
}

/// The bytes of a log of these lines.
pub(crate) fn bytes(lines: &[String]) -> Vec<u8> {
    let mut bytes = lines.join("\n").into_bytes();
    bytes.push(b'\n');
    bytes
}

struct Writer {
    dialect: Dialect,
    pace: u32,
    seconds: i64,
    count: usize,
    tasks: usize,
    /// Answers that wait, and whether the last comes first.
    waiting: Option<(bool, Vec<Value>)>,
    batches: usize,
    lines: Vec<String>,
}

impl Writer {
    fn new(dialect: Dialect, pace: u32) -> Self {
        Self { dialect, pace, seconds: 0, count: 0, tasks: 0, waiting: None, batches: 0, lines: Vec::new() }
    }

    fn write(mut self, parts: &[(Dialect, Vec<Move>)]) -> Vec<String> {
        for (dialect, moves) in parts {
            self.dialect = *dialect;
            if matches!(dialect, Dialect::Upstream) {
                self.logged("early_execution_start", &json!({"message": "Started", "pid": 7}));
            }
            for step in moves {
                self.count += 1;
                self.seconds += i64::from(self.pace) / 4;
                self.one(step);
            }
        }
        self.lines
    }

    fn batch(&mut self, reversed: bool) {
        match self.waiting.take() {
            None => {
                self.batches += 1;
                self.waiting = Some((reversed, Vec::new()));
            }
            Some((true, answers)) => answers.iter().rev().for_each(|answer| self.event("user", answer)),
            Some((false, answers)) => answers.iter().for_each(|answer| self.event("user", answer)),
        }
    }

    fn update_task(&mut self, task: usize, status: Option<&str>, subject: Option<&str>, refusal: Refusal) {
        // Nobody updates a task twice at once, so as not to know which of the two will count.
        let updates = |answer: &Value| answer["task"] == task;
        if self.waiting.as_ref().is_some_and(|(_, waiting)| waiting.iter().any(updates)) {
            return;
        }
        let named = [
            ("taskId", Some(task.to_string())),
            ("status", status.map(str::to_owned)),
            ("subject", subject.map(str::to_owned)),
        ];
        let input =
            named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))).collect();
        let answer = match refusal {
            Refusal::None => "Updated task",
            Refusal::Error => "<tool_use_error>InputValidationError</tool_use_error>",
            Refusal::InWords => "Task not found",
        };
        self.call("TaskUpdate", &Value::Object(input), answer, matches!(refusal, Refusal::Error), None);
        if let Some((_, waiting)) = &mut self.waiting
            && let Some(last) = waiting.last_mut()
        {
            last["task"] = json!(task);
        }
    }

    fn one(&mut self, step: &Move) {
        match step {
            Move::Say(text) => self.assistant(&json!({"type": "text", "text": text}), None),
            Move::Call { tool, input, fails, by_sub_agent } => {
                let parent = by_sub_agent.then_some("call_1");
                self.call(tool, input, "File created successfully", *fails, parent);
            }
            Move::Batch { reversed } => self.batch(*reversed),
            Move::Todo { items, fails, by_sub_agent } => {
                let item =
                    |(name, status): &(usize, &str)| json!({"content": NAMES[*name], "status": status});
                let items: Vec<Value> = items.iter().map(item).collect();
                let parent = by_sub_agent.then_some("call_1");
                self.call("TodoWrite", &json!({"todos": items}), "Todos have been modified", *fails, parent);
            }
            Move::TaskCreate { subject, fails } => {
                self.tasks += usize::from(!fails);
                let answer = format!("Task #{} created successfully: {subject}", self.tasks);
                // Nobody can change a task before its answer has told its id: nothing waits beside that.
                if self.waiting.is_some() {
                    self.batch(false);
                }
                self.call("TaskCreate", &json!({"subject": subject}), &answer, *fails, None);
            }
            Move::TaskUpdate { task, status, subject, refusal } => {
                // One that was made, or 0, which never is.
                let task = usize::from(*task).min(self.tasks);
                self.update_task(task, *status, subject.as_deref(), *refusal);
            }
            Move::Compact => self
                .event("system_compact_boundary", &json!({"type": "system", "subtype": "compact_boundary"})),
            Move::Finish { subtype, is_error, result, usage } => {
                let cost = self.count as f64 / 8.0;
                let mut event = json!({"type": "result", "subtype": subtype, "is_error": is_error, "result": result,
                    "num_turns": self.count, "total_cost_usd": cost, "session_id": "s"});
                if let Some(tokens) = usage {
                    event["usage"] = json!({"input_tokens": tokens, "output_tokens": 7});
                }
                if usage.is_some() && self.count.is_multiple_of(2) {
                    event["modelUsage"] = json!({
                        "claude-sonnet-4-5": {"inputTokens": 7, "outputTokens": 70, "costUSD": cost * 0.75},
                        "claude-haiku-4-5": {"inputTokens": 1, "cacheReadInputTokens": 30, "costUSD": cost * 0.25}});
                }
                self.event(&format!("result_{subtype}"), &event);
            }
        }
    }

    fn call(&mut self, tool: &str, input: &Value, answer: &str, fails: bool, parent: Option<&str>) {
        let id = format!("call_{}", self.count);
        self.assistant(&json!({"type": "tool_use", "id": id, "name": tool, "input": input}), parent);
        self.seconds += i64::from(self.pace) / 8;
        let result = json!({"type": "tool_result", "tool_use_id": id, "content": answer, "is_error": fails});
        let message = json!({"role": "user", "content": [result]});
        let event = json!({"type": "user", "message": message, "parent_tool_use_id": parent});
        match &mut self.waiting {
            Some((_, waiting)) => waiting.push(event),
            None => self.event("user", &event),
        }
    }

    fn assistant(&mut self, block: &Value, parent: Option<&str>) {
        let usage = json!({"input_tokens": 3, "output_tokens": self.count, "cache_read_input_tokens": 900});
        // Two of a pair of messages may be one, and then the last usage counts.
        let model = match (parent, self.count / 2 % 16) {
            (Some(_), _) => "claude-haiku-4-5",
            (None, 15) => "claude-of-another-year-9",
            (None, _) => "claude-sonnet-4-5",
        };
        // What is answered together was asked for in one message.
        let id = match (&self.waiting, parent) {
            (Some(_), None) => format!("msg_of_batch_{}", self.batches),
            _ => format!("msg_{}", self.count / 2),
        };
        let message = json!({"id": id, "model": model,
            "role": "assistant", "content": [block], "usage": usage});
        self.event(
            "assistant",
            &json!({"type": "assistant", "message": message, "parent_tool_use_id": parent}),
        );
    }

    fn event(&mut self, kind: &str, event: &Value) {
        match self.dialect {
            Dialect::StreamJson => self.lines.push(cli_line(event)),
            Dialect::Transcript => {
                let mut line = event.clone();
                line["timestamp"] = json!(self.now());
                line["sessionId"] = json!("s");
                line["isSidechain"] = json!(event["parent_tool_use_id"].is_string());
                self.lines.push(line.to_string());
            }
            Dialect::Sdk => self.logged("claude_message", &json!({"message": sdk_text(event)})),
            Dialect::Answer => {
                let raw = cli_line(event);
                let raw = if raw.len() > 300 { format!("<large_content:{}_chars>", raw.len()) } else { raw };
                self.lines.push(format!("{} [claude_stream_raw] {raw}", self.now()));
                let parsed = if event["message"].is_object() {
                    repr(&event["message"])
                } else {
                    format!("Claude stream event: {kind}")
                };
                self.lines.push(format!("{} [claude_stream_{kind}] {parsed}", self.now()));
            }
            Dialect::Upstream => {
                let raw = cli_line(event);
                let message =
                    if raw.len() > 300 { format!("<large_content:{}_chars>", raw.len()) } else { raw };
                self.logged("claude_stream_raw", &json!({"message": message}));
                self.logged(&format!("claude_stream_{kind}"), &with_cut_texts(event));
            }
        }
    }

    fn logged(&mut self, kind: &str, data: &Value) {
        let entry = json!({"timestamp": self.now(), "run_id": "run_1", "event_type": kind, "data": data});
        // The logger's own order of keys, which serde_json would sort.
        self.lines.push(format!(
            "{{\"timestamp\": {}, \"run_id\": \"run_1\", \"event_type\": {}, \"event_category\": \"other\", \"data\": {}}}",
            entry["timestamp"], entry["event_type"], entry["data"]
        ));
    }

    fn now(&self) -> String {
        let start = chrono::DateTime::from_timestamp(1_760_000_000, 0).expect("a moment in 2025");
        (start + chrono::TimeDelta::seconds(self.seconds)).to_rfc3339()
    }
}

/// The event as the upstream's logger keeps it: a long text directly in it becomes a marker, what is deeper stays whole.
fn with_cut_texts(event: &Value) -> Value {
    let mut event = event.clone();
    for value in event.as_object_mut().into_iter().flat_map(|members| members.values_mut()) {
        if let Some(text) = value.as_str().filter(|text| text.len() > 300) {
            *value = json!(format!("<large_content:{}_chars>", text.chars().count()));
        }
    }
    event
}

/// The event with its type first, as the CLI writes it.
fn cli_line(event: &Value) -> String {
    let mut others = event.clone();
    if let Some(members) = others.as_object_mut() {
        members.remove("type");
    }
    format!("{{\"type\":{},{}", event["type"], &others.to_string()[1..])
}
