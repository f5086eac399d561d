//! Follows an HTTP/1 connection from the client's side: heads, lengths, chunks, trailers. Pure: bytes in, verdict out.
//!
//! The HTTP library accepts a few things by which gloss and the upstream could come to disagree on where a request
//! ends, and nothing behind it can see them any more: a length beside a coding, a line that ends without a carriage
//! return. This reads the same bytes beside the library and refuses those. It only ever adds refusals; what it lets
//! pass the library still judges. Not for HTTP/2, and not for what follows an accepted upgrade.

use memchr::memchr;

use crate::chunked::{Chunks, Misplaced, Part};

/// How much of a line is kept while it is incomplete: more than any line that matters here needs.
const KEPT: usize = 64;

/// What a client did that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// A line of a head or of trailers ends without a carriage return.
    BareLineFeed,
    /// `Content-Length` and `Transfer-Encoding` in one head.
    LengthBesideCoding,
    /// A `Content-Length` that is not a number, or two that differ.
    Length,
    /// A chunk whose size or end is not one.
    Chunk,
}

/// What became of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// All of them may pass.
    Passed,
    /// A request that asks to switch protocols ends before the byte at this index; what follows it belongs either to
    /// the new protocol or to the next request, and only the answer tells which.
    UpgradeAt(usize),
    /// The byte at this index must not be taken for what it seems.
    RefusedAt(usize, Violation),
}

/// Where in a message the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Between two messages: nothing of the next has come.
    Between,
    /// In a head.
    Head,
    /// In a body or its trailers.
    Body,
}

/// The state of following one connection: some hundred bytes, whatever the client sends.
#[derive(Debug, Clone)]
pub struct Framing {
    state: State,
    head: Head,
    heads: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    /// So many bytes of a body are still to come.
    Length(u64),
    Chunks(Chunks),
}

/// What is known of the head being read.
#[derive(Debug, Clone)]
struct Head {
    begun: bool,
    line: [u8; KEPT],
    /// How long the incomplete line is so far; may exceed what is kept of it.
    line_bytes: usize,
    /// The last byte of the incomplete line.
    last: u8,
    length: Option<u64>,
    coded: bool,
    upgrade: bool,
}

impl Default for Framing {
    fn default() -> Self {
        Self::new()
    }
}

impl Framing {
    /// At the start of a connection.
    pub fn new() -> Self {
        Self { state: State::Head, head: Head::new(), heads: 0 }
    }

    /// How many heads have been read whole.
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Where the bytes seen so far end.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Head if self.head.begun || self.head.line_bytes > 0 => Phase::Head,
            State::Head => Phase::Between,
            State::Length(_) | State::Chunks(_) => Phase::Body,
        }
    }

    /// Follows the next bytes, which may end anywhere and may be empty.
    ///
    /// After [`Followed::UpgradeAt`] go on with the bytes from that index, if the upgrade was declined. After
    /// [`Followed::RefusedAt`] there is nothing to follow any more.
    pub fn follow(&mut self, bytes: &[u8]) -> Followed {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let step = match self.state {
                State::Head => self.head_line(rest),
                State::Length(left) => Ok(self.length(rest, left)),
                State::Chunks(chunks) => self.chunks(rest, chunks),
            };
            match step {
                Ok(used) => at += used,
                Err((offset, violation)) => return Followed::RefusedAt(at + offset, violation),
            }
            if self.head.upgrade && self.phase() == Phase::Between {
                self.head.upgrade = false;
                return Followed::UpgradeAt(at);
            }
        }
        Followed::Passed
    }

    /// One line of a head, or the part of it that is there.
    fn head_line(&mut self, bytes: &[u8]) -> Step {
        let Some(end) = memchr(b'\n', bytes) else {
            self.head.keep(bytes);
            return Ok(bytes.len());
        };
        let before = if end > 0 { bytes[end - 1] } else { self.head.last };
        if before != b'\r' || self.head.line_bytes + end == 0 {
            return Err((end, Violation::BareLineFeed));
        }
        let ended = if self.head.line_bytes == 0 {
            self.head.line(&bytes[..end - 1], end - 1)
        } else {
            self.head.keep(&bytes[..end]);
            self.head.kept_line()
        };
        match ended {
            Ok(Line::Inner) => {}
            Ok(Line::Last) => self.message_begins(),
            Err(violation) => return Err((end, violation)),
        }
        Ok(end + 1)
    }

    /// The head is complete; what follows is its body, or the next head.
    fn message_begins(&mut self) {
        let upgrade = self.head.upgrade;
        self.state = match (self.head.coded, self.head.length) {
            (true, _) => State::Chunks(Chunks::default()),
            (false, Some(length)) if length > 0 => State::Length(length),
            (false, _) => State::Head,
        };
        self.head = Head { upgrade, ..Head::new() };
        self.heads += 1;
    }

    fn length(&mut self, bytes: &[u8], left: u64) -> usize {
        let (used, left) = take(bytes, left);
        self.state = if left == 0 { State::Head } else { State::Length(left) };
        used
    }

    fn chunks(&mut self, bytes: &[u8], mut chunks: Chunks) -> Step {
        let (mut used, left) = (1, chunks.data_left());
        let mut part = Part::Framing;
        if left > 0 {
            used = take(bytes, left).0;
            chunks.took(used as u64);
        } else {
            part = chunks.byte(bytes[0]).map_err(|misplaced| match misplaced {
                Misplaced::LineFeed => (0, Violation::BareLineFeed),
                Misplaced::Other => (0, Violation::Chunk),
            })?;
        }
        self.state = if part == Part::End { State::Head } else { State::Chunks(chunks) };
        Ok(used)
    }
}

/// How many bytes a step used, or at which of them it found what.
type Step = Result<usize, (usize, Violation)>;

enum Line {
    /// More lines follow.
    Inner,
    /// The empty one that ends the head.
    Last,
}

impl Head {
    const fn new() -> Self {
        Self {
            begun: false,
            line: [0; KEPT],
            line_bytes: 0,
            last: 0,
            length: None,
            coded: false,
            upgrade: false,
        }
    }

    /// Keeps the beginning of a line that is not complete yet.
    fn keep(&mut self, bytes: &[u8]) {
        let from = self.line_bytes.min(KEPT);
        let room = bytes.len().min(KEPT - from);
        self.line[from..from + room].copy_from_slice(&bytes[..room]);
        self.line_bytes += bytes.len();
        self.last = bytes.last().copied().unwrap_or(self.last);
    }

    /// The line which came in several pieces, its carriage return included.
    fn kept_line(&mut self) -> Result<Line, Violation> {
        let (line, bytes) = (self.line, self.line_bytes - 1);
        self.line_bytes = 0;
        self.last = 0;
        self.line(&line[..bytes.min(KEPT)], bytes)
    }

    /// A line of so many bytes without its end; what is kept of it is enough.
    fn line(&mut self, line: &[u8], bytes: usize) -> Result<Line, Violation> {
        if line.is_empty() {
            // Empty lines before a request are skipped, as RFC 9112, section 2.2, has it.
            return match self.begun {
                false => Ok(Line::Inner),
                true if self.coded && self.length.is_some() => Err(Violation::LengthBesideCoding),
                true => Ok(Line::Last),
            };
        }
        if !self.begun {
            self.begun = true;
        } else if has_name(line, b"content-length") {
            // No length needs more room than is kept.
            let length = length_of(&line[b"content-length:".len()..]).filter(|_| bytes <= KEPT);
            let length = length.ok_or(Violation::Length)?;
            if self.length.is_some_and(|other| other != length) {
                return Err(Violation::Length);
            }
            self.length = Some(length);
        } else if has_name(line, b"transfer-encoding") {
            self.coded = true;
        } else if has_name(line, b"upgrade") {
            self.upgrade = true;
        }
        Ok(Line::Inner)
    }
}

fn has_name(line: &[u8], name: &[u8]) -> bool {
    line.get(name.len()) == Some(&b':') && line[..name.len()].eq_ignore_ascii_case(name)
}

/// A length is digits and nothing else; blanks around them belong to the line.
fn length_of(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn take(bytes: &[u8], left: u64) -> (usize, u64) {
    let used = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (used, left - used as u64)
}

#[cfg(test)]
mod tests;
