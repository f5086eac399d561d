//! Logs that are objects: what a poll asks the storage for, request by request. Real storages are among the peers.
#![cfg(feature = "http-logs")]

use std::time::Instant;

use crate::support::answers::{json, status_body, status_path};
use crate::support::client::Answer;
use crate::support::eventually;
use crate::support::logs::Log;
use crate::support::objects::Objects;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Seen, Upstream};

/// gloss between an upstream with a running run and a storage of logs.
struct Case {
    gloss: Sidecar,
    objects: Objects,
    _upstream: Upstream,
}

impl Case {
    fn new() -> Self {
        Self::with("logs.max_bytes_per_poll", "\"1MiB\"")
    }

    fn with(key: &str, value: &str) -> Self {
        let (upstream, objects) =
            (Upstream::answering(json(status_body("run_1", "running"))), Objects::new());
        let setup = Setup::before(&upstream).set("logs.sources", &objects.sources());
        let setup = setup.set("logs.templates", "[\"run_{run_id}.log\"]").set("logs.timeout", "\"25s\"");
        let gloss = setup.set("enrich.budget", "\"25s\"").set(key, value).start();
        Self { gloss, objects, _upstream: upstream }
    }

    fn poll(&self) -> Answer {
        self.gloss.get(&status_path("run_1"), &["Gloss: enhanced"])
    }

    /// Polls once; what the storage was asked for it.
    fn asked_by_poll(&self) -> Vec<Seen> {
        let (before, looked) = (self.objects.seen().len(), self.looks());
        assert_eq!(self.poll().labels(), ("enhanced", "header"));
        let asked = self.objects.seen().split_off(before);
        assert!(looked < self.looks(), "the log was not looked at");
        asked
    }

    /// Polls until the answer is so labelled.
    fn comes(&self, what: &str, labels: (&str, &str)) {
        eventually(what, || (self.poll().labels() == labels).then_some(()));
    }

    fn looks(&self) -> u64 {
        self.gloss.metric("gloss_log_lookups_total")
    }
}

/// What a request says in this header, of each request.
fn values<'s>(seen: &'s [Seen], name: &str) -> Vec<Option<&'s str>> {
    seen.iter().map(|request| request.head.value(name)).collect()
}

fn notes(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.labels(), ("enhanced", "header"));
    answer.json()["enhancement"].clone()
}

#[test]
fn an_unchanged_log_costs_one_conditional_request_a_look() {
    let case = Case::new();
    case.objects.put("run_1", Log::of("run_1").running());
    case.asked_by_poll();
    for _ in 0..3 {
        let looked = case.looks();
        let asked = case.asked_by_poll();
        assert_eq!(asked.len() as u64, case.looks() - looked, "one request a look");
        assert!(values(&asked, "if-none-match").iter().all(Option::is_some), "{asked:?}");
        assert!(values(&asked, "accept-encoding").iter().all(|coding| *coding == Some("identity")));
        assert_eq!(notes(&case.poll())["cache"], "hit");
    }
}

#[test]
fn a_log_that_has_grown_costs_one_request_for_its_new_bytes() {
    let case = Case::new();
    let whole = Log::of("run_1").finished("All of it.");
    let lines: Vec<_> = whole.split_inclusive('\n').collect();
    let mut size = lines[..4].concat().len();
    case.objects.put("run_1", lines[..4].concat());
    case.asked_by_poll();
    for count in 5..lines.len() {
        case.objects.put("run_1", lines[..count].concat());
        let asked = case.asked_by_poll();
        // With it comes a little of what was there before, by which the log is known to be the same.
        let range = format!("bytes={}-", size - 64);
        assert_eq!(asked[0].head.value("range"), Some(range.as_str()));
        let unchanged = values(&asked[1..], "if-none-match");
        assert!(unchanged.iter().all(Option::is_some), "{asked:?}");
        size = lines[..count].concat().len();
        assert_eq!(notes(&case.poll())["log_bytes"], size);
    }
}

#[test]
fn a_log_that_was_replaced_is_read_from_its_start() {
    let case = Case::new();
    case.objects.put("run_1", Log::of("run_1").running());
    case.asked_by_poll();
    for other in [Log::of("run_1").text(), Log::of("run_1").finished("Another run.")] {
        case.objects.put("run_1", &other);
        let replaced = notes(&case.poll());
        assert_eq!(
            (&replaced["log_bytes"], &replaced["log_lines"]),
            (&other.len().into(), &other.lines().count().into())
        );
        case.objects.put("run_1", Log::of("run_2").running());
        assert_eq!(notes(&case.poll())["log_bytes"], Log::of("run_2").running().len());
    }
}

#[test]
fn a_log_that_is_not_there_is_none_and_one_that_was_rotated_away_neither() {
    let case = Case::new();
    let no_log = || assert_eq!(case.poll().labels(), ("basic", "no-log"));
    no_log();
    case.objects.put("run_1", "");
    case.comes("nothing in it is no log, either", ("basic", "no-log"));
    case.objects.put("run_1", Log::of("run_1").running());
    case.comes("it is there", ("enhanced", "header"));
    case.objects.remove("run_1");
    no_log();
    let successor = Log::of("run_1").todo(&[("Anew", "in_progress")]).text();
    case.objects.put("run_1", &successor);
    case.comes("its successor is there", ("enhanced", "header"));
    let answer = case.poll();
    assert_eq!(notes(&answer)["log_bytes"], successor.len());
    assert_eq!(answer.json()["workflow_steps"]["steps"][0]["name"], "Anew");
}

#[test]
fn a_name_that_has_nothing_is_asked_for_once_a_second_at_most() {
    let case = Case::new();
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(case.poll().labels(), ("basic", "no-log"));
    }
    let asked = case.objects.seen().len() as u64;
    let seconds = begun.elapsed().as_secs();
    assert!((1..=1 + seconds).contains(&asked), "{asked} requests in {seconds} seconds");
    case.objects.put("run_1", Log::of("run_1").running());
    case.comes("it is asked for again", ("enhanced", "header"));
}

#[test]
fn a_server_that_refuses_and_one_that_fails_are_told_apart() {
    let case = Case::new();
    case.objects.put("run_1", Log::of("run_1").running());
    for (status, reason) in [
        ("403 Forbidden", "log-unreadable"),
        ("401 Unauthorized", "log-unreadable"),
        ("500 Internal Server Error", "log-timeout"),
        ("429 Too Many Requests", "log-timeout"),
    ] {
        case.objects.refuse(Some(status));
        let answer = case.poll();
        assert_eq!(answer.labels(), ("basic", reason), "{status}");
        assert_eq!(answer.text(), status_body("run_1", "running"));
        case.objects.refuse(None);
        assert_eq!(case.poll().labels(), ("enhanced", "header"), "after {status}");
    }
}

#[test]
fn a_server_that_is_slow_costs_the_client_its_budget_and_what_it_sends_late_is_not_lost() {
    let case = Case::with("enrich.budget", "\"100ms\"");
    case.objects.put("run_1", Log::of("run_1").running());
    case.objects.hold(true);
    let answer = case.poll();
    assert_eq!(answer.labels().0, "basic");
    assert!(["log-timeout", "deadline"].contains(&answer.labels().1), "{answer:?}");
    assert_eq!(answer.text(), status_body("run_1", "running"));
    case.objects.hold(false);
    case.comes("the reading goes on by itself", ("enhanced", "header"));
}

#[test]
fn a_server_that_sends_no_parts_is_asked_for_none_and_what_was_read_is_skipped() {
    let case = Case::new();
    case.objects.send_no_parts();
    let whole = Log::of("run_1").finished("All of it.");
    let half = whole[..whole.len() / 2].rfind('\n').unwrap() + 1;
    case.objects.put("run_1", &whole[..half]);
    case.asked_by_poll();
    case.objects.put("run_1", &whole);
    let grown = notes(&case.poll());
    assert_eq!((&grown["log_bytes"], &grown["cache"]), (&whole.len().into(), &"incremental".into()));
    assert_eq!(grown["log_lines"], whole.lines().count());
    // It has shown what it can; unchanged, it is no more work than others.
    let asked = case.asked_by_poll();
    assert!(values(&asked, "range").iter().all(Option::is_none), "{asked:?}");
    assert!(values(&asked, "if-none-match").iter().all(Option::is_some), "{asked:?}");
}

#[test]
fn what_is_skipped_is_bounded_by_what_one_poll_may_read() {
    let case = Case::with("logs.max_bytes_per_poll", "\"4KiB\"");
    case.objects.send_no_parts();
    let text = Log::of("run_1").finished("All of it.").repeat(8);
    case.objects.put("run_1", &text[..16 * 1024]);
    assert_eq!(case.poll().labels(), ("basic", "deadline"));
    // As far as one poll may read it goes on, and no further.
    for _ in 0..3 {
        case.poll();
    }
    assert_eq!(case.poll().labels(), ("basic", "log-unreadable"));
    assert!(case.gloss.stderr().contains("too long to skip"), "{}", case.gloss.stderr());
}

#[test]
fn a_compressed_log_is_told_as_unreadable() {
    let case = Case::new();
    case.objects.put("run_1", Log::of("run_1").running());
    case.objects.send_header("content-encoding: gzip");
    assert_eq!(case.poll().labels(), ("basic", "log-unreadable"));
    assert!(case.gloss.stderr().contains("it is compressed"), "{}", case.gloss.stderr());
}

#[test]
fn the_notes_name_their_source_and_no_more_of_it() {
    let case = Case::new();
    case.objects.put("run_1", Log::of("run_1").running());
    assert_eq!(notes(&case.poll())["log_source"], "http");
    assert!(!case.poll().text().contains("/logs/run_"));
}
