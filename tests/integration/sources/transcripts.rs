//! Claude Code's own transcripts, which add to the log what it had cut or never had.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Answering, RUN, cache, enhanced, kinds, reason, source};
use crate::support::answers::{status_body, status_body_with, status_path};
use crate::support::eventually;
use crate::support::gate::Gate;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::Setup;
use crate::support::upstream::Upstream;

const SESSION: &str = "5e1f-session";

/// A line of a transcript, so many seconds after the run's begin.
fn line(second: u32, message: &Value) -> String {
    let line = json!({"type": message["role"], "message": message, "sessionId": SESSION, "uuid": format!("u-{second}"),
        "timestamp": format!("2026-03-02T09:14:{second:02}.500Z"), "isSidechain": false});
    format!("{line}\n")
}

fn says(second: u32, text: &str) -> String {
    let content = json!([{"type": "text", "text": text}]);
    line(
        second,
        &json!({"role": "assistant", "id": format!("own_{second}"), "model": "claude-test", "content": content}),
    )
}

/// A folder of projects, one of which has this transcript.
fn projects(transcript: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for project in ["-srv-other", "-srv-api"] {
        fs::create_dir(folder.path().join(project)).unwrap();
    }
    fs::write(folder.path().join("-srv-other/another.jsonl"), says(2, "Not mine.")).unwrap();
    write(folder.path(), transcript);
    folder
}

fn write(projects: &Path, transcript: &str) {
    fs::write(projects.join(format!("-srv-api/{SESSION}.jsonl")), transcript).unwrap();
}

/// A log that tells the session and has a text cut; the words after it were lost.
fn log() -> String {
    let log = Log::of(RUN).call("Read", &json!({"file_path": "a.py"})).text();
    let session =
        json!({"message": "Early response", "claude_session_id": SESSION, "early_lines_processed": 2});
    let head = log.lines().next().unwrap();
    let (envelope, _) = head.split_once("\"event_type\"").unwrap();
    format!(
        "{head}\n{envelope}\"event_type\": \"early_response_captured\", \"event_category\": \"x\", \"data\": {session}}}\n"
    ) + &log[head.len() + 1..]
}

fn before(upstream: &Upstream, logs: &Logs, projects: &TempDir) -> Setup {
    let sources =
        format!("[\"{}\", {{ transcripts = \"{}\" }}]", logs.root().display(), projects.path().display());
    Setup::before(upstream).sources(&sources)
}

#[test]
fn a_transcript_fills_what_the_log_never_had_and_the_log_leads() {
    let answering = Answering::with(status_body(RUN, "completed"));
    let (logs, projects) =
        (Logs::new(), projects(&(says(2, "First I read.") + &says(9, "All 9 tests pass."))));
    logs.write(RUN, log());
    let gloss = before(&answering.upstream, &logs, &projects).start();
    let answer = enhanced(&gloss);
    assert_eq!((source(&answer), kinds(&answer)), ("file", vec!["file", "transcript"]));
    assert_eq!(answer["final_result"], "All 9 tests pass.");
    assert_eq!(answer["run_details"]["tools"]["Read"]["calls"], 1);
    assert_eq!(answer["enhancement"]["sources"][1]["lines"], 2);
    assert_eq!(cache(&enhanced(&gloss)), "hit");
    write(
        projects.path(),
        &(says(2, "First I read.") + &says(9, "All 9 tests pass.") + &says(12, "Pushed.")),
    );
    let grown = enhanced(&gloss);
    assert_eq!((cache(&grown), &grown["final_result"]), ("incremental", &"Pushed.".into()));
}

#[test]
fn a_transcript_that_is_missing_costs_nothing_and_one_that_comes_later_is_found() {
    let answering = Answering::with(status_body(RUN, "completed"));
    let (logs, projects) = (Logs::new(), projects(""));
    fs::remove_file(projects.path().join(format!("-srv-api/{SESSION}.jsonl"))).unwrap();
    logs.write(RUN, log());
    let gloss = before(&answering.upstream, &logs, &projects).start();
    let answer = enhanced(&gloss);
    assert_eq!((source(&answer), kinds(&answer), &answer["final_result"]), ("file", vec![], &Value::Null));
    write(projects.path(), &says(9, "Here."));
    let found = eventually("it is looked for once a second", || {
        Some(enhanced(&gloss)).filter(|answer| !kinds(answer).is_empty())
    });
    assert_eq!(found["final_result"], "Here.");
    fs::remove_dir_all(projects.path()).unwrap();
    assert_eq!(source(&enhanced(&gloss)), "file");
}

#[test]
fn a_transcript_that_was_moved_or_replaced_is_read_as_what_it_is_then() {
    let answering = Answering::with(status_body(RUN, "completed"));
    let (logs, projects) = (Logs::new(), projects(&(says(2, "First I read.") + &says(9, "Done at first."))));
    logs.write(RUN, log());
    let gloss = before(&answering.upstream, &logs, &projects).start();
    assert_eq!(enhanced(&gloss)["final_result"], "Done at first.");
    // Shorter, and longer: neither goes on where the one before ended.
    for anew in [says(9, "Done."), says(2, "Now I read.") + &says(9, "Done anew, and at length.")] {
        write(projects.path(), &anew);
        let replaced = enhanced(&gloss);
        assert_eq!((cache(&replaced), kinds(&replaced)), ("miss", vec!["file", "transcript"]));
        assert_eq!(replaced["enhancement"]["sources"][1]["bytes"], anew.len());
    }
    let [here, there] = ["-srv-api", "-srv-other"].map(|project| projects.path().join(project));
    fs::rename(here.join(format!("{SESSION}.jsonl")), there.join(format!("{SESSION}.jsonl"))).unwrap();
    let moved = eventually("it is looked for once a second", || {
        Some(enhanced(&gloss)).filter(|answer| !kinds(answer).is_empty())
    });
    assert_eq!(moved["final_result"], "Done anew, and at length.");
}

#[test]
fn a_transcript_that_hangs_leaves_the_log_and_counts_when_it_answers_again() {
    let answering = Answering::with(status_body(RUN, "completed"));
    let (logs, projects, gate) = (Logs::new(), projects(&says(9, "All 9 tests pass.")), Gate::new());
    logs.write(RUN, log());
    let gloss = before(&answering.upstream, &logs, &projects).gate(&gate).start();
    let mut client = gloss.client();
    client.get(&status_path(RUN), &["Gloss: enhanced"]);
    let _hanging = gate.next_of("search transcript");
    gate.open_for_good();
    let answer = client.answer();
    assert_eq!(answer.labels(), ("enhanced", "header"), "{}", answer.text());
    assert_eq!((kinds(&answer.json()), &answer.json()["final_result"]), (vec![], &Value::Null));
    let next = enhanced(&gloss);
    assert_eq!((cache(&next), kinds(&next)), ("hit", vec![]), "for a while nobody asks again");
    let healed =
        eventually("it is asked again", || Some(enhanced(&gloss)).filter(|answer| !kinds(answer).is_empty()));
    assert_eq!(healed["final_result"], "All 9 tests pass.");
}

#[test]
fn a_transcript_that_fails_leaves_the_log() {
    for operation in ["search transcript", "open transcript", "read transcript"] {
        let answering = Answering::with(status_body(RUN, "completed"));
        let (logs, projects, gate) = (Logs::new(), projects(&says(9, "All 9 tests pass.")), Gate::new());
        logs.write(RUN, log());
        let gloss = before(&answering.upstream, &logs, &projects).gate(&gate).start();
        let mut client = gloss.client();
        client.get(&status_path(RUN), &["Gloss: enhanced"]);
        gate.next_of(operation).refuse();
        gate.open_for_good();
        let answer = client.answer();
        assert_eq!(answer.labels(), ("enhanced", "header"), "{operation}: {}", answer.text());
        assert_eq!((source(&answer.json()), kinds(&answer.json())), ("file", vec![]), "{operation}");
        assert_eq!(answer.json()["run_details"]["tools"]["Read"]["calls"], 1);
    }
}

#[test]
fn a_transcript_alone_that_fails_is_told_apart_from_none() {
    let answering = Answering::with(status_body_with(RUN, "completed", "", Some(SESSION)));
    let (logs, projects, gate) = (Logs::new(), projects(&says(9, "By the transcript.")), Gate::new());
    let gloss = before(&answering.upstream, &logs, &projects).gate(&gate).start();
    let mut client = gloss.client();
    client.get(&status_path(RUN), &["Gloss: enhanced"]);
    gate.next_of("search transcript").refuse();
    gate.open_for_good();
    assert_eq!(client.answer().labels(), ("basic", "log-unreadable"));
    assert_eq!(source(&enhanced(&gloss)), "transcript", "the next poll asks again");
}

#[test]
fn without_a_log_the_transcript_of_the_answers_session_is_read() {
    let answering = Answering::with(status_body_with(RUN, "completed", "", Some(SESSION)));
    let (logs, projects) = (Logs::new(), projects(&says(9, "By the transcript.")));
    let gloss = before(&answering.upstream, &logs, &projects).start();
    let answer = enhanced(&gloss);
    assert_eq!((source(&answer), kinds(&answer)), ("transcript", vec![]));
    assert_eq!(answer["final_result"], "By the transcript.");
    for unusable in [None, Some("pending"), Some("../-srv-api/5e1f-session"), Some("unknown")] {
        answering.now(status_body_with("run_2", "completed", "", unusable));
        let gloss = before(&answering.upstream, &logs, &projects).start();
        assert_eq!(reason(&gloss), "no-log", "{unusable:?}");
    }
}
