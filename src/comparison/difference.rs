//! In which members two answers of the upstream's differ, and a glimpse of how, fit to be shown. Pure.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::analysis::activity::mask_secrets;

/// A glimpse has at most so many characters.
const GLIMPSE_CHARS: usize = 200;
/// Of these, so many stand before the first that differs.
const CHARS_BEFORE: usize = 40;
/// Only so much of a value is looked at, in bytes: masking secrets takes time.
const LOOKED_AT: usize = 64 * 1024;

/// Something in which two answers differ, with a glimpse of both: secrets masked, at most 200 characters of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The member that differs; `None` where the members are the same and written in another way.
    pub member: Option<String>,
    /// What differs, in words.
    pub what: String,
    /// The one side.
    pub a: String,
    /// The other side.
    pub b: String,
}

/// Every difference between two bodies, member by member, by name; none where they are the same to the byte. Bodies that
/// are no JSON objects differ as a whole.
pub fn differences(a: &[u8], b: &[u8]) -> Vec<Difference> {
    if a == b {
        return Vec::new();
    }
    let (Some(left), Some(right)) = (members(a), members(b)) else {
        return vec![whole("one of the bodies is no JSON object", a, b)];
    };
    let differing: Vec<_> = left
        .keys()
        .chain(right.keys().filter(|name| !left.contains_key(*name)))
        .filter_map(|name| difference(name, left.get(name).copied(), right.get(name).copied()))
        .collect();
    if differing.is_empty() {
        return vec![whole("spacing, order or repeated members differ", a, b)];
    }
    differing
}

impl Difference {
    /// Two bodies that differ as a whole, with the words for what is wrong.
    pub fn of_bodies(what: &str, a: &[u8], b: &[u8]) -> Self {
        whole(what, a, b)
    }
}

/// The members by name, each as it is written; of repeated ones the last.
pub fn members(body: &[u8]) -> Option<BTreeMap<String, &str>> {
    let all: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    Some(all.into_iter().map(|(name, value)| (name, value.get())).collect())
}

fn difference(name: &str, a: Option<&str>, b: Option<&str>) -> Option<Difference> {
    let what = match (a, b) {
        (Some(a), Some(b)) if a == b => return None,
        (Some(_), Some(_)) => "differs",
        (Some(_), None) => "is missing in b",
        (None, _) => "is missing in a",
    };
    // A name may tell that the value is a secret.
    let shown = |value: Option<&str>| value.map(|value| format!("\"{name}\":{}", begin(value)));
    let (a, b) = glimpses(&shown(a).unwrap_or_default(), &shown(b).unwrap_or_default());
    let what = format!("member {} {what}", cut(&mask_secrets(name), 0));
    Some(Difference { member: Some(name.to_owned()), what, a, b })
}

fn whole(what: &str, a: &[u8], b: &[u8]) -> Difference {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..LOOKED_AT).unwrap_or(bytes)).into_owned();
    let (a, b) = glimpses(&text(a), &text(b));
    Difference { member: None, what: what.to_owned(), a, b }
}

fn begin(value: &str) -> &str {
    value.get(..value.floor_char_boundary(LOOKED_AT)).unwrap_or(value)
}

/// Both texts around the first character in which they differ once their secrets are masked.
fn glimpses(a: &str, b: &str) -> (String, String) {
    // Before anything is cut off that tells a secret.
    let (a, b) = (mask_secrets(a), mask_secrets(b));
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let start = same.saturating_sub(CHARS_BEFORE);
    (cut(&a, start), cut(&b, start))
}

/// At most [`GLIMPSE_CHARS`] characters from the one with number `start` on, with a mark where there are others.
fn cut(text: &str, start: usize) -> String {
    let before = if start > 0 { "…" } else { "" };
    let room = GLIMPSE_CHARS - 2;
    let shown: String = text.chars().skip(start).take(room).collect();
    let after = if text.chars().nth(start.saturating_add(room)).is_some() { "…" } else { "" };
    format!("{before}{shown}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(a: &str, b: &str) -> Vec<(Option<String>, String)> {
        let all = differences(a.as_bytes(), b.as_bytes());
        all.into_iter().map(|difference| (difference.member, difference.what)).collect()
    }

    fn named(name: &str, what: &str) -> (Option<String>, String) {
        (Some(name.to_owned()), format!("member {name} {what}"))
    }

    #[test]
    fn members_that_differ_are_named_and_those_that_do_not_are_not() {
        let all = of("{\"a\":1,\"b\":{\"c\":2},\"d\":0}", "{\"b\":{\"c\":3},\"a\":1,\"e\":0}");
        let expected = [named("b", "differs"), named("d", "is missing in b"), named("e", "is missing in a")];
        assert_eq!(all, expected);
        assert!(of("{\"a\":1}", "{\"a\":1}").is_empty());
    }

    #[test]
    fn what_is_only_written_in_another_way_differs_as_a_whole() {
        assert_eq!(of("{\"a\":1}", "{\"a\": 1}")[0].0, None);
        assert_eq!(of("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}")[0].0, None);
        assert_eq!(of("{\"a\":1}", "nothing")[0].1, "one of the bodies is no JSON object");
        assert_eq!(differences(b"\xff", b"\xfe").len(), 1);
    }

    #[test]
    fn a_glimpse_shows_the_first_difference_and_no_secret() {
        let long = "x".repeat(5000);
        let all = differences(
            format!("{{\"logs\":\"{long} API_KEY=hunter2secret one {long}\"}}").as_bytes(),
            format!("{{\"logs\":\"{long} API_KEY=hunter2secret two {long}\"}}").as_bytes(),
        );
        let [difference] = all.as_slice() else { panic!("{all:?}") };
        assert!(difference.a.contains("API_KEY=*** one"), "{}", difference.a);
        assert!(difference.b.contains("API_KEY=*** two"), "{}", difference.b);
        assert!(difference.a.chars().count() <= GLIMPSE_CHARS);
        assert!(difference.a.starts_with('…') && difference.a.ends_with('…'));
    }

    #[test]
    fn a_secret_under_a_telling_name_is_masked_though_both_sides_differ_in_it() {
        let all = differences(b"{\"password\":\"hunter2\"}", b"{\"password\":\"hunter3\"}");
        assert_eq!(all[0].what, "member password differs");
        assert!(!all[0].a.contains("hunter2") && !all[0].b.contains("hunter3"), "{all:?}");
    }
}
