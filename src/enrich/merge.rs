//! The additive merge. Pure: the upstream's bytes and the members to add in, the enhanced bytes out.
//!
//! The result is the upstream's body with members inserted before its closing brace; every byte before that brace comes
//! first and unchanged. A name that the upstream uses already is not added.

use std::borrow::Cow;

use super::answer::Answer;

/// What to do with the upstream's `logs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logs {
    /// They stay.
    Keep,
    /// Their value becomes `null`, as the caller asked: the one exception to "unchanged".
    Null,
}

/// The merged body did not pass the last check; it must not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckFailed;

/// Inserts `members`, each a name and the text of a JSON value, into the body that `answer` was read from.
///
/// # Errors
/// [`CheckFailed`] when the outcome is not one JSON object, or does not begin with what it has to begin with.
pub fn merge(answer: &Answer<'_>, members: &[(&str, String)], logs: Logs) -> Result<String, CheckFailed> {
    let (before, after) = answer.text.split_at(answer.closing_brace);
    let front = front(before, answer, logs);
    let added: usize = members.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let mut merged = String::with_capacity(front.len() + added + after.len());
    merged.push_str(&front);
    let mut separator = if answer.names.is_empty() { "" } else { "," };
    for (name, value) in members.iter().filter(|(name, _)| !answer.names.iter().any(|known| known == name)) {
        merged.push_str(separator);
        merged.push('"');
        merged.push_str(name);
        merged.push_str("\":");
        merged.push_str(value);
        separator = ",";
    }
    merged.push_str(after);
    check(&merged, &front, after, answer)?;
    Ok(merged)
}

/// What comes before the additions.
fn front<'t>(before: &'t str, answer: &Answer<'_>, logs: Logs) -> Cow<'t, str> {
    match (logs, &answer.logs) {
        (Logs::Null, Some(span)) => {
            let (head, tail) = (before.get(..span.start), before.get(span.end..));
            Cow::Owned([head.unwrap_or_default(), "null", tail.unwrap_or_default()].concat())
        }
        (Logs::Null, None) | (Logs::Keep, _) => Cow::Borrowed(before),
    }
}

/// The last look before sending, with nothing taken for granted.
fn check(merged: &str, front: &str, after: &str, answer: &Answer<'_>) -> Result<(), CheckFailed> {
    let whole = Answer::read(merged.as_bytes()).map_err(|_| CheckFailed)?;
    let kept = whole.names.starts_with(&answer.names);
    let framed = merged.starts_with(front) && merged.ends_with(after);
    if kept && framed { Ok(()) } else { Err(CheckFailed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(body: &str, members: &[(&str, &str)], logs: Logs) -> Result<String, CheckFailed> {
        let members: Vec<_> = members.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        merge(&Answer::read(body.as_bytes()).unwrap(), &members, logs)
    }

    #[test]
    fn members_go_before_the_closing_brace_and_every_byte_stays() {
        let body = "{\"a\": 1e-07 ,\"é\":\"\\u0041\" }\n";
        let enhanced = merged(body, &[("x", "{\"y\":1}"), ("z", "null")], Logs::Keep).unwrap();
        assert_eq!(enhanced, "{\"a\": 1e-07 ,\"é\":\"\\u0041\" ,\"x\":{\"y\":1},\"z\":null}\n");
    }

    #[test]
    fn an_empty_object_gets_no_leading_comma() {
        assert_eq!(merged("{ }", &[("x", "1"), ("y", "2")], Logs::Keep).unwrap(), "{ \"x\":1,\"y\":2}");
        assert_eq!(merged("{}", &[], Logs::Keep).unwrap(), "{}");
    }

    #[test]
    fn a_name_that_upstream_uses_is_not_added() {
        let enhanced = merged("{\"x\":1,\"\\u0079\":2}", &[("x", "9"), ("y", "9"), ("z", "3")], Logs::Keep);
        assert_eq!(enhanced.unwrap(), "{\"x\":1,\"\\u0079\":2,\"z\":3}");
    }

    #[test]
    fn logs_become_null_only_when_asked() {
        let body = "{\"logs\":\"a } b\",\"x\":1}";
        assert_eq!(merged(body, &[("y", "2")], Logs::Null).unwrap(), "{\"logs\":null,\"x\":1,\"y\":2}");
        assert_eq!(merged("{\"x\":1}", &[], Logs::Null).unwrap(), "{\"x\":1}");
        assert_eq!(merged(body, &[], Logs::Keep).unwrap(), body);
    }

    #[test]
    fn a_value_that_is_not_json_does_not_pass_the_check() {
        assert_eq!(merged("{\"x\":1}", &[("y", "2}")], Logs::Keep), Err(CheckFailed));
        assert_eq!(merged("{\"x\":1}", &[("y", "")], Logs::Keep), Err(CheckFailed));
    }
}
