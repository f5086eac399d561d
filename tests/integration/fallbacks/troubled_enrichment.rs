//! The notes are late, too many, or fail: in a process whose storage waits for the test's orders.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use super::Case;
use crate::support::answers::{json, status_body, status_path};
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::gate::Gate;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::Setup;
use crate::support::upstream::{Then, Upstream};

/// The log of run `run_1` is in good order, and nothing is read of it without an order.
fn gated(configure: impl FnOnce(Setup) -> Setup) -> (Case, Gate) {
    let gate = Gate::new();
    let (upstream, logs) =
        (Upstream::answering(json(status_body("run_1", "running"))), Logs::with_run("run_1"));
    logs.write("run_2", Log::of("run_2").running());
    let gloss = configure(Setup::before(&upstream).logs(&logs).gate(&gate)).start();
    (Case { upstream, logs, gloss }, gate)
}

/// The client does not wait long, and what it waited for counts as hanging at once.
fn hasty(setup: Setup) -> Setup {
    setup.set("enrich.budget", "\"200ms\"").set("logs.timeout", "\"1ms\"")
}

/// The client does not wait long, and storage may take for ever.
fn hasty_with_patient_storage(setup: Setup) -> Setup {
    setup.set("enrich.budget", "\"20ms\"").set("logs.timeout", "\"1h\"")
}

/// Asks without waiting for the answer.
fn begin(case: &Case, run: &str) -> Client {
    let mut client = case.gloss.client();
    client.get(&status_path(run), &["Gloss: enhanced"]);
    client
}

#[test]
fn storage_that_does_not_find_the_log_in_time_is_not_waited_for() {
    let (case, gate) = gated(hasty);
    case.falls_back("log-timeout");
    assert_eq!(gate.next().kind, "open");
}

#[test]
fn storage_that_does_not_read_in_time_is_not_waited_for() {
    let (case, gate) = gated(hasty);
    let mut client = begin(&case, "run_1");
    gate.next().go_on();
    let hanging = gate.next();
    assert_eq!(hanging.kind, "read");
    case.is_the_upstreams_own(&client.answer(), "log-timeout");
    assert_eq!(case.gloss.enrichments("log-timeout"), 1);
}

/// The log of an ended run is looked at twice, and a storage may be too slow for that: the first look is better than nothing. It
/// counts only where it was made just before the answer, which a busy machine may not manage at once.
#[test]
fn an_ended_run_whose_second_look_hangs_gets_the_notes_of_the_first() {
    let (gate, logs) = (Gate::new(), Logs::new());
    let upstream = Upstream::scripted(|call| {
        let run = call.line().split('/').nth_back(2).expect("a status route").to_owned();
        call.wire.send(json(status_body(&run, "completed")));
        Then::Keep
    });
    let setup = Setup::before(&upstream).logs(&logs).gate(&gate).set("enrich.budget", "\"3s\"");
    let gloss = setup.set("logs.timeout", "\"1h\"").start();
    let is_enhanced = |run: String| {
        logs.write(&run, Log::of(&run).finished("All is done."));
        let mut client = gloss.client();
        client.get(&status_path(&run), &["Gloss: enhanced"]);
        for kind in ["open", "read"] {
            let operation = gate.next();
            assert_eq!(operation.kind, kind);
            operation.go_on();
        }
        let is_enhanced = client.answer().labels() == ("enhanced", "header");
        if !is_enhanced {
            // The second look, which must not be taken for one of the next run.
            let _hangs = gate.next();
        }
        is_enhanced
    };
    assert!((0..20).any(|number| is_enhanced(format!("run_{number}"))), "not one of twenty");
}

#[test]
fn late_analysis_leaves_the_upstream_answer_untouched_and_serves_the_next_poll() {
    let (case, gate) = gated(hasty_with_patient_storage);
    let mut client = begin(&case, "run_1");
    let read = gate.next_of("read");
    case.is_the_upstreams_own(&client.answer(), "deadline");
    assert_eq!(case.gloss.enrichments("deadline"), 1);
    read.go_on();
    gate.open_for_good();
    let bytes = std::fs::metadata(case.logs.path("run_1")).unwrap().len();
    let read_bytes = || case.gloss.metric("gloss_log_read_bytes_total");
    eventually("the reading goes on by itself", || (read_bytes() == bytes).then_some(()));
    let next = eventually("a poll in time", || {
        let answer = case.ask();
        (answer.labels().0 == "enhanced").then_some(answer)
    });
    assert_eq!(next.value("cache-status"), Some("gloss; hit"));
    assert_eq!(read_bytes(), bytes, "nothing was read twice");
}

#[test]
fn whoever_waits_for_another_reader_too_long_gets_the_upstreams_answer() {
    let (case, gate) = gated(hasty_with_patient_storage);
    let mut first = begin(&case, "run_1");
    let held = gate.next();
    assert_eq!(first.answer().labels(), ("basic", "deadline"));
    case.falls_back("deadline");
    held.go_on();
    let read = gate.next();
    assert_eq!(read.kind, "read", "there was one reader, and it goes on");
}

#[test]
fn pollers_of_the_same_log_share_one_reading() {
    let (case, gate) = gated(|setup| setup);
    let mut clients: Vec<_> = (0..8).map(|_| begin(&case, "run_1")).collect();
    let read = gate.next_of("read");
    read.go_on();
    gate.open_for_good();
    for client in &mut clients {
        assert_eq!(client.answer().labels(), ("enhanced", "header"));
    }
    let bytes = std::fs::metadata(case.logs.path("run_1")).unwrap().len();
    assert_eq!(case.gloss.metric("gloss_log_read_bytes_total"), bytes);
}

#[test]
fn a_panic_in_the_enrichment_is_a_fallback_and_the_next_poll_begins_anew() {
    let (case, gate) = gated(|setup| setup);
    for kind in ["open", "read"] {
        let mut client = begin(&case, "run_1");
        gate.next_of(kind).panic();
        case.is_the_upstreams_own(&client.answer(), "panic");
    }
    assert_eq!(case.gloss.enrichments("panic"), 2);
    gate.open_for_good();
    let answer = case.ask();
    assert_eq!(answer.labels(), ("enhanced", "header"));
    assert_eq!(answer.value("cache-status"), Some("gloss; fwd=miss"));
}

#[test]
fn storage_that_refuses_while_reading_is_told_as_unreadable() {
    let (case, gate) = gated(|setup| setup);
    let mut client = begin(&case, "run_1");
    gate.next_of("read").refuse();
    gate.refuse_for_good();
    case.is_the_upstreams_own(&client.answer(), "log-unreadable");
    assert_eq!(case.gloss.enrichments("log-unreadable"), 1);
}

#[test]
fn too_many_enrichments_at_once_leave_the_others_their_upstream_answers() {
    let (case, gate) = gated(|setup| setup.set("enrich.max_concurrent", "1"));
    let mut first = begin(&case, "run_2");
    let held = gate.next();
    case.falls_back("overload");
    held.go_on();
    gate.open_for_good();
    assert_eq!(first.answer().labels(), ("enhanced", "header"));
    eventually("the slot is free again", || (case.ask().labels().0 == "enhanced").then_some(()));
}

#[test]
fn pollers_who_gave_up_do_not_use_up_the_enrichments() {
    let (case, gate) = gated(|setup| hasty_with_patient_storage(setup).set("enrich.max_concurrent", "2"));
    let mut first = begin(&case, "run_1");
    let _held = gate.next();
    assert_eq!(first.answer().labels(), ("basic", "deadline"));
    for _ in 0..5 {
        eventually("room beside the one that hangs", || (case.ask().labels().1 == "deadline").then_some(()));
    }
}

#[test]
fn an_answer_that_gets_no_notes_does_not_wait_for_the_storage() {
    let gate = Gate::new();
    let (upstream, logs) =
        (Upstream::answering(json(status_body("run_1", "pending"))), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).gate(&gate).start();
    let case = Case { upstream, logs, gloss };
    case.falls_back("status");
    assert_eq!(gate.next().kind, "open", "it was begun, and still hangs");
}

#[test]
fn a_hanging_storage_holds_up_nobody_but_those_who_ask() {
    let (case, gate) = gated(|setup| setup);
    let mut hanging = begin(&case, "run_1");
    let held = gate.next();
    for _ in 0..3 {
        let basic = case.gloss.get(&status_path("run_1"), &[]);
        assert_eq!(basic.text(), status_body("run_1", "running"));
    }
    held.go_on();
    gate.open_for_good();
    assert_eq!(hanging.answer().labels(), ("enhanced", "header"));
}

#[test]
fn answers_together_hold_no_more_memory_than_they_may() {
    let body = status_body("run_1", "running");
    let (first, second) = body.split_at(body.len() / 2);
    let (first, second) = (first.to_owned(), second.to_owned());
    let (go_on, wait) = channel();
    let wait = Mutex::new(wait);
    let length = format!("content-length: {}\r\n\r\n", body.len());
    let upstream = Upstream::scripted(move |call| {
        call.wire.send(format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{length}{first}"));
        if call.line().contains("slow") {
            wait.lock().unwrap().recv().unwrap();
        }
        call.wire.send(&second);
        Then::Keep
    });
    let logs = Logs::with_run("run_1");
    let room = format!("\"{}B\"", body.len() + body.len() / 4);
    let gloss = Setup::before(&upstream).logs(&logs).set("enrich.max_held_bytes", &room).start();
    let enhanced = ["Gloss: enhanced"];
    let mut slow = gloss.client();
    slow.get(&format!("{}?slow", status_path("run_1")), &enhanced);
    let half = body.len() as u64 / 2;
    eventually("half of it is held", || (gloss.metric("gloss_held_bytes") == half).then_some(()));
    let beside = gloss.get(&status_path("run_1"), &enhanced);
    assert_eq!((beside.labels(), beside.text()), (("basic", "overload"), body.as_str()));
    go_on.send(()).unwrap();
    assert_eq!(slow.answer().labels(), ("enhanced", "header"));
    eventually("nothing is held any more", || (gloss.metric("gloss_held_bytes") == 0).then_some(()));
    assert_eq!(gloss.get(&status_path("run_1"), &enhanced).labels(), ("enhanced", "header"));
}
