//! Any body and any members: what comes out is the body with additions before its closing brace and one valid JSON object, or
//! a refusal.

use gloss::enrich::answer::Answer;
use gloss::enrich::merge::{Logs, merge};
use serde_json::Value;

use super::bytes::Choices;

const NAMES: [&str; 4] = ["workflow_steps", "logs", "status", "final_result"];

/// The first byte chooses how, then come pieces up to a zero byte: the values to add, and as the rest the body.
///
/// # Panics
/// Where something does not hold.
pub fn check(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let first = choices.byte();
    let logs = if first & 1 == 0 { Logs::Keep } else { Logs::Null };
    let values: Vec<String> =
        (0..first >> 6).map(|_| String::from_utf8_lossy(choices.piece()).into_owned()).collect();
    let members: Vec<(&str, String)> = NAMES.into_iter().zip(values).collect();
    let body = choices.0;
    let Ok(answer) = Answer::read(body) else {
        assert!(!is_object(body), "an object was refused");
        return;
    };
    assert!(answer.text.as_bytes() == body && answer.text[answer.closing_brace..].starts_with('}'));
    if let Ok(enhanced) = merge(&answer, &members, logs) {
        check_enhanced(&answer, &enhanced, &members, logs);
    } else {
        // Values that are JSON cannot break the object.
        let sound = members.iter().all(|(_, value)| serde_json::from_str::<Value>(value).is_ok());
        assert!(!sound || members.is_empty(), "sound values were refused");
    }
}

/// By another reader than gloss's own, whose trees are bounded in depth.
fn is_object(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|value| value.is_object())
}

fn check_enhanced(answer: &Answer<'_>, enhanced: &str, members: &[(&str, String)], logs: Logs) {
    let (front, back) = answer.text.split_at(answer.closing_brace);
    let keeps_logs = logs == Logs::Keep || answer.logs.is_none();
    assert!(!keeps_logs || enhanced.starts_with(front), "a byte before the brace was changed");
    assert!(enhanced.ends_with(back), "what follows the brace was changed");
    let again = Answer::read(enhanced.as_bytes()).expect("what was merged is an object");
    let added = &again.names[answer.names.len()..];
    assert!(again.names.starts_with(&answer.names));
    let expected =
        members.iter().map(|(name, _)| *name).filter(|name| !answer.names.iter().any(|n| n == name));
    assert!(added.iter().eq(expected), "{added:?}");
    let was_tree = is_object(answer.text.as_bytes());
    let sound = members.iter().all(|(_, value)| serde_json::from_str::<Value>(value).is_ok());
    assert!(
        !(was_tree && sound) || is_object(enhanced.as_bytes()),
        "what was merged is no object: {enhanced}"
    );
    if !keeps_logs {
        let logs = again.logs.expect("logs were there");
        assert_eq!(&enhanced[logs], "null");
    }
}
