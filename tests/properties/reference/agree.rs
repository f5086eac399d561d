//! Where gloss's report and the plain reading differ.

use std::collections::BTreeMap;
use std::fmt::Debug;

use gloss::analysis::{Additions, StepResult, StepSource, StepStatus};
use serde_json::json;

use super::Facts;
use super::lists::{State, Task};

/// What differs between the plain reading of a log and gloss's report on it, made for a run that has ended; a line each.
pub(crate) fn disagreements(facts: &Facts, report: &Additions) -> Vec<String> {
    let mut said = Vec::new();
    let details = &report.run_details;
    let tools: BTreeMap<String, (u64, u64)> =
        details.tools.iter().map(|(name, tool)| (name.clone(), (tool.calls, tool.errors))).collect();
    compare("tools", &facts.tools, &tools, &mut said);
    let files = details.files.iter().map(|file| file.path.clone()).collect();
    compare("files", &facts.files, &files, &mut said);
    let summary = report.workflow_summary.as_ref().expect("the run has ended");
    compare("files modified", &(facts.files.len() as u64), &summary.files_modified, &mut said);
    let final_result = report.final_result.clone().expect("the run has ended");
    compare("final result", &facts.final_result, &final_result, &mut said);
    if let Some(outcome) = facts.outcome {
        compare("outcome", &json!(outcome), &json!(details.outcome), &mut said);
    }
    let usage = &details.usage;
    let tokens =
        [usage.input_tokens, usage.output_tokens, usage.cache_creation_tokens, usage.cache_read_tokens];
    compare("tokens", &facts.tokens, &tokens, &mut said);
    compare(
        "cost is stated",
        &facts.cost_usd.is_some(),
        &(usage.cost_usd.is_some() && !usage.cost_is_estimate),
        &mut said,
    );
    if let (Some(expected), Some(cost)) = (facts.cost_usd, usage.cost_usd)
        && (expected - cost).abs() > 1e-6
    {
        said.push(format!("cost: {expected}, gloss says {cost}"));
    }
    list_disagreements(facts, report, &mut said);
    said
}

fn compare<T: PartialEq + Debug>(what: &str, expected: &T, found: &T, said: &mut Vec<String>) {
    if expected != found {
        said.push(format!("{what}: {expected:?}, gloss says {found:?}"));
    }
}

fn list_disagreements(facts: &Facts, report: &Additions, said: &mut Vec<String>) {
    let steps = report.step_by_step_results.as_deref().unwrap_or_default();
    let of = |source: StepSource| {
        let of_source = move |result: &&StepResult| result.step.source == source;
        let shown = |result: &StepResult| (result.step.name.clone(), state(result.step.status));
        steps.iter().filter(of_source).map(shown).collect::<Vec<_>>()
    };
    todo_disagreements(facts, of(StepSource::Todo), said);
    task_disagreements(facts, of(StepSource::Task), said);
}

/// Every task is shown, and no other. What one is called whose name the log does not tell is gloss's own affair.
fn task_disagreements(facts: &Facts, mut shown: Vec<(String, State)>, said: &mut Vec<String>) {
    if facts.lists.has_overtaken {
        return;
    }
    let (named, unnamed): (Vec<&Task>, Vec<&Task>) =
        facts.lists.tasks.iter().partition(|task| task.name.is_some());
    for task in named {
        let is_it = |step: &(String, State)| Some(&step.0) == task.name.as_ref() && step.1 == task.state;
        match shown.iter().position(is_it) {
            Some(place) => drop(shown.remove(place)),
            None => said.push(format!("tasks: {task:?} is missing among {shown:?}")),
        }
    }
    let mut expected: Vec<State> = unnamed.into_iter().map(|task| task.state).collect();
    let mut found: Vec<State> = shown.into_iter().map(|(_, state)| state).collect();
    expected.sort();
    found.sort();
    compare("tasks without a name", &expected, &found, said);
}

/// The last list is shown as it is; beside it only what earlier ones had, done or skipped.
fn todo_disagreements(facts: &Facts, mut shown: Vec<(String, State)>, said: &mut Vec<String>) {
    for item in &facts.lists.todo {
        match shown.iter().position(|step| step == item) {
            Some(place) => drop(shown.remove(place)),
            None => said.push(format!("list: {item:?} is missing among {shown:?}")),
        }
    }
    for (name, state) in shown {
        let is_history = facts.lists.ever_todo.contains(&name);
        if !is_history || !matches!(state, State::Completed | State::Gone) {
            said.push(format!("list: {name:?} is {state:?}, which the last list does not say"));
        }
    }
}

/// The end of a run that failed fails the step in progress, which the list does not know.
fn state(status: StepStatus) -> State {
    match status {
        StepStatus::Pending => State::Pending,
        StepStatus::InProgress | StepStatus::Failed => State::InProgress,
        StepStatus::Completed => State::Completed,
        StepStatus::Skipped => State::Gone,
    }
}
