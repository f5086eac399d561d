//! Any body and any members: what comes out is the body with additions before its closing brace and one valid JSON object, or
//! the proof that every answer has to pass refuses it.

use ::bytes::Bytes;
use gloss::comparison::{prove, prove_but_for_logs, prove_list, prove_pieces};
use gloss::enrich::answer::Answer;
use gloss::enrich::members::Members;
use gloss::enrich::merge::{Enhanced, Logs, merge};
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
    let body = Bytes::copy_from_slice(choices.0);
    let Ok(answer) = Answer::read(&body) else {
        assert!(!is_object(&body), "an object was refused");
        return;
    };
    assert!(body[answer.closing_brace..].starts_with(b"}"));
    let (before, after) = members.split_at(members.len() / 2);
    let lists: [Members; 2] = [before, after].map(|list| list.iter().cloned().collect());
    let merged = merge(&body, &answer, &[&lists[0], &lists[1]], logs);
    let whole = merged.to_bytes();
    let proof = if logs == Logs::Keep { prove(&body, &whole) } else { prove_but_for_logs(&body, &whole) };
    let sound = members.iter().all(|(_, value)| serde_json::from_str::<Value>(value).is_ok());
    // Values that are JSON cannot break the object.
    assert!(!sound || proof.is_ok(), "sound values were refused: {proof:?}");
    check_pieces(&body, &merged, &lists, proof.is_ok());
    if proof.is_ok() {
        let enhanced = std::str::from_utf8(&whole).expect("texts put together");
        check_enhanced(&body, &answer, enhanced, &members, logs);
    }
}

/// What is proved piece by piece holds for the whole.
fn check_pieces(body: &Bytes, merged: &Enhanced, lists: &[Members; 2], whole_holds: bool) {
    let texts = lists.each_ref().map(Members::text);
    let pieces = prove_pieces(body, &merged.front, &merged.added, &merged.back, &texts);
    assert!(!merged.is_plain || pieces.is_ok(), "{pieces:?}");
    let are_lists = texts.iter().filter(|text| !text.is_empty()).all(|text| prove_list(text).is_ok());
    assert!(
        !(merged.is_plain && are_lists) || whole_holds,
        "a proof of the pieces that the whole contradicts"
    );
}

/// By another reader than gloss's own, whose trees are bounded in depth.
fn is_object(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|value| value.is_object())
}

fn check_enhanced(body: &[u8], answer: &Answer, enhanced: &str, members: &[(&str, String)], logs: Logs) {
    let (front, back) = body.split_at(answer.closing_brace);
    let keeps_logs = logs == Logs::Keep || answer.logs.is_none();
    assert!(!keeps_logs || enhanced.as_bytes().starts_with(front), "a byte before the brace was changed");
    assert!(enhanced.as_bytes().ends_with(back), "what follows the brace was changed");
    let again = Answer::read(enhanced.as_bytes()).expect("what was merged is an object");
    let added = &again.names[answer.names.len()..];
    assert!(again.names.starts_with(&answer.names));
    let expected =
        members.iter().map(|(name, _)| *name).filter(|name| !answer.names.iter().any(|n| n == name));
    assert!(added.iter().eq(expected), "{added:?}");
    let was_tree = is_object(body);
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
