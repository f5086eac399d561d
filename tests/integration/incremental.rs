//! A poll reads what was appended since the last, and nothing else, however long the log is: shown by counting the
//! bytes read.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use crate::support::answers::{json, status_body, status_body_with, status_path};
use crate::support::client::Answer;
use crate::support::eventually;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream};

const KB: u64 = 1024;
const MB: u64 = 1024 * KB;

/// What has been looked up and read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counters {
    lookups: u64,
    reads: u64,
    bytes: u64,
}

impl Counters {
    fn since(self, before: Self) -> Self {
        Self {
            lookups: self.lookups - before.lookups,
            reads: self.reads - before.reads,
            bytes: self.bytes - before.bytes,
        }
    }
}

fn counters(gloss: &Sidecar) -> Counters {
    Counters {
        lookups: gloss.metric("gloss_log_lookups_total"),
        reads: gloss.metric("gloss_log_reads_total"),
        bytes: gloss.metric("gloss_log_read_bytes_total"),
    }
}

/// Polls once; what that cost.
fn poll(gloss: &Sidecar) -> Counters {
    let before = counters(gloss);
    let answer = gloss.get(&status_path("run_1"), &["Gloss: enhanced"]);
    assert_eq!(answer.labels(), ("enhanced", "header"));
    counters(gloss).since(before)
}

/// Asserts that the log was looked up, once more where the upstream was slow or the run has ended, and not read.
fn assert_free(cost: Counters) {
    assert!((1..=2).contains(&cost.lookups) && cost.reads == 0 && cost.bytes == 0, "{cost:?}");
}

/// A log of about this length: lines at both ends, and between them one which is longer than is read, in a hole that
/// takes no room.
fn write_log(logs: &Logs, bytes: u64) {
    let lines = Log::of("run_1").running();
    let mut file = File::create(logs.path("run_1")).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
    file.seek(SeekFrom::Start(bytes - lines.len() as u64 - 1)).unwrap();
    file.write_all(b"\n").unwrap();
    file.write_all(lines.as_bytes()).unwrap();
    assert_eq!(file.metadata().unwrap().len(), bytes);
}

/// Lines of 1 KB together.
fn one_kb() -> String {
    let line = "{\"event_type\": \"event\", \"data\": {\"message\": \"";
    let padding = "x".repeat(1024 - line.len() - 4);
    format!("{line}{padding}\"}}}}\n")
}

fn costs_what_was_appended(length: u64) {
    let (upstream, logs) = (Upstream::answering(json(status_body("run_1", "running"))), Logs::in_memory());
    write_log(&logs, length);
    let gloss = Setup::before(&upstream).logs(&logs).set("logs.max_line_bytes", "\"64KiB\"").start();
    assert_eq!(poll(&gloss).bytes, length, "the first poll reads all of it");
    for _ in 0..3 {
        assert_free(poll(&gloss));
    }
    for _ in 0..3 {
        let line = one_kb();
        assert_eq!(line.len() as u64, KB);
        logs.append("run_1", &line);
        let cost = poll(&gloss);
        assert!((KB..KB + 128).contains(&cost.bytes) && cost.reads <= 2, "{cost:?} for 1 KB");
        assert_free(poll(&gloss));
    }
}

#[test]
fn a_poll_of_1_mb_reads_what_was_appended() {
    costs_what_was_appended(MB);
}

#[test]
fn a_poll_of_500_mb_reads_what_was_appended() {
    costs_what_was_appended(500 * MB);
}

#[test]
fn a_basic_answer_reads_nothing_and_looks_for_nothing() {
    let (upstream, logs) =
        (Upstream::answering(json(status_body("run_1", "running"))), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    gloss.get(&status_path("run_1"), &[]);
    gloss.get(&status_path("run_1"), &["Gloss: basic"]);
    gloss.get("/docs", &["Gloss: enhanced"]);
    assert_eq!(counters(&gloss), Counters { lookups: 0, reads: 0, bytes: 0 });
}

#[test]
fn a_torn_last_line_is_read_once_and_completed_later() {
    let (upstream, logs) =
        (Upstream::answering(json(status_body("run_1", "running"))), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    poll(&gloss);
    let line = one_kb();
    let (torn, rest) = line.split_at(500);
    logs.append("run_1", torn);
    assert!((500..600).contains(&poll(&gloss).bytes));
    logs.append("run_1", rest);
    assert!((524..624).contains(&poll(&gloss).bytes));
    assert_eq!(poll(&gloss).bytes, 0);
}

#[test]
fn what_one_poll_may_read_is_bounded_and_the_next_goes_on_from_there() {
    let (upstream, logs) = (Upstream::answering(json(status_body("run_1", "running"))), Logs::in_memory());
    write_log(&logs, 8 * MB);
    let setup = Setup::before(&upstream).logs(&logs).set("logs.max_line_bytes", "\"64KiB\"");
    let gloss = setup.set("logs.max_bytes_per_poll", "\"1MiB\"").start();
    let mut read = 0;
    loop {
        let answer = gloss.get(&status_path("run_1"), &["Gloss: enhanced"]);
        let bytes = counters(&gloss).bytes;
        // Twice where the upstream was slow, for then the log is looked at once more.
        assert!((MB..2 * MB + KB).contains(&(bytes - read)), "{bytes} after {read}");
        read = bytes;
        if answer.labels() == ("enhanced", "header") {
            break;
        }
        assert_eq!(answer.labels(), ("basic", "deadline"));
        assert!(read < 8 * MB);
    }
    assert!(read >= 8 * MB);
}

#[test]
fn a_poll_of_several_logs_reads_what_each_has_grown_by() {
    let upstream = Upstream::answering(json(status_body("run_1", "running")));
    let (logs, stream) = (Logs::new(), "run_run_1_stream.jsonl");
    let long = (0..300).fold(Log::of("run_1"), |log, n| log.says(&format!("Word {n}.")));
    let grown = long.clone().says("More.").text();
    let (long, more) = (long.text(), grown.len());
    logs.write("run_1", &long);
    std::fs::write(logs.root().join(stream), &long).unwrap();
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let first = poll(&gloss);
    assert!(first.bytes >= 2 * long.len() as u64, "{first:?}");
    assert_free(poll(&gloss));
    let appended = (more - long.len()) as u64;
    logs.write("run_1", &grown);
    let second = poll(&gloss);
    assert!((appended..=appended + KB).contains(&second.bytes), "{second:?} for {appended} bytes");
    std::fs::write(logs.root().join(stream), &grown).unwrap();
    let third = poll(&gloss);
    assert!((appended..=appended + KB).contains(&third.bytes), "{third:?} for {appended} bytes");
    assert_free(poll(&gloss));
}

/// An upstream that answers a poll once the log has been looked at.
struct Slow {
    upstream: Upstream,
    answers: Sender<Vec<u8>>,
}

impl Slow {
    fn new() -> Self {
        let (answers, answer) = channel::<Vec<u8>>();
        let answer = Mutex::new(answer);
        let upstream = Upstream::scripted(move |call| {
            call.wire.send(answer.lock().unwrap().recv().unwrap());
            Then::Keep
        });
        Self { upstream, answers }
    }

    /// Polls once; what happens meanwhile happens between the look and the answer. What came, and what it cost.
    fn poll(&self, gloss: &Sidecar, answer: &str, meanwhile: impl FnOnce()) -> (Answer, Counters) {
        let before = counters(gloss);
        let mut client = gloss.client();
        client.get(&status_path("run_1"), &["Gloss: enhanced"]);
        let has_looked = || (counters(gloss).lookups > before.lookups).then_some(());
        eventually("the log is looked at while the upstream answers", has_looked);
        meanwhile();
        self.answers.send(json(answer)).unwrap();
        let answer = client.answer();
        assert_eq!(answer.labels(), ("enhanced", "header"));
        (answer, counters(gloss).since(before))
    }
}

/// Its client asks no more once it has read that the run has ended.
#[test]
fn the_notes_of_an_ended_run_hold_what_was_written_while_the_upstream_answered() {
    let (slow, logs) = (Slow::new(), Logs::with_run("run_1"));
    let gloss = Setup::before(&slow.upstream).logs(&logs).start();
    slow.poll(&gloss, &status_body("run_1", "running"), || {});
    let ends = || logs.write("run_1", Log::of("run_1").finished("All is done."));
    let (answer, cost) = slow.poll(&gloss, &status_body("run_1", "completed"), ends);
    assert_eq!(answer.json()["final_result"], "All is done.");
    assert_eq!(cost.lookups, 2, "however quick the upstream was");
}

/// The first look knows the run's id alone, and the second what the answer tells, too.
#[test]
fn logs_that_only_the_answer_names_are_not_read_anew_at_each_poll() {
    let session = "5d3c1e1c-9a0b-4f0e-8a63-0f6f2f0c9d11";
    let answer = status_body_with("run_1", "completed", "", Some(session));
    let (slow, logs) = (Slow::new(), Logs::with_run("run_1"));
    std::fs::write(logs.root().join(format!("builder_{session}.log")), Log::of("run_1").running()).unwrap();
    let gloss = Setup::before(&slow.upstream).logs(&logs).start();
    slow.poll(&gloss, &answer, || {});
    for _ in 0..3 {
        let (_, cost) = slow.poll(&gloss, &answer, || {});
        assert_eq!(cost, Counters { lookups: 2, reads: 0, bytes: 0 });
    }
}
