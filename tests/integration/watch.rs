//! `gloss watch` before the real proxy: what it prints, how it ends, and what it does without live updates. Its output is
//! no terminal here, so that it prints a line for each change.

use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use std::io::{BufRead, BufReader, Read};

use crate::support::answers::{answer, json, status_body};
use crate::support::eventually;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::{PROGRAM, Setup, Sidecar};
use crate::support::upstream::{Then, Upstream, nobody};

const RUN: &str = "run_1";

/// The program, watching.
struct Watcher {
    child: std::process::Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Watcher {
    fn of(url: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["watch", RUN, "--url", url]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in stdout.lines() {
                kept.lock().unwrap().push(line.unwrap());
            }
        });
        Self { child, lines, reader: Some(reader) }
    }

    fn before(gloss: &Sidecar) -> Self {
        Self::of(&format!("http://{}", gloss.clients), &["--header", "x-api-key: k"])
    }

    /// Waits for a line with these words.
    fn line_with(&self, words: &str) -> String {
        eventually(words, || self.lines.lock().unwrap().iter().find(|line| line.contains(words)).cloned())
    }

    /// How it ended, all that it printed, and what it said on stderr.
    fn ended(&mut self) -> (ExitStatus, Vec<String>, String) {
        let status = eventually("it ends", || self.child.try_wait().unwrap());
        self.reader.take().unwrap().join().unwrap();
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (status, self.lines.lock().unwrap().clone(), stderr)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An upstream whose answer can be changed, for callers with the key only.
fn guarded(first: Vec<u8>) -> (Upstream, Arc<Mutex<Vec<u8>>>) {
    let now = Arc::new(Mutex::new(first));
    let kept = Arc::clone(&now);
    let upstream = Upstream::scripted(move |call| {
        call.body();
        let refused = answer(
            "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\n",
            "{\"detail\":\"Invalid API Key\"}",
        );
        let has_key = call.seen.head.value("x-api-key") == Some("k");
        let bytes = if has_key { kept.lock().unwrap().clone() } else { refused };
        call.wire.send(bytes);
        Then::Keep
    });
    (upstream, now)
}

fn setup(upstream: &Upstream, logs: &Logs) -> Setup {
    Setup::before(upstream).logs(logs).set("stream.upstream_interval", "\"50ms\"")
}

#[test]
fn a_run_is_watched_to_its_good_end() {
    let (upstream, answer) = guarded(json(status_body(RUN, "running")));
    let logs = Logs::with_run(RUN);
    let gloss = setup(&upstream, &logs).start();
    let mut watcher = Watcher::before(&gloss);
    let first = watcher.line_with("step 2 of 3: Fix the parser");
    assert!(first.contains("Editing src/parser.py"), "{first}");
    let command = serde_json::json!({"command": "cargo test"});
    let items =
        [("Read the parser", "completed"), ("Fix the parser", "completed"), ("Test it", "in_progress")];
    logs.write(RUN, Log::of(RUN).todo(&items).call("Bash", &command).text());
    watcher.line_with("Running cargo test");
    logs.write(RUN, Log::of(RUN).finished("All is well.\nTwo lines of it."));
    *answer.lock().unwrap() = json(status_body(RUN, "completed"));
    let (status, lines, stderr) = watcher.ended();
    assert_eq!((status.code(), stderr.as_str()), (Some(0), ""), "{lines:?}");
    assert!(
        lines.iter().any(|line| line == "3 steps completed · 1 file changed · 0 tests passed"),
        "{lines:?}"
    );
    assert!(lines.ends_with(&["All is well.".to_owned(), "Two lines of it.".to_owned()]), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains('\u{1b}')), "{lines:?}");
}

#[test]
fn a_run_that_fails_is_a_failure() {
    let (upstream, _answer) = guarded(json(status_body(RUN, "failed")));
    let logs = Logs::with_run(RUN);
    let gloss = setup(&upstream, &logs).start();
    let (status, lines, stderr) = Watcher::before(&gloss).ended();
    assert_eq!((status.code(), stderr.as_str()), (Some(1), "gloss: the run failed\n"), "{lines:?}");
}

#[test]
fn without_notes_the_answers_are_polled() {
    let (upstream, answer) = guarded(json(status_body(RUN, "running")));
    let logs = Logs::new();
    let gloss = setup(&upstream, &logs).start();
    let mut watcher = Watcher::before(&gloss);
    watcher.line_with("running · no notes yet");
    logs.write(RUN, Log::of(RUN).running());
    watcher.line_with("step 2 of 3: Fix the parser");
    *answer.lock().unwrap() = json(status_body(RUN, "completed"));
    assert_eq!(watcher.ended().0.code(), Some(0));
}

/// Of which one poll reads only a part.
fn long_log() -> Log {
    (0..400).fold(Log::of(RUN), |log, n| log.says(&format!("Word {n}: {}", "x".repeat(1000))))
}

fn reading_little(upstream: &Upstream, logs: &Logs) -> Sidecar {
    setup(upstream, logs).set("logs.max_bytes_per_poll", "\"128KiB\"").start()
}

/// An ended run gets no second poll but by asking again.
#[test]
fn the_notes_of_an_ended_run_are_waited_for() {
    let (upstream, _answer) = guarded(json(status_body(RUN, "completed")));
    let logs = Logs::new();
    logs.write(RUN, long_log().finished("All is well."));
    let gloss = reading_little(&upstream, &logs);
    let (status, lines, stderr) = Watcher::before(&gloss).ended();
    assert_eq!((status.code(), stderr.as_str()), (Some(0), ""), "{lines:?}");
    assert_eq!(lines.first().unwrap(), "completed · no notes yet");
    assert_eq!(lines.last().unwrap(), "All is well.", "{lines:?}");
}

#[test]
fn a_stream_that_ends_without_notes_is_asked_for_them() {
    let (upstream, answer) = guarded(json(status_body(RUN, "running")));
    let logs = Logs::with_run(RUN);
    let gloss = reading_little(&upstream, &logs);
    let mut watcher = Watcher::before(&gloss);
    watcher.line_with("step 2 of 3: Fix the parser");
    logs.append(RUN, long_log().result("error_max_turns", None).text());
    *answer.lock().unwrap() = json(status_body(RUN, "completed"));
    let (status, lines, stderr) = watcher.ended();
    assert_eq!(
        (status.code(), stderr.as_str()),
        (Some(1), "gloss: the run stopped at its turn limit\n"),
        "{lines:?}"
    );
}

#[test]
fn an_ended_run_is_told_of_also_where_its_notes_cannot_be_asked_for_again() {
    let (upstream, now) = guarded(json(status_body(RUN, "completed")));
    let logs = Logs::new();
    logs.write(RUN, long_log().finished("All is well."));
    let gloss = setup(&upstream, &logs).set("logs.max_bytes_per_poll", "\"1KiB\"").start();
    let mut watcher = Watcher::before(&gloss);
    watcher.line_with("completed · no notes yet");
    *now.lock().unwrap() = answer("HTTP/1.1 503 Service Unavailable\r\n", "");
    let (status, lines, stderr) = watcher.ended();
    assert_eq!((status.code(), stderr.as_str()), (Some(0), ""), "{lines:?}");
}

#[test]
fn the_kill_switch_is_named_while_the_run_goes_on_and_at_its_end() {
    let (upstream, answer) = guarded(json(status_body(RUN, "running")));
    let logs = Logs::with_run(RUN);
    let gloss = setup(&upstream, &logs).set("rollout.enabled", "false").start();
    let mut watcher = Watcher::before(&gloss);
    let going_on = watcher.line_with("running · no notes: disabled");
    assert!(going_on.contains("the kill switch is on: `gloss rollout --enabled true`"), "{going_on}");
    *answer.lock().unwrap() = json(status_body(RUN, "completed"));
    let (status, lines, stderr) = watcher.ended();
    assert_eq!((status.code(), stderr.as_str()), (Some(0), ""), "{lines:?}");
    assert!(lines.last().unwrap().starts_with("completed · no notes: disabled"), "{lines:?}");
}

#[test]
fn a_gloss_that_reaches_no_service_is_told_from_the_service() {
    let gloss = Setup::before_address(nobody()).start();
    let (status, _, stderr) = Watcher::before(&gloss).ended();
    assert_eq!(status.code(), Some(1));
    let words = "gloss answers 502 itself (connection_refused): The upstream cannot be reached\n";
    assert!(stderr.ends_with(words), "{stderr}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let (upstream, _answer) = guarded(json(status_body(RUN, "running")));
    let logs = Logs::with_run(RUN);
    let gloss = setup(&upstream, &logs).start();
    let url = format!("http://{}", gloss.clients);
    let nowhere = format!("http://{}", nobody());
    for (url, arguments, words) in [
        (
            url.as_str(),
            &[][..],
            "run_1 cannot be read: the service answers 401 Unauthorized: Invalid API Key",
        ),
        (nowhere.as_str(), &[], "run_1 cannot be read from http://127.0.0.1"),
        ("ftp://x", &[], "--url ftp://x: the scheme has to be http, https or unix"),
    ] {
        let (status, lines, stderr) = Watcher::of(url, arguments).ended();
        assert_eq!((status.code(), lines.len(), stderr.lines().count()), (Some(1), 0, 1), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
    }
    for arguments in [["--header", "nonsense"], ["--route", "/status"]] {
        let (status, _, stderr) = Watcher::of(&url, &arguments).ended();
        assert_eq!(status.code(), Some(2), "{stderr}");
    }
}

#[test]
fn a_key_that_is_revoked_ends_it() {
    let (upstream, now) = guarded(json(status_body(RUN, "running")));
    let logs = Logs::with_run(RUN);
    let gloss = setup(&upstream, &logs).start();
    let mut watcher = Watcher::before(&gloss);
    watcher.line_with("step 2 of 3");
    *now.lock().unwrap() = answer("HTTP/1.1 403 Forbidden\r\n", "");
    let (status, _, stderr) = watcher.ended();
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains("run_1 cannot be read: the service answers 403 now"), "{stderr}");
}

#[test]
fn a_restart_of_gloss_is_waited_out() {
    let (upstream, answer) = guarded(json(status_body(RUN, "running")));
    let logs = Logs::with_run(RUN);
    let mut gloss = setup(&upstream, &logs).start();
    let address = format!("\"{}\"", gloss.clients);
    let mut watcher = Watcher::before(&gloss);
    watcher.line_with("step 2 of 3");
    gloss.signal(rustix::process::Signal::TERM);
    assert_eq!(gloss.ended().code(), Some(0));
    *answer.lock().unwrap() = json(status_body(RUN, "completed"));
    let _gloss = setup(&upstream, &logs).set("listen", &address).start();
    let (status, lines, stderr) = watcher.ended();
    assert_eq!(status.code(), Some(0), "{lines:?} {stderr}");
}
