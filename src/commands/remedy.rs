//! What to do where a caller who asked for notes got the basic answer, for `doctor` and `watch`. Pure.

use crate::enrich::Fallback;

/// What to do about a reason, as `Gloss-Reason` names it; `None` for one that is not known.
pub(super) fn remedy(reason: &str) -> Option<&'static str> {
    let decided = match reason {
        "disabled" => {
            Some("the kill switch is on: `gloss rollout --enabled true`, or rollout.enabled in the file")
        }
        "rule" => Some(
            "a rule denies it, or this caller's wish does not count: look at rollout.deny and rollout.opt_in",
        ),
        "header" | "query" | "percent" | "default" => {
            Some("gloss did not read the wish: is its header another one than Gloss (gloss.header)?")
        }
        _ => None,
    };
    let fallback = || Fallback::ALL.into_iter().find(|fallback| fallback.as_str() == reason);
    decided.or_else(|| fallback().map(of))
}

fn of(fallback: Fallback) -> &'static str {
    match fallback {
        Fallback::UpstreamStatus => {
            "the service answers with another status than 200: see the check of the key"
        }
        Fallback::NotJson => {
            "the service's answer is no JSON object: does route.status name the right route?"
        }
        Fallback::Encoded => "have the service, or a proxy before it, respect Accept-Encoding: identity",
        Fallback::TooLarge => "raise enrich.max_body_bytes",
        Fallback::NoTransform => "somebody before gloss says Cache-Control: no-transform: take that away",
        Fallback::Status => {
            "the run waits, or its status is unknown (or it failed, and enrich.failed is off): try another run"
        }
        Fallback::NoLog => {
            "logs.sources and logs.templates have to lead to the log: see its check by `gloss doctor RUN_ID`"
        }
        Fallback::LogUnreadable => {
            "gloss finds the log and cannot read it: its check by `gloss doctor RUN_ID` says why"
        }
        Fallback::LogTimeout => {
            "the storage of the logs is slow: look at it, or raise logs.timeout and enrich.budget"
        }
        Fallback::Deadline => {
            "the first reading of a long log takes long: ask again; if it stays so, raise enrich.budget"
        }
        Fallback::Overload => {
            "raise enrich.max_concurrent or enrich.max_held_bytes, or have callers poll less often"
        }
        Fallback::Panic | Fallback::MergeCheck => "a fault in gloss: its log says where; please report it",
        Fallback::Version => {
            "the caller pins a Gloss-Version that this gloss does not know: leave that header out"
        }
        Fallback::DeniedWorkflow => "rollout.deny names the run's workflow",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_something_to_do_about_every_reason() {
        for fallback in Fallback::ALL {
            assert!(remedy(fallback.as_str()).is_some_and(|text| text.len() > 10), "{fallback:?}");
        }
        assert_eq!(remedy("unheard-of"), None);
    }
}
