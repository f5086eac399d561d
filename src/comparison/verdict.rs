//! What a caller is told who asked for both answers in one. Pure.

use serde::Serialize;

use super::difference::Difference;
use super::histogram::digits;
use super::proof::{Added, prove_but_for_logs};

/// What is compared.
#[derive(Debug)]
pub struct Sides<'s> {
    /// The upstream's answer.
    pub basic: &'s [u8],
    /// The same with notes, or the word for why there are none.
    pub enhanced: Result<&'s [u8], &'static str>,
    /// In what this answer of the upstream's differs from the one right before.
    pub upstream_differences: &'s [Difference],
    /// How long these two took.
    pub upstream_seconds: [f64; 2],
    /// How long the notes took beyond that.
    pub added_seconds: f64,
}

/// The member `comparison` of an answer with both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether the enhanced answer minus its additions is the basic one, byte for byte; null where there is none.
    pub identical: Option<bool>,
    /// Why there is no enhanced answer, as `Gloss-Reason` names it.
    pub reason: Option<&'static str>,
    /// What was added, in order.
    pub added: Vec<Added>,
    /// How long the bodies are.
    pub bytes: Bytes,
    /// How the upstream's own answers differ, when it is asked twice in a row.
    pub upstream: Upstream,
    /// How long the notes took beyond the upstream's answer.
    pub added_seconds: f64,
}

/// Lengths in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bytes {
    /// Of the basic answer.
    pub basic: usize,
    /// Of the enhanced one.
    pub enhanced: Option<usize>,
}

/// The upstream's two answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Upstream {
    /// Whether they are the same, byte for byte.
    pub identical: bool,
    /// The members in which they differ.
    pub differing: Vec<String>,
    /// How long each took.
    pub seconds: [f64; 2],
}

impl Verdict {
    /// Compares.
    pub fn on(sides: &Sides<'_>) -> Self {
        let proof = sides.enhanced.ok().map(|enhanced| prove_but_for_logs(sides.basic, enhanced));
        let differing = sides.upstream_differences.iter().filter_map(|difference| difference.member.clone());
        Self {
            identical: proof.as_ref().map(Result::is_ok),
            reason: sides.enhanced.err(),
            added: proof.and_then(Result::ok).unwrap_or_default(),
            bytes: Bytes { basic: sides.basic.len(), enhanced: sides.enhanced.ok().map(<[u8]>::len) },
            upstream: Upstream {
                identical: sides.upstream_differences.is_empty(),
                differing: differing.collect(),
                seconds: sides.upstream_seconds.map(digits),
            },
            added_seconds: digits(sides.added_seconds),
        }
    }

    /// The whole answer: both bodies as they are, to the byte, and this verdict. `basic` has to be JSON.
    pub fn answer(&self, basic: &[u8], enhanced: Option<&str>) -> String {
        let verdict = self.text();
        let (basic, enhanced) = (String::from_utf8_lossy(basic), enhanced.unwrap_or("null"));
        let parts = [
            "{\"variant\":\"compare\",\"basic\":",
            &basic,
            ",\"enhanced\":",
            enhanced,
            ",\"comparison\":",
            &verdict,
            "}",
        ];
        parts.concat()
    }

    fn text(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and lists of them always serialise")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::comparison::differences;

    fn sides<'s>(enhanced: Result<&'s [u8], &'static str>, noise: &'s [Difference]) -> Sides<'s> {
        Sides {
            basic: b"{\"a\": 1e-07 }",
            enhanced,
            upstream_differences: noise,
            upstream_seconds: [0.25, 0.5],
            added_seconds: 0.001,
        }
    }

    #[test]
    fn both_bodies_stand_in_the_answer_as_they_are() {
        let noise = differences(b"{\"a\":1}", b"{\"a\":2}");
        let enhanced = "{\"a\": 1e-07 ,\"x\":[1]}";
        let verdict = Verdict::on(&sides(Ok(enhanced.as_bytes()), &noise));
        let answer = verdict.answer(b"{\"a\": 1e-07 }", Some(enhanced));
        assert!(answer.starts_with(
            "{\"variant\":\"compare\",\"basic\":{\"a\": 1e-07 },\"enhanced\":{\"a\": 1e-07 ,\"x\":[1]},\"comparison\":{"
        ));
        let json: Value = serde_json::from_str(&answer).unwrap();
        let expected = json!({
            "identical": true, "reason": null, "added": [{ "name": "x", "bytes": 7 }],
            "bytes": { "basic": 13, "enhanced": 21 },
            "upstream": { "identical": false, "differing": ["a"], "seconds": [0.25, 0.5] },
            "added_seconds": 0.001,
        });
        assert_eq!(json["comparison"], expected);
    }

    #[test]
    fn without_an_enhanced_answer_there_is_a_reason() {
        let verdict = Verdict::on(&sides(Err("no-log"), &[]));
        let json: Value = serde_json::from_str(&verdict.answer(b"{}", None)).unwrap();
        assert_eq!((&json["enhanced"], &json["comparison"]["identical"]), (&Value::Null, &Value::Null));
        assert_eq!(json["comparison"]["reason"], "no-log");
        assert_eq!(json["comparison"]["upstream"]["identical"], true);
    }

    #[test]
    fn an_answer_that_is_not_additive_is_told_as_such() {
        let verdict = Verdict::on(&sides(Ok(b"{\"a\": 2e-07 ,\"x\":1}"), &[]));
        assert_eq!((verdict.identical, verdict.added.len()), (Some(false), 0));
    }
}
