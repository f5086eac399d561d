//! The storage of the logs hangs, and recovers: in a process whose storage waits for the test's orders.

use super::Case;
use crate::support::answers::{json, status_body, status_path};
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::gate::{Gate, Operation};
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::Setup;
use crate::support::upstream::Upstream;

/// As many as the source has threads.
const RUNS: [&str; 4] = ["run_1", "run_2", "run_3", "run_4"];

/// A storage that has let four operations hang, and whoever asked.
fn hanging() -> (Case, Gate, Vec<Operation>, Vec<Client>) {
    let gate = Gate::new();
    let (upstream, logs) = (Upstream::answering(json(status_body("run_1", "running"))), Logs::new());
    for run in RUNS {
        logs.write(run, Log::of(run).running());
    }
    let gloss = Setup::before(&upstream).logs(&logs).gate(&gate).start();
    let case = Case { upstream, logs, gloss };
    let clients = RUNS.map(|run| {
        let mut client = case.gloss.client();
        client.get(&status_path(run), &["Gloss: enhanced"]);
        client
    });
    let held = RUNS.map(|_| gate.next());
    (case, gate, held.into(), clients.into())
}

/// Waits until gloss has noticed: asks for what would be answered at once, whether it has or not.
fn wait_until_noticed(case: &Case) {
    eventually("gloss notices that the storage hangs", || {
        let mut client = case.gloss.client();
        client.get(&status_path("run_9"), &["Gloss: enhanced"]);
        // Before it is noticed the request hangs, too, and is left.
        (case.gloss.metric("gloss_log_storage_hangs") == 1).then_some(())
    });
}

#[test]
fn a_storage_that_hangs_is_no_longer_waited_for_and_used_again_when_it_answers() {
    let (case, gate, held, mut clients) = hanging();
    wait_until_noticed(&case);
    let before = case.gloss.metric("gloss_log_lookups_total");
    // Patient as it is configured, for half a minute, nobody waits any more: also not for a log that has a reader.
    for run in ["run_1", "run_7"] {
        let answer = case.gloss.get(&status_path(run), &["Gloss: enhanced"]);
        case.is_the_upstreams_own(&answer, "log-timeout");
    }
    assert_eq!(case.gloss.metric("gloss_log_lookups_total"), before, "the storage was asked");
    assert!(case.gloss.metric("gloss_log_storage_refusals_total") >= 2);
    assert_eq!(case.gloss.get(&status_path("run_1"), &[]).text(), status_body("run_1", "running"));
    assert!(case.gloss.stderr().contains("the log storage does not answer"), "{}", case.gloss.stderr());

    held.into_iter().for_each(Operation::go_on);
    gate.open_for_good();
    for client in &mut clients {
        // Whose turn comes before the storage is trusted again gets no notes yet.
        let answer = client.answer();
        assert!([("enhanced", "header"), ("basic", "log-timeout")].contains(&answer.labels()), "{answer:?}");
        assert_eq!(answer.json()["status"], "running");
    }
    eventually("the storage is used again", || (case.ask().labels() == ("enhanced", "header")).then_some(()));
    assert_eq!(case.gloss.metric("gloss_log_storage_hangs"), 0);
    assert!(case.gloss.stderr().contains("the log storage answers again"), "{}", case.gloss.stderr());
}

#[test]
fn threads_and_memory_stay_bounded_while_the_storage_hangs() {
    let (case, _gate, _held, _clients) = hanging();
    wait_until_noticed(&case);
    let (threads, memory) = (case.gloss.threads(), case.gloss.peak_memory_kib());
    for _ in 0..500 {
        assert_eq!(case.ask().labels(), ("basic", "log-timeout"));
    }
    assert!(case.gloss.threads() <= threads, "{} threads, {threads} before", case.gloss.threads());
    let grown = case.gloss.peak_memory_kib() - memory;
    assert!(grown < 8 * 1024, "{grown} KiB more");
}

#[test]
fn a_process_whose_storage_hangs_can_be_drained_and_reloaded() {
    let (mut case, _gate, _held, _clients) = hanging();
    wait_until_noticed(&case);
    case.gloss.reload("rollout.percent", "50.0");
    assert_eq!(case.gloss.reloads_that("applied"), 1);
    case.gloss.reload("drain.timeout", "\"100ms\"");
    case.gloss.signal(rustix::process::Signal::TERM);
    assert_eq!(case.gloss.ended().code(), Some(0));
}
