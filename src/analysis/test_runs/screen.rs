//! What a terminal would show of a shell's output, as plain lines.
//!
//! Not a terminal: cursor movements are dropped, not followed.

use std::borrow::Cow;
use std::iter;

/// Of longer outputs so much of the beginning is looked at, in bytes.
const HEAD_BYTES: usize = 64 * 1024;
/// And so much of the end, where runners print their summary.
const TAIL_BYTES: usize = 256 * 1024;
/// No summary has lines as long as this, in bytes; longer ones are dropped.
const MAX_LINE_BYTES: usize = 4 * 1024;

/// What an escape sequence begins with.
const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

/// The lines of `output`, without escape sequences and without trailing blanks; carriage returns end a line, too.
///
/// Of more than 320 KiB the first 64 and the last 256 KiB count. Linear.
pub(super) fn lines(output: &str) -> Vec<Cow<'_, str>> {
    let (head, tail) = bounded(output);
    split(head)
        .chain(split(tail))
        .filter(|line| line.len() <= MAX_LINE_BYTES)
        .map(|line| match without_escapes(line) {
            Cow::Borrowed(plain) => Cow::Borrowed(plain.trim_end()),
            Cow::Owned(plain) => Cow::Owned(plain.trim_end().to_owned()),
        })
        .filter(|line| !line.is_empty())
        .collect()
}

/// The pieces between line feeds and carriage returns.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let ends = memchr::memchr2_iter(b'\n', b'\r', text.as_bytes()).chain(iter::once(text.len()));
    let mut start = 0;
    ends.map(move |end| &text[std::mem::replace(&mut start, end + 1)..end])
}

/// A line without the escape sequences of terminals.
fn without_escapes(line: &str) -> Cow<'_, str> {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(at) = memchr::memchr(ESCAPE, rest.as_bytes()) {
        let length = escape_length(&rest[at..]);
        // One that is broken off stays.
        out.push_str(&rest[..if length.is_none() { at + 1 } else { at }]);
        rest = &rest[at + length.unwrap_or(1)..];
    }
    if rest.len() == line.len() {
        return Cow::Borrowed(line);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// How long the escape sequence is that `text` begins with: colours and cursor (CSI), titles and links (OSC), character
/// sets, others.
fn escape_length(text: &str) -> Option<usize> {
    let kind = text[1..].chars().next()?;
    let body = &text.as_bytes()[2..];
    match kind {
        '[' => {
            let parameters = body.iter().take_while(|byte| matches!(byte, b'0'..=b'?')).count();
            let between = body[parameters..].iter().take_while(|byte| matches!(byte, b' '..=b'/')).count();
            let length = parameters + between;
            body.get(length).filter(|byte| matches!(byte, b'@'..=b'~')).map(|_| 2 + length + 1)
        }
        ']' => {
            let length = memchr::memchr2(BELL, ESCAPE, body)?;
            let end = if body[length] == BELL { 1 } else { 2 };
            (end == 1 || body.get(length + 1) == Some(&b'\\')).then_some(2 + length + end)
        }
        '(' | ')' | '*' | '+' if body.first().is_some_and(u8::is_ascii_alphanumeric) => Some(3),
        other => Some(1 + other.len_utf8()),
    }
}

/// The parts that are looked at; a line that is cut in two belongs to neither.
fn bounded(output: &str) -> (&str, &str) {
    if output.len() <= HEAD_BYTES + TAIL_BYTES {
        return (output, "");
    }
    let head = &output[..output.floor_char_boundary(HEAD_BYTES)];
    let tail = &output[output.ceil_char_boundary(output.len() - TAIL_BYTES)..];
    let head_end = head.rfind('\n').unwrap_or(0);
    let tail_start = tail.find('\n').unwrap_or(tail.len());
    (&head[..head_end], &tail[tail_start..])
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// The escape sequences, as a pattern says them.
    const ESCAPES: &str =
        r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()*+][A-Za-z0-9]|[^\[\]])";

    const PIECES: &[&str] = &[
        "\x1b", "\x1b", "\x1b[", "\x1b]", "[", "]", "1", ";", "m", " ", "/", "\x07", "\\", "(", "B", "é", "x",
    ];

    proptest! {
        #[test]
        fn escape_sequences_are_those_of_the_pattern(pieces in vec(select(PIECES), 0..16)) {
            let line = pieces.concat();
            let escapes = regex::Regex::new(ESCAPES).unwrap();
            prop_assert_eq!(without_escapes(&line), escapes.replace_all(&line, ""), "{:?}", line);
        }

        #[test]
        fn lines_are_split_as_usual(pieces in vec(select(&["a", "é", "\n", "\r", ""]), 0..9)) {
            let text = pieces.concat();
            prop_assert_eq!(split(&text).collect::<Vec<_>>(), text.split(['\n', '\r']).collect::<Vec<_>>());
        }
    }

    #[test]
    fn escape_sequences_of_all_kinds_are_dropped() {
        let output = "\x1b[1m\x1b[32m3 passed\x1b[0m\x1b(B in 1s \r\n\x1b]8;;http://x\x07link\x1b]8;;\x07\n\x1b[2J\x1b[1;3Hend";
        assert_eq!(lines(output), ["3 passed in 1s", "link", "end"]);
    }

    #[test]
    fn a_long_output_is_seen_at_its_ends_only() {
        let output = format!("first\n{}\nlast", "middle 0123456789\n".repeat(100_000));
        let seen = lines(&output);
        assert_eq!(seen.first().map(AsRef::as_ref), Some("first"));
        assert_eq!(seen.last().map(AsRef::as_ref), Some("last"));
        assert!(seen.iter().map(|line| line.len() + 1).sum::<usize>() <= HEAD_BYTES + TAIL_BYTES);
        assert!(seen[1..seen.len() - 1].iter().all(|line| line == "middle 0123456789"));
    }

    #[test]
    fn overlong_lines_are_dropped_and_none_is_cut() {
        assert_eq!(lines(&format!("a\n{}\nb", "x".repeat(1_000_000))), ["a", "b"]);
        assert_eq!(lines(&"é".repeat(400_000)), Vec::<String>::new());
    }
}
