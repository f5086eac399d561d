//! Proves that an enhanced body is the upstream's with members added. Pure.
//!
//! It shares nothing with the code that adds them: it looks at two texts alone.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Deserializer as Json;
use serde_json::value::RawValue;
use thiserror::Error;

/// A member that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Added {
    /// Its name.
    pub name: String,
    /// The length of its name and value as they are written, in bytes.
    pub bytes: usize,
}

/// Why a body is not the other one with members added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Broken {
    /// The upstream's body does not end with the brace of an object.
    #[error("the basic body is no JSON object")]
    NoObject,
    /// A byte before the additions differs, or is not there.
    #[error("byte {at} of the basic body is not the same")]
    Changed {
        /// Its place, from 0.
        at: usize,
    },
    /// What comes after the additions is not what ends the upstream's body.
    #[error("the end of the basic body is not the same")]
    End,
    /// What was inserted is not a list of JSON members with names of their own.
    #[error("what was inserted is no list of members")]
    Insertion,
}

/// The members which `enhanced` has and `basic` has not, where every byte of `basic` is in `enhanced`, in order, and
/// they stand together before its closing brace.
///
/// `basic` is taken for the JSON object that it is by another check; no bytes make this panic. Linear in the length of both.
///
/// # Errors
/// [`Broken`] says what is not so.
pub fn prove(basic: &[u8], enhanced: &[u8]) -> Result<Vec<Added>, Broken> {
    let brace = basic.trim_ascii_end().len().checked_sub(1).ok_or(Broken::NoObject)?;
    let (front, end) = basic.split_at(brace);
    if !end.starts_with(b"}") {
        return Err(Broken::NoObject);
    }
    let Some(rest) = enhanced.strip_prefix(front) else {
        return Err(Broken::Changed { at: same_bytes(front, enhanced) });
    };
    let inserted = rest.strip_suffix(end).ok_or(Broken::End)?;
    let is_empty_object = front.trim_ascii_end().ends_with(b"{");
    members(inserted, is_empty_object).ok_or(Broken::Insertion)
}

/// The same for a body in pieces: `front` and `back` are `basic`, and `added` is `lists` with commas between them.
///
/// That those are lists of JSON members, with names that no other list has, is for [`prove_list`]: they may have been
/// looked at before. Memory that is the same is not compared.
///
/// # Errors
/// [`Broken`] says what is not so.
pub fn prove_pieces(
    basic: &[u8],
    front: &[u8],
    added: &str,
    back: &[u8],
    lists: &[&str],
) -> Result<(), Broken> {
    let brace = basic.trim_ascii_end().len().checked_sub(1).ok_or(Broken::NoObject)?;
    let (basic_front, basic_back) = basic.split_at(brace);
    if !basic_back.starts_with(b"}") {
        return Err(Broken::NoObject);
    }
    if !std::ptr::eq(basic_front, front) && basic_front != front {
        return Err(Broken::Changed { at: same_bytes(basic_front, front) });
    }
    if basic_back != back {
        return Err(Broken::End);
    }
    let is_empty_object = basic_front.trim_ascii_end().ends_with(b"{");
    let (mut rest, mut needs_comma) = (added, !is_empty_object);
    for list in lists.iter().filter(|list| !list.is_empty()) {
        let behind_comma = if needs_comma { rest.strip_prefix(',') } else { Some(rest) };
        rest = behind_comma.and_then(|rest| rest.strip_prefix(list)).ok_or(Broken::Insertion)?;
        needs_comma = true;
    }
    if rest.is_empty() { Ok(()) } else { Err(Broken::Insertion) }
}

/// The members in a list of them, `"a":1,"b":2`, where each has a name of its own.
///
/// # Errors
/// [`Broken::Insertion`] when it is no such list.
pub fn prove_list(list: &str) -> Result<Vec<Added>, Broken> {
    members(list.as_bytes(), true).ok_or(Broken::Insertion)
}

/// What [`prove`] shows, where the value of the member `logs` may have become `null`, as callers can ask; it is the one exception.
///
/// # Errors
/// As [`prove`].
pub fn prove_but_for_logs(basic: &[u8], enhanced: &[u8]) -> Result<Vec<Added>, Broken> {
    let proof = prove(basic, enhanced);
    let Err(Broken::Changed { at }) = proof else { return proof };
    match without_logs(basic, at) {
        Some(basic) => prove(&basic, enhanced),
        None => proof,
    }
}

/// How many bytes at the begin of both are the same.
fn same_bytes(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}

/// The body with `null` for the value that begins at `at`, where that is the value of the object's own member `logs`.
fn without_logs(body: &[u8], at: usize) -> Option<Vec<u8>> {
    let (before, rest) = body.split_at_checked(at)?;
    let name = before.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
    if !name.ends_with(b"\"logs\"") || depth(name) != 1 {
        return None;
    }
    let mut values = Json::from_slice(rest).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some([before, b"null", rest.get(values.byte_offset()..)?].concat())
}

/// How many objects and lists are open at the end of this JSON text.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text {
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth
}

/// The members in `, "a": 1, "b": 2`, of which each has a name of its own.
fn members(inserted: &[u8], is_first: bool) -> Option<Vec<Added>> {
    let text = std::str::from_utf8(inserted).ok()?;
    if text.is_empty() {
        return Some(Vec::new());
    }
    let list = if is_first { text } else { text.trim_ascii_start().strip_prefix(',')? };
    let object: Members = serde_json::from_str(&format!("{{{list}}}")).ok()?;
    // An empty list after a comma would be none.
    let all = object.0;
    let mut names: Vec<_> = all.iter().map(|added| &added.name).collect();
    names.sort_unstable();
    let is_repeated = names.windows(2).any(|pair| pair.first() == pair.last());
    (!all.is_empty() && !is_repeated).then_some(all)
}

struct Members(Vec<Added>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("members of an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut all = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    // With the quotes and the colon.
                    let bytes = name.len() + value.get().len() + 3;
                    all.push(Added { name, bytes });
                }
                Ok(Members(all))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(basic: &str, enhanced: &str) -> Result<Vec<String>, Broken> {
        let all = prove(basic.as_bytes(), enhanced.as_bytes())?;
        Ok(all.into_iter().map(|added| added.name).collect())
    }

    #[test]
    fn members_before_the_closing_brace_are_additions() {
        let basic = "{\"a\": 1e-07 ,\"é\":\"}\" }\n";
        assert_eq!(
            names(basic, "{\"a\": 1e-07 ,\"é\":\"}\" ,\"x\":{\"y\":1},\"z\":null}\n").unwrap(),
            ["x", "z"]
        );
        assert_eq!(names(basic, basic).unwrap(), [] as [&str; 0]);
        assert_eq!(names("{ }", "{ \"x\":1}").unwrap(), ["x"]);
        assert_eq!(prove(b"{}", b"{\"xy\":10}").unwrap(), [Added { name: "xy".into(), bytes: 7 }]);
    }

    #[test]
    fn whatever_else_was_done_is_found() {
        let changed = |at| Err(Broken::Changed { at });
        assert_eq!(names("{\"a\":1}", "{\"a\":2,\"x\":1}"), changed(5));
        assert_eq!(names("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}"), changed(2));
        assert_eq!(names("{\"a\":1}", "{\"x\":1,\"a\":1}"), changed(2));
        assert_eq!(names("{\"a\":1}", "{\"a\""), changed(4));
        assert_eq!(names("{\"a\":1}\n", "{\"a\":1,\"x\":1}"), Err(Broken::End));
        assert_eq!(
            names("{\"a\":1}", "{\"a\":12}"),
            Err(Broken::Insertion),
            "a longer number is no addition"
        );
        for inserted in [",", "\"x\":1", ",\"x\"", ",\"x\":1,", ",\"x\":1},\"y\":{", ",\"x\":1,\"x\":2", " "]
        {
            let enhanced = format!("{{\"a\":1{inserted}}}");
            assert_eq!(names("{\"a\":1}", &enhanced), Err(Broken::Insertion), "{enhanced}");
        }
        for no_object in ["", " ", "[]", "1"] {
            assert_eq!(names(no_object, "{}"), Err(Broken::NoObject), "{no_object}");
        }
    }

    #[test]
    fn pieces_are_the_body_and_the_lists_between_commas() {
        let proved = |front: &str, added, back: &str, lists: &[&str]| {
            prove_pieces(b"{\"a\":1 }\n", front.as_bytes(), added, back.as_bytes(), lists)
        };
        let front = "{\"a\":1 ";
        assert_eq!(proved(front, ",\"x\":1,\"y\":2", "}\n", &["\"x\":1", "", "\"y\":2"]), Ok(()));
        assert_eq!(proved(front, "", "}\n", &[]), Ok(()));
        assert_eq!(prove_pieces(b"{}", b"{", "\"x\":1", b"}", &["\"x\":1"]), Ok(()));
        assert_eq!(proved("{\"a\":2 ", ",\"x\":1", "}\n", &["\"x\":1"]), Err(Broken::Changed { at: 5 }));
        assert_eq!(proved(front, ",\"x\":1", "}", &["\"x\":1"]), Err(Broken::End));
        for added in ["\"x\":1", ",\"x\":2", ",\"x\":1,", ",\"x\":1,\"x\":1", ",,\"x\":1", ""] {
            assert_eq!(proved(front, added, "}\n", &["\"x\":1"]), Err(Broken::Insertion), "{added}");
        }
        assert_eq!(prove_pieces(b"[]", b"[", "", b"]", &[]), Err(Broken::NoObject));
    }

    #[test]
    fn a_list_is_of_members_with_names_of_their_own() {
        assert_eq!(prove_list("\"x\":1, \"y\":{}").unwrap().len(), 2);
        for odd in ["x", "\"x\"", "\"x\":1,\"x\":2", "\"x\":1}", ",\"x\":1", "\"x\":1,"] {
            assert_eq!(prove_list(odd), Err(Broken::Insertion), "{odd}");
        }
    }

    #[test]
    fn the_logs_may_become_null_and_nothing_else() {
        let holds =
            |basic: &str, enhanced: &str| prove_but_for_logs(basic.as_bytes(), enhanced.as_bytes()).is_ok();
        let basic = "{\"d\":{\"logs\":\"x\"},\"l\\\"{\":1,\"logs\" : \"a\\\"b } \",\"z\":1}";
        assert!(holds(basic, "{\"d\":{\"logs\":\"x\"},\"l\\\"{\":1,\"logs\" : null,\"z\":1,\"y\":2}"));
        assert!(holds(basic, basic));
        assert!(holds("{\"logs\":null}", "{\"logs\":null,\"y\":2}"));
        assert!(!holds(basic, "{\"d\":{\"logs\":null},\"l\\\"{\":1,\"logs\" : \"a\\\"b } \",\"z\":1}"));
        assert!(!holds(basic, "{\"d\":{\"logs\":\"x\"},\"l\\\"{\":1,\"logs\" : nul,\"z\":1}"));
        assert!(!holds(basic, "{\"d\":{\"logs\":\"x\"},\"l\\\"{\":1,\"logs\" : null,\"z\":2}"));
        assert!(!holds("{\"a\":1}", "{\"a\":null}"));
    }
}
