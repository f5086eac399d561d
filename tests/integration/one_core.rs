//! Where there is one core, one thread does everything, and nobody waits for anybody because of it.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use rustix::process::Signal;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::support::answers::{framed, json, status_body, status_path};
use crate::support::client::get;
use crate::support::logs::Logs;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream};

/// Starts it on one core, which it inherits from this thread.
fn on_one_core(setup: Setup) -> Sidecar {
    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|core| all.is_set(*core)).unwrap());
    sched_setaffinity(None, &one).unwrap();
    let gloss = setup.start();
    sched_setaffinity(None, &all).unwrap();
    gloss
}

#[test]
fn an_answer_that_takes_its_time_holds_up_no_other() {
    let ((begun, heard), (go_on, wait)) = (channel(), channel::<()>());
    let wait = Mutex::new(wait);
    let upstream = Upstream::scripted(move |call| {
        if call.line().contains("/slow") {
            call.wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            call.wire.send(framed(b"first"));
            begun.send(()).unwrap();
            // Told, or the test is over.
            let _ = wait.lock().unwrap().recv();
            call.wire.send(framed(b"second"));
            call.wire.send("0\r\n\r\n");
        } else {
            call.wire.send(json(status_body("run_1", "running")));
        }
        Then::Keep
    });
    let logs = Logs::with_run("run_1");
    let mut gloss = on_one_core(Setup::before(&upstream).logs(&logs));
    let names = gloss.thread_names();
    assert!(!names.iter().any(|name| name.starts_with("tokio-rt")), "{names:?}");
    let address = gloss.clients;
    let slow = std::thread::spawn(move || get(address, "/slow", &[]));
    heard.recv().unwrap();
    for _ in 0..20 {
        assert_eq!(gloss.get(&status_path("run_1"), &["Gloss: enhanced"]).labels(), ("enhanced", "header"));
    }
    gloss.signal(Signal::TERM);
    go_on.send(()).unwrap();
    assert_eq!(slow.join().unwrap().body(), b"firstsecond");
    assert!(gloss.ended().success());
}
