//! A line of any known dialect to events; what is not known is counted, never guessed.
//!
//! Not for what the events mean for a run. Dialects are told apart line by line, so they may be mixed in one log.

pub(in crate::analysis) mod cursor;
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

use super::event::Event;
use super::lines;
use cursor::{Cursor, has_controls};
use lenient::{Lenient, Text};
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
    if text.starts_with('{') && !has_controls(&text) {
        return read_objects(&text, sink);
    }
    if let Some(entry) = PlainEntry::of(&text) {
        return plain::read(&entry, sink);
    }
    // A hole of NUL bytes may stand before the object, with blanks behind it, or within it.
    match lines::mended(&text) {
        Some(mended) if mended.trim_start().starts_with('{') => read_objects(mended.trim_start(), sink),
        Some(_) | None => Reading::Unknown,
    }
}

fn read_objects(text: &str, sink: &mut dyn Sink) -> Reading {
    let mut reading = Reading::Unknown;
    let mut rest = text;
    while rest.starts_with('{') {
        let (known, used) = match read_object(rest, sink, Surrogates::Suspect) {
            Read::Done(known, used) => (known, used),
            Read::Malformed => break,
            Read::Suspect => return read_mended(rest, sink).or(reading),
        };
        reading = known.or(reading);
        rest = rest[used..].trim_start();
    }
    reading
}

/// Reads objects of which the first is broken, or may be, by halves of surrogate pairs.
fn read_mended(text: &str, sink: &mut dyn Sink) -> Reading {
    let mended = lines::mended(text);
    let mut rest = mended.as_deref().unwrap_or(text);
    let mut reading = Reading::Unknown;
    while rest.starts_with('{') {
        let Read::Done(known, used) = read_object(rest, sink, Surrogates::Paired) else { break };
        reading = known.or(reading);
        rest = rest[used..].trim_start();
    }
    reading
}

impl Reading {
    fn or(self, other: Self) -> Self {
        match self {
            Self::Known => self,
            Self::Unknown => other,
        }
    }
}

/// Whether halves of surrogate pairs may stand in a text alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surrogates {
    Suspect,
    Paired,
}

/// What became of the object at the start of a text.
enum Read {
    /// It was read, and takes so many bytes.
    Done(Reading, usize),
    /// It is no JSON.
    Malformed,
    /// It has to be mended first; nothing of it was handed on.
    Suspect,
}

/// Reads the object at the start of `text`.
fn read_object(text: &str, sink: &mut dyn Sink, surrogates: Surrogates) -> Read {
    let mut cursor = Cursor::new(text);
    if upstream::is_wrapped(text) {
        let logged = upstream::Logged::take(&mut cursor);
        cursor.finish(logged, surrogates, |logged| upstream::read(&logged, sink))
    } else {
        let entry = claude::Entry::take(&mut cursor);
        cursor.finish(entry, surrogates, |entry| {
            if let Some(time) = entry.at.get().and_then(moment) {
                sink.at(time);
            }
            if entry.is_transcript() {
                sink.transcript();
            }
            claude::read(&entry, sink)
        })
    }
}

impl Cursor<'_> {
    fn finish<T>(&self, read: Option<T>, surrogates: Surrogates, tell: impl FnOnce(T) -> Reading) -> Read {
        match read {
            _ if surrogates == Surrogates::Suspect && self.saw_surrogates() => Read::Suspect,
            Some(read) => Read::Done(tell(read), self.offset()),
            None => Read::Malformed,
        }
    }
}

/// A time as logs write it: RFC 3339, without a zone (then UTC), or seconds or milliseconds since 1970.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Some(time) = usual_moment(text) {
        return Some(time).filter(is_plausible);
    }
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

/// A time in the form of nearly all logs: `2025-06-13T20:05:00.123456+00:00`, with or without the fraction, or with `Z`.
fn usual_moment(text: &str) -> Option<DateTime<Utc>> {
    let (seconds, rest) = text.as_bytes().split_at_checked(19)?;
    let digits = |digits: &[u8]| {
        let digit =
            |number: u32, byte: &u8| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'));
        digits.iter().try_fold(0, digit)
    };
    let [y @ .., b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', mi1, mi2, b':', s1, s2] = seconds else {
        return None;
    };
    let (fraction, zone) = match rest.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            fraction.split_at(digits)
        }
        None => (&b""[..], rest),
    };
    let is_fraction = fraction.len() <= 9 && fraction.is_empty() != rest.starts_with(b".");
    if !is_fraction || !matches!(zone, b"Z" | b"+00:00") {
        return None;
    }
    let nanoseconds = digits(fraction)? * 10_u32.pow(9 - u32::try_from(fraction.len()).ok()?);
    let date = chrono::NaiveDate::from_ymd_opt(
        i32::try_from(digits(y)?).ok()?,
        digits(&[*mo1, *mo2])?,
        digits(&[*d1, *d2])?,
    )?;
    let time = date.and_hms_nano_opt(
        digits(&[*h1, *h2])?,
        digits(&[*mi1, *mi2])?,
        digits(&[*s1, *s2])?,
        nanoseconds,
    )?;
    Some(time.and_utc())
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
