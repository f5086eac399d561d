//! The cursor beside `serde_json`: what the one reads the other reads, and what the one refuses the other refuses.

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

/// The same value by way of the cursor alone.
fn value(cursor: &mut Cursor<'_>) -> Option<Value> {
    let mut is_first = true;
    Some(match cursor.kind()? {
        Kind::Text => Value::String(cursor.text()?.into_owned()),
        Kind::Number => match cursor.number()? {
            Figure::Whole(whole, text) => {
                assert_eq!(text, whole.to_string());
                whole.into()
            }
            Figure::Large(large) => large.into(),
            Figure::Other(other) => other.into(),
        },
        Kind::Object => {
            let mut members = serde_json::Map::new();
            cursor.open();
            while let Some(key) = cursor.key(&mut is_first)? {
                members.insert(key.into_owned(), value(cursor)?);
            }
            Value::Object(members)
        }
        Kind::List => {
            let mut elements = Vec::new();
            cursor.open();
            while cursor.element(&mut is_first)? {
                elements.push(value(cursor)?);
            }
            Value::Array(elements)
        }
        Kind::True | Kind::False | Kind::Null => serde_json::from_str(cursor.raw()?).ok()?,
    })
}

fn check(text: &str) {
    if has_controls(text) {
        return;
    }
    let mut cursor = Cursor::new(text);
    let read = value(&mut cursor).filter(|_| cursor.is_at_end());
    assert_eq!(read, serde_json::from_str(text).ok(), "{text}");
    let mut cursor = Cursor::new(text);
    let is_skipped = cursor.skip().is_some() && cursor.is_at_end();
    assert_eq!(is_skipped, serde_json::from_str::<IgnoredAny>(text).is_ok(), "{text}");
}

#[test]
fn what_serde_json_reads_is_read_and_what_it_refuses_is_refused() {
    for text in [
        r#" {"a" : [1, -2.5e3, true ,false, null, "x\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00", {}, [ ]] , "a":{} } "#,
        "[1,]",
        "{,}",
        "{\"a\":1,}",
        "{\"a\"}",
        "{1:2}",
        "[1 2]",
        "[",
        "{",
        "\"",
        "\"\\",
        "\"\\u12\"",
        "\"\\x\"",
        "01",
        "-",
        "-0",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+5",
        "1E-5",
        "0e0",
        "+1",
        "nul",
        "nulll",
        "tru",
        "12345678901234567890",
        "-12345678901234567890",
        "123456789012345678901234567890",
        "1e400",
        "9223372036854775807",
        "-9223372036854775808",
        "1 ",
        " 1",
        "1 2",
        "",
        " ",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83dx\"",
        "]",
        "}",
        "[}",
        "{]",
        "[[1],{\"a\":[{}]}]",
    ] {
        check(text);
    }
}

#[test]
fn any_depth_is_skipped() {
    let deep = |open: &str, close: &str, depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    for text in [deep("[", "]", 100_000), deep("{\"a\":", "}", 1000), deep("[{\"a\":", "}]", 500)] {
        assert_eq!(Cursor::new(&text).raw(), Some(&*text));
    }
    assert_eq!(Cursor::new(&deep("[{\"a\":", "]}", 500)).skip(), None);
}

proptest! {
    #[test]
    fn mutated_json_is_read_as_serde_json_reads_it(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..14),
    ) {
        check(&pieces.concat());
    }
}

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"a\":",
    "\"b\"",
    "\"",
    "\\",
    "\\\"",
    "\\u00e9",
    "\\ud83d",
    "\\ude00",
    "1",
    "0",
    "-",
    ".",
    "e",
    "true",
    "null",
    " ",
    "é",
    "{\"a\":1}",
    "[1,2]",
    "\"\\n\"",
    "1.5",
    "{\"a\":[{\"b\":\"c\"}]}",
    "[[]]",
    "{}",
];
