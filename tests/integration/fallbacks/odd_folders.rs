//! The folder of the logs is not what it was, or the machine is out of something.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::{Case, case};
use crate::support::answers::{json, status_body, status_path};
use crate::support::eventually;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::Setup;
use crate::support::upstream::Upstream;

fn running() -> Vec<u8> {
    json(status_body("run_1", "running"))
}

/// Reads the logs in a folder below the one that the test owns, so that it can be moved.
fn in_subfolder() -> Case {
    let (upstream, logs) = (Upstream::answering(running()), Logs::new());
    fs::create_dir(logs.root().join("now")).unwrap();
    write(&logs);
    let setup = Setup::before(&upstream).logs(&logs);
    let root = logs.root().join("now").display().to_string();
    let gloss = setup.set("logs.sources", &format!("[{root:?}]")).start();
    Case { upstream, logs, gloss }
}

fn write(logs: &Logs) {
    fs::write(logs.root().join("now/run_run_1.log"), Log::of("run_1").running()).unwrap();
}

fn is_enhanced(case: &Case) {
    assert_eq!(case.ask().labels(), ("enhanced", "header"));
}

#[test]
fn a_folder_that_goes_and_comes_back_is_found_again() {
    let case = in_subfolder();
    is_enhanced(&case);
    fs::remove_dir_all(case.logs.root().join("now")).unwrap();
    case.falls_back("no-log");
    fs::create_dir(case.logs.root().join("now")).unwrap();
    case.falls_back("no-log");
    write(&case.logs);
    is_enhanced(&case);
}

#[test]
fn a_folder_that_is_renamed_is_no_longer_read() {
    let case = in_subfolder();
    is_enhanced(&case);
    fs::rename(case.logs.root().join("now"), case.logs.root().join("then")).unwrap();
    case.falls_back("no-log");
    fs::rename(case.logs.root().join("then"), case.logs.root().join("now")).unwrap();
    is_enhanced(&case);
}

#[test]
fn a_file_in_the_place_of_the_folder_is_no_log() {
    let case = in_subfolder();
    fs::remove_dir_all(case.logs.root().join("now")).unwrap();
    fs::write(case.logs.root().join("now"), "a file").unwrap();
    case.falls_back("no-log");
}

#[test]
fn a_folder_that_may_not_be_entered_is_told_apart_from_none() {
    let (upstream, logs) = (Upstream::answering(running()), Logs::with_run("run_1"));
    fs::set_permissions(logs.root(), Permissions::from_mode(0o755)).unwrap();
    let gloss = Setup::before(&upstream).logs(&logs).unprivileged().start();
    let case = Case { upstream, logs, gloss };
    is_enhanced(&case);
    fs::set_permissions(case.logs.root(), Permissions::from_mode(0o600)).unwrap();
    case.falls_back("log-unreadable");
    fs::set_permissions(case.logs.root(), Permissions::from_mode(0o755)).unwrap();
    is_enhanced(&case);
}

#[test]
fn a_folder_that_may_be_entered_but_not_listed_is_enough() {
    let (upstream, logs) = (Upstream::answering(running()), Logs::with_run("run_1"));
    fs::set_permissions(logs.root(), Permissions::from_mode(0o711)).unwrap();
    let gloss = Setup::before(&upstream).logs(&logs).unprivileged().start();
    is_enhanced(&Case { upstream, logs, gloss });
}

#[test]
fn a_process_out_of_descriptors_answers_or_fails_clearly_and_recovers() {
    let (upstream, logs) = (Upstream::answering(running()), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).descriptors(40).start();
    let mut first = gloss.client();
    assert_eq!(first.get(&status_path("run_1"), &["Gloss: enhanced"]).answer().labels().0, "enhanced");
    // Connections until none is accepted any more: what is beyond waits in the queue of the listener.
    let crowd: Vec<_> = (0..60).map(|_| gloss.client()).collect();
    eventually("gloss is out of descriptors", || {
        gloss.stderr().contains("no connection could be accepted").then_some(())
    });
    let unchanged = first.get(&status_path("run_1"), &["Gloss: enhanced"]).answer();
    assert_eq!(unchanged.labels(), ("enhanced", "header"), "nothing needs to be opened: {unchanged:?}");
    logs.append("run_1", "\n");
    for _ in 0..5 {
        let answer = first.get(&status_path("run_1"), &["Gloss: enhanced"]).answer();
        // The connection to the upstream is pooled; the log cannot be opened.
        assert_eq!((answer.status, answer.labels()), (200, ("basic", "log-unreadable")), "{answer:?}");
        assert_eq!(answer.text(), status_body("run_1", "running"));
    }
    drop(crowd);
    eventually("it recovers", || {
        let answer = first.get(&status_path("run_1"), &["Gloss: enhanced"]).answer();
        (answer.labels() == ("enhanced", "header")).then_some(())
    });
    assert_eq!(gloss.get(&status_path("run_1"), &[]).status, 200);
    assert_eq!(gloss.metric("gloss_panics_total"), 0);
}

#[test]
fn a_log_in_good_order_is_read_whatever_else_lies_in_the_folder() {
    let case = case(running());
    for n in 0..1000 {
        fs::write(case.logs.root().join(format!("run_other_{n}.log")), "{").unwrap();
    }
    is_enhanced(&case);
}
