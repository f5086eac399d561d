//! What three answers of one run prove: basic, enhanced, basic again. No IO.
//!
//! The upstream's answer may change between them (times go on, logs grow). Then it is its own doing that they differ:
//! what it left alone is still held to be the same.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::fetch::Fetched;
use crate::comparison::{Added, differences, members, prove};

/// What the answers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The enhanced answer minus these additions is the basic one, byte for byte.
    Held(Vec<Added>),
    /// There are no notes, for this reason, and the answer is the basic one, byte for byte.
    FellBack(String),
    /// The basic answer itself changed in these members; the others are the same in the enhanced one.
    Moved(Vec<String>),
    /// The basic answer itself changed, and this, in which it did not, is another in the enhanced one. May still be
    /// chance: the answer may have changed there and back.
    Suspicious(String),
    /// It is not so, for this reason.
    Failed(String),
    /// These answers prove nothing, for this reason.
    Unfit(String),
}

/// Judges by three answers, in the order in which they were fetched.
pub(super) fn judge(before: &Fetched, enhanced: &Fetched, after: &Fetched) -> Judgement {
    for basic in [before, after] {
        if let Some((variant, reason)) = basic.labels.as_ref().filter(|(variant, _)| variant != "basic") {
            return Judgement::Unfit(format!("asked for basic, it gave {variant} (reason: {reason})"));
        }
    }
    match &enhanced.labels {
        None => Judgement::Unfit(
            "the answer has no Gloss-Variant: is this gloss, and is its header the one that --opt-in names?"
                .into(),
        ),
        Some((variant, _)) if variant == "enhanced" => additions(before, enhanced, after),
        Some((_, reason)) if [before, after].iter().any(|basic| basic.body == enhanced.body) => {
            Judgement::FellBack(reason.clone())
        }
        Some((_, reason)) if before.body == after.body => {
            Judgement::Failed(format!("without notes ({reason}), the answer is not the service's own"))
        }
        Some(_) => unchanged_members(before, enhanced, after),
    }
}

fn additions(before: &Fetched, enhanced: &Fetched, after: &Fetched) -> Judgement {
    let broken = match prove(&before.body, &enhanced.body) {
        Ok(added) => return checked(&before.body, added),
        Err(broken) => broken,
    };
    if before.body == after.body {
        return Judgement::Failed(broken.to_string());
    }
    match prove(&after.body, &enhanced.body) {
        Ok(added) => checked(&after.body, added),
        Err(_) => unchanged_members(before, enhanced, after),
    }
}

/// The additions, unless one of them has a name that was there before.
fn checked(basic: &[u8], added: Vec<Added>) -> Judgement {
    let Some(members) = members(basic) else {
        return Judgement::Failed("the basic answer is no JSON object".into());
    };
    match added.iter().find(|added| members.contains_key(&added.name)) {
        Some(added) => Judgement::Failed(format!("the member {} is there twice", added.name)),
        None => Judgement::Held(added),
    }
}

/// Holds what the upstream left alone against the enhanced answer.
fn unchanged_members(before: &Fetched, enhanced: &Fetched, after: &Fetched) -> Judgement {
    let all = (members(&before.body), members(&enhanced.body), members(&after.body));
    let (Some(before_members), Some(enhanced), Some(_)) = all else {
        return Judgement::Suspicious("one of the answers is no JSON object".into());
    };
    let moved: BTreeSet<_> = differences(&before.body, &after.body)
        .into_iter()
        .filter_map(|difference| difference.member)
        .collect();
    let left_alone = before_members.iter().filter(|(name, _)| !moved.contains(*name));
    let mut changed = left_alone.filter(|(name, value)| enhanced.get(*name) != Some(value));
    match changed.next() {
        Some((name, _)) => Judgement::Suspicious(format!("member {name}")),
        None => Judgement::Moved(moved.into_iter().collect()),
    }
}

/// Judges by an answer that has both in one, which the upstream cannot change in between. `None` where it is none.
pub(super) fn judge_both(both: &Fetched) -> Option<Judgement> {
    #[derive(serde::Deserialize)]
    struct Both<'b> {
        #[serde(borrow)]
        basic: &'b RawValue,
        #[serde(borrow)]
        enhanced: &'b RawValue,
    }
    let (variant, _) = both.labels.as_ref()?;
    if variant != "compare" {
        return None;
    }
    let Both { basic, enhanced } = serde_json::from_slice(&both.body).ok()?;
    if enhanced.get() == "null" {
        return None;
    }
    let proof = prove(basic.get().as_bytes(), enhanced.get().as_bytes());
    Some(match proof {
        Ok(added) => checked(basic.get().as_bytes(), added),
        Err(broken) => Judgement::Failed(broken.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(variant: &str, body: &str) -> Fetched {
        let labels = Some((variant.to_owned(), "header".to_owned()));
        Fetched { labels, body: body.to_owned().into(), took: Duration::ZERO }
    }

    fn judged(before: &str, enhanced: &str, after: &str) -> Judgement {
        judge(&answer("basic", before), &answer("enhanced", enhanced), &answer("basic", after))
    }

    #[test]
    fn either_of_the_basic_answers_proves_it() {
        let held = |judgement| matches!(judgement, Judgement::Held(added) if added.len() == 1);
        assert!(held(judged("{\"a\":1}", "{\"a\":1,\"x\":1}", "{\"a\":1}")));
        assert!(held(judged("{\"a\":1}", "{\"a\":1,\"x\":1}", "{\"a\":2}")));
        assert!(held(judged("{\"a\":1}", "{\"a\":2,\"x\":1}", "{\"a\":2}")));
    }

    #[test]
    fn what_the_upstream_left_alone_and_differs_is_gloss_s() {
        assert!(matches!(judged("{\"a\":1}", "{\"a\":2,\"x\":1}", "{\"a\":1}"), Judgement::Failed(_)));
        assert!(matches!(judged("{\"a\":1}", "{\"a\":1,\"a\":1}", "{\"a\":1}"), Judgement::Failed(_)));
        let moving = judged("{\"a\":1,\"t\":1}", "{\"a\":2,\"t\":2,\"x\":1}", "{\"a\":1,\"t\":3}");
        assert_eq!(moving, Judgement::Suspicious("member a".into()));
    }

    #[test]
    fn what_the_upstream_changes_itself_decides_nothing() {
        let moving = judged("{\"a\":1,\"t\":1}", "{\"a\":1,\"t\":2,\"x\":1}", "{\"a\":1,\"t\":3}");
        assert_eq!(moving, Judgement::Moved(vec!["t".into()]));
    }

    #[test]
    fn an_answer_without_notes_has_to_be_the_upstreams_own() {
        let fell_back = |before, body, after| {
            judge(&answer("basic", before), &answer("basic", body), &answer("basic", after))
        };
        assert_eq!(fell_back("{\"a\":1}", "{\"a\":1}", "{\"a\":1}"), Judgement::FellBack("header".into()));
        assert!(matches!(fell_back("{\"a\":1}", "{\"a\":1,\"x\":1}", "{\"a\":1}"), Judgement::Failed(_)));
        assert_eq!(fell_back("{\"t\":1}", "{\"t\":2}", "{\"t\":3}"), Judgement::Moved(vec!["t".into()]));
    }

    #[test]
    fn answers_of_the_wrong_kind_prove_nothing() {
        let (basic, enhanced) = (answer("basic", "{}"), answer("enhanced", "{}"));
        assert!(matches!(judge(&enhanced, &enhanced, &basic), Judgement::Unfit(_)));
        let unlabelled = Fetched { labels: None, ..basic.clone() };
        assert!(matches!(judge(&basic, &unlabelled, &basic), Judgement::Unfit(_)));
        assert!(matches!(judge(&unlabelled, &enhanced, &unlabelled), Judgement::Held(_)));
    }

    #[test]
    fn both_in_one_need_no_answer_that_stands_still() {
        let both = |enhanced: &str| {
            judge_both(&answer("compare", &format!("{{\"basic\": {{\"a\": 1}} ,\"enhanced\":{enhanced}}}")))
        };
        assert!(matches!(both("{\"a\": 1,\"x\":2}"), Some(Judgement::Held(_))));
        assert!(matches!(both("{\"a\": 2,\"x\":2}"), Some(Judgement::Failed(_))));
        assert_eq!(both("null"), None);
        assert_eq!(judge_both(&answer("basic", "{\"basic\":{},\"enhanced\":{}}")), None);
    }
}
