//! The upstream's log: Claude Code's events in an envelope with a time, beside events of the service's own.

use chrono::{DateTime, Utc};

use super::claude::{self, Entry};
use super::lenient::{Text, TextOr, lenient};
use super::{Reading, Sink, filled, moment, sdk};
use crate::analysis::event::{Event, Thread};

lenient! {
    /// The envelope.
    pub(super) struct Logged {
        "timestamp" => at: Text<'a>,
        "event_type" => kind: Text<'a>,
        "data" => data: Entry<'a>,
        "tool_name" => tool_name: Text<'a>,
    }
}

/// How far into a line the envelope's own keys are looked for.
const HEAD_BYTES: usize = 320;

/// Whether the object is the upstream's, told from its first keys.
pub(super) fn is_wrapped(text: &str) -> bool {
    UsualHead::of(text.as_bytes()).is_some() || after_event_type(text.as_bytes()).is_some()
}

/// The first keys of an envelope as the upstream writes it: what nearly all lines begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsualHead<'l> {
    pub(super) time: &'l [u8],
    pub(super) kind: &'l [u8],
}

impl<'l> UsualHead<'l> {
    /// Reads it; `None` where the line begins in any other way, and may be an envelope all the same.
    pub(super) fn of(line: &'l [u8]) -> Option<Self> {
        let head = &line[..line.len().min(HEAD_BYTES)];
        let (time, rest) = quoted(head.strip_prefix(br#"{"timestamp": ""#)?)?;
        let (run, rest) = quoted(rest.strip_prefix(br#", "run_id": ""#)?)?;
        let (kind, _) = quoted(rest.strip_prefix(br#", "event_type": ""#)?)?;
        let is_key = |value: &[u8]| value == b"event_type" || value == b"timestamp";
        (!is_key(time) && !is_key(run)).then_some(Self { time, kind })
    }
}

/// A string without escapes up to its closing quote, and what follows.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr2(b'"', b'\\', text).filter(|end| text[*end] == b'"')?;
    Some((&text[..end], &text[end + 1..]))
}

/// What follows the envelope's key `event_type` in the head of an object; a key of that name deeper inside, such as in the
/// input of a tool, is none of the envelope's.
pub(super) fn after_event_type(line: &[u8]) -> Option<&[u8]> {
    after_key(line, b"\"event_type\"")
}

fn after_key<'l>(line: &'l [u8], key: &[u8]) -> Option<&'l [u8]> {
    let head = &line[..line.len().min(HEAD_BYTES)];
    let own = memchr::memmem::find_iter(head, key).find(|at| depth(&head[..*at]) == 1)?;
    Some(&head[own + key.len()..])
}

/// The time in an envelope's head.
pub(super) fn time(line: &[u8]) -> Option<DateTime<Utc>> {
    if let Some(head) = UsualHead::of(line) {
        return moment(std::str::from_utf8(head.time).ok()?);
    }
    let rest = after_key(line, b"\"timestamp\"")?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let text = rest.strip_prefix(b"\"")?;
    moment(std::str::from_utf8(&text[..memchr::memchr(b'"', text)?]).ok()?)
}

/// How many objects and lists are open where `json` ends; none once the first object has ended.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => match depth {
                0 | 1 => return 0,
                _ => depth -= 1,
            },
            _ => {}
        }
    }
    depth
}

/// Hands on what an entry of the upstream's log tells.
pub(super) fn read(logged: &Logged<'_>, sink: &mut dyn Sink) -> Reading {
    let time = logged.at.get().and_then(moment);
    if let Some(time) = time {
        sink.at(time);
    }
    let kind = logged.kind.or_empty();
    if kind == "claude_stream_raw" || kind == "claude_output" {
        return if time.is_some() {
            raw(&logged.data, &mut Enveloped(sink))
        } else {
            raw(&logged.data, sink)
        };
    }
    sink.cut(logged.data.cut_values());
    if kind.starts_with("claude_stream_") {
        return claude::read(&logged.data, sink);
    }
    service_event(kind, logged, sink)
}

/// A sink that has the envelope's time already: the event inside may carry another clock's.
pub(super) struct Enveloped<'s>(pub(super) &'s mut dyn Sink);

impl Sink for Enveloped<'_> {
    fn at(&mut self, _: DateTime<Utc>) {}

    fn event(&mut self, event: Event<'_>) {
        self.0.event(event);
    }

    fn cut(&mut self, values: u32) {
        self.0.cut(values);
    }

    fn transcript(&mut self) {
        self.0.transcript();
    }
}

fn raw(data: &Entry<'_>, sink: &mut dyn Sink) -> Reading {
    match &data.message {
        TextOr::Text(line) => raw_line(line, sink),
        TextOr::Other(_) => Reading::Unknown,
    }
}

/// A line of Claude Code's output, kept as text.
pub(super) fn raw_line(line: &str, sink: &mut dyn Sink) -> Reading {
    if super::lenient::is_cut_marker(line) {
        sink.cut(1);
        return Reading::Known;
    }
    let line = line.trim();
    // What a shell or a library printed between the events is known for what it is: output without facts.
    if !line.starts_with('{') || is_wrapped(line) {
        return Reading::Known;
    }
    super::read_line(line.as_bytes(), sink)
}

/// Events of the service itself.
fn service_event(kind: &str, logged: &Logged<'_>, sink: &mut dyn Sink) -> Reading {
    let data = &logged.data;
    match kind {
        "event" | "early_execution_start" | "process_start" => {
            sink.event(Event::Accepted { early_lines: 0 });
            if let Ok(pid @ 1..) = u32::try_from(data.pid.count()) {
                sink.event(Event::ProcessKnown { pid });
            }
        }
        "execution_init" => initialised(message_text(data), sink),
        "claude_message" => return sdk::read(message_text(data), logged.at.or_empty(), sink),
        "early_response_captured" => early_response(data, sink),
        "session_established" => session(data, sink),
        "execution_complete" => sink.event(Event::Closed {
            status: data.status.or_empty(),
            final_result: filled(&data.final_result).filter(|_| !data.final_result.is_cut()),
        }),
        "claude_response" => response(data, sink),
        "error" => sink.event(Event::Broke { message: message_text(data), timeout: false }),
        "timeout" => sink.event(Event::Broke { message: message_text(data), timeout: true }),
        "claude_result" | "stderr_event" | "stderr" | "process_complete" | "tool_result"
        | "status_change" | "log" => {}
        _ => return older_tool_call(logged, sink),
    }
    if kind != "claude_response" {
        older_tool_call(logged, sink);
    }
    Reading::Known
}

/// The newest upstream repeats this entry through the run and names Claude's session in its words only.
pub(super) fn initialised(words: &str, sink: &mut dyn Sink) {
    sink.event(Event::Accepted { early_lines: 0 });
    let session = words.rsplit_once("Claude session: ").map(|(_, session)| session.trim());
    let is_id = |id: &&str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if let Some(session) = session.filter(is_id) {
        sink.event(Event::SessionKnown { session });
    }
}

fn early_response(data: &Entry<'_>, sink: &mut dyn Sink) {
    session(data, sink);
    sink.event(Event::Accepted { early_lines: data.early_lines.count() });
}

fn session(data: &Entry<'_>, sink: &mut dyn Sink) {
    if let Some(session) = filled(&data.claude_session) {
        sink.event(Event::SessionKnown { session });
    }
}

/// An older log's answer of Claude: its words, and sometimes the tool that it calls.
fn response(data: &Entry<'_>, sink: &mut dyn Sink) {
    let text = filled(&data.response_text).unwrap_or_else(|| message_text(data));
    sink.event(Event::Said { thread: Thread::Main, message_id: "", text });
    if let Some(name) = filled(&data.tool_name) {
        sink.event(Event::Called {
            thread: Thread::Main,
            id: data.call_id.or_empty(),
            name,
            input: data.tool_input,
        });
    }
}

/// Older entries name the tool on themselves or in `data`.
fn older_tool_call(logged: &Logged<'_>, sink: &mut dyn Sink) -> Reading {
    let data = &logged.data;
    let Some(name) = filled(&logged.tool_name).or(filled(&data.tool_name)) else { return Reading::Unknown };
    sink.event(Event::Called {
        thread: Thread::Main,
        id: data.call_id.or_empty(),
        name,
        input: data.tool_input,
    });
    Reading::Known
}

fn message_text<'e>(data: &'e Entry<'_>) -> &'e str {
    match &data.message {
        TextOr::Text(text) => text,
        TextOr::Other(_) => "",
    }
}
