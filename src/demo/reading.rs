//! What the service reads out of a run's log for each status answer: the log as text lines, counts, the last tool.
//! Pure. The naive sums are the service's own: what it counts twice is counted twice here too.

use super::python::repr;
use super::value::Value;

/// The answer's `logs` holds so many of the last entries.
const LOG_ENTRIES_SHOWN: usize = 1000;
/// The keys of a usage object which the service adds up.
const TOKEN_KEYS: [&str; 4] =
    ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"];

/// What one reading of a log found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// The last entries as text, joined by line ends.
    pub(super) text: String,
    /// USD by the result event; zero before it.
    pub(super) cost: f64,
    /// By the result event; before it, the sum over all assistant events, repeated usage included.
    pub(super) tokens: i64,
    /// By the result event; zero before it.
    pub(super) turns: i64,
    pub(super) tool_calls: usize,
    /// Names, first use first.
    pub(super) tools_used: Vec<String>,
    /// Name and time of the last tool call.
    pub(super) last_tool: Option<(String, String)>,
    /// The time of the last entry, as logged.
    pub(super) last_entry_at: Option<String>,
    /// Entries by type, first seen first.
    pub(super) event_counts: Vec<(String, usize)>,
}

/// Reads a whole log. A log that is not UTF-8 reads as empty; lines that are not JSON objects are passed over.
pub(super) fn read(log: &[u8]) -> Reading {
    let log = str::from_utf8(log).unwrap_or_default();
    let entries: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut reading = Reading { text: text_of(&entries), ..Reading::default() };
    for entry in &entries {
        reading.count(entry);
    }
    reading
}

fn text_of(entries: &[Value]) -> String {
    let shown = &entries[entries.len().saturating_sub(LOG_ENTRIES_SHOWN)..];
    let lines: Vec<String> = shown.iter().map(text_line).collect();
    lines.join("\n")
}

/// `TIMESTAMP [event_type] message`; a message that is no string appears as Python prints it.
fn text_line(entry: &Value) -> String {
    let timestamp = entry.str("timestamp").unwrap_or_default();
    let event_type = entry.str("event_type").unwrap_or_default();
    match entry.get("data").and_then(|data| data.get("message")) {
        Some(Value::Str(message)) => format!("{timestamp} [{event_type}] {message}"),
        Some(message) => format!("{timestamp} [{event_type}] {}", repr(message)),
        None => format!("{timestamp} [{event_type}] "),
    }
}

impl Reading {
    fn count(&mut self, entry: &Value) {
        let event_type = entry.str("event_type").unwrap_or_default();
        match self.event_counts.iter_mut().find(|(seen, _)| seen == event_type) {
            Some((_, count)) => *count += 1,
            None => self.event_counts.push((event_type.to_owned(), 1)),
        }
        let timestamp = entry.str("timestamp").unwrap_or_default();
        self.last_entry_at = Some(timestamp.to_owned());
        let Some(data) = entry.get("data") else { return };
        if event_type == "claude_stream_assistant" {
            self.count_message(data.get("message").unwrap_or(&Value::None), timestamp);
        } else if event_type.starts_with("claude_stream_result") {
            self.take_result(data);
        }
    }

    fn count_message(&mut self, message: &Value, timestamp: &str) {
        self.tokens += message.get("usage").map_or(0, total_tokens);
        let calls = message.list("content").iter().filter(|block| block.str("type") == Some("tool_use"));
        for name in calls.filter_map(|block| block.str("name")) {
            self.tool_calls += 1;
            if !self.tools_used.iter().any(|known| known == name) {
                self.tools_used.push(name.to_owned());
            }
            self.last_tool = Some((name.to_owned(), timestamp.to_owned()));
        }
    }

    fn take_result(&mut self, result: &Value) {
        self.cost = match result.get("total_cost_usd") {
            Some(Value::Float(cost)) => *cost,
            _ => 0.0,
        };
        self.turns = result.int("num_turns").unwrap_or(0);
        self.tokens = result.get("usage").map_or(0, total_tokens);
    }
}

fn total_tokens(usage: &Value) -> i64 {
    TOKEN_KEYS.iter().filter_map(|key| usage.int(key)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = concat!(
        r#"{"timestamp": "T1", "run_id": "r", "event_type": "event", "data": {"message": "two\nlines"}}"#,
        "\n",
        r#"{"timestamp": "T2", "event_type": "claude_stream_assistant", "data": {"message": {"content": [{"type": "tool_use", "name": "Bash", "input": {"ok": true}}], "usage": {"input_tokens": 1, "output_tokens": 2}}}}"#,
        "\n",
        r#"{"timestamp": "T3", "event_type": "claude_stream_assistant", "data": {"message": {"content": [{"type": "tool_use", "name": "Bash", "input": null}], "usage": {"input_tokens": 1, "output_tokens": 2}}}}"#,
        "\nno json\n",
    );
    const RESULT: &str = concat!(
        r#"{"timestamp": "T4", "event_type": "claude_stream_result_success", "data": {"message": "Claude stream event: result.success", "num_turns": 7, "total_cost_usd": 0.5, "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "server_tool_use": {}}}}"#,
        "\n",
    );

    #[test]
    fn entries_become_text_lines_with_parsed_messages_as_python_prints_them() {
        let text = read(LOG.as_bytes()).text;
        assert_eq!(
            text,
            "T1 [event] two\nlines\n\
             T2 [claude_stream_assistant] {'content': [{'type': 'tool_use', 'name': 'Bash', 'input': {'ok': True}}], \
             'usage': {'input_tokens': 1, 'output_tokens': 2}}\n\
             T3 [claude_stream_assistant] {'content': [{'type': 'tool_use', 'name': 'Bash', 'input': None}], \
             'usage': {'input_tokens': 1, 'output_tokens': 2}}"
        );
    }

    #[test]
    fn running_counts_are_naive_and_the_result_replaces_them() {
        let running = read(LOG.as_bytes());
        assert_eq!((running.tokens, running.turns, running.tool_calls), (6, 0, 2));
        assert_eq!(running.tools_used, ["Bash"]);
        assert_eq!(running.last_tool, Some(("Bash".to_owned(), "T3".to_owned())));
        let done = read(format!("{LOG}{RESULT}").as_bytes());
        assert_eq!((done.tokens, done.turns, done.last_entry_at.as_deref()), (15, 7, Some("T4")));
        assert!((done.cost - 0.5).abs() < f64::EPSILON);
        assert_eq!(done.event_counts[1], ("claude_stream_assistant".to_owned(), 2));
    }

    #[test]
    fn only_the_last_thousand_entries_are_shown() {
        let entry = |n: usize| {
            format!(
                "{{\"timestamp\": \"T{n}\", \"event_type\": \"event\", \"data\": {{\"message\": \"m\"}}}}\n"
            )
        };
        let log = (0..1003).map(entry).collect::<Vec<_>>().concat();
        let text = read(log.as_bytes()).text;
        assert_eq!(text.lines().count(), 1000);
        assert!(text.starts_with("T3 [event] m\n"), "{}", &text[..20]);
    }

    #[test]
    fn a_log_that_is_not_utf8_reads_as_empty() {
        assert_eq!(read(b"{\"event_type\": \"\xff\"}\n"), Reading::default());
    }
}
