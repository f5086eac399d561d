//! Live updates (section 7 of the contract): who gets them, what they say and when, and how they end.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::answers::{answer, json, json_with, status_body, status_path, typed};
use crate::support::client::Client;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream};
use crate::support::wire::{Head, latin1};
use crate::support::{PATIENCE, eventually};

const RUN: &str = "run_1";
const ASK: [&str; 2] = ["Gloss: enhanced", "Accept: text/event-stream"];

/// An upstream whose answer a test changes.
struct Changing {
    upstream: Upstream,
    answer: Arc<Mutex<Vec<u8>>>,
}

impl Changing {
    fn from(first: Vec<u8>) -> Self {
        let answer = Arc::new(Mutex::new(first));
        let kept = Arc::clone(&answer);
        let upstream = Upstream::scripted(move |call| {
            call.body();
            let bytes = kept.lock().unwrap().clone();
            call.wire.send(bytes);
            Then::Keep
        });
        Self { upstream, answer }
    }

    fn running() -> Self {
        Self::from(json(status_body(RUN, "running")))
    }

    fn now(&self, answer: Vec<u8>) {
        *self.answer.lock().unwrap() = answer;
    }
}

/// One event, or a comment, whose name is then `:`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    name: String,
    id: Option<String>,
    data: String,
}

impl Event {
    fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// By rules of its own, which know only what gloss sends.
    fn read(text: &str) -> Self {
        let mut event = Self { name: String::new(), id: None, data: String::new() };
        for line in text.lines() {
            let (field, value) = line.split_once(": ").unwrap_or_else(|| panic!("no field: {line:?}"));
            match field {
                "event" => event.name = value.into(),
                "id" => event.id = Some(value.into()),
                "data" => event.data.push_str(value),
                "" => event = Self { name: ":".into(), id: None, data: value.into() },
                "retry" => event.name = "retry".into(),
                other => panic!("no field of ours: {other:?}"),
            }
        }
        event
    }
}

/// A stream that a client reads.
struct Stream {
    client: Client,
    status: u16,
    head: Head,
    bytes: Vec<u8>,
    events: VecDeque<Event>,
    /// Whether it came to its end as a body should.
    complete: bool,
}

impl Stream {
    fn open(gloss: &Sidecar, headers: &[&str]) -> Self {
        let mut client = gloss.client();
        client.get(&status_path(RUN), &[&ASK[..], headers].concat());
        let (status, head) = client.head();
        let (bytes, events) = (Vec::new(), VecDeque::new());
        Self { client, status, head, bytes, events, complete: false }
    }

    fn labels(&self) -> (&str, &str) {
        let label = |name| self.head.value(name).unwrap_or_default();
        (label("gloss-variant"), label("gloss-reason"))
    }

    /// The next of anything; `None` at the end.
    fn next_of_all(&mut self) -> Option<Event> {
        while self.events.is_empty() {
            let chunk = self.client.chunk()?;
            if chunk.is_empty() {
                self.complete = true;
                return None;
            }
            self.bytes.extend(chunk);
            while let Some(end) = self.bytes.windows(2).position(|two| two == b"\n\n") {
                let text: Vec<u8> = self.bytes.drain(..end + 2).collect();
                self.events.push_back(Event::read(std::str::from_utf8(&text).unwrap().trim_end()));
            }
        }
        self.events.pop_front()
    }

    /// The next event.
    fn next(&mut self) -> Option<Event> {
        // Heartbeats would let a test wait for ever.
        let began = Instant::now();
        loop {
            let event = self.next_of_all()?;
            assert!(began.elapsed() < PATIENCE, "nothing but {event:?}");
            if !matches!(event.name.as_str(), ":" | "retry") {
                return Some(event);
            }
        }
    }

    /// The next event, which is a status.
    fn status(&mut self) -> Event {
        let event = self.next().expect("the stream goes on");
        assert_eq!(event.name, "status", "{event:?}");
        event
    }

    /// The first status that fits.
    fn status_that(&mut self, fits: impl Fn(&Value) -> bool) -> Event {
        loop {
            let event = self.status();
            if fits(&event.json()) {
                return event;
            }
        }
    }
}

fn setup(upstream: &Upstream, logs: &Logs) -> Setup {
    Setup::before(upstream).logs(logs)
}

/// Nothing but the log tells of anything.
fn by_the_log_only(upstream: &Upstream, logs: &Logs) -> Setup {
    setup(upstream, logs).set("stream.upstream_interval", "\"1h\"")
}

/// The upstream is asked all the time.
fn asking(upstream: &Upstream, logs: &Logs) -> Setup {
    setup(upstream, logs).set("stream.upstream_interval", "\"50ms\"")
}

fn more() -> String {
    Log::of(RUN).call("Bash", &serde_json::json!({"command": "pytest"})).text()
}

fn length(logs: &Logs) -> String {
    logs.path(RUN).metadata().unwrap().len().to_string()
}

fn wait_for_streams(gloss: &Sidecar, count: u64) {
    eventually("so many streams are open", || (gloss.metric("gloss_streams") == count).then_some(()));
}

#[test]
fn the_first_event_is_the_enhanced_answer_without_its_logs() {
    let extra =
        "etag: \"1\"\r\nset-cookie: a=b\r\naccess-control-allow-origin: *\r\ncache-control: max-age=9\r\n";
    let upstream = Upstream::answering(json_with(extra, status_body(RUN, "running")));
    let logs = Logs::with_run(RUN);
    let gloss = by_the_log_only(&upstream, &logs).start();
    let mut stream = Stream::open(&gloss, &[]);
    assert_eq!((stream.status, stream.labels()), (200, ("enhanced", "header")));
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
        ("set-cookie", "a=b"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(stream.head.values(name), [value], "{name}");
    }
    assert_eq!(stream.head.values("vary"), ["Accept", "Gloss"]);
    assert_eq!((stream.head.value("etag"), stream.head.value("content-length")), (None, None));
    assert_eq!(stream.next_of_all().unwrap().name, "retry");
    let event = stream.status();
    assert_eq!(event.id.as_deref(), Some(length(&logs).as_str()));
    let mut shown = event.json();
    assert_eq!(shown["logs"], Value::Null);
    assert_eq!(shown["workflow_steps"]["current_step"], 2);
    let once = gloss.get(&format!("{}?include_logs=false", status_path(RUN)), &["Gloss: enhanced"]);
    let mut polled = once.json();
    for answer in [&mut shown, &mut polled] {
        // The moment of each, and what it cost.
        answer["enhancement"] = Value::Null;
        answer["progress_summary"] = Value::Null;
        answer["workflow_steps"]["steps"] = Value::Null;
    }
    assert_eq!(shown, polled);
}

#[test]
fn new_log_lines_show_within_a_second_and_no_oftener() {
    let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
    let gloss = by_the_log_only(&changing.upstream, &logs).start();
    let mut stream = Stream::open(&gloss, &[]);
    stream.status();
    let began = Instant::now();
    for round in 1..=3 {
        logs.append(RUN, more());
        let grown = Instant::now();
        assert_eq!(stream.status().id, Some(length(&logs)));
        // Some room for a machine that is busy with other tests.
        assert!(grown.elapsed() < Duration::from_millis(1600), "{:?}", grown.elapsed());
        assert!(began.elapsed() > Duration::from_millis(900) * round, "{:?}", began.elapsed());
    }
    changing.upstream.only();
    assert_eq!(gloss.metric("gloss_stream_events_total{event=\"status\"}"), 4);
}

#[test]
fn a_run_that_ends_ends_its_stream() {
    let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
    let gloss = asking(&changing.upstream, &logs).start();
    let mut stream = Stream::open(&gloss, &[]);
    stream.status();
    logs.write(RUN, Log::of(RUN).finished("All is well."));
    changing.now(json(status_body(RUN, "completed")));
    let last = stream.status_that(|state| state["status"] == "completed");
    assert_eq!(last.json()["final_result"], "All is well.");
    let end = stream.next().unwrap();
    assert_eq!(end.name, "end");
    assert_eq!(end.json(), serde_json::json!({"reason": "run-ended", "status": "completed"}));
    assert!(stream.next().is_none() && stream.complete);
    wait_for_streams(&gloss, 0);
    // The connection goes on.
    stream.client.exactly(2);
    assert_eq!(stream.client.get("/", &[]).answer().status, 200);
}

#[test]
fn a_run_that_has_ended_before_is_told_at_once() {
    let (upstream, logs) = (Upstream::answering(json(status_body(RUN, "failed"))), Logs::with_run(RUN));
    let gloss = setup(&upstream, &logs).start();
    let mut stream = Stream::open(&gloss, &[]);
    assert!(stream.status().json()["workflow_summary"].is_object());
    let end = stream.next().unwrap();
    assert_eq!((end.name.as_str(), end.json()["status"].as_str()), ("end", Some("failed")));
    assert!(stream.next().is_none() && stream.complete);
    let seen = format!("Last-Event-ID: {}", end.id.unwrap());
    let again = gloss.get(&status_path(RUN), &[ASK[0], ASK[1], &seen]);
    assert_eq!((again.status, again.body()), (204, &b""[..]), "browsers come no more");
}

#[test]
fn a_caller_whom_the_upstream_refuses_later_sees_no_more() {
    for (status, line) in [(401, "401 Unauthorized"), (403, "403 Forbidden"), (404, "404 Not Found")] {
        let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
        let gloss = asking(&changing.upstream, &logs).start();
        let mut stream = Stream::open(&gloss, &[]);
        stream.status();
        let refusal = format!("HTTP/1.1 {line}\r\ncontent-type: application/json\r\n");
        changing.now(answer(&refusal, "{\"detail\":\"no\"}"));
        let end = stream.next().unwrap();
        assert_eq!(end.name, "end");
        let why = serde_json::json!({"reason": "upstream-refused", "upstream_status": status});
        assert_eq!((end.json(), end.id), (why, None));
        assert!(stream.next().is_none() && stream.complete);
        wait_for_streams(&gloss, 0);
    }
}

#[test]
fn the_kill_switch_ends_streams_and_asks_the_upstream_for_nobody_any_more() {
    let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
    let mut gloss = asking(&changing.upstream, &logs).start();
    let mut stream = Stream::open(&gloss, &[]);
    stream.status();
    gloss.reload("rollout.enabled", "false");
    let end = stream.next().unwrap();
    assert_eq!((end.name.as_str(), end.json()), ("end", serde_json::json!({"reason": "disabled"})));
    assert!(stream.next().is_none() && stream.complete);
    wait_for_streams(&gloss, 0);
}

#[test]
fn other_failures_of_the_upstream_leave_what_was_said() {
    let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
    let gloss = asking(&changing.upstream, &logs).start();
    let mut stream = Stream::open(&gloss, &[]);
    stream.status();
    for trouble in [
        answer("HTTP/1.1 500 Internal Server Error\r\n", "broken"),
        answer("HTTP/1.1 429 Too Many Requests\r\n", "slowly"),
        typed("text/html", "", "<h1>"),
        json("{\"status\": "),
        b"nonsense\r\n\r\n".to_vec(),
    ] {
        let before = changing.upstream.seen().len();
        changing.now(trouble);
        eventually("it was asked", || (changing.upstream.seen().len() > before + 1).then_some(()));
        logs.append(RUN, more());
        let event = stream.status();
        assert_eq!(
            (event.id.clone(), event.json()["status"].as_str()),
            (Some(length(&logs)), Some("running"))
        );
    }
    changing.now(json(status_body(RUN, "completed")));
    stream.status_that(|state| state["status"] == "completed");
    assert_eq!(stream.next().unwrap().name, "end");
}

#[test]
fn a_pending_run_is_basic_until_it_runs() {
    let (changing, logs) = (Changing::from(json(status_body(RUN, "pending"))), Logs::new());
    let gloss = asking(&changing.upstream, &logs).start();
    let mut stream = Stream::open(&gloss, &[]);
    assert_eq!((stream.status, stream.labels()), (200, ("enhanced", "header")));
    let first = stream.status();
    let basic = status_body(RUN, "pending");
    let logs_of_it: Value = serde_json::from_str(&basic).unwrap();
    assert_eq!(
        first.data,
        basic.replace(&serde_json::to_string(&logs_of_it["logs"]).unwrap().replace('µ', "\\u00b5"), "null")
    );
    assert_eq!(first.id.as_deref(), Some("0"));
    changing.now(json(status_body(RUN, "running")));
    let without_log = stream.status().json();
    assert_eq!((without_log["status"].as_str(), without_log.get("workflow_steps")), (Some("running"), None));
    logs.write(RUN, Log::of(RUN).running());
    let noted = stream.status_that(|state| state.get("workflow_steps").is_some());
    assert_eq!(noted.id, Some(length(&logs)));
}

#[test]
fn callers_of_the_same_run_never_see_each_others_answers() {
    let upstream = Upstream::scripted(|call| {
        call.body();
        let key = call.seen.head.value("x-api-key").unwrap_or("nobody").to_owned();
        let body = status_body(RUN, "running").replace("\"builder\"", &format!("\"flow-of-{key}\""));
        call.wire.send(json(body));
        Then::Keep
    });
    let logs = Logs::with_run(RUN);
    let gloss = asking(&upstream, &logs).start();
    let mut streams: Vec<_> = ["anna", "bert", "carl"]
        .into_iter()
        .map(|key| {
            let sent = format!("x-api-key: {key}");
            (
                key,
                Stream::open(&gloss, &[&sent, "If-None-Match: \"1\"", "Accept-Language: de", "Cookie: c=1"]),
            )
        })
        .collect();
    for _ in 0..3 {
        for (key, stream) in &mut streams {
            let event = stream.status();
            assert_eq!(event.json()["workflow_name"], format!("flow-of-{key}"));
            for other in ["anna", "bert", "carl"].iter().filter(|other| *other != key) {
                assert!(!event.data.contains(other), "{key} sees {}", event.data);
            }
        }
        logs.append(RUN, more());
    }
    let seen = upstream.seen();
    for key in ["anna", "bert", "carl"] {
        let of_key = seen.iter().filter(|call| call.head.value("x-api-key") == Some(key));
        let heads: Vec<_> = of_key.map(|call| (&call.head.line, &call.head.headers)).collect();
        assert!(heads.len() > 3, "{key} was asked for {} times", heads.len());
        assert!(heads.iter().all(|head| *head == heads[0]), "{heads:?}");
        let names: Vec<_> = heads[0].1.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["host", "gloss", "x-api-key", "accept-language", "cookie", "accept-encoding"]);
    }
}

#[test]
fn a_run_has_one_follower_however_many_listen() {
    let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
    let gloss = by_the_log_only(&changing.upstream, &logs).set("stream.heartbeat", "\"500ms\"").start();
    let mut streams: Vec<_> = (0..12).map(|_| Stream::open(&gloss, &[])).collect();
    let heartbeat = |stream: &mut Stream| while stream.next_of_all().unwrap().name != ":" {};
    for stream in &mut streams {
        (0..3).for_each(|_| heartbeat(stream));
    }
    let before = gloss.metric("gloss_log_lookups_total");
    (0..4).for_each(|_| heartbeat(&mut streams[0]));
    let lookups = gloss.metric("gloss_log_lookups_total") - before;
    assert!((1..24).contains(&lookups), "{lookups} in two seconds");
    drop(streams);
    wait_for_streams(&gloss, 0);
    let mut last = (gloss.metric("gloss_log_lookups_total"), Instant::now());
    let quiet = || {
        let lookups = gloss.metric("gloss_log_lookups_total");
        if lookups != last.0 {
            last = (lookups, Instant::now());
        }
        (last.1.elapsed() > Duration::from_millis(1600)).then_some(())
    };
    eventually("nobody follows any more", quiet);
}

/// How often a followed log was looked at because the system told of a change.
fn told(gloss: &Sidecar) -> u64 {
    gloss.metric("gloss_stream_looks_total{cause=\"told\"}")
}

#[test]
fn a_line_is_seen_because_the_system_tells_of_it() {
    let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
    let gloss = by_the_log_only(&changing.upstream, &logs).start();
    let mut stream = Stream::open(&gloss, &[]);
    stream.status();
    eventually("its folder is watched", || (gloss.kernel_watches() == [1]).then_some(()));
    logs.append(RUN, more());
    assert_eq!(stream.status().id, Some(length(&logs)));
    eventually("that was told", || (told(&gloss) > 0).then_some(()));
    assert!(!gloss.stderr().contains("does not tell of changes"), "{}", gloss.stderr());
}

#[test]
fn a_line_that_nothing_tells_of_is_seen_within_a_second_all_the_same() {
    let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
    // Where the file really is, nothing is watched.
    let elsewhere = logs.root().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(logs.path(RUN), elsewhere.join("log")).unwrap();
    symlink("elsewhere/log", logs.path(RUN)).unwrap();
    let gloss = by_the_log_only(&changing.upstream, &logs).start();
    let mut stream = Stream::open(&gloss, &[]);
    stream.status();
    eventually("its folder is watched", || (gloss.kernel_watches() == [1]).then_some(()));
    for _ in 0..3 {
        logs.append(RUN, more());
        let grown = Instant::now();
        assert_eq!(stream.status().id, Some(length(&logs)));
        assert!(grown.elapsed() < Duration::from_millis(1600), "{:?}", grown.elapsed());
    }
    assert_eq!(told(&gloss), 0);
}

#[test]
fn many_runs_cost_one_watch_and_none_is_left_behind() {
    let (changing, logs) = (Changing::running(), Logs::new());
    let gloss = by_the_log_only(&changing.upstream, &logs).start();
    assert!(gloss.kernel_watches().is_empty());
    for _ in 0..2 {
        let clients: Vec<_> = (0..20)
            .map(|n| {
                let run = format!("run_{n}");
                logs.write(&run, Log::of(&run).running());
                let mut client = gloss.client();
                client.get(&status_path(&run), &ASK);
                assert_eq!(client.head().0, 200);
                client
            })
            .collect();
        wait_for_streams(&gloss, 20);
        eventually("the folder is watched", || (gloss.kernel_watches() == [1]).then_some(()));
        drop(clients);
        wait_for_streams(&gloss, 0);
        eventually("it is not any more", || gloss.kernel_watches().is_empty().then_some(()));
    }
}

#[test]
fn a_slow_reader_holds_nobody_up_and_gets_the_newest_in_the_end() {
    // Longer than what the system keeps for a reader.
    let long = format!("{{\"status\":\"running\",\"x\":\"{}\"}}", "y".repeat(8_000_000));
    let (upstream, logs) = (Upstream::answering(json(long)), Logs::with_run(RUN));
    let gloss = by_the_log_only(&upstream, &logs).start();
    let (mut slow, mut quick) = (Stream::open(&gloss, &[]), Stream::open(&gloss, &[]));
    quick.status();
    for _ in 0..5 {
        logs.append(RUN, more());
        assert_eq!(quick.status().id, Some(length(&logs)));
    }
    let newest = Some(length(&logs));
    let mut received = 1;
    while slow.status().id != newest {
        received += 1;
    }
    assert!(received < 5, "{received} of 6 states were made for a reader that took none");
}

#[test]
fn silence_is_broken_by_heartbeats() {
    let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
    let gloss = by_the_log_only(&changing.upstream, &logs).set("stream.heartbeat", "\"50ms\"").start();
    let mut stream = Stream::open(&gloss, &[]);
    stream.status();
    for _ in 0..3 {
        assert_eq!(stream.next_of_all().unwrap().name, ":");
    }
    assert!(gloss.metric("gloss_stream_events_total{event=\"heartbeat\"}") >= 3);
}

#[test]
fn a_drain_ends_streams_so_that_their_clients_come_again() {
    let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
    let mut gloss = by_the_log_only(&changing.upstream, &logs).set("drain.timeout", "\"1h\"").start();
    let mut stream = Stream::open(&gloss, &[]);
    stream.status();
    gloss.signal(Signal::TERM);
    assert_eq!(stream.next(), None, "an end event would tell them not to");
    assert!(stream.complete);
    assert_eq!(gloss.ended().code(), Some(0));
}

#[test]
fn past_the_most_streams_callers_get_the_basic_answer() {
    let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
    let gloss = by_the_log_only(&changing.upstream, &logs).set("stream.max", "1").start();
    let mut first = Stream::open(&gloss, &[]);
    first.status();
    let mut second = Stream::open(&gloss, &[]);
    assert_eq!(second.labels(), ("basic", "overload"));
    let basic = status_body(RUN, "running");
    assert_eq!(second.client.exactly(basic.len()), basic.as_bytes());
    assert_eq!(gloss.enrichments("overload"), 1);
    first.client.break_off();
    wait_for_streams(&gloss, 0);
    assert_eq!(Stream::open(&gloss, &[]).status().name, "status");
}

#[test]
fn streams_from_before_a_reload_go_on_and_count() {
    let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
    let mut gloss = by_the_log_only(&changing.upstream, &logs).start();
    let mut stream = Stream::open(&gloss, &[]);
    stream.status();
    gloss.reload("stream.max", "1");
    logs.append(RUN, more());
    assert_eq!(stream.status().id, Some(length(&logs)));
    assert_eq!(gloss.get(&status_path(RUN), &ASK).labels(), ("basic", "overload"));
}

#[test]
fn a_client_that_comes_again_is_not_told_what_it_knows() {
    let (changing, logs) = (Changing::running(), Logs::with_run(RUN));
    let gloss = by_the_log_only(&changing.upstream, &logs).start();
    let known = format!("Last-Event-ID: {}", length(&logs));
    let mut stream = Stream::open(&gloss, &[&known]);
    assert_eq!(stream.next_of_all().unwrap().name, "retry");
    assert_eq!(stream.next_of_all().unwrap().name, ":");
    logs.append(RUN, more());
    assert_eq!(stream.status().id, Some(length(&logs)));
    let mut other = Stream::open(&gloss, &[&known]);
    assert_eq!(other.status().id, Some(length(&logs)));
}

#[test]
fn an_answer_that_gets_no_notes_is_passed_on_instead() {
    let not_found =
        answer("HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\n", "{\"detail\":\"?\"}");
    for (bytes, with_log, reason) in [
        (not_found, true, "upstream-status"),
        (json("[]"), true, "not-json"),
        (json(status_body(RUN, "queued")), true, "status"),
        (json(status_body(RUN, "running")), false, "no-log"),
        (typed("text/event-stream", "", "data: its own\n\n"), true, "not-json"),
    ] {
        let upstream = Upstream::answering(bytes.clone());
        let logs = if with_log { Logs::with_run(RUN) } else { Logs::new() };
        let gloss = setup(&upstream, &logs).start();
        let answer = gloss.get(&status_path(RUN), &ASK);
        assert_eq!(answer.labels(), ("basic", reason));
        assert!(latin1(&bytes).ends_with(&latin1(answer.body())) && !answer.body().is_empty());
        assert_eq!((gloss.enrichments(reason), gloss.metric("gloss_streams")), (1, 0));
    }
}

#[test]
fn without_an_enhanced_decision_the_request_passes_as_it_came() {
    let upstream = Upstream::answering(typed("text/event-stream", "", "data: its own\n\n"));
    let logs = Logs::with_run(RUN);
    let gloss = setup(&upstream, &logs).start();
    let path = status_path(RUN);
    for (target, headers) in [
        (path.clone(), vec![ASK[1]]),
        (path.clone(), vec![ASK[1], "Gloss: basic"]),
        (path.clone(), vec![ASK[1], "Gloss: shadow"]),
        (format!("{path}?enhanced=false"), vec![ASK[1]]),
        (path.clone(), vec![ASK[1], "Gloss: enhanced", "Gloss-Version: 99"]),
        ("/events".to_owned(), vec![ASK[1], "Gloss: enhanced"]),
    ] {
        let answer = gloss.get(&target, &headers);
        assert_eq!(answer.text(), "data: its own\n\n", "{target} {headers:?}");
        let seen = upstream.seen().pop().unwrap();
        assert_eq!(seen.head.value("accept"), Some("text/event-stream"), "{target} {headers:?}");
    }
    let before = upstream.seen().len();
    gloss.client().send(crate::support::client::request("HEAD", &path, &ASK)).head();
    assert_eq!(upstream.seen()[before].head.value("accept"), Some("text/event-stream"));
    assert_eq!(gloss.metric("gloss_stream_events_total{event=\"status\"}"), 0);
}
