//! The upstream's log as its status answer tells it: `TIMESTAMP [event_type] message`, an entry a line.
//!
//! The raw entries hold the CLI's line, as far as it was not cut; the parsed ones Python's text form of the message
//! alone, without parents or figures. So the raw one is read where it is whole, and the parsed one in place of a cut one.

use chrono::{DateTime, Utc};

use super::claude::{self, Entry, Message};
use super::lenient::{Text, TextOr};
use super::{Reading, Sink, moment, python, sdk, upstream};
use crate::analysis::event::Event;
use crate::analysis::lines;

/// An entry's time and kind stand within its first bytes.
const HEAD_BYTES: usize = 160;

/// An entry's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlainEntry<'l> {
    pub(super) at: &'l str,
    pub(super) kind: &'l str,
    pub(super) message: &'l str,
}

impl<'l> PlainEntry<'l> {
    /// Takes the line apart, where it is an entry.
    pub(super) fn of(line: &'l str) -> Option<Self> {
        let (at, rest) = line.split_once(" [")?;
        // An empty message's blank is lost with those around the line.
        let parts = rest.split_once("] ").or_else(|| Some((rest.strip_suffix(']')?, "")));
        let (kind, message) = parts?;
        let is_kind = kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let is_entry = is_kind && at.starts_with(|c: char| c.is_ascii_digit()) && moment(at).is_some();
        is_entry.then_some(Self { at, kind, message })
    }
}

/// Makes each entry one line: what follows an entry without being one is a further line of its message.
pub(in crate::analysis) fn join_entries(text: &mut [u8]) {
    let is_entry = |line: &[u8]| PlainEntry::of(&lines::text(&line[..line.len().min(HEAD_BYTES)])).is_some();
    let feeds: Vec<usize> = memchr::memchr_iter(b'\n', text).collect();
    for feed in feeds {
        let line = &text[feed + 1..];
        let line = &line[..memchr::memchr(b'\n', line).unwrap_or(line.len())];
        if !is_entry(line) {
            text[feed] = b' ';
        }
    }
}

/// When an entry was logged.
pub(super) fn time(line: &[u8]) -> Option<DateTime<Utc>> {
    moment(PlainEntry::of(&lines::text(&line[..line.len().min(HEAD_BYTES)]))?.at)
}

/// Hands on what an entry tells.
pub(super) fn read(entry: &PlainEntry<'_>, sink: &mut dyn Sink) -> Reading {
    if let Some(time) = moment(entry.at) {
        sink.at(time);
    }
    match entry.kind {
        "claude_stream_raw" | "claude_output" => {
            return upstream::raw_line(entry.message, &mut upstream::Enveloped(sink));
        }
        "claude_message" => return sdk::read(entry.message, entry.at, sink),
        "claude_stream_assistant" => return parsed("assistant", entry.message, sink),
        "claude_stream_user" => return parsed("user", entry.message, sink),
        "execution_init" => upstream::initialised(entry.message, sink),
        "event" | "early_execution_start" | "process_start" => sink.event(Event::Accepted { early_lines: 0 }),
        "error" => sink.event(Event::Broke { message: entry.message, timeout: false }),
        "timeout" => sink.event(Event::Broke { message: entry.message, timeout: true }),
        kind => return other(kind, sink),
    }
    Reading::Known
}

fn other(kind: &str, sink: &mut dyn Sink) -> Reading {
    if let Some(subtype) = kind.strip_prefix("claude_stream_result_") {
        // The figures are not in the text. Nor is whether a `success` is one: that word says nothing without its flag.
        sink.cut(1);
        if subtype != "success" {
            sink.event(Event::Closed { status: subtype, final_result: None });
        }
        return Reading::Known;
    }
    let is_known = kind.starts_with("claude_stream_")
        || matches!(
            kind,
            "early_response_captured"
                | "session_established"
                | "claude_result"
                | "execution_complete"
                | "stderr_event"
                | "stderr"
                | "process_complete"
                | "status_change"
                | "log"
        );
    if is_known { Reading::Known } else { Reading::Unknown }
}

/// A message in Python's text form.
fn parsed(kind: &str, message: &str, sink: &mut dyn Sink) -> Reading {
    let Some(translation) = python::translate(message.trim(), |class| class) else { return Reading::Unknown };
    let Ok(message) = serde_json::from_str::<Message<'_>>(&translation.json) else { return Reading::Unknown };
    sink.cut(u32::from(!translation.whole));
    let entry = Entry { kind: Text(Some(kind.into())), message: TextOr::Other(message), ..Entry::default() };
    claude::read(&entry, sink)
}
