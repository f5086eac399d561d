//! Which source counts where more than one is configured.

use std::fs;

use gloss::demo::logs_in_answer;

use super::{Answering, RUN, cache, enhanced, reason, source, steps};
use crate::support::answers::status_body_with;
use crate::support::gate::Gate;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::Setup;

fn answering() -> Answering {
    let told = Log::of(RUN).todo(&[("What the answer tells", "in_progress")]).text();
    Answering::with(status_body_with(RUN, "running", &logs_in_answer(told.as_bytes()), None))
}

#[test]
fn the_first_place_that_has_the_run_counts_and_the_answer_where_none_has() {
    let (answering, first, second) = (answering(), Logs::new(), Logs::new());
    let listed = format!(
        "[\"{}\", \"/nowhere/at/all\", \"file://{}\", \"body\"]",
        first.root().display(),
        second.root().display()
    );
    let gloss = Setup::before(&answering.upstream).sources(&listed).start();
    assert_eq!(source(&enhanced(&gloss)), "body");
    second.write(RUN, Log::of(RUN).todo(&[("In the second", "in_progress")]).text());
    let answer = enhanced(&gloss);
    assert_eq!((source(&answer), steps(&answer)[0].0.as_str()), ("file", "In the second"));
    first.write(RUN, "");
    assert_eq!(steps(&enhanced(&gloss))[0].0, "In the second", "an empty log is none");
    first.write(RUN, Log::of(RUN).todo(&[("In the first", "in_progress")]).text());
    assert_eq!(steps(&enhanced(&gloss))[0].0, "In the first");
    fs::remove_file(first.path(RUN)).unwrap();
    fs::remove_file(second.path(RUN)).unwrap();
    assert_eq!(source(&enhanced(&gloss)), "body");
    assert!(gloss.stderr().contains("/nowhere/at/all, "), "{}", gloss.stderr());
}

#[test]
fn a_log_that_may_not_be_read_gives_way_to_the_answer() {
    let (answering, logs) = (answering(), Logs::new());
    fs::create_dir(logs.path(RUN)).unwrap();
    let root = format!("[\"{}\"]", logs.root().display());
    let alone = Setup::before(&answering.upstream).sources(&root).start();
    assert_eq!(reason(&alone), "log-unreadable");
    let both = Setup::before(&answering.upstream).sources(&root.replace(']', ", \"body\"]")).start();
    assert_eq!(source(&enhanced(&both)), "body");
}

#[test]
fn a_storage_that_hangs_leaves_half_of_the_time_to_the_answer() {
    let (answering, logs, gate) = (answering(), Logs::with_run(RUN), Gate::new());
    let gloss = Setup::before(&answering.upstream)
        .sources(&format!("[\"{}\", \"body\"]", logs.root().display()))
        .set("enrich.budget", "\"4s\"")
        .gate(&gate)
        .start();
    let answer = enhanced(&gloss);
    assert_eq!((source(&answer), steps(&answer)[0].0.as_str()), ("body", "What the answer tells"));
    gate.open_for_good();
    let answer = crate::support::eventually("the log is read", || {
        Some(enhanced(&gloss)).filter(|answer| source(answer) == "file")
    });
    assert_eq!(steps(&answer)[1].0, "Fix the parser");
}

#[test]
fn a_storage_that_fails_gives_way_and_comes_back() {
    let (answering, logs, gate) = (answering(), Logs::with_run(RUN), Gate::new());
    let gloss = Setup::before(&answering.upstream)
        .sources(&format!("[\"{}\", \"body\"]", logs.root().display()))
        .gate(&gate)
        .start();
    let address = gloss.clients;
    let asking = std::thread::spawn(move || {
        let path = crate::support::answers::status_path(RUN);
        crate::support::client::get(address, &path, &["Gloss: enhanced"]).json()
    });
    gate.next_of("open").refuse();
    assert_eq!(source(&asking.join().unwrap()), "body");
    gate.open_for_good();
    assert_eq!((source(&enhanced(&gloss)), cache(&enhanced(&gloss))), ("file", "hit"));
}
