//! How Python writes values: `json.dumps`, `repr`, floats and `datetime.isoformat`.
//!
//! Pure. Only what the sample upstream writes is covered: JSON is always printed with `ensure_ascii=False`.

use std::fmt::Write as _;
use std::sync::LazyLock;

use chrono::{DateTime, Timelike, Utc};
use regex::Regex;

use super::value::Value;

/// What stands between the parts of a JSON document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separators {
    /// `, ` and `: `, the default of `json.dumps`: the log.
    Spaced,
    /// `,` and `:`, as the web framework and Claude Code itself print: answers and raw lines.
    Compact,
}

impl Separators {
    const fn item(self) -> &'static str {
        match self {
            Self::Spaced => ", ",
            Self::Compact => ",",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Spaced => ": ",
            Self::Compact => ":",
        }
    }
}

/// Prints `value` as `json.dumps(value, ensure_ascii=False, separators=…)` does.
pub(super) fn dumps(value: &Value, separators: Separators) -> String {
    let mut out = String::new();
    write_json(&mut out, value, separators);
    out
}

fn write_json(out: &mut String, value: &Value, separators: Separators) {
    match value {
        Value::None => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&float(*number)),
        Value::Str(text) => write_json_string(out, text),
        Value::List(items) => write_between(out, ['[', ']'], separators.item(), items, |out, item| {
            write_json(out, item, separators);
        }),
        Value::Dict(members) => {
            write_between(out, ['{', '}'], separators.item(), members, |out, (key, value)| {
                write_json_string(out, key);
                out.push_str(separators.key());
                write_json(out, value, separators);
            });
        }
    }
}

fn write_json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => push_escape(out, "\\u", u32::from(c), 4),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn write_between<T>(
    out: &mut String,
    [open, close]: [char; 2],
    separator: &str,
    items: &[T],
    mut write_item: impl FnMut(&mut String, &T),
) {
    out.push(open);
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push_str(separator);
        }
        write_item(out, item);
    }
    out.push(close);
}

/// Prints `value` as Python's `repr` prints it: `{'key': None, 'other': [True, 1.0]}`.
pub(super) fn repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

fn write_repr(out: &mut String, value: &Value) {
    match value {
        Value::None => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&float(*number)),
        Value::Str(text) => write_repr_string(out, text),
        Value::List(items) => write_between(out, ['[', ']'], ", ", items, write_repr),
        Value::Dict(members) => write_between(out, ['{', '}'], ", ", members, |out, (key, value)| {
            write_repr_string(out, key);
            out.push_str(": ");
            write_repr(out, value);
        }),
    }
}

/// Single quotes, unless the text has a single and no double one; what `str.isprintable` denies is escaped.
fn write_repr_string(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => push_repr_escape(out, u32::from(c)),
        }
    }
    out.push(quote);
}

fn is_printable(c: char) -> bool {
    static HIDDEN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\A[\p{C}\p{Z}]\z").expect("a constant pattern of general categories"));
    if c.is_ascii() { !c.is_ascii_control() } else { !HIDDEN.is_match(c.encode_utf8(&mut [0; 4])) }
}

fn push_repr_escape(out: &mut String, code: u32) {
    match code {
        ..=0xff => push_escape(out, "\\x", code, 2),
        0x100..=0xffff => push_escape(out, "\\u", code, 4),
        _ => push_escape(out, "\\U", code, 8),
    }
}

fn push_escape(out: &mut String, start: &str, code: u32, digits: usize) {
    write!(out, "{start}{code:0digits$x}").expect("writing into a String cannot fail");
}

/// Prints a finite number as Python's `float.__repr__`: the shortest digits that read back the same, with an exponent
/// of at least two digits below 1e-4 and from 1e16 on. What is not finite prints as `json.dumps` has it.
pub(super) fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').expect("`{:e}` always prints an exponent");
    let exponent: i32 = exponent.parse().expect("`{:e}` prints a whole exponent");
    if (-4..16).contains(&exponent) {
        let plain = number.to_string();
        if plain.contains('.') { plain } else { plain + ".0" }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}e{sign}{:02}", exponent.abs())
    }
}

/// `datetime.isoformat()` of a time in UTC: the fraction, in microseconds, is missing where it is zero.
pub(super) fn aware(time: DateTime<Utc>) -> String {
    naive(time) + "+00:00"
}

/// `datetime.isoformat()` of the same time without its zone.
pub(super) fn naive(time: DateTime<Utc>) -> String {
    let whole = time.nanosecond() / 1000 == 0;
    time.format(if whole { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.6f" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The expectations below were printed by CPython 3.
    #[test]
    fn floats_print_as_python_prints_them() {
        for (number, printed) in [
            (90.0, "90.0"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e-7, "1e-07"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (1.25e-5, "1.25e-05"),
            (2.915_725_949_999_999_2, "2.9157259499999992"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (123_456_789.125, "123456789.125"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(float(number), printed);
        }
    }

    #[test]
    fn repr_chooses_quotes_and_escapes_as_python_does() {
        for (text, printed) in [
            ("plain", "'plain'"),
            ("it's", "\"it's\""),
            ("it's \"so\"", "'it\\'s \"so\"'"),
            ("a\nb\tc\\d\r", "'a\\nb\\tc\\\\d\\r'"),
            ("\u{0}\u{1b}[1m\u{7f}", "'\\x00\\x1b[1m\\x7f'"),
            ("é→🧪", "'é→🧪'"),
            ("\u{a0}\u{200b}\u{2028}\u{e0001}", "'\\xa0\\u200b\\u2028\\U000e0001'"),
        ] {
            assert_eq!(repr(&text.into()), printed);
        }
        let value: Value = serde_json::from_str(r#"{"a":null,"b":[true,false,1,1.0],"c":{}}"#).unwrap();
        assert_eq!(repr(&value), "{'a': None, 'b': [True, False, 1, 1.0], 'c': {}}");
    }

    #[test]
    fn json_keeps_unicode_and_escapes_controls() {
        let value =
            Value::dict([("k", "é\u{1}\"\n🧪".into()), ("l", vec![Value::None, 1_i64.into()].into())]);
        assert_eq!(dumps(&value, Separators::Spaced), r#"{"k": "é\u0001\"\n🧪", "l": [null, 1]}"#);
        assert_eq!(dumps(&value, Separators::Compact), r#"{"k":"é\u0001\"\n🧪","l":[null,1]}"#);
    }

    #[test]
    fn a_whole_second_has_no_fraction() {
        let whole = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let fraction = DateTime::from_timestamp(1_700_000_000, 50_000).unwrap();
        assert_eq!(aware(whole), "2023-11-14T22:13:20+00:00");
        assert_eq!(aware(fraction), "2023-11-14T22:13:20.000050+00:00");
        assert_eq!(naive(fraction), "2023-11-14T22:13:20.000050");
    }
}
