//! What holds for any log: whole, cut, doubled or damaged.

use chrono::{DateTime, TimeDelta, Utc};
use gloss::analysis::{
    Analysis, Beside, CacheOutcome, Context, Detail, Limits, LogSourceKind, RunStatus, Step, StepSource,
};
use proptest::prelude::*;

use crate::disorder;
use crate::log;
use crate::reference::{Facts, disagreements};

pub(crate) fn at(now: DateTime<Utc>, status: Option<RunStatus>) -> Context {
    Context {
        now,
        status,
        max_turns: None,
        detail: Detail::Full,
        compat_fields: true,
        source: LogSourceKind::File,
        cache: CacheOutcome::Miss,
        beside: Beside::default(),
    }
}

pub(crate) fn long_after() -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_900_000, 0).expect("a moment in 2025")
}

fn read(bytes: &[u8]) -> Analysis {
    let mut analysis = Analysis::new(Limits::default());
    analysis.feed(bytes);
    analysis
}

/// Everything that is said of the log, for every status.
pub(crate) fn said(analysis: &Analysis) -> Vec<String> {
    let statuses = [None, Some(RunStatus::Running), Some(RunStatus::Completed), Some(RunStatus::Failed)];
    let json = |status| {
        serde_json::to_string(&analysis.report(&at(long_after(), status))).expect("a report serialises")
    };
    statuses.into_iter().map(json).collect()
}

/// What every dialect carries: calls, files, sub-agents, and the items of the run's own list.
pub(crate) fn facts(analysis: &Analysis) -> serde_json::Value {
    let report = analysis.report(&at(long_after(), Some(RunStatus::Completed)));
    let steps = report.step_by_step_results.unwrap_or_default();
    let listed = steps.iter().map(|result| &result.step);
    let items: Vec<_> = listed
        .filter(|step| matches!(step.source, StepSource::Todo | StepSource::Task))
        .map(|step| serde_json::json!([step.name, step.status, step.tool_calls, step.tools_used]))
        .collect();
    let details = report.run_details;
    serde_json::json!([details.tools, details.files, details.sub_agents, details.compactions, items])
}

fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..5_u8), 0..12);
    (log::lines(20), damage).prop_map(|(lines, damage)| {
        let mut bytes = log::bytes(&lines);
        for (place, byte, kind) in damage {
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 => bytes.truncate(place + 1),
                2 => bytes.insert(place, b'\n'),
                3 => {
                    bytes.remove(place);
                }
                _ => bytes.extend_from_within(place..),
            }
            if bytes.is_empty() || bytes.len() > 200_000 {
                break;
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_cutting_of_the_log_gives_the_same_report(bytes in damaged(), cuts in prop::collection::vec(1..400_usize, 1..20)) {
        let mut analysis = Analysis::new(Limits::default());
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            let (piece, tail) = rest.split_at((*cut).min(rest.len()));
            analysis.feed(piece);
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(analysis.offset(), bytes.len() as u64);
        prop_assert_eq!(said(&analysis), said(&read(&bytes)));
    }

    #[test]
    fn stop_and_resume_at_any_byte_equals_the_whole(bytes in damaged(), place in any::<prop::sample::Index>()) {
        let (before, after) = bytes.split_at(place.index(bytes.len() + 1));
        let checkpoint = read(before);
        let mut resumed = checkpoint.clone();
        drop(said(&checkpoint));
        resumed.feed(after);
        prop_assert_eq!(said(&resumed), said(&read(&bytes)));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert_eq!(said(&read(&bytes)).len(), 4);
    }

    #[test]
    fn the_members_are_those_of_the_serialised_object(lines in log::lines(12)) {
        for status in [RunStatus::Running, RunStatus::Completed] {
            let report = read(&log::bytes(&lines)).report(&at(long_after(), Some(status)));
            let whole = serde_json::to_string(&report).expect("a report serialises");
            let members: Vec<String> =
                report.members().into_iter().map(|(name, json)| format!("\"{name}\":{json}")).collect();
            prop_assert_eq!(whole, format!("{{{}}}", members.join(",")));
        }
    }

    #[test]
    fn the_weight_stays_under_the_stated_bound(bytes in damaged(), repeat in 1..30_usize) {
        let limits = Limits { max_line_bytes: 8192 };
        let mut analysis = Analysis::new(limits);
        for _ in 0..repeat {
            analysis.feed(&bytes);
            let bound = 2 * limits.max_line_bytes + 4 * bytes.len().min(limits.max_line_bytes) + 24 * 1024 * 1024;
            prop_assert!(analysis.weight() <= bound, "{} bytes", analysis.weight());
        }
    }

    #[test]
    fn every_dialect_tells_the_same_of_the_same_run(logs in log::in_all_dialects(25)) {
        let told: Vec<_> = logs.iter().map(|lines| facts(&read(&log::bytes(lines)))).collect();
        for pair in told.windows(2) {
            prop_assert_eq!(&pair[0], &pair[1]);
        }
    }

    #[test]
    fn it_agrees_with_the_plain_reading(lines in disorder::mixed(20)) {
        let bytes = log::bytes(&lines);
        let report = read(&bytes).report(&at(long_after(), Some(RunStatus::Completed)));
        let found = disagreements(&Facts::of(&bytes), &report);
        prop_assert!(found.is_empty(), "{found:#?}");
    }

    #[test]
    fn every_line_twice_says_the_same(lines in log::lines(25)) {
        let twice: Vec<String> = lines.iter().flat_map(|line| [line.clone(), line.clone()]).collect();
        let mut once = read(&log::bytes(&lines)).report(&at(long_after(), Some(RunStatus::Completed)));
        let doubled = read(&log::bytes(&twice)).report(&at(long_after(), Some(RunStatus::Completed)));
        once.enhancement = doubled.enhancement.clone();
        // Compactions carry no id to know them again by; calls without one neither.
        once.run_details.compactions = doubled.run_details.compactions;
        prop_assert_eq!(
            serde_json::to_value(&once).expect("a report serialises"),
            serde_json::to_value(&doubled).expect("a report serialises")
        );
    }

    #[test]
    fn progress_never_falls_whoever_polls_when(lines in log::lines(40), patience in 0..90_i64) {
        let mut analysis = Analysis::new(Limits::default());
        let mut before = 0.0;
        for line in &lines {
            let mut polls = analysis.last_event_at().into_iter().collect::<Vec<_>>();
            analysis.feed(log::bytes(std::slice::from_ref(line)).as_slice());
            let newest = analysis.last_event_at().unwrap_or_else(long_after);
            polls = polls.into_iter().map(|at| (at + TimeDelta::seconds(patience)).min(newest)).collect();
            polls.push(newest);
            for now in polls {
                let report = analysis.report(&at(now, Some(RunStatus::Running)));
                let progress = report.progress_summary.expect("a running run has progress");
                let percent = progress.completion_percentage;
                prop_assert!(percent < 100.0 && percent >= before, "{before} then {percent}");
                prop_assert!(progress.estimated_completion.is_none_or(|end| end.0 >= now));
                prop_assert!(!progress.current_phase.is_empty() && !progress.recent_activity.is_empty());
                before = percent;
            }
        }
    }

    #[test]
    fn steps_keep_their_ids_and_are_never_fewer(lines in log::lines(40)) {
        let mut analysis = Analysis::new(Limits::default());
        let mut before: Vec<(StepSource, Option<DateTime<Utc>>, Option<String>)> = Vec::new();
        for line in &lines {
            analysis.feed(log::bytes(std::slice::from_ref(line)).as_slice());
            let report = analysis.report(&at(long_after(), Some(RunStatus::Running)));
            let steps = report.workflow_steps.expect("a running run has steps").steps;
            prop_assert!(!steps.is_empty());
            prop_assert!(steps.iter().zip(1..).all(|(step, id)| step.step_id == id));
            if steps[0].name == "Starting" {
                continue;
            }
            // Items of lists may be renamed; what else is a step keeps its name.
            let is_named = |source| matches!(source, StepSource::Heading | StepSource::Phase);
            let shown = |step: Step| (step.source, step.started_at.map(|at| at.0), is_named(step.source).then_some(step.name));
            let now: Vec<_> = steps.into_iter().map(shown).collect();
            prop_assert!(before.len() <= now.len());
            prop_assert!(before.iter().zip(&now).all(|(old, new)| old.0 == new.0 && old.2 == new.2 && (old.1.is_none() || old.1 == new.1)));
            before = now;
        }
    }
}

#[test]
fn a_line_of_endless_length_is_skipped_and_counted() {
    let mut analysis = Analysis::new(Limits { max_line_bytes: 1000 });
    for _ in 0..100 {
        analysis.feed(&[b'x'; 500]);
    }
    analysis.feed(b"\n{\"type\":\"system\",\"subtype\":\"init\",\"model\":\"m\"}\n");
    let report = analysis.report(&at(long_after(), None));
    assert_eq!(report.enhancement.unrecognised_lines, 1);
    assert_eq!(report.run_details.model.as_deref(), Some("m"));
    assert!(!report.enhancement.complete);
}
