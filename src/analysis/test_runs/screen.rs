//! What a terminal would show of a shell's output, as plain lines.
//!
//! Not a terminal: cursor movements are dropped, not followed.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Of longer outputs so much of the beginning is looked at, in bytes.
const HEAD_BYTES: usize = 64 * 1024;
/// And so much of the end, where runners print their summary.
const TAIL_BYTES: usize = 256 * 1024;
/// No summary has lines as long as this, in bytes; longer ones are dropped.
const MAX_LINE_BYTES: usize = 4 * 1024;

/// Escape sequences of terminals: colours and cursor (CSI), titles and links (OSC), character sets, others.
static ESCAPES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()*+][A-Za-z0-9]|[^\[\]])")
        .expect("a constant pattern")
});

/// The lines of `output`, without escape sequences and without trailing blanks; carriage returns end a line, too.
///
/// Of more than 320 KiB the first 64 and the last 256 KiB count. Linear.
pub(super) fn lines(output: &str) -> Vec<Cow<'_, str>> {
    let (head, tail) = bounded(output);
    head.split(['\n', '\r'])
        .chain(tail.split(['\n', '\r']))
        .filter(|line| line.len() <= MAX_LINE_BYTES)
        .map(|line| match ESCAPES.replace_all(line, "") {
            Cow::Borrowed(plain) => Cow::Borrowed(plain.trim_end()),
            Cow::Owned(plain) => Cow::Owned(plain.trim_end().to_owned()),
        })
        .filter(|line| !line.is_empty())
        .collect()
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
    use super::*;

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
