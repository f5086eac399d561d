//! Tests of the decision as a whole: the table row by row, and the laws of the percentage.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

const DENIED: HeaderName = HeaderName::from_static("x-denied");
const ALLOWED: HeaderName = HeaderName::from_static("x-allowed");

fn rollout(percent: f64, default: Variant) -> Rollout {
    Rollout {
        enabled: true,
        deny: Vec::new(),
        allow: Vec::new(),
        opt_in: OptIn::Anyone,
        percent: Percent::new(percent).unwrap(),
        default,
        salt: "gloss".into(),
    }
}

fn asked(variant: Option<Variant>, query: &str) -> Wishes {
    Wishes { variant, ..Wishes::from_query(query) }
}

fn decided(rollout: &Rollout, wishes: &Wishes, run: &str, headers: &HeaderMap) -> (Variant, Rule) {
    let caller = Caller { headers, query: "", address: None };
    let Decision { variant, rule } = rollout.decide(wishes, run, &caller);
    (variant, rule)
}

fn decision(rollout: &Rollout, wishes: &Wishes) -> (Variant, Rule) {
    decided(rollout, wishes, "run_1", &HeaderMap::new())
}

#[test]
fn without_configuration_or_wish_everybody_gets_basic() {
    let plain = rollout(0.0, Variant::Basic);
    assert_eq!(decision(&plain, &Wishes::default()), (Variant::Basic, Rule::Default));
    assert!(!plain.is_configured());
    for configured in [
        Rollout { enabled: false, ..plain.clone() },
        Rollout { opt_in: OptIn::Nobody, ..plain.clone() },
        Rollout { deny: vec![AccessRule::Header(DENIED, None)], ..plain.clone() },
        Rollout { allow: vec![AccessRule::Header(ALLOWED, None)], ..plain },
        rollout(0.1, Variant::Basic),
        rollout(0.0, Variant::Shadow),
    ] {
        assert!(configured.is_configured(), "{configured:?}");
    }
}

#[test]
fn asking_for_steps_asks_for_enhanced_unless_enhanced_is_refused() {
    let plain = rollout(0.0, Variant::Basic);
    assert_eq!(decision(&plain, &asked(None, "include_steps=true")), (Variant::Enhanced, Rule::Query));
    let refused = asked(None, "include_steps=true&enhanced=false");
    assert_eq!(decision(&plain, &refused), (Variant::Basic, Rule::Query));
    assert_eq!(decision(&plain, &asked(None, "include_steps=false")), (Variant::Basic, Rule::Default));
}

/// One request, in the words of the decision table.
#[derive(Debug, Clone, Copy)]
struct Case {
    enabled: bool,
    denied: bool,
    allowed: bool,
    opt_in: OptIn,
    header: Option<Variant>,
    enhanced: Option<bool>,
    include_steps: Option<bool>,
    in_share: bool,
    default: Variant,
}

impl Case {
    fn every() -> Vec<Self> {
        use Variant::{Basic, Enhanced, Shadow};
        let flags = [false, true];
        let maybe = [None, Some(false), Some(true)];
        let mut cases = Vec::new();
        for number in 0..2_usize.pow(4) * 3_usize.pow(4) * 4 {
            let mut rest = number;
            let mut digit = |base: usize| {
                let digit = rest % base;
                rest /= base;
                digit
            };
            cases.push(Self {
                enabled: flags[digit(2)],
                denied: flags[digit(2)],
                allowed: flags[digit(2)],
                in_share: flags[digit(2)],
                opt_in: [OptIn::Anyone, OptIn::Rules, OptIn::Nobody][digit(3)],
                enhanced: maybe[digit(3)],
                include_steps: maybe[digit(3)],
                default: [Basic, Enhanced, Shadow][digit(3)],
                header: [None, Some(Basic), Some(Enhanced), Some(Shadow)][digit(4)],
            });
        }
        cases
    }

    fn decision(self) -> (Variant, Rule) {
        let mut headers = HeaderMap::new();
        let marks = [(self.denied, DENIED), (self.allowed, ALLOWED)];
        for (_, name) in marks.into_iter().filter(|(is_set, _)| *is_set) {
            headers.insert(name, HeaderValue::from_static("1"));
        }
        let rollout = Rollout {
            enabled: self.enabled,
            deny: vec![AccessRule::Workflow("w".into()), AccessRule::Header(DENIED, None)],
            allow: vec![AccessRule::Header(ALLOWED, Some(HeaderValue::from_static("1")))],
            opt_in: self.opt_in,
            // run_1 lies at 80.1.
            ..rollout(if self.in_share { 80.2 } else { 80.0 }, self.default)
        };
        let wishes = Wishes {
            variant: self.header,
            enhanced: self.enhanced,
            include_steps: self.include_steps,
            ..Wishes::default()
        };
        decided(&rollout, &wishes, "run_1", &headers)
    }

    /// The table as it is written in the contract: rows in their order, the first that speaks decides.
    fn by_the_table(self) -> (Variant, Rule) {
        let counts = self.opt_in == OptIn::Anyone || (self.opt_in == OptIn::Rules && self.allowed);
        let asks = self.header.is_some() || self.enhanced.is_some() || self.include_steps == Some(true);
        let header = self.header.unwrap_or(Variant::Basic);
        let rows = [
            (!self.enabled, Variant::Basic, Rule::Disabled),
            (self.denied, Variant::Basic, Rule::Listed),
            (counts && self.header.is_some(), header, Rule::Header),
            (counts && self.enhanced == Some(true), Variant::Enhanced, Rule::Query),
            (counts && self.enhanced == Some(false), Variant::Basic, Rule::Query),
            (counts && self.include_steps == Some(true), Variant::Enhanced, Rule::Query),
            (self.allowed, Variant::Enhanced, Rule::Listed),
            (self.in_share, Variant::Enhanced, Rule::Percent),
            (!counts && asks, self.default, Rule::Listed),
            (true, self.default, Rule::Default),
        ];
        let (_, variant, rule) = rows.into_iter().find(|(speaks, ..)| *speaks).unwrap();
        (variant, rule)
    }
}

#[test]
fn every_request_is_decided_by_the_first_row_of_the_table_that_speaks() {
    let cases = Case::every();
    assert_eq!(cases.len(), 5184);
    for case in cases {
        assert_eq!(case.decision(), case.by_the_table(), "{case:?}");
    }
}

#[test]
fn a_workflow_is_denied_by_its_whole_name() {
    let deny = vec![AccessRule::Header(DENIED, None), AccessRule::Workflow("test".into())];
    let denying = Rollout { deny, ..rollout(0.0, Variant::Basic) };
    assert!(denying.denies_workflow("test"));
    assert!(!denying.denies_workflow("tests") && !denying.denies_workflow("Test"));
}

#[test]
fn the_bucket_can_be_reproduced_by_hand() {
    // printf 'gloss:run_1' | sha256sum | cut -c1-16  →  the fraction of 2^64, in percent
    let by_hand = u64::from_str_radix(BY_HAND, 16).unwrap() as f64 / 2_f64.powi(64) * 100.0;
    assert!((bucket("gloss", "run_1") - by_hand).abs() < 1e-9);
}
const BY_HAND: &str = "cd1dd5b2fd7e1d80";

#[test]
fn over_100_000_runs_the_share_is_right_and_no_run_falls_out_as_it_rises() {
    let mut inside = vec![false; 100_000];
    for percent in [0.5, 10.0, 33.3, 100.0] {
        let rollout = rollout(percent, Variant::Basic);
        for (n, was_inside) in inside.iter_mut().enumerate() {
            let (variant, _) =
                decided(&rollout, &Wishes::default(), &format!("run_{n:012x}"), &HeaderMap::new());
            assert!(!*was_inside || variant == Variant::Enhanced, "run {n} fell out at {percent}");
            *was_inside = variant == Variant::Enhanced;
        }
        let share = inside.iter().filter(|inside| **inside).count() as f64 / 1000.0;
        assert!((share - percent).abs() < 0.6, "{share} % at {percent} %");
    }
    assert!(inside.iter().all(|inside| *inside), "100 % is everybody");
}

#[test]
fn a_percentage_is_0_to_100() {
    assert!(Percent::new(0.25).is_some());
    for bad in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
        assert!(Percent::new(bad).is_none());
    }
}

proptest! {
    #[test]
    fn raising_the_percentage_never_takes_a_run_out(
        salt in ".{0,20}",
        run in "[A-Za-z0-9_-]{1,40}",
        one in 0.0..=100.0_f64,
        other in 0.0..=100.0_f64,
    ) {
        let gets = |percent: f64| {
            let rollout = Rollout { salt: salt.clone(), ..rollout(percent, Variant::Basic) };
            decided(&rollout, &Wishes::default(), &run, &HeaderMap::new())
        };
        let (low, high) = (gets(one.min(other)), gets(one.max(other)));
        prop_assert!(low.0 != Variant::Enhanced || high.0 == Variant::Enhanced);
        prop_assert_eq!(gets(100.0), (Variant::Enhanced, Rule::Percent));
        prop_assert_eq!(gets(0.0), (Variant::Basic, Rule::Default));
        let bucket = bucket(&salt, &run);
        prop_assert!((0.0..100.0).contains(&bucket), "{}", bucket);
    }
}
