//! The additive merge. Pure: the upstream's bytes and the members to add in, the enhanced bytes out.
//!
//! The result is the upstream's body with members inserted before its closing brace; every byte before that brace comes
//! first and unchanged. A name that the upstream uses already is not added. Nothing is taken for granted of what comes
//! out: see [`prove`](crate::comparison::prove).

use bytes::{BufMut, Bytes, BytesMut};

use super::answer::Answer;
use super::members::Members;

/// Up to so many bytes a body goes out in one piece: copying them costs less than a piece more does.
const ONE_PIECE: usize = 64 * 1024;

/// What to do with the upstream's `logs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logs {
    /// They stay.
    Keep,
    /// Their value becomes `null`, as the caller asked: the one exception to "unchanged".
    Null,
}

/// An enhanced body in the pieces that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enhanced {
    /// The upstream's body up to its closing brace.
    pub front: Bytes,
    /// What was added, with the commas that it needs.
    pub added: String,
    /// The upstream's body from its closing brace on.
    pub back: Bytes,
    /// Whether the upstream's body is whole, and nothing of what was to be added is missing.
    pub is_plain: bool,
}

impl Enhanced {
    /// How long it is, in bytes.
    pub fn len(&self) -> usize {
        self.front.len() + self.added.len() + self.back.len()
    }

    /// Never: it has braces at least.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The body in one piece.
    pub fn to_bytes(&self) -> Bytes {
        let mut whole = BytesMut::with_capacity(self.len());
        for piece in [&self.front[..], self.added.as_bytes(), &self.back[..]] {
            whole.put_slice(piece);
        }
        whole.freeze()
    }

    /// The body in as few pieces as are worth it.
    pub fn into_chunks(self) -> Vec<Bytes> {
        if self.len() <= ONE_PIECE {
            return vec![self.to_bytes()];
        }
        vec![self.front, self.added.into(), self.back]
    }
}

/// Inserts `lists`, one after the other, into the `body` that `answer` was read from.
pub fn merge(body: &Bytes, answer: &Answer, lists: &[&Members], logs: Logs) -> Enhanced {
    let brace = answer.closing_brace.min(body.len());
    let front = front(body.slice(..brace), answer, logs);
    let mut is_plain = logs == Logs::Keep || answer.logs.is_none();
    let mut added = String::with_capacity(lists.iter().map(|list| list.text().len() + 1).sum());
    let mut add = |text: &str| {
        if !(added.is_empty() && answer.names.is_empty()) {
            added.push(',');
        }
        added.push_str(text);
    };
    for list in lists.iter().filter(|list| !list.text().is_empty()) {
        if list.each().any(|(name, _)| answer.has(name)) {
            is_plain = false;
            list.each().filter(|(name, _)| !answer.has(name)).for_each(|(_, whole)| add(whole));
        } else {
            add(list.text());
        }
    }
    Enhanced { front, added, back: body.slice(brace..), is_plain }
}

/// What comes before the additions.
fn front(before: Bytes, answer: &Answer, logs: Logs) -> Bytes {
    match (logs, &answer.logs) {
        (Logs::Null, Some(span)) => {
            let (head, tail) = (before.get(..span.start), before.get(span.end..));
            [head.unwrap_or_default(), b"null", tail.unwrap_or_default()].concat().into()
        }
        (Logs::Null, None) | (Logs::Keep, _) => before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enhanced(body: &str, members: &[(&str, &str)], logs: Logs) -> Enhanced {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let (first, others) = members.split_at(members.len() / 2);
        let lists: [Members; 2] = [first, others].map(|list| list.iter().copied().collect());
        merge(&body, &Answer::read(&body).unwrap(), &[&lists[0], &lists[1]], logs)
    }

    fn merged(body: &str, members: &[(&str, &str)], logs: Logs) -> String {
        String::from_utf8(enhanced(body, members, logs).to_bytes().to_vec()).unwrap()
    }

    #[test]
    fn members_go_before_the_closing_brace_and_every_byte_stays() {
        let body = "{\"a\": 1e-07 ,\"é\":\"\\u0041\" }\n";
        let expected = "{\"a\": 1e-07 ,\"é\":\"\\u0041\" ,\"x\":{\"y\":1},\"z\":null}\n";
        assert_eq!(merged(body, &[("x", "{\"y\":1}"), ("z", "null")], Logs::Keep), expected);
    }

    #[test]
    fn an_empty_object_gets_no_leading_comma() {
        assert_eq!(merged("{ }", &[("x", "1"), ("y", "2")], Logs::Keep), "{ \"x\":1,\"y\":2}");
        assert_eq!(merged("{}", &[], Logs::Keep), "{}");
    }

    #[test]
    fn a_name_that_upstream_uses_is_not_added() {
        let (body, members) = ("{\"x\":1,\"\\u0079\":2}", [("x", "9"), ("y", "9"), ("z", "3")]);
        assert_eq!(merged(body, &members, Logs::Keep), "{\"x\":1,\"\\u0079\":2,\"z\":3}");
        assert!(!enhanced(body, &members, Logs::Keep).is_plain);
        assert_eq!(merged("{\"x\":1}", &[("x", "9")], Logs::Keep), "{\"x\":1}");
    }

    #[test]
    fn logs_become_null_only_when_asked() {
        let body = "{\"logs\":\"a } b\",\"x\":1}";
        assert_eq!(merged(body, &[("y", "2")], Logs::Null), "{\"logs\":null,\"x\":1,\"y\":2}");
        assert_eq!(merged("{\"x\":1}", &[], Logs::Null), "{\"x\":1}");
        assert_eq!(merged(body, &[], Logs::Keep), body);
        assert!(enhanced(body, &[], Logs::Keep).is_plain && !enhanced(body, &[], Logs::Null).is_plain);
    }

    #[test]
    fn a_long_body_goes_out_in_the_pieces_that_it_came_in() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(ONE_PIECE));
        let enhanced = enhanced(&long, &[("y", "1"), ("z", "2")], Logs::Keep);
        assert_eq!(enhanced.len(), long.len() + 12);
        let (whole, chunks) = (enhanced.to_bytes(), enhanced.into_chunks());
        assert_eq!((chunks.len(), chunks.concat()), (3, whole.to_vec()));
    }
}
