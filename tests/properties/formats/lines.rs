//! Lines that are not quite lines.

use serde_json::json;

use super::{called, done, ended, final_result, log, report_of, said};

/// The same run with something between its lines.
fn around(disturbance: &[u8]) -> Vec<u8> {
    let mut bytes = log(&[said("m1", "Let me look.")]);
    bytes.extend_from_slice(disturbance);
    bytes.extend(log(&done("c1", "Read", &json!({"file_path": "/a"}), "text")));
    bytes.extend(log(&[ended("All is done.")]));
    bytes
}

/// Checks that the run is read as if undisturbed; how many lines were not understood.
fn unrecognised(bytes: &[u8]) -> u64 {
    let report = report_of(bytes);
    assert_eq!(final_result(&report), Some("All is done."));
    assert_eq!(report.run_details.tools["Read"].calls, 1);
    report.enhancement.unrecognised_lines
}

#[test]
fn what_a_shell_prints_between_is_counted() {
    assert_eq!(unrecognised(&around(b"npm warn deprecated foo@1: use bar\n-n\n")), 2);
}

#[test]
fn json_broken_by_raw_line_feeds_is_counted_and_its_neighbours_are_read() {
    assert_eq!(
        unrecognised(&around(b"{\"type\":\"assistant\",\"message\":{\"content\":\"one\ntwo\"}}\n")),
        2
    );
}

#[test]
fn two_objects_on_a_line_are_two_events() {
    let bytes = String::from_utf8(around(b"")).expect("JSON is UTF-8");
    let glued = bytes.replacen("}\n{", "}{", 1).replacen("}\n{", "} {", 1);
    assert_eq!(glued.lines().count(), 2);
    assert_eq!(unrecognised(glued.as_bytes()), 0);
}

#[test]
fn holes_of_nul_bytes_are_skipped() {
    assert_eq!(unrecognised(&around(b"\0\0\0\0\n\0\0")), 0);
}

#[test]
fn a_lone_surrogate_loses_one_character_and_not_the_line() {
    let bytes = String::from_utf8(around(b"")).expect("JSON is UTF-8");
    let half = bytes.replace("All is done.", "All is done\\ud83d.");
    let report = report_of(half.as_bytes());
    assert_eq!(final_result(&report), Some("All is done\u{fffd}."));
}

#[test]
fn byte_order_marks_and_carriage_returns_are_no_content() {
    let mut bytes = b"\xef\xbb\xbf".to_vec();
    bytes.extend(around(b"\r\n\xef\xbb\xbf\n"));
    let windows = String::from_utf8(bytes).expect("JSON is UTF-8").replace('\n', "\r\n");
    assert_eq!(unrecognised(windows.as_bytes()), 0);
}

#[test]
fn a_torn_last_line_waits_for_its_end() {
    let mut bytes = around(b"");
    bytes.extend_from_slice(b"{\"type\":\"assistant\",\"mess");
    assert_eq!(unrecognised(&bytes), 0);
}

#[test]
fn a_line_of_six_megabytes_is_a_line() {
    let content = "x = 1\n".repeat(1_000_000);
    let mut bytes = log(&[called("c0", "Write", &json!({"file_path": "/big.py", "content": content}))]);
    bytes.extend(around(b""));
    assert_eq!(unrecognised(&bytes), 0);
    assert_eq!(report_of(&bytes).run_details.tools["Write"].calls, 1);
}

/// The upstream's raw line of an event and, damaged or not, the parsed one.
fn logged_twice(event: &serde_json::Value, damage: impl Fn(String) -> String) -> Vec<u8> {
    let entry = |kind: &str, data: &serde_json::Value| {
        format!("{{\"timestamp\": \"2025-06-13T20:18:00Z\", \"event_type\": \"{kind}\", \"data\": {data}}}\n")
    };
    let raw = entry("claude_stream_raw", &json!({"message": with_type_first(event)}));
    (raw + &damage(entry("claude_stream_assistant", event))).into_bytes()
}

fn with_type_first(event: &serde_json::Value) -> String {
    format!("{{\"type\":{},\"message\":{}}}", event["type"], event["message"])
}

#[test]
fn the_raw_line_of_a_damaged_one_is_read_instead() {
    let call = called("c1", "Read", &json!({"file_path": "/a"}));
    let calls = |bytes: &[u8]| report_of(bytes).run_details.tools.get("Read").map(|tool| tool.calls);
    assert_eq!(calls(&logged_twice(&call, |parsed| parsed)), Some(1));
    assert_eq!(calls(&logged_twice(&call, |parsed| parsed.replace("\"data\": {", "\"data\": "))), Some(1));
    assert_eq!(calls(&logged_twice(&call, |parsed| format!("\0\0{parsed}"))), Some(1));
}

#[test]
fn a_raw_tab_in_a_text_does_not_lose_the_line() {
    let bytes =
        String::from_utf8(around(b"")).expect("JSON is UTF-8").replace("All is done.", "All\tis done.");
    assert_eq!(final_result(&report_of(bytes.as_bytes())), Some("All is done."));
}
