//! Bytes to lines, over any cutting of the log into pieces.
//!
//! Not for what a line means: a line here is what stands between two line feeds, its carriage return, byte-order
//! mark and surrounding blanks taken off.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// What lies between two line feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Something to read; never empty, may be anything.
    Content(&'a [u8]),
    /// Nothing but blanks.
    Blank,
    /// Longer than the limit; its bytes are gone.
    TooLong,
}

/// Cuts a growing log into lines and keeps the torn last one until its end arrives.
///
/// Holds at most `max_line_bytes`.
#[derive(Debug, Clone)]
pub(super) struct LineReader {
    max_line_bytes: usize,
    torn: Vec<u8>,
    skipping: bool,
}

impl LineReader {
    pub(super) fn new(max_line_bytes: usize) -> Self {
        Self { max_line_bytes, torn: Vec::new(), skipping: false }
    }

    /// Hands every line that `bytes` completes to `each`, in order.
    pub(super) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (head, tail) = (&rest[..end], &rest[end + 1..]);
            rest = tail;
            if self.skipping || self.torn.len() + head.len() > self.max_line_bytes {
                each(Line::TooLong);
            } else if self.torn.is_empty() {
                each(trimmed(head));
            } else {
                self.torn.extend_from_slice(head);
                each(trimmed(&self.torn));
            }
            self.skipping = false;
            self.forget_torn();
        }
        self.keep(rest);
    }

    fn keep(&mut self, rest: &[u8]) {
        if self.skipping || self.torn.len() + rest.len() > self.max_line_bytes {
            self.skipping = true;
            self.torn = Vec::new();
        } else {
            self.torn.extend_from_slice(rest);
        }
    }

    /// A usual line's buffer is kept for the next one, a huge one's memory is given back.
    fn forget_torn(&mut self) {
        const KEPT_CAPACITY: usize = 64 * 1024;
        if self.torn.capacity() > KEPT_CAPACITY {
            self.torn = Vec::new();
        } else {
            self.torn.clear();
        }
    }

    /// The last line, whose end has not been read yet, where it looks like a whole object.
    pub(super) fn whole_tail(&self) -> Option<&[u8]> {
        match trimmed(&self.torn) {
            Line::Content(tail) if looks_whole(tail) => Some(tail),
            Line::Content(_) | Line::Blank | Line::TooLong => None,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.torn.capacity()
    }
}

/// Whether a line without its end may be all there: an object that is closed, or other text that ends in one.
fn looks_whole(tail: &[u8]) -> bool {
    let closed = || serde_json::from_slice::<IgnoredAny>(tail).is_ok();
    tail.ends_with(b"}") && (!tail.starts_with(b"{") || closed())
}

fn trimmed(line: &[u8]) -> Line<'_> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let line = line.trim_ascii();
    if line.iter().all(|byte| *byte == 0) { Line::Blank } else { Line::Content(line) }
}

/// The line as text; bytes that are not UTF-8 become U+FFFD.
pub(super) fn text(line: &[u8]) -> Cow<'_, str> {
    simdutf8::basic::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed)
}

/// Mends what keeps a line from being JSON although a reader sees one: NUL bytes (a file system's holes), other raw
/// control characters, and halves of surrogate pairs. `None` when there is nothing of the kind.
pub(super) fn mended(line: &str) -> Option<String> {
    let without_controls: String =
        line.chars().filter(|c| *c != '\0').map(|c| if c < ' ' { ' ' } else { c }).collect();
    let mended = without_lone_surrogates(&without_controls);
    (mended != line).then_some(mended)
}

/// Replaces `\uD8xx` escapes without their other half by `\ufffd`.
fn without_lone_surrogates(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match (escaped_unit(rest), rest.get(6..).and_then(escaped_unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            (Some(_), _) => 6,
            // The backslash and the character that it escapes, of whatever width.
            (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}

/// The UTF-16 unit of a `\uXXXX` at the start of `text`.
fn escaped_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]], max: usize) -> Vec<String> {
        let mut reader = LineReader::new(max);
        let mut seen = Vec::new();
        for piece in pieces {
            reader.feed(piece, |line| {
                seen.push(match line {
                    Line::Content(bytes) => text(bytes).into_owned(),
                    Line::Blank => "(blank)".into(),
                    Line::TooLong => "(too long)".into(),
                });
            });
        }
        seen
    }

    #[test]
    fn carriage_returns_byte_order_marks_and_blank_lines_are_taken_off() {
        assert_eq!(lines(&[b"\xef\xbb\xbf{1}\r\n\r\n \n{2}\n"], 99), ["{1}", "(blank)", "(blank)", "{2}"]);
    }

    #[test]
    fn a_line_cut_anywhere_is_one_line() {
        assert_eq!(lines(&[b"{\"a\"", b":1}", b"\n", b"{2", b"}\n{3"], 99), ["{\"a\":1}", "{2}"]);
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_to_its_end_whatever_the_cutting() {
        let whole = lines(&[b"aaaaaaaaaa\nb\n"], 5);
        assert_eq!(whole, ["(too long)", "b"]);
        assert_eq!(lines(&[b"aaa", b"aaa", b"aaaa\n", b"b\n"], 5), whole);
    }

    #[test]
    fn holes_and_lone_surrogates_are_mended_and_pairs_are_kept() {
        assert_eq!(mended("{\"a\":\"x\0\0y\"}").as_deref(), Some("{\"a\":\"xy\"}"));
        assert_eq!(mended(r#"{"a":"\ud83d end"}"#).as_deref(), Some(r#"{"a":"\ufffd end"}"#));
        assert_eq!(mended(r#"{"a":"\ud83d\ude00 \\ud83d \\"}"#), None);
    }
}
