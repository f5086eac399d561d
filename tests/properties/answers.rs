//! The logs text in a status answer says what the log says, for as long as it reaches.

#![expect(clippy::disallowed_methods, reason = "a test reads its folder")]

use std::path::{Path, PathBuf};

use gloss::analysis::{Additions, Analysis, RunStatus, StepResult};
use gloss::demo::logs_in_answer;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::laws::{at, long_after};
use crate::log;
use crate::real_logs::logs;

fn of_log(log: &[u8]) -> Additions {
    let mut analysis = Analysis::default();
    analysis.feed(log);
    analysis.report(&at(long_after(), Some(RunStatus::Completed)))
}

fn of_answer(logs: &str) -> Additions {
    let mut analysis = Analysis::default();
    analysis.feed_entries(logs.to_owned());
    analysis.report(&at(long_after(), Some(RunStatus::Completed)))
}

/// What both tell: the steps and what was done for them, and the words at the end. Of messages whose raw line was cut the
/// answer has neither the parent nor what the program noted beside a tool's result, and of such a result event nothing.
fn facts(report: &Additions) -> Vec<(&'static str, Value)> {
    let step = |result: &StepResult| {
        let step = &result.step;
        json!([step.step_id, step.name, step.status, step.source, step.tool_calls, step.tools_used])
    };
    let steps: Vec<Value> = report.step_by_step_results.iter().flatten().map(step).collect();
    let details = &report.run_details;
    vec![
        ("steps", json!(steps)),
        ("final_result", json!(report.final_result)),
        ("tools", json!(details.tools)),
        ("files", details.files.iter().map(|file| json!([file.path, file.edits])).collect()),
        ("tests", json!(details.tests)),
        ("errors", json!(details.errors)),
        ("compactions", json!(details.compactions)),
        ("unrecognised", json!(report.enhancement.unrecognised_lines)),
    ]
}

fn differences(log: &Additions, answer: &Additions) -> Vec<String> {
    // How the run ended decides on its last words, and on what became of the step in progress.
    let lost_its_end = answer.enhancement.truncated_values > 0;
    let both = facts(log).into_iter().zip(facts(answer));
    let compared = both.filter(|((what, _), _)| !(lost_its_end && matches!(*what, "final_result" | "steps")));
    let differing = compared.filter(|(of_log, of_answer)| of_log != of_answer);
    differing.map(|((what, log), (_, answer))| format!("{what}: {log}\n    answer: {answer}")).collect()
}

proptest! {
    #[test]
    fn an_answer_tells_the_steps_and_the_result_that_the_log_tells(log in log::upstream_log(25)) {
        let log = log::bytes(&log);
        prop_assert_eq!(differences(&of_log(&log), &of_answer(&logs_in_answer(&log))), Vec::<String>::new());
    }
}

fn folder() -> PathBuf {
    std::env::var("GLOSS_RUNS").expect("GLOSS_RUNS names a folder with logs").into()
}

#[test]
#[ignore = "needs GLOSS_RUNS, a folder with logs"]
fn the_answers_to_real_runs_tell_what_their_logs_tell() {
    let (mut read, mut wrong) = (0, 0);
    for path in logs(&folder()) {
        let log = std::fs::read(&path).expect("a log is readable");
        let text = logs_in_answer(&log);
        if text.is_empty() || String::from_utf8_lossy(&log).lines().count() > 1000 {
            continue;
        }
        read += 1;
        let found = differences(&of_log(&log), &of_answer(&text));
        wrong += usize::from(!found.is_empty());
        for difference in found {
            let short: String = difference.chars().take(1200).collect();
            println!("{}: {short}", path.display());
        }
    }
    println!("{read} logs rendered, {wrong} differ");
    assert!(read > 0 && wrong == 0, "{wrong} of {read} differ");
}

/// The `logs` of a recorded answer and the log that it is about.
fn recorded(answer: &Path) -> Option<(String, Vec<u8>)> {
    let bytes = std::fs::read(answer).expect("an answer is readable");
    let body = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let body: Value = serde_json::from_slice(&bytes[body..]).ok()?;
    let run = body["run_id"].as_str()?;
    let log = std::fs::read(answer.with_file_name(format!("run_{run}.log"))).ok()?;
    let logs = body["logs"].as_str().filter(|logs| !logs.is_empty())?;
    Some((logs.to_owned(), log))
}

#[test]
#[ignore = "needs GLOSS_RUNS, beside whose folder recorded answers are"]
fn recorded_answers_tell_what_their_logs_tell() {
    let folder = folder().join("../upstream/seed");
    let entries = std::fs::read_dir(&folder).expect("a folder of answers");
    let answers = entries.filter_map(|entry| recorded(&entry.expect("readable").path()));
    let mut read = 0;
    for (logs, log) in answers {
        read += 1;
        // The answer may have been given before the log ended.
        let shown = logs_in_answer(&log);
        assert!(shown.starts_with(&logs), "the rendering is the service's own");
        let entries = logs.matches("\n2026-").count() + 1;
        let end = log.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(entries - 1);
        let log = &log[..end.map_or(log.len(), |(at, _)| at + 1)];
        assert_eq!(differences(&of_log(log), &of_answer(&logs)), Vec::<String>::new());
    }
    println!("{read} answers read");
    assert!(read > 3, "{read} answers with logs in {}", folder.display());
}
