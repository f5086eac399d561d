//! Which objects are the parts of a log that was rotated, and in which order. Pure.
//!
//! The star of a name such as `run_a.log*` or `run_a/*.jsonl` stands for the numbers of the parts. They count up, unless
//! the times of the objects say that they count down, as log rotation has it (`.1` is newer than `.2`). A part without
//! a number is the one that is still being written, and the last.

use std::cmp::Ordering;

use object_store::ObjectMeta;

/// A name with a star.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Starred<'n> {
    before: &'n str,
    after: &'n str,
}

/// Digits, or what lies between them.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'n> {
    Text(&'n str),
    /// How many digits, and which, without leading zeros.
    Number(usize, &'n str),
}

impl<'n> Starred<'n> {
    /// `None` for a name that is one object's.
    pub(super) fn read(name: &'n str) -> Option<Self> {
        let (before, after) = name.split_once('*')?;
        Some(Self { before, after })
    }

    /// What every part's name begins with.
    pub(super) fn prefix(self) -> &'n str {
        self.before
    }

    /// What the star stands for in the name of a part; `None` for other names. Another run's id may go on where this
    /// one's ends: where the star follows a letter or a digit, it stands for nothing or begins with a mark.
    pub(super) fn number(self, name: &str) -> Option<&str> {
        let number = name.strip_prefix(self.before)?.strip_suffix(self.after)?;
        let apart = !self.before.ends_with(|c: char| c.is_ascii_alphanumeric())
            || number.chars().next().is_none_or(|c| matches!(c, '.' | '-' | '_'));
        (apart && !number.contains('/')).then_some(number)
    }
}

/// Puts parts, each with what the star stands for, into the order in which they were written.
pub(super) fn in_order(mut parts: Vec<(String, ObjectMeta)>) -> Vec<ObjectMeta> {
    parts.sort_by(|(one, _), (other, _)| by_numbers(one, other));
    let has_number = |(number, _): &(String, ObjectMeta)| number.bytes().any(|b| b.is_ascii_digit());
    let (mut numbered, rest): (Vec<_>, Vec<_>) = parts.into_iter().partition(has_number);
    if let [(_, first), .., (_, last)] = numbered.as_slice()
        && first.last_modified > last.last_modified
    {
        numbered.reverse();
    }
    numbered.into_iter().chain(rest).map(|(_, meta)| meta).collect()
}

fn by_numbers(one: &str, other: &str) -> Ordering {
    pieces(one).cmp(pieces(other)).then_with(|| one.cmp(other))
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let runs = text.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    runs.scan(0, |at, run| {
        let piece = &text[*at..*at + run.len()];
        *at += run.len();
        Some(piece)
    })
    .map(|piece| {
        if piece.starts_with(|c: char| c.is_ascii_digit()) {
            let digits = piece.trim_start_matches('0');
            Piece::Number(digits.len(), digits)
        } else {
            Piece::Text(piece)
        }
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use object_store::path::Path;

    use super::*;

    /// The order of parts by what the star stands for, each with the time of its last change.
    fn order(parts: &[(&str, i64)]) -> Vec<String> {
        let part = |(number, seconds): &(&str, i64)| {
            let meta = ObjectMeta {
                location: Path::parse(format!("run_a.log{number}")).unwrap(),
                last_modified: DateTime::from_timestamp(*seconds, 0).unwrap(),
                size: 1,
                e_tag: None,
                version: None,
            };
            ((*number).to_owned(), meta)
        };
        let in_order = in_order(parts.iter().map(part).collect());
        in_order.iter().map(|meta| meta.location.as_ref()["run_a.log".len()..].to_owned()).collect()
    }

    #[test]
    fn numbers_count_up_as_numbers_and_the_part_without_one_is_the_last() {
        assert_eq!(order(&[("", 9), (".10", 5), (".9", 4), (".1", 3)]), [".1", ".9", ".10", ""]);
        assert_eq!(order(&[("000002", 1), ("000010", 1), ("000001", 1)]), ["000001", "000002", "000010"]);
        assert_eq!(order(&[("", 1)]), [""]);
    }

    #[test]
    fn numbers_count_down_where_the_times_do() {
        assert_eq!(order(&[("", 9), (".1", 8), (".2", 7), (".10", 1)]), [".10", ".2", ".1", ""]);
    }

    #[test]
    fn another_runs_log_is_no_part() {
        let starred = Starred::read("run_1*.log").unwrap();
        assert_eq!(starred.number("run_1.log"), Some(""));
        assert_eq!(starred.number("run_1.2.log"), Some(".2"));
        assert_eq!(starred.number("run_12.log"), None);
        assert_eq!(starred.number("run_1/x.log"), None);
        let folder = Starred::read("run_1/*").unwrap();
        assert_eq!(folder.number("run_1/0001.jsonl"), Some("0001.jsonl"));
        assert_eq!(folder.number("run_1/deeper/0001.jsonl"), None);
        assert_eq!(Starred::read("run_1.log"), None);
    }

    #[test]
    fn a_number_may_be_of_any_length_and_names_of_any_letters() {
        assert_eq!(order(&[("ä99999999999999999999999", 1), ("ä3", 1)]), ["ä3", "ä99999999999999999999999"]);
    }
}
