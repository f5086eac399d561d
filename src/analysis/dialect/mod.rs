//! A line of any known dialect to events; what is not known is counted, never guessed.
//!
//! Not for what the events mean for a run. Dialects are told apart line by line, so they may be mixed in one log.

pub(in crate::analysis) mod lenient;

mod claude;
mod head;
mod plain;
mod python;
mod raw_twin;
mod sdk;
mod upstream;

#[cfg(test)]
mod tests;

pub(in crate::analysis) use claude::result_text;
pub(in crate::analysis) use head::Head;
pub(in crate::analysis) use plain::join_entries;
pub(in crate::analysis) use raw_twin::{HeldRaw, Twin, is_raw, logged_at};

use chrono::{DateTime, Utc};
use serde::de::Deserialize;

use super::event::Event;
use super::lines;
use lenient::Text;
use plain::PlainEntry;

/// What a line turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::analysis) enum Reading {
    /// It, or a part of it, is of a known dialect.
    Known,
    /// It says nothing that is understood.
    Unknown,
}

/// Where the facts of a line go, in order.
pub(in crate::analysis) trait Sink {
    /// The time that the line carries; called before its events.
    fn at(&mut self, time: DateTime<Utc>);
    /// A fact.
    fn event(&mut self, event: Event<'_>);
    /// So many values of the line were replaced by markers.
    fn cut(&mut self, values: u32);
    /// The line is of Claude Code's own transcript.
    fn transcript(&mut self);
}

/// Reads one line, which may hold several objects, and hands on what it tells.
pub(in crate::analysis) fn read_line(line: &[u8], sink: &mut dyn Sink) -> Reading {
    let text = lines::text(line);
    if let Some(entry) = PlainEntry::of(&text) {
        return plain::read(&entry, sink);
    }
    if !text.starts_with('{') {
        // A hole of NUL bytes may stand before the object.
        return match lines::mended(&text) {
            Some(mended) if mended.starts_with('{') => read_objects(&mended, sink),
            _ => Reading::Unknown,
        };
    }
    if parses(&text) {
        return read_objects(&text, sink);
    }
    match lines::mended(&text) {
        Some(mended) => read_objects(&mended, sink),
        None => read_objects(&text, sink),
    }
}

/// Whether the line needs no mending: a cheap look for what mending mends, before anything is handed on.
fn parses(text: &str) -> bool {
    let surrogate = memchr::memmem::find(text.as_bytes(), b"\\ud").is_some()
        || memchr::memmem::find(text.as_bytes(), b"\\uD").is_some();
    !surrogate && !has_controls(text)
}

/// Looks at whole blocks without leaving early, which the compiler turns into vector instructions.
fn has_controls(text: &str) -> bool {
    let is_control = |byte: &&u8| **byte < 0x20;
    text.as_bytes().chunks(256).any(|block| block.iter().filter(is_control).count() > 0)
}

fn read_objects(text: &str, sink: &mut dyn Sink) -> Reading {
    let mut reading = Reading::Unknown;
    let mut rest = text;
    while rest.starts_with('{') {
        let Some((known, used)) = read_object(rest, sink) else { break };
        if known == Reading::Known {
            reading = Reading::Known;
        }
        rest = rest[used..].trim_start();
    }
    reading
}

/// Reads the object at the start of `text`; also says how many bytes it takes.
fn read_object(text: &str, sink: &mut dyn Sink) -> Option<(Reading, usize)> {
    if upstream::is_wrapped(text) {
        let (logged, used) = first::<upstream::Logged<'_>>(text)?;
        Some((upstream::read(&logged, sink), used))
    } else {
        let (entry, used) = first::<claude::Entry<'_>>(text)?;
        if let Some(time) = entry.at.get().and_then(moment) {
            sink.at(time);
        }
        if entry.is_transcript() {
            sink.transcript();
        }
        Some((claude::read(&entry, sink), used))
    }
}

fn first<'a, T: Deserialize<'a>>(text: &'a str) -> Option<(T, usize)> {
    let mut objects = serde_json::Deserializer::from_str(text).into_iter::<T>();
    let object = objects.next()?.ok()?;
    Some((object, objects.byte_offset()))
}

/// A time as logs write it: RFC 3339, without a zone (then UTC), or seconds or milliseconds since 1970.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc)).filter(is_plausible);
    }
    if let Ok(time) = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f") {
        return Some(time.and_utc()).filter(is_plausible);
    }
    let number: i64 = text.parse().ok()?;
    let milliseconds = if number < 100_000_000_000 { number.checked_mul(1000)? } else { number };
    DateTime::from_timestamp_millis(milliseconds).filter(is_plausible)
}

/// Keeps years within reach of arithmetic and of RFC 3339.
fn is_plausible(time: &DateTime<Utc>) -> bool {
    use chrono::Datelike;
    (1990..=2200).contains(&time.year())
}

/// A field that is there and says something.
fn filled<'t>(text: &'t Text<'_>) -> Option<&'t str> {
    text.filled()
}
