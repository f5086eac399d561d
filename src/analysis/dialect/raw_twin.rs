//! The upstream logs most of Claude Code's events twice: first the line as it came, then the same, parsed.
//!
//! The first is kept unread until the next line shows whether it is needed. Most never are, which saves half the
//! work and keeps cut raw lines, whose content stands whole in the next line, out of the count of lost values.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use memchr::memmem;

use super::plain;
use super::upstream::{self, UsualHead, after_event_type};

/// A raw line that waits for the next one. Holds at most [`HeldRaw::MAX_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::analysis) struct HeldRaw {
    line: Box<[u8]>,
}

/// What a line is to the raw line before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::analysis) enum Twin {
    /// The same event, parsed.
    Same,
    /// The same event with less in it.
    Poorer,
    /// Something else.
    Other,
}

static JOINT: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"}{\""));
static MESSAGE: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\"message\""));
static PLAIN_ID: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(br#"id":""#));
static PARSED_ID: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(br#"id": ""#));
static ESCAPED_ID: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(br#"id\":\""#));

/// How far into a line its own kind is looked for: the envelope's head.
const HEAD_BYTES: usize = 320;
/// How far into the raw message its `type` is looked for.
const MESSAGE_HEAD_BYTES: usize = 160;

impl HeldRaw {
    /// Longer raw lines are read at once: the upstream cuts them at 2000 characters, so these are none of its own.
    pub(in crate::analysis) const MAX_BYTES: usize = 64 * 1024;

    /// Takes the line where it is a raw one, and nothing but that.
    pub(in crate::analysis) fn take(line: &[u8]) -> Option<Self> {
        let is_raw = line.len() <= Self::MAX_BYTES && is_raw(line);
        // Two writers may leave two objects on one line; within a string the quote would be escaped.
        let is_joined = || plain_parts(line).is_none() && JOINT.find(line).is_some();
        (is_raw && !is_joined()).then(|| Self { line: line.into() })
    }

    pub(in crate::analysis) fn line(&self) -> &[u8] {
        &self.line
    }

    /// The time at which it was logged.
    pub(in crate::analysis) fn time(&self) -> Option<DateTime<Utc>> {
        logged_at(&self.line)
    }

    /// Whether `next` is this line's event, parsed.
    pub(in crate::analysis) fn twin(&self, next: &[u8]) -> Twin {
        let Some(kind) = event_kind(next).and_then(|kind| kind.strip_prefix(b"claude_stream_")) else {
            return Twin::Other;
        };
        let is_plain = plain_parts(next).is_some();
        match self.inner_kind() {
            // A second writer may have put another event of the kind between the two.
            Inner::Kind(_) if self.first_id().is_some_and(|id| !has_id(next, id)) => Twin::Other,
            Inner::Kind(mine)
                if kind == mine || (kind.starts_with(mine) && kind.get(mine.len()) == Some(&b'_')) =>
            {
                match is_plain {
                    // Of the same message, but about another call.
                    true if self.lacks_an_id_of(next) => Twin::Other,
                    true => Twin::Poorer,
                    false => Twin::Same,
                }
            }
            Inner::Cut if kind != b"raw" => Twin::Same,
            Inner::Kind(_) | Inner::Cut | Inner::Unknown => Twin::Other,
        }
    }

    fn inner_kind(&self) -> Inner<'_> {
        if let Some(message) = plain_parts(&self.line).map(|(_, message)| message) {
            let kind = message
                .strip_prefix(br#"{"type":""#)
                .and_then(|rest| memchr::memchr(b'"', rest).map(|end| &rest[..end]));
            let is_cut = message.starts_with(b"<large_content:");
            return kind.map_or(if is_cut { Inner::Cut } else { Inner::Unknown }, Inner::Kind);
        }
        let Some(start) = MESSAGE.find(&self.line) else { return Inner::Unknown };
        let message = self.line[start + b"\"message\"".len()..].trim_ascii_start();
        let message = message.strip_prefix(b":").unwrap_or(message).trim_ascii_start();
        if message.starts_with(b"\"<large_content:") {
            return Inner::Cut;
        }
        let head = &message[..message.len().min(MESSAGE_HEAD_BYTES)];
        // Only the first key counts: deeper ones may be called the same.
        let Some(rest) = head.strip_prefix(br#""{\"type\":"#) else { return Inner::Unknown };
        let rest = rest.trim_ascii_start();
        let Some(rest) = rest.strip_prefix(br#"\""#) else { return Inner::Unknown };
        memchr::memchr(b'\\', rest).map_or(Inner::Unknown, |end| Inner::Kind(&rest[..end]))
    }

    /// The first id in the raw line, of its message or of a call: whatever tells the same event has it, too.
    fn first_id(&self) -> Option<&[u8]> {
        // With what ends both keys, `id` and `tool_use_id`.
        let end = |ending: &memmem::Finder<'_>, quote: &[u8], line: &[u8]| {
            let keys = ending.find_iter(line).filter(|at| {
                let key = &line[..*at];
                key.strip_suffix(b"tool_use_").unwrap_or(key).ends_with(quote)
            });
            keys.map(|at| at + ending.needle().len()).next()
        };
        // Most have the one, near the start, and the other nowhere: it need not be looked for behind that.
        let escaped = end(&ESCAPED_ID, b"\\\"", &self.line);
        let plain = end(&PLAIN_ID, b"\"", &self.line[..escaped.unwrap_or(self.line.len())]);
        let id = &self.line[plain.or(escaped)?..];
        let end = memchr::memchr2(b'"', b'\\', id)?;
        Some(&id[..end])
    }

    /// Whether `next`, as Python prints it, has an id that is not in this line.
    fn lacks_an_id_of(&self, next: &[u8]) -> bool {
        const KEYS: [&[u8]; 2] = [b"'id': '", b"'tool_use_id': '"];
        KEYS.iter().any(|key| {
            memmem::find_iter(next, key).any(|at| {
                let id = &next[at + key.len()..];
                let id = &id[..memchr::memchr(b'\'', id).unwrap_or(id.len())];
                memmem::find(&self.line, id).is_none()
            })
        })
    }

    pub(in crate::analysis) fn heap_bytes(&self) -> usize {
        self.line.len()
    }
}

enum Inner<'a> {
    Kind(&'a [u8]),
    Cut,
    Unknown,
}

/// Whether an id stands in a line.
fn has_id(line: &[u8], id: &[u8]) -> bool {
    // Nearly always it is the line's first value of that key, and a search for it would take longer to prepare.
    let first = PARSED_ID.find(line).is_some_and(|at| line[at + PARSED_ID.needle().len()..].starts_with(id));
    first || memmem::find(line, id).is_some()
}

/// Whether the line is a raw one, which the same event follows, parsed.
pub(in crate::analysis) fn is_raw(line: &[u8]) -> bool {
    event_kind(line) == Some(b"claude_stream_raw")
}

/// When a line of the upstream's was logged, or an entry of its status answer.
pub(in crate::analysis) fn logged_at(line: &[u8]) -> Option<DateTime<Utc>> {
    if plain_parts(line).is_some() { plain::time(line) } else { upstream::time(line) }
}

/// Kind and message of an entry as the status answer tells it.
fn plain_parts(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.first().filter(|byte| byte.is_ascii_digit()).map(|_| line)?;
    let head = &rest[..rest.len().min(HEAD_BYTES)];
    let start = memmem::find(head, b" [")? + 2;
    let end = start + memmem::find(&head[start..], b"] ")?;
    Some((&line[start..end], &line[end + 2..]))
}

/// The event's type: the value of `event_type` in the envelope's head, or the word in brackets.
fn event_kind(line: &[u8]) -> Option<&[u8]> {
    if let Some((kind, _)) = plain_parts(line) {
        return Some(kind);
    }
    if let Some(head) = UsualHead::of(line) {
        return Some(head.kind);
    }
    let rest = after_event_type(line)?
        .trim_ascii_start()
        .strip_prefix(b":")?
        .trim_ascii_start()
        .strip_prefix(b"\"")?;
    memchr::memchr(b'"', rest).map(|end| &rest[..end])
}
