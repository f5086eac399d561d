//! Does once, ahead of time, what the first analysis of a process would otherwise wait for.

use super::{Additions, Analysis, Beside, CacheOutcome, Context, Detail, Limits, LogSourceKind};
use chrono::DateTime;

/// A run that touches every table and pattern: a price, telling words, a masked command, test output that no runner's form fits.
const SMALL_RUN: &str = r#"{"type":"assistant","message":{"id":"m","model":"claude-sonnet-4-20250514","content":[{"type":"text","text":"First the tests."},{"type":"tool_use","id":"t","name":"Bash","input":{"command":"npm test && ./run_tests.sh --token x"}}],"usage":{"input_tokens":1,"output_tokens":1}}}
{"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","is_error":true,"content":"\u001b[32m1 passed, 2 failed, 3 skipped in 4s\u001b[0m\nTests: 1\nRan 1 test\nOK (1 test)\nok 1\n1 example, 0 failures"}]}}
"#;

/// Compiles patterns and reads tables, which takes some tens of milliseconds: more than a client should wait for notes.
///
/// Gives the report on a small run of its own, which is of no use but to show that there was one.
pub fn warm_up() -> Additions {
    let mut analysis = Analysis::new(Limits::default());
    analysis.feed(SMALL_RUN.as_bytes());
    analysis.report(&Context {
        now: DateTime::UNIX_EPOCH,
        status: None,
        max_turns: None,
        detail: Detail::Full,
        compat_fields: false,
        source: LogSourceKind::File,
        cache: CacheOutcome::Miss,
        beside: Beside::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_run_reaches_the_tables_and_patterns() {
        let report = serde_json::to_value(warm_up()).unwrap();
        let details = &report["run_details"];
        assert_eq!(details["tools"]["Bash"]["errors"], 1, "a call and its answer were read");
        assert!(details["usage"]["cost_usd"].as_f64().is_some(), "a price was looked up");
    }
}
