//! Several files of one run in one folder, and names that are known in part only.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{Answering, RUN, cache, enhanced, kinds, reason, source, steps};
use crate::support::answers::{later_status_body, status_body};
use crate::support::eventually;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::Setup;

/// The CLI's own events, as a later version of the service writes them beside the log.
fn stream_of(log: &str) -> String {
    let init = json!({"type": "system", "subtype": "init", "model": "claude-test", "max_turns": 30, "session_id": "s-1",
        "_timestamp": "2026-03-02T09:14:01.5"});
    let mut stream = format!("{{\"_metadata\":{{\"run_id\":\"{RUN}\"}}}}\n{init}\n");
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let mut event = entry["data"].clone();
        if event["type"].is_string() {
            event["_timestamp"] = entry["timestamp"].clone();
            writeln!(stream, "{event}").unwrap();
        }
    }
    stream
}

#[test]
fn a_stream_beside_the_log_counts_with_it_and_each_event_once() {
    let answering = Answering::with(status_body(RUN, "running"));
    let logs = Logs::with_run(RUN);
    let gloss = Setup::before(&answering.upstream).logs(&logs).start();
    let alone = enhanced(&gloss);
    assert!(kinds(&alone).is_empty());
    let stream = logs.root().join(format!("run_{RUN}_stream.jsonl"));
    fs::write(&stream, stream_of(&Log::of(RUN).running())).unwrap();
    let both = enhanced(&gloss);
    assert_eq!(kinds(&both), ["file", "file"]);
    assert_eq!((source(&both), cache(&both)), ("file", "miss"));
    assert_eq!(steps(&both), steps(&alone));
    assert_eq!(both["run_details"]["turns"], alone["run_details"]["turns"]);
    assert_eq!(both["run_details"]["max_turns"], 30, "which the stream alone tells");
    let bytes: u64 =
        [logs.path(RUN), stream.clone()].iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert_eq!(both["enhancement"]["log_bytes"], bytes);
    assert_eq!(cache(&enhanced(&gloss)), "hit");

    let finished = Log::of(RUN).finished("Done, and pushed.");
    logs.write(RUN, &finished);
    assert_eq!(cache(&enhanced(&gloss)), "incremental");
    fs::remove_file(&stream).unwrap();
    assert!(kinds(&enhanced(&gloss)).is_empty(), "it is gone, and what it told with it");
}

#[test]
fn what_the_log_cut_is_told_by_the_stream() {
    let answering = Answering::with(status_body(RUN, "completed"));
    let (logs, report) = (Logs::new(), "All of it. ".repeat(300));
    let whole = Log::of(RUN).says("Working.").result("success", Some("short"));
    logs.write(RUN, Log::of(RUN).says("Working.").result("success", Some(&report)).text());
    let stream = stream_of(&whole.text()).replace("\"result\":\"short\"", &format!("\"result\":{report:?}"));
    fs::write(logs.root().join(format!("run_{RUN}_stream.jsonl")), stream).unwrap();
    let gloss = Setup::before(&answering.upstream).logs(&logs).start();
    let answer = enhanced(&gloss);
    assert_eq!(answer["final_result"], report.as_str());
    assert_eq!(answer["run_details"]["turns"], 7, "the end counts once");
}

/// A log named after the session, which the answer does not tell, as old as this.
fn of_session(logs: &Logs, name: &str, log: &str, age: u64) {
    let path = logs.root().join(name);
    fs::write(&path, log).unwrap();
    let modified = SystemTime::now() - Duration::from_secs(age);
    File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
}

#[test]
fn a_log_named_after_the_session_is_found_by_the_run_that_it_names() {
    let answering = Answering::with(later_status_body(RUN, "running"));
    let logs = Logs::new();
    let gloss = Setup::before(&answering.upstream).logs(&logs).start();
    assert_eq!(reason(&gloss), "no-log");
    of_session(&logs, "builder_s-2.log", &Log::of("run_2").running(), 10);
    of_session(&logs, "other_s-1.log", &Log::of(RUN).running(), 20);
    of_session(
        &logs,
        "builder_s-1.log",
        &(Log::of("run_0").running() + &Log::of(RUN).todo(&[("Mine", "pending")]).text()),
        30,
    );
    let found = eventually("a search is made once a second at most", || {
        let answer = gloss.get(&crate::support::answers::status_path(RUN), &["Gloss: enhanced"]);
        (answer.labels().0 == "enhanced").then(|| answer.json())
    });
    assert_eq!(steps(&found).iter().map(|step| step.0.as_str()).collect::<Vec<_>>(), ["Mine"]);
    assert_eq!(cache(&enhanced(&gloss)), "hit");

    let path = logs.root().join("builder_s-1.log");
    let more = Log::of(RUN).todo(&[("Mine", "completed"), ("New", "in_progress")]).text();
    let grown = fs::read_to_string(&path).unwrap() + &more.replace("toolu_", "more_");
    fs::write(&path, grown).unwrap();
    let grown = enhanced(&gloss);
    assert_eq!((cache(&grown), steps(&grown)[1].0.as_str()), ("incremental", "New"));

    fs::rename(&path, logs.root().join("builder_s-1.log.1")).unwrap();
    assert_eq!(reason(&gloss), "no-log", "it was rotated away");
    fs::write(&path, Log::of(RUN).todo(&[("Anew", "in_progress")]).text()).unwrap();
    let anew = enhanced(&gloss);
    assert_eq!((cache(&anew), steps(&anew)[0].0.as_str()), ("miss", "Anew"));
}

#[test]
fn names_of_the_answer_are_used_and_such_as_could_climb_are_not() {
    let session = "4a1f7c1e-5a53-4c39-9f53-0d6f3a1c9b11";
    let answering = Answering::with(status_body(RUN, "running"));
    let logs = Logs::new();
    fs::create_dir(logs.root().join("in")).unwrap();
    fs::write(logs.root().join("secret.log"), Log::of(RUN).running()).unwrap();
    let named = logs.root().join(format!("in/builder-{session}.log"));
    fs::write(&named, Log::of(RUN).running()).unwrap();
    let sources = format!(
        "[{{ url = \"{}\", templates = [\"{{workflow_name}}-{{session_id}}.log\"] }}]",
        logs.root().join("in").display()
    );
    let gloss = Setup::before(&answering.upstream).sources(&sources).start();
    assert_eq!(source(&enhanced(&gloss)), "file");
    fs::remove_file(named).unwrap();
    // What a search finds is another run's.
    fs::write(logs.root().join(format!("in/{session}.log")), Log::of("run_2").running()).unwrap();
    for bad in ["../secret", "..", "a/b", "", "x\\u0000"] {
        let climbing = status_body(RUN, "running").replace(session, bad).replace("\"builder\"", "\"..\"");
        answering.now(climbing);
        let other = Setup::before(&answering.upstream)
            .sources(&sources.replace("{workflow_name}-{session_id}", "{session_id}"))
            .start();
        assert_eq!(reason(&other), "no-log", "{bad}");
    }
}
