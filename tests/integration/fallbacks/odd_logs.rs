//! The log is missing, refused, odd, or changes under the reader.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;
use tempfile::TempDir;

use super::{Case, case, case_with};
use crate::support::answers::{self, status_body, status_body_with, status_path};
use crate::support::eventually;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::Setup;
use crate::support::upstream::Upstream;

fn running() -> Vec<u8> {
    answers::json(status_body("run_1", "running"))
}

/// The case of a running run without a log.
fn without_log() -> Case {
    let case = case(running());
    fs::remove_file(case.logs.path("run_1")).unwrap();
    case
}

/// The first item of the list that the next answer shows.
fn first_item(case: &Case) -> String {
    let answer = case.ask();
    assert_eq!(answer.labels(), ("enhanced", "header"));
    let object = answer.json();
    let mut steps = object["workflow_steps"]["steps"].as_array().unwrap().iter();
    let item = steps.find(|step| step["source"] == "todo").unwrap_or_else(|| panic!("no list: {object}"));
    item["name"].as_str().unwrap().to_owned()
}

/// A log whose first item is this, and with so many calls after it.
fn log_about(item: &str, calls: usize) -> String {
    let log = Log::of("run_1").todo(&[(item, "in_progress"), ("Run the tests", "pending")]);
    (0..calls).fold(log, |log, _| log.call("Read", &json!({"file_path": "src/parser.py"}))).text()
}

#[test]
fn a_log_that_is_missing_or_empty_is_no_log() {
    let case = without_log();
    case.falls_back("no-log");
    case.logs.write("run_1", "");
    case.falls_back("no-log");
    case.logs.write("run_1", Log::of("run_1").running());
    assert_eq!(case.ask().labels(), ("enhanced", "header"));
    fs::remove_file(case.logs.path("run_1")).unwrap();
    case.falls_back("no-log");
}

#[test]
fn a_folder_of_logs_that_is_missing_is_no_log() {
    let nowhere = |setup: Setup| setup.set("logs.sources", "[\"/nowhere/at/all\"]");
    case_with(running(), nowhere).falls_back("no-log");
}

#[test]
fn without_a_source_of_logs_there_is_no_log() {
    let silent = answers::json(status_body_with("run_1", "running", "", None));
    case_with(silent, |setup| setup.set("logs.sources", "[]")).falls_back("no-log");
}

#[test]
fn a_run_id_that_could_leave_the_folder_is_not_looked_for() {
    let case = case(running());
    for id in
        ["..%2frun_1", "..", "%2e%2e%2frun_1", ".run_1", "run%001", "%ff", "run_1%2f..%2frun_1", "%252e"]
    {
        let answer = case.gloss.get(&status_path(id), &["Gloss: enhanced"]);
        assert_eq!(answer.labels(), ("basic", "no-log"), "{id}");
        assert_eq!(answer.text(), status_body("run_1", "running"));
    }
    assert_eq!(case.gloss.metric("gloss_log_lookups_total"), 0);
}

#[test]
fn a_log_that_may_not_be_read_is_told_apart_from_none() {
    let (upstream, logs) = (Upstream::answering(running()), Logs::with_run("run_1"));
    fs::set_permissions(logs.root(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(logs.path("run_1"), Permissions::from_mode(0o000)).unwrap();
    let gloss = Setup::before(&upstream).logs(&logs).unprivileged().start();
    let case = Case { upstream, logs, gloss };
    case.falls_back("log-unreadable");
    fs::set_permissions(case.logs.path("run_1"), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(case.ask().labels(), ("enhanced", "header"));
}

#[test]
fn a_directory_in_the_place_of_a_log_is_refused() {
    let case = without_log();
    fs::create_dir(case.logs.path("run_1")).unwrap();
    case.falls_back("log-unreadable");
}

#[test]
fn a_fifo_in_the_place_of_a_log_is_refused_without_waiting_for_its_writer() {
    let case = without_log();
    assert!(Command::new("mkfifo").arg(case.logs.path("run_1")).status().unwrap().success());
    case.falls_back("log-unreadable");
}

#[test]
fn a_link_out_of_the_folder_is_refused() {
    let (case, outside) = (without_log(), TempDir::new().unwrap());
    let secret = outside.path().join("secret.log");
    fs::write(&secret, Log::of("run_1").running()).unwrap();
    symlink(&secret, case.logs.path("run_1")).unwrap();
    case.falls_back("log-unreadable");
    fs::remove_file(case.logs.path("run_1")).unwrap();
    symlink("/proc/self/environ", case.logs.path("run_1")).unwrap();
    case.falls_back("log-unreadable");
}

#[test]
fn a_socket_or_a_device_in_the_place_of_a_log_is_refused() {
    let case = without_log();
    let socket = std::os::unix::net::UnixListener::bind(case.logs.path("run_1")).unwrap();
    case.falls_back("log-unreadable");
    drop(socket);
    fs::remove_file(case.logs.path("run_1")).unwrap();
    // Where the test may make one: endless zero bytes, if anybody read them.
    let device = Command::new("mknod").arg(case.logs.path("run_1")).args(["c", "1", "5"]).status().unwrap();
    case.falls_back(if device.success() { "log-unreadable" } else { "no-log" });
}

#[test]
fn a_link_that_stays_in_the_folder_and_a_second_name_of_a_file_are_read() {
    let case = case(running());
    let elsewhere = case.logs.root().join("elsewhere.log");
    fs::rename(case.logs.path("run_1"), &elsewhere).unwrap();
    symlink("elsewhere.log", case.logs.path("run_1")).unwrap();
    assert_eq!(case.ask().labels(), ("enhanced", "header"));
    fs::remove_file(case.logs.path("run_1")).unwrap();
    fs::hard_link(&elsewhere, case.logs.path("run_1")).unwrap();
    assert_eq!(case.ask().labels(), ("enhanced", "header"));
}

#[test]
fn a_log_that_was_rotated_away_is_read_anew_under_its_old_name() {
    let case = case(running());
    case.logs.write("run_1", log_about("Old work", 3));
    assert_eq!(first_item(&case), "Old work");
    fs::rename(case.logs.path("run_1"), case.logs.root().join("run_1.log.1")).unwrap();
    case.falls_back("no-log");
    case.logs.write("run_1", log_about("New work", 1));
    assert_eq!(first_item(&case), "New work");
}

#[test]
fn a_log_that_was_rewritten_at_its_old_size_with_its_old_end_is_read_anew() {
    let case = case(running());
    case.logs.write("run_1", log_about("Old work", 1));
    assert_eq!(first_item(&case), "Old work");
    // The list stands beyond the first bytes, and calls after it make the end the same.
    case.logs.write("run_1", log_about("New work", 1));
    eventually("the second look tells a rewriting from a write", || {
        (first_item(&case) == "New work").then_some(())
    });
}

#[test]
fn a_log_without_any_line_break_is_read_in_bounded_memory() {
    let case = case_with(running(), |setup| setup.set("logs.max_line_bytes", "\"64KiB\""));
    case.ask();
    let before = case.gloss.peak_memory_kib();
    let megabytes = 96;
    // A hole: endless zero bytes that take no room on the disk.
    File::options().write(true).open(case.logs.path("run_1")).unwrap().set_len(megabytes << 20).unwrap();
    let answer = case.ask();
    assert_eq!(answer.labels(), ("enhanced", "header"));
    assert!(case.gloss.metric("gloss_log_read_bytes_total") >= megabytes << 20);
    let grown = case.gloss.peak_memory_kib() - before;
    assert!(grown < 16 * 1024, "{grown} KiB more for a line of {megabytes} MiB");
}

#[test]
fn a_log_that_grows_while_it_is_read_always_gives_an_answer() {
    let case = case(running());
    let polled = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let lines = Log::of("run_1").running();
            // Never more than a few megabytes, also when the test fails meanwhile.
            for _ in (0..1000).take_while(|_| !polled.load(Ordering::Acquire)) {
                // In pieces that end inside a line, as a reader may see them.
                lines.as_bytes().chunks(700).for_each(|piece| case.logs.append("run_1", piece));
            }
        });
        for _ in 0..20 {
            let answer = case.ask();
            assert_eq!(answer.labels(), ("enhanced", "header"));
            assert_eq!(answer.json()["run_id"], "run_1");
        }
        polled.store(true, Ordering::Release);
    });
    assert_eq!(case.gloss.enrichments("enhanced"), 20);
}

#[test]
fn a_log_that_another_file_has_replaced_is_read_anew() {
    let case = case(running());
    case.logs.write("run_1", log_about("Old work", 1));
    assert_eq!(first_item(&case), "Old work");
    let other = case.logs.root().join("other");
    // Longer than the first, so that its length alone would look like growth.
    fs::write(&other, log_about("New work", 3)).unwrap();
    fs::rename(&other, case.logs.path("run_1")).unwrap();
    assert_eq!(first_item(&case), "New work");
}

#[test]
fn a_log_that_was_truncated_and_written_again_is_read_anew() {
    let case = case(running());
    case.logs.write("run_1", log_about("Old work", 2));
    assert_eq!(first_item(&case), "Old work");
    case.logs.write("run_1", log_about("New work", 1));
    assert_eq!(first_item(&case), "New work");
    // Also where it has grown past the old end by now.
    case.logs.write("run_1", log_about("Newest work", 5));
    assert_eq!(first_item(&case), "Newest work");
}

#[test]
fn a_log_that_was_rewritten_at_the_same_size_is_read_anew() {
    let case = case(running());
    let (old, new) = (log_about("Old work", 1).into_bytes(), log_about("New work", 1).into_bytes());
    case.logs.write("run_1", &old);
    assert_eq!(first_item(&case), "Old work");
    let end = b"\n{\"of\": \"a rewritten log\"}\n";
    let rewritten = [&new[..new.len() - end.len()], end].concat();
    assert_eq!(rewritten.len(), old.len());
    case.logs.write("run_1", rewritten);
    assert_eq!(first_item(&case), "New work");
}

#[test]
fn garbage_of_any_bytes_is_a_short_analysis_and_no_error() {
    let case = case(running());
    let every_byte: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let garbage: [&[u8]; 7] = [
        b"\0",
        b"\n\n\n",
        b"not json\n{\"half\": ",
        b"\xff\xfe\xfd\n\xed\xa0\x80\n\xef\xbb\xbf{}\r\n",
        b"{\"timestamp\": 7, \"event_type\": [], \"data\": \"x\"}\n[]\nnull\n3\n",
        b"{\"event_type\": \"claude_stream_assistant\", \"data\": {\"message\": {\"content\": {}}}}\n",
        &every_byte,
    ];
    for bytes in garbage {
        case.logs.write("run_1", bytes);
        let answer = case.ask();
        assert_eq!(answer.labels(), ("enhanced", "header"), "{:?}", &bytes[..bytes.len().min(40)]);
        let upstream = status_body("run_1", "running");
        assert!(answer.text().starts_with(upstream.trim_end_matches('}')));
        assert_eq!(answer.json()["status"], "running");
    }
}
