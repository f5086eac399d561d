//! Run logs in the upstream's own dialect, with its lossy rules, made up from a few words.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// A folder of run logs.
pub(crate) struct Logs {
    folder: TempDir,
}

impl Logs {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// In memory, where there is a file system for that: for files too large for a disk to be quick about.
    pub(crate) fn in_memory() -> Self {
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new());
        Self { folder: folder.unwrap() }
    }

    /// With one log of a run in the middle of its list.
    pub(crate) fn with_run(run: &str) -> Self {
        let logs = Self::new();
        logs.write(run, Log::of(run).running());
        logs
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Where the log of this run is.
    pub(crate) fn path(&self, run: &str) -> PathBuf {
        self.folder.path().join(format!("run_{run}.log"))
    }

    /// Writes, or rewrites in place, the log of this run.
    pub(crate) fn write(&self, run: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(run), contents).unwrap();
    }

    /// Appends to the log of this run.
    pub(crate) fn append(&self, run: &str, contents: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.path(run)).unwrap();
        file.write_all(contents.as_ref()).unwrap();
    }
}

/// The lines of one run, written one after the other, a second apart.
#[derive(Clone)]
pub(crate) struct Log {
    run: String,
    text: String,
    seconds: u32,
    calls: u32,
}

impl Log {
    pub(crate) fn of(run: &str) -> Self {
        let log = Self { run: run.to_owned(), text: String::new(), seconds: 0, calls: 0 };
        log.entry("event", &json!({"message": "Workflow execution started", "workflow_name": "builder"}))
    }

    /// What was written so far.
    pub(crate) fn text(self) -> String {
        self.text
    }

    /// A run that has done the first of three items and is at the second.
    pub(crate) fn running(self) -> String {
        self.todo(&[
            ("Read the parser", "in_progress"),
            ("Fix the parser", "pending"),
            ("Run the tests", "pending"),
        ])
        .call("Read", &json!({"file_path": "src/parser.py"}))
        .todo(&[
            ("Read the parser", "completed"),
            ("Fix the parser", "in_progress"),
            ("Run the tests", "pending"),
        ])
        .call("Edit", &json!({"file_path": "src/parser.py", "old_string": "a", "new_string": "b"}))
        .text()
    }

    /// The same run, ended well with this report.
    pub(crate) fn finished(self, report: &str) -> String {
        let begun = Self { seconds: 20, calls: 20, ..Self::of(&self.run) };
        let text = self.running();
        Self { text, ..begun }
            .todo(&[
                ("Read the parser", "completed"),
                ("Fix the parser", "completed"),
                ("Run the tests", "completed"),
            ])
            .says(report)
            .result("success", Some(report))
            .text()
    }

    /// A `TodoWrite` with the whole list.
    pub(crate) fn todo(self, items: &[(&str, &str)]) -> Self {
        let items = items
            .iter()
            .map(|(content, status)| json!({"content": content, "status": status, "activeForm": content}));
        let input = json!({"todos": items.collect::<Vec<_>>()});
        self.call("TodoWrite", &input)
    }

    /// A tool call and its result.
    pub(crate) fn call(mut self, tool: &str, input: &Value) -> Self {
        self.calls += 1;
        let id = format!("toolu_{:04}", self.calls);
        let content = json!([{"type": "tool_use", "id": id, "name": tool, "input": input}]);
        let done = json!([{"type": "tool_result", "tool_use_id": id, "content": "done"}]);
        self.assistant(&content).entry(
            "claude_stream_user",
            &json!({"type": "user", "message": {"role": "user", "content": done}, "parent_tool_use_id": null}),
        )
    }

    /// A text of Claude's.
    pub(crate) fn says(self, text: &str) -> Self {
        self.assistant(&json!([{"type": "text", "text": text}]))
    }

    /// The result event; the report is cut as the upstream cuts it.
    pub(crate) fn result(self, subtype: &str, report: Option<&str>) -> Self {
        let mut data = json!({
            "type": "result", "subtype": subtype, "is_error": subtype != "success", "duration_ms": 20000,
            "duration_api_ms": 15000, "num_turns": 7, "total_cost_usd": 0.25,
            "usage": {"input_tokens": 10, "output_tokens": 200, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3},
        });
        if let Some(report) = report {
            data["result"] = report.into();
        }
        self.entry(&format!("claude_stream_result_{subtype}"), &data)
    }

    fn assistant(mut self, content: &Value) -> Self {
        self.calls += 1;
        let message = json!({
            "id": format!("msg_{:04}", self.calls), "model": "claude-test", "role": "assistant", "content": content,
            "usage": {"input_tokens": 4, "output_tokens": 2},
        });
        self.entry(
            "claude_stream_assistant",
            &json!({"type": "assistant", "message": message, "parent_tool_use_id": null}),
        )
    }

    fn entry(mut self, event_type: &str, data: &Value) -> Self {
        self.seconds += 1;
        let (minute, second) = (14 + self.seconds / 60, self.seconds % 60);
        // By hand, because the order of the keys belongs to the dialect.
        writeln!(
            self.text,
            "{{\"timestamp\": \"2026-03-02T09:{minute:02}:{second:02}.320669+00:00\", \"run_id\": \"{}\", \
             \"event_type\": \"{event_type}\", \"event_category\": \"claude\", \"data\": {}}}",
            self.run,
            as_python_prints(&cut(data))
        )
        .unwrap();
        self
    }
}

/// The upstream's rule: long top-level texts and lists of `data` are replaced, objects never.
fn cut(data: &Value) -> Value {
    let cut_one = |value: &Value| match value {
        Value::String(text) if text.chars().count() > 2000 => {
            format!("<large_content:{}_chars>", text.chars().count()).into()
        }
        Value::Array(items) if value.to_string().chars().count() > 2000 => {
            format!("<large_list:{}_items>", items.len()).into()
        }
        other => other.clone(),
    };
    let members = data.as_object().expect("data is an object");
    members.iter().map(|(name, value)| (name.clone(), cut_one(value))).collect::<Map<_, _>>().into()
}

fn as_python_prints(value: &Value) -> String {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Python)).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// `json.dumps` with its default separators.
struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
