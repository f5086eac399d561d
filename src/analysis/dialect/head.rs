//! What tells where a line belongs among those of other logs: its time and whose it is. Not for what it says.

use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;

use super::cursor::has_controls;
use super::lenient::{Flag, Text, lenient, read_text};
use super::moment;
use super::plain::PlainEntry;
use crate::analysis::lines;

lenient! {
    /// The keys of a line that are looked at.
    struct Keys {
        "timestamp" | "_timestamp" => at: Text<'a>,
        "run_id" => run: Text<'a>,
        "type" => kind: Text<'a>,
        "subtype" => subtype: Text<'a>,
        "isSidechain" => sidechain: Flag,
    }
}

/// A line's time, and whose it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::analysis) struct Head {
    pub(in crate::analysis) at: Option<DateTime<Utc>>,
    /// The run that the line names.
    pub(in crate::analysis) run: Option<String>,
    /// Whether it is of Claude Code's main thread, and not what a transcript notes of a sub-agent.
    pub(in crate::analysis) is_claudes_own: bool,
    /// Whether it tells that the conversation was compacted, which has no id to be recognised by.
    pub(in crate::analysis) is_compaction: bool,
}

impl Head {
    /// Reads what a line of any dialect has of it.
    pub(in crate::analysis) fn of(line: &[u8]) -> Self {
        let text = lines::text(line);
        if let Some(entry) = PlainEntry::of(&text) {
            return Self { at: moment(entry.at), is_claudes_own: true, ..Self::default() };
        }
        let is_json = || serde_json::from_str::<IgnoredAny>(&text).is_ok();
        let may_be_read = !has_controls(&text) || is_json();
        let keys = may_be_read.then(|| read_text::<Keys<'_>>(&text)).flatten().unwrap_or_default();
        Self {
            at: keys.at.get().and_then(moment),
            run: keys.run.filled().map(str::to_owned),
            is_claudes_own: !keys.sidechain.0 && keys.kind.get() != Some("progress"),
            is_compaction: keys.subtype.get() == Some("compact_boundary"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_found_wherever_it_stands_and_only_in_the_line_itself() {
        let second = DateTime::from_timestamp(1_760_000_001, 0);
        for line in [
            r#"{"timestamp": "2025-10-09T08:53:21+00:00", "run_id": "r", "event_type": "x", "data": {"timestamp": "2020-01-01T00:00:00"}}"#,
            r#"{"type":"assistant","message":{"timestamp":"2020-01-01T00:00:00"},"_timestamp":"2025-10-09T08:53:21"}"#,
            "2025-10-09T08:53:21+00:00 [event] {\"timestamp\":\"2020-01-01T00:00:00\"}",
        ] {
            assert_eq!(Head::of(line.as_bytes()).at, second, "{line}");
        }
        assert_eq!(Head::of(b"no line of anybody's"), Head { is_claudes_own: true, ..Head::default() });
    }

    #[test]
    fn the_run_and_sub_agents_lines_are_told() {
        let run = |line: &str| Head::of(line.as_bytes()).run;
        assert_eq!(run(r#"{"run_id": "run_1", "data": {"run_id": "run_2"}}"#).as_deref(), Some("run_1"));
        assert_eq!(run(r#"{"data": {"run_id": "run_2"}}"#), None);
        let own = |line: &str| Head::of(line.as_bytes()).is_claudes_own;
        assert!(own(r#"{"type":"assistant","isSidechain":false}"#));
        assert!(!own(r#"{"type":"assistant","isSidechain":true}"#));
        assert!(!own(r#"{"type":"progress","data":{}}"#));
    }
}
