//! What goes wrong in lines, each shown by a line of our own.

use chrono::{DateTime, Utc};

use super::lenient::is_cut_marker;
use super::{HeldRaw, Reading, Sink, Twin, moment, read_line};
use crate::analysis::event::Event;

/// Writes down what it is told.
#[derive(Default)]
struct Heard {
    words: Vec<String>,
    cut: u32,
}

impl Sink for Heard {
    fn at(&mut self, _: DateTime<Utc>) {}
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Said { text, .. } => self.words.push(text.to_owned()),
            Event::Called { name, .. } => self.words.push(format!("call {name}")),
            Event::Answered(answer) => self.words.push(format!("answer {}", answer.call_id)),
            _ => {}
        }
    }
    fn cut(&mut self, values: u32) {
        self.cut += values;
    }
    fn transcript(&mut self) {}
}

fn heard(line: &[u8]) -> (Reading, Vec<String>) {
    let mut heard = Heard::default();
    let reading = read_line(line, &mut heard);
    (reading, heard.words)
}

fn said(text: &str) -> String {
    format!(r#"{{"type":"assistant","message":{{"id":"m","content":[{{"type":"text","text":"{text}"}}]}}}}"#)
}

#[test]
fn two_objects_on_a_line_are_both_read() {
    let line = format!("{}{}", said("one"), said("two"));
    assert_eq!(heard(line.as_bytes()), (Reading::Known, vec!["one".into(), "two".into()]));
}

#[test]
fn a_key_of_the_envelope_inside_an_event_does_not_make_it_an_entry() {
    let call = r#"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"c","name":"mcp__bus__emit","input":{"event_type":"deployed"}}]}}"#;
    assert_eq!(heard(call.as_bytes()), (Reading::Known, vec!["call mcp__bus__emit".into()]));
    let entry = r#"{"event_type": "claude_stream_user", "data": {"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"c"}]}}}"#;
    assert_eq!(heard(entry.as_bytes()).1, ["answer c"]);
    assert_eq!(heard(format!("{}{entry}", said("one")).as_bytes()).1, ["one", "answer c"]);
}

#[test]
fn holes_lone_surrogates_and_broken_utf8_do_not_lose_the_line() {
    assert_eq!(heard(said("bad \\ud83d end").as_bytes()).1, ["bad \u{fffd} end"]);
    assert_eq!(heard(said("a\0\0b").as_bytes()).1, ["ab"]);
    for hole in ["\0\0", "\0\0 ", "\0\t\0"] {
        assert_eq!(heard(format!("{hole}{}", said("after a hole")).as_bytes()).1, ["after a hole"]);
    }
    let mut broken = said("x?y").into_bytes();
    let place = broken.iter().position(|byte| *byte == b'?').expect("it is there");
    broken[place] = 0xff;
    assert_eq!(heard(&broken).1, ["x\u{fffd}y"]);
}

#[test]
fn fields_of_other_types_than_usual_are_absent_and_not_an_error() {
    let line = br#"{"type":"assistant","parent_tool_use_id":7.5,"usage":"none","message":{"id":null,"usage":[1],
        "content":[3,null,"x",{"type":"text","text":"kept"},{"type":"tool_use","id":5,"name":"Read","input":"?"}]}}"#;
    let line: Vec<u8> = line.iter().copied().filter(|byte| *byte != b'\n').collect();
    // A number where the parent's id belongs is an id.
    assert_eq!(heard(&line), (Reading::Known, vec!["kept".into(), "call Read".into()]));
}

#[test]
fn a_repeated_key_is_no_error() {
    let line = br#"{"type":"assistant","type":"assistant","message":{"id":"a","id":"b","content":"both"}}"#;
    assert_eq!(heard(line).1, ["both"]);
}

#[test]
fn types_without_facts_are_known_and_strange_ones_are_not() {
    for known in [
        r#"{"type":"rate_limit_event"}"#,
        r#"{"type":"file-history-snapshot"}"#,
        r#"{"type":"system","subtype":"hook_started"}"#,
    ] {
        assert_eq!(heard(known.as_bytes()).0, Reading::Known, "{known}");
    }
    for strange in
        [r#"{"type":"assistant"}"#, r#"{"type":"system"}"#, r#"{"a":1}"#, "warning: x", r#"{"type":"ass"#]
    {
        assert_eq!(heard(strange.as_bytes()).0, Reading::Unknown, "{strange}");
    }
}

#[test]
fn a_raw_line_with_another_event_on_it_is_not_held_back() {
    let raw = br#"{"event_type": "claude_stream_raw", "data": {"message":"<large_content:440_chars>"}}"#;
    assert!(HeldRaw::take(raw).is_some());
    assert!(
        HeldRaw::take(&[&raw[..], br#"{"event_type": "claude_stream_assistant", "data": {}}"#].concat())
            .is_none()
    );
    let quoting =
        br#"{"event_type": "claude_stream_raw", "data": {"message":"{\"type\":\"user\",\"text\":\"}{\"}"}}"#;
    assert!(HeldRaw::take(quoting).is_some());
}

#[test]
fn cut_values_at_the_top_are_counted_and_quoted_markers_are_not() {
    let mut sink = Heard::default();
    let line = br#"{"timestamp": "2025-06-13T20:18:00Z", "event_type": "claude_stream_user", "data": {"type": "user",
        "tool_use_result": "<large_content:5000_chars>", "odd": "<large_list:12_items>",
        "message": {"role": "user", "content": "see <large_content:1_chars>"}}}"#;
    let line: Vec<u8> = line.iter().copied().filter(|byte| *byte != b'\n').collect();
    read_line(&line, &mut sink);
    assert_eq!(sink.cut, 2);
    assert!(is_cut_marker("<large_list:3_items>") && !is_cut_marker("<large_content:x_chars>"));
}

#[test]
fn a_raw_line_knows_its_twin() {
    let raw = br#"{"timestamp": "t", "event_type": "claude_stream_raw", "data": {"message": "{\"type\":\"user\",\"message\":1}"}}"#;
    let entry = |kind: &str| format!(r#"{{"timestamp": "t", "event_type": "{kind}", "data": {{}}}}"#);
    let held = HeldRaw::take(raw).expect("it is a raw line");
    assert_eq!(held.twin(entry("claude_stream_user").as_bytes()), Twin::Same);
    assert_eq!(held.twin(entry("claude_stream_assistant").as_bytes()), Twin::Other);
    assert_eq!(held.twin(entry("claude_stream_raw").as_bytes()), Twin::Other);
    assert_eq!(HeldRaw::take(entry("claude_stream_user").as_bytes()), None);
}

#[test]
fn an_event_of_another_message_is_no_twin() {
    let raw = br#"{"timestamp": "t", "event_type": "claude_stream_raw", "data": {"message": "{\"type\":\"assistant\",\"message\":{\"id\":\"msg_1\"}}"}}"#;
    let held = HeldRaw::take(raw).expect("it is a raw line");
    let entry = |id: &str| {
        format!(
            r#"{{"timestamp": "t", "event_type": "claude_stream_assistant", "data": {{"message":{{"id":"{id}"}}}}}}"#
        )
    };
    assert_eq!(held.twin(entry("msg_1").as_bytes()), Twin::Same);
    assert_eq!(held.twin(entry("msg_2").as_bytes()), Twin::Other);
    let plain = |id: &str| format!("2025-06-13T20:18:00 [claude_stream_assistant] {{'id': '{id}'}}");
    assert_eq!(held.twin(plain("msg_1").as_bytes()), Twin::Poorer);
    assert_eq!(held.twin(plain("msg_2").as_bytes()), Twin::Other);
    let with_a_call =
        "2025-06-13T20:18:00 [claude_stream_assistant] {'content': [{'id': 'call_1'}], 'id': 'msg_1'}";
    assert_eq!(held.twin(with_a_call.as_bytes()), Twin::Other, "another block of the same message");
    let after_a_hole = format!("\0\0{}", entry("msg_1"));
    assert_eq!(held.twin(after_a_hole.as_bytes()), Twin::Same);
}

#[test]
fn times_are_read_with_and_without_zone_and_as_numbers() {
    let expected = moment("2025-06-13T20:18:00+00:00");
    assert!(expected.is_some());
    for text in [
        "2025-06-13T20:18:00Z",
        "2025-06-13T20:18:00",
        "2025-06-13T22:18:00+02:00",
        "1749845880",
        "1749845880000",
    ] {
        assert_eq!(moment(text), expected, "{text}");
    }
    assert_eq!(moment("yesterday"), None);
    assert_eq!(moment("99999999999999999"), None);
}
