//! How things are written down: widths as a terminal shows them, cut and wrapped texts, amounts, spans of time.

use textwrap::core::display_width;

/// The text in this many columns, cut with an ellipsis or padded.
pub(super) fn fitted(text: &str, columns: usize) -> String {
    let text = shortened(text, columns);
    let missing = columns.saturating_sub(display_width(&text));
    text + &" ".repeat(missing)
}

/// The text in at most this many columns.
pub(super) fn shortened(text: &str, columns: usize) -> String {
    if display_width(text) <= columns {
        return text.to_owned();
    }
    let start = taken(text.chars(), columns);
    format!("{}…", start.trim_end())
}

/// The same, but of a path its end is kept.
pub(super) fn shortened_path(path: &str, columns: usize) -> String {
    if display_width(path) <= columns {
        return path.to_owned();
    }
    format!("…{}", taken(path.chars().rev(), columns).chars().rev().collect::<String>())
}

/// As many characters as leave room for an ellipsis.
fn taken(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut taken = String::new();
    for c in chars {
        taken.push(c);
        if display_width(&taken) >= columns {
            taken.pop();
            break;
        }
    }
    taken
}

/// The lines of the text, none wider than this.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let lines = text.lines().flat_map(|line| {
        let inner = line.trim_start().trim_start_matches(['-', '*', '•']);
        let indent =
            " ".repeat(display_width(&line[..line.len() - inner.trim_start().len()]).min(columns / 2));
        textwrap::wrap(line.trim_end(), textwrap::Options::new(columns).subsequent_indent(&indent))
    });
    lines.map(std::borrow::Cow::into_owned).collect()
}

/// The first line that says something.
pub(super) fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default().trim()
}

/// "3 calls", "1 call".
pub(super) fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// "$0.12", "about $0.12".
pub(super) fn cost(usd: f64, estimated: bool) -> String {
    format!("{}${usd:.2}", if estimated { "about " } else { "" })
}

/// "7 s", "1m 07s", "1h 02m".
pub(super) fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        assert_eq!([7, 67, 3_725].map(duration), ["7 s", "1m 07s", "1h 02m"]);
    }

    #[test]
    fn long_texts_are_cut_with_an_ellipsis_where_a_terminal_would_end_the_line() {
        assert_eq!(shortened("äbc def", 5), "äbc…");
        assert_eq!(shortened("äbc", 5), "äbc");
        assert_eq!(shortened("集計できました", 7), "集計で…");
        assert_eq!(fitted("集計", 6), "集計  ");
        assert_eq!(shortened_path("/srv/app/src/main.rs", 8), "…main.rs");
    }

    #[test]
    fn wrapped_lines_stay_under_their_item() {
        assert_eq!(wrapped("- one two three", 9), ["- one two", "  three"]);
        assert_eq!(wrapped("a\n\nb", 9), ["a", "", "b"]);
    }
}
