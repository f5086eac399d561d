//! Progress under any prior: it never falls, whatever lines come and however long one waits between them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use gloss::analysis::{Analysis, Limits, Prior, RunStatus};
use proptest::prelude::*;

use crate::laws::at;
use crate::log;

/// How long a line may take from its time to where it can be read.
const WRITING_DELAY: TimeDelta = TimeDelta::seconds(2);

/// Features of each kind: that time lets grow, lets shrink, or leaves.
const GROWING: [&str; 6] =
    ["age", "since_edit", "since_text", "since_early_text_share", "list_share_by_pace", "since_item_done"];
const SHRINKING: [&str; 1] = ["calls_per_second"];
const STAYING: [&str; 6] =
    ["calls", "early_texts", "list_share", "list_left", "calls_since_edit", "recent_edits"];

fn feature() -> impl Strategy<Value = &'static str> {
    prop::sample::select([&GROWING[..], &SHRINKING, &STAYING].concat())
}

fn split() -> impl Strategy<Value = String> {
    (feature(), 0.0..60.0_f64).prop_map(|(name, below)| format!("[{name:?}, {below:?}]"))
}

/// Any prior that is accepted: of trees under which progress could fall, those that are refused are left out.
fn prior() -> impl Strategy<Value = Arc<Prior>> {
    let weights = prop::collection::vec((feature(), 0.0..3.0_f64, any::<bool>()), 0..8);
    let tree = (split(), split(), split(), prop::array::uniform4(-2.0..2.0_f64))
        .prop_map(|(root, yes, no, leaves)| format!("[{root}, {yes}, {no}, {leaves:?}],"));
    (-6.0..2.0_f64, weights, prop::collection::vec(tree, 0..30)).prop_map(|(start, weights, trees)| {
        let signed = |(name, weight, below): &(&str, f64, bool)| {
            let negative = SHRINKING.contains(name) || STAYING.contains(name) && *below;
            format!("[{name:?}, {:?}],", if negative { -weight } else { *weight })
        };
        let weights: String = weights.iter().map(signed).collect();
        let with = |trees: &str| {
            let text = Prior::default()
                .to_toml()
                .replace("start = 0.0", &format!("start = {start:?}"))
                .replace("\nweights = [", &format!("\nweights = [{weights}"))
                .replace("\ntrees = [", &format!("\ntrees = [{trees}"));
            Prior::parse(&text)
        };
        let trees: String = trees.into_iter().filter(|tree| with(tree).is_ok()).collect();
        Arc::new(with(&trees).expect("all its parts were accepted"))
    })
}

fn percent(analysis: &Analysis, now: DateTime<Utc>) -> f64 {
    let report = analysis.report(&at(now, Some(RunStatus::Running)));
    let progress = report.progress_summary.expect("a running run has progress");
    let ends = [progress.earliest_completion, progress.estimated_completion, progress.latest_completion];
    let ends = ends.map(|end| end.map(|end| end.0));
    assert!(ends.is_sorted() && ends.iter().flatten().all(|end| *end >= now), "{ends:?} at {now}");
    progress.completion_percentage
}

/// The greatest fall of a run that is polled all the time, each line coming as late as it may.
fn fall(prior: Arc<Prior>, lines: &[String], waits: &[u8]) -> f64 {
    let mut analysis = Analysis::with_prior(Limits::default(), prior);
    let (mut furthest, mut fall) = (0.0_f64, 0.0_f64);
    let mut waits = waits.iter().cycle();
    for line in lines {
        let before = analysis.clone();
        analysis.feed(log::bytes(std::slice::from_ref(line)).as_slice());
        let Some(time) = analysis.last_event_at() else { continue };
        let from = before.last_event_at().unwrap_or(time);
        let until = time + WRITING_DELAY;
        let some = (until - from) * i32::from(*waits.next().expect("endless")) / 255;
        for (state, now) in [(&before, from + some), (&before, until), (&analysis, until)] {
            let percent = percent(state, now);
            fall = fall.max(furthest - percent);
            furthest = furthest.max(percent);
        }
    }
    fall
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn progress_never_falls_between_lines_or_at_them_under_any_prior(
        prior in prior(), lines in log::lines(30), waits in prop::collection::vec(any::<u8>(), 1..9),
    ) {
        prop_assert!(fall(prior, &lines, &waits) <= 0.0);
    }

    #[test]
    fn progress_never_falls_under_the_shipped_prior(
        lines in log::lines(40), waits in prop::collection::vec(any::<u8>(), 1..9),
    ) {
        prop_assert!(fall(Prior::shipped(), &lines, &waits) <= 0.0);
    }
}
