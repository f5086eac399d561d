//! Steps and costs as an accountant reads them: nothing is put down twice, nothing to a step that nobody touched, and the
//! parts add up to the whole.

use std::collections::BTreeSet;

use gloss::analysis::{
    Additions, Analysis, Limits, RunStatus, Step, StepSource, StepStatus, UsageDetails, UsageShare,
};
use proptest::prelude::*;

use crate::laws::at;
use crate::log;

/// The report after each line.
fn reports(lines: &[String]) -> Vec<Additions> {
    let mut analysis = Analysis::new(Limits::default());
    let after = |line: &String| {
        analysis.feed(log::bytes(std::slice::from_ref(line)).as_slice());
        let now = analysis.last_event_at().unwrap_or_default();
        analysis.report(&at(now, Some(RunStatus::Running)))
    };
    lines.iter().map(after).collect()
}

fn steps(report: &Additions) -> &[Step] {
    &report.workflow_steps.as_ref().expect("a running run has steps").steps
}

/// The steps' costs and what belongs to none, where the whole is known.
fn parts_and_whole(report: &Additions) -> Option<(f64, f64)> {
    let usage = &report.run_details.usage;
    let of_steps: f64 = steps(report).iter().filter_map(|step| step.cost).sum();
    Some((of_steps + usage.cost_outside_steps_usd?, usage.cost_usd?))
}

fn tokens(share: &UsageShare) -> [u64; 4] {
    [share.input_tokens, share.output_tokens, share.cache_creation_tokens, share.cache_read_tokens]
}

fn total_tokens(usage: &UsageDetails) -> [u64; 4] {
    [usage.input_tokens, usage.output_tokens, usage.cache_creation_tokens, usage.cache_read_tokens]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_step_that_nobody_has_begun_has_no_work(lines in log::lines(30)) {
        let mut begun = BTreeSet::new();
        for report in reports(&lines) {
            for step in steps(&report) {
                let touched = step.status != StepStatus::Pending || step.started_at.is_some();
                if touched {
                    begun.insert(step.step_id);
                }
                if !begun.contains(&step.step_id) {
                    prop_assert_eq!((step.tool_calls, step.cost, step.duration_seconds), (0, None, None));
                    prop_assert!(step.tools_used.is_empty() && step.result.is_none(), "{:?}", step);
                }
            }
        }
    }

    #[test]
    fn costs_of_steps_and_what_belongs_to_none_add_up_to_the_total(lines in log::lines(30)) {
        for report in reports(&lines) {
            if let Some((parts, whole)) = parts_and_whole(&report) {
                let rounding = 1e-6 * (steps(&report).len() + 2) as f64;
                prop_assert!((parts - whole).abs() <= rounding, "{parts} of {whole}");
            }
        }
    }

    #[test]
    fn what_the_models_used_adds_up_to_the_total(lines in log::lines(30)) {
        for report in reports(&lines) {
            let usage = &report.run_details.usage;
            let mut sum = [0; 4];
            for share in usage.by_model.values() {
                for (sum, tokens) in sum.iter_mut().zip(tokens(share)) {
                    *sum += tokens;
                }
            }
            let has_result = usage.cost_usd.is_some() && !usage.cost_is_estimate;
            if !has_result {
                prop_assert_eq!(sum, total_tokens(usage));
            }
            let costs: Option<Vec<f64>> = usage.by_model.values().map(|share| share.cost_usd).collect();
            if let (Some(costs), Some(total)) = (costs.filter(|costs| !costs.is_empty()), usage.cost_usd) {
                prop_assert!((costs.iter().sum::<f64>() - total).abs() <= 1e-5, "{:?} of {}", costs, total);
            }
            if let Some(sub_agents) = &usage.sub_agents {
                prop_assert!(tokens(sub_agents).iter().zip(sum).all(|(part, whole)| *part <= whole));
            }
        }
    }

    #[test]
    fn nobody_works_on_two_phases_at_once(lines in log::lines(30)) {
        for report in reports(&lines) {
            let steps = steps(&report);
            for step in steps {
                if let (Some(start), Some(end), Some(worked)) =
                    (step.started_at, step.completed_at, step.duration_seconds)
                {
                    prop_assert!(i64::try_from(worked).is_ok_and(|worked| worked <= (end.0 - start.0).num_seconds() + 1));
                }
            }
            let is_list = |step: &Step| matches!(step.source, StepSource::Todo | StepSource::Task);
            if steps.iter().any(is_list) {
                continue;
            }
            let worked: u64 = steps.iter().filter_map(|step| step.duration_seconds).sum();
            let first = steps.iter().filter_map(|step| step.started_at).min();
            let last = report.progress_summary.and_then(|progress| progress.last_event_at);
            if let (Some(first), Some(last)) = (first, last) {
                let span = (last.0 - first.0).num_seconds() + 1;
                prop_assert!(i64::try_from(worked).is_ok_and(|worked| worked <= span), "{worked} s of {span} s");
            }
        }
    }
}
