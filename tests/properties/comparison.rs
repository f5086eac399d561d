//! What holds for everything that the comparison counts: bounds, merging, and what the proof lets pass.

use chrono::{DateTime, Utc};
use gloss::comparison::{
    Exchange, Half, Histogram, LEAST, MOST, RELATIVE_ERROR, Received, Sent, Tally, differences, prove,
    prove_but_for_logs,
};
use gloss::enrich::answer::Answer;
use gloss::enrich::members::Members;
use gloss::enrich::merge::{Logs, merge};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Values as they are measured: of any size, many of them alike.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        4 => (-7.0..13.0_f64).prop_map(|exponent| 10.0_f64.powf(exponent)),
        2 => 0.0..0.1_f64,
        1 => Just(0.0),
        1 => Just(0.004),
    ];
    prop::collection::vec(value, 1..200)
}

fn counted(values: &[f64]) -> Histogram {
    let mut histogram = Histogram::default();
    for value in values {
        histogram.record(*value);
    }
    histogram
}

fn merged<T: Clone>(left: &T, right: &T, merge: fn(&mut T, &T)) -> T {
    let mut merged = left.clone();
    merge(&mut merged, right);
    merged
}

/// What may become of a request, as numbers.
type Happened = (u8, u8, f64, u64, i64);

fn happened() -> impl Strategy<Value = Vec<Happened>> {
    prop::collection::vec((0..4_u8, 0..6_u8, 0.0..10.0_f64, 0..1_000_000_u64, 0..20_000_i64), 0..40)
}

fn tally(all: &[Happened]) -> Tally {
    let mut tally = Tally::default();
    for (number, (received, kind, seconds, bytes, at)) in all.iter().enumerate() {
        let at: DateTime<Utc> = DateTime::from_timestamp(1_760_000_000 + at, 0).expect("a moment in 2025");
        let reason = (*kind > 2).then_some(["no-log", "deadline", "status"][usize::from(*kind) % 3]);
        match kind {
            0 | 1 => tally.exchange(
                &Exchange {
                    received: Received::ALL[usize::from(*received)],
                    sent: [Sent::Whole, Sent::Whole, Sent::Error, Sent::Left][usize::from(*received)],
                    upstream_seconds: seconds / 2.0,
                    total_seconds: *seconds,
                    body_bytes: *bytes,
                    is_plain: *kind == 0,
                },
                Half::of(number as u64),
            ),
            2 => tally.count_proof(bytes % 2 == 0),
            3 | 4 => tally.outcome(reason, at),
            _ => tally.shadow(reason.map_or(Ok(*seconds), Err)),
        }
    }
    tally
}

/// Any JSON object, with names and texts that need care.
fn object() -> impl Strategy<Value = Map<String, Value>> {
    let text = prop_oneof!["[a-z]{0,6}", "\\PC{0,8}", Just("\"}\\".to_owned()), Just("logs".to_owned())];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{0,4}", inner), 0..4)
                .prop_map(|all| json!(all.into_iter().collect::<Map<_, _>>())),
        ]
    });
    prop::collection::vec((text, value), 0..6).prop_map(|all| all.into_iter().collect())
}

/// What may be added: the names are gloss's own, and plain.
fn additions() -> impl Strategy<Value = Map<String, Value>> {
    object().prop_map(|object| {
        let plain = |name: String| name.chars().filter(char::is_ascii_lowercase).collect();
        object.into_iter().map(|(name, value)| (plain(name), value)).collect()
    })
}

/// A body as an upstream may write it, and the same with additions.
fn enhanced(object: &Map<String, Value>, added: &Map<String, Value>, logs: Logs) -> (String, String) {
    let body = serde_json::to_string_pretty(object).expect("an object serialises") + "\n";
    let members: Members = added.iter().map(|(name, value)| (name, value.to_string())).collect();
    let answer = Answer::read(body.as_bytes()).expect("an object");
    let merged = merge(&body.clone().into(), &answer, &[&members], logs).to_bytes();
    (body, String::from_utf8(merged.into()).expect("texts put together"))
}

proptest! {
    #[test]
    fn a_quantile_is_within_the_stated_error(values in values(), share in 0.0..=1.0_f64) {
        let histogram = counted(&values);
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (share * sorted.len() as f64).ceil();
        let at = (1..=sorted.len()).find(|count| *count as f64 >= rank).expect("not more than there are");
        let exact = sorted[at - 1].min(MOST);
        let told = histogram.quantile(share).expect("there are values");
        let error = (told - exact).abs();
        prop_assert!(error <= exact * RELATIVE_ERROR * 1.000_001 || error <= LEAST, "{told} for {exact}");
        prop_assert!(histogram.distribution().buckets.len() <= 1_040);
    }

    #[test]
    fn histograms_merge_in_any_order(a in values(), b in values(), c in values()) {
        let [one, two, three] = [&a, &b, &c].map(|values| counted(values));
        let both = merged(&one, &two, Histogram::merge);
        prop_assert_eq!(&both, &merged(&two, &one, Histogram::merge));
        let left = merged(&both, &three, Histogram::merge);
        prop_assert_eq!(&left, &merged(&one, &merged(&two, &three, Histogram::merge), Histogram::merge));
        prop_assert_eq!(&left, &counted(&[a, b, c].concat()), "as one would have counted");
        prop_assert_eq!(&merged(&one, &Histogram::default(), Histogram::merge), &one);
    }

    #[test]
    fn tallies_merge_in_any_order(a in happened(), b in happened(), c in happened()) {
        let [one, two, three] = [&a, &b, &c].map(|all| tally(all));
        let both = merged(&one, &two, Tally::merge);
        prop_assert_eq!(&both, &merged(&two, &one, Tally::merge));
        let left = merged(&both, &three, Tally::merge);
        prop_assert_eq!(&left, &merged(&one, &merged(&two, &three, Tally::merge), Tally::merge));
        prop_assert_eq!(&merged(&one, &Tally::default(), Tally::merge), &one);
    }

    #[test]
    fn whatever_the_merge_makes_the_proof_holds_and_names_the_additions(object in object(), added in additions()) {
        let (body, merged) = enhanced(&object, &added, Logs::Keep);
        let proved = prove(body.as_bytes(), merged.as_bytes());
        let names: Vec<_> = proved.expect("the merge is additive").into_iter().map(|added| added.name).collect();
        let expected: Vec<_> = added.keys().filter(|name| !object.contains_key(*name)).cloned().collect();
        prop_assert_eq!(names, expected);
        let (body, merged) = enhanced(&object, &added, Logs::Null);
        prop_assert!(prove_but_for_logs(body.as_bytes(), merged.as_bytes()).is_ok(), "{} {}", body, merged);
    }

    #[test]
    fn no_changed_removed_or_exchanged_byte_of_the_basic_answer_passes(
        object in object(), added in additions(), place in any::<prop::sample::Index>(), byte in any::<u8>(), kind in 0..4_u8,
    ) {
        let (body, merged) = enhanced(&object, &added, Logs::Keep);
        let front = body.rfind('}').expect("an object ends");
        let mut damaged = merged.clone().into_bytes();
        let at = place.index(front.max(1));
        match kind {
            0 => damaged[at] = byte,
            1 => { damaged.remove(at); }
            2 => damaged.insert(at, byte),
            _ => damaged.swap(at, at + 1),
        }
        let is_another = !damaged.starts_with(&body.as_bytes()[..front]);
        prop_assert!(!is_another || prove(body.as_bytes(), &damaged).is_err());
        // Only the value of logs may have gone.
        if let (true, Ok(_)) = (is_another, prove_but_for_logs(body.as_bytes(), &damaged)) {
            let kept: Value = serde_json::from_slice(&damaged).expect("the proof holds for JSON");
            prop_assert_eq!(&kept["logs"], &Value::Null);
        }
    }

    #[test]
    fn what_passes_the_proof_is_the_basic_object_and_more(
        object in object(), inserted in "[ ,:{}\\[\\]\"a1\\\\]{0,12}",
    ) {
        let body = json!(object).to_string();
        let enhanced = format!("{}{inserted}}}", body.strip_suffix('}').expect("an object ends"));
        if let Ok(added) = prove(body.as_bytes(), enhanced.as_bytes()) {
            let whole: Map<String, Value> = serde_json::from_str(&enhanced).expect("what passes is an object");
            for (name, value) in &object {
                prop_assert!(whole.get(name) == Some(value) || added.iter().any(|added| added.name == *name));
            }
            prop_assert_eq!(added.is_empty(), inserted.is_empty());
        }
    }

    #[test]
    fn no_bytes_make_the_proof_or_the_differences_panic(
        a in prop::collection::vec(any::<u8>(), 0..200), b in prop::collection::vec(any::<u8>(), 0..200), object in object(),
    ) {
        let body = json!(object).to_string();
        for (left, right) in [(&a[..], &b[..]), (body.as_bytes(), &b[..]), (&a[..], body.as_bytes())] {
            drop((prove(left, right), prove_but_for_logs(left, right)));
            prop_assert_eq!(differences(left, right).is_empty(), left == right);
            for difference in differences(left, right) {
                prop_assert!(difference.a.chars().count() <= 200 && difference.b.chars().count() <= 200);
            }
        }
    }
}
