//! Answers that are shared between polls which are the same: what that saves the upstream, and what it never mixes up.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};

use crate::support::answers::{answer, json, json_with, status_body, status_path};
use crate::support::client::{Answer, Client};
use crate::support::eventually;
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Call, Then, Upstream};

/// Long enough for whole tests, so that nothing in them depends on how fast they go.
const LONG: &str = "1h";

fn shielded(upstream: &Upstream, ttl: &str) -> Setup {
    Setup::before(upstream).set("shield.ttl", &format!("{ttl:?}"))
}

fn poll(gloss: &Sidecar, headers: &[&str]) -> Answer {
    gloss.get(&status_path("run_1"), headers)
}

fn requests(gloss: &Sidecar, outcome: &str) -> u64 {
    gloss.metric(&format!("gloss_shield_requests_total{{outcome=\"{outcome}\"}}"))
}

/// A 200 whose body tells the how-manieth it is.
fn numbered(number: u64) -> Vec<u8> {
    json(format!("{{\"status\":\"running\",\"number\":{number}}}"))
}

/// An upstream that numbers its answers, from 1.
fn counting() -> Upstream {
    let count = AtomicU64::new(0);
    Upstream::scripted(move |call| {
        call.body();
        call.wire.send(numbered(count.fetch_add(1, Ordering::Relaxed) + 1));
        Then::Keep
    })
}

fn number(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 200);
    answer.json()["number"].as_u64().unwrap()
}

/// For how many seconds the answer was kept.
fn age(answer: &Answer) -> u64 {
    answer.value("age").expect("it was kept").parse().unwrap()
}

/// An upstream that answers the first request by itself and every other as it is told.
fn obedient(first: Vec<u8>) -> (Upstream, std::sync::mpsc::Sender<Vec<u8>>) {
    let (orders, answers) = channel::<Vec<u8>>();
    let (answers, is_first): (Mutex<Receiver<Vec<u8>>>, _) = (Mutex::new(answers), Mutex::new(true));
    let script = move |call: &mut Call<'_>| {
        call.body();
        if std::mem::take(&mut *is_first.lock().unwrap()) {
            call.wire.send(&first);
            return Then::Keep;
        }
        let Ok(bytes) = answers.lock().unwrap().recv() else { return Then::Close };
        call.wire.send(bytes);
        Then::Keep
    };
    (Upstream::scripted(script), orders)
}

#[test]
fn nothing_is_shared_unless_an_operator_wants_it() {
    let upstream = counting();
    let gloss = Setup::before(&upstream).start();
    assert_eq!([number(&poll(&gloss, &[])), number(&poll(&gloss, &[]))], [1, 2]);
    assert_eq!(poll(&gloss, &[]).value("cache-status"), None);
}

#[test]
fn polls_that_are_the_same_cost_one_request_and_get_the_same_bytes() {
    let body = status_body("run_1", "running");
    let upstream = Upstream::answering(json_with("x-own: 1\r\n", &body));
    let gloss = shielded(&upstream, LONG).start();
    let first = poll(&gloss, &["x-api-key: a", "traceparent: 00-1", "User-Agent: b"]);
    let second = poll(&gloss, &["x-api-key: a", "traceparent: 00-2", "User-Agent: c"]);
    assert_eq!((first.text(), second.text()), (&*body, &*body));
    assert_eq!(first.value("cache-status"), Some("gloss; fwd=miss"));
    assert_eq!(second.value("cache-status"), Some("gloss; hit"));
    assert_eq!(first.value("age"), None);
    assert!(age(&second) < 3600);
    assert_eq!((second.value("x-own"), second.value("server")), (Some("1"), Some("uvicorn")));
    upstream.only();
    assert_eq!((requests(&gloss, "miss"), requests(&gloss, "hit")), (1, 1));
}

#[test]
fn callers_who_differ_in_anything_that_could_matter_never_share_an_answer() {
    let upstream = counting();
    let gloss = shielded(&upstream, LONG).start();
    let path = status_path("run_1");
    let callers: [(&str, &[&str]); 13] = [
        ("", &[]),
        ("", &["x-api-key: a"]),
        ("", &["x-api-key: b"]),
        ("", &["x-api-key: a", "x-api-key: b"]),
        ("", &["Authorization: Bearer a"]),
        ("", &["Authorization: Bearer b"]),
        ("", &["Cookie: session=a"]),
        ("", &["x-team: a"]),
        ("", &["Accept: text/html"]),
        ("", &["Origin: http://a.test"]),
        ("?x-api-key=a", &[]),
        ("?x-api-key=b", &[]),
        ("?debug=true", &[]),
    ];
    for (expected, (query, headers)) in (1..).zip(callers) {
        assert_eq!(number(&gloss.get(&format!("{path}{query}"), headers)), expected, "{query} {headers:?}");
    }
    for (expected, (query, headers)) in (1..).zip(callers) {
        let again = gloss.get(&format!("{path}{query}"), headers);
        assert_eq!((number(&again), again.value("cache-status")), (expected, Some("gloss; hit")));
    }
    assert_eq!(number(&gloss.get(&status_path("run_2"), &[])), 14, "another run");
}

#[test]
fn callers_with_different_addresses_do_not_share_where_the_upstream_is_told_of_them() {
    let upstream = counting();
    let gloss = shielded(&upstream, LONG).set("proxy.x_forwarded", "\"set\"").start();
    assert_eq!([number(&poll(&gloss, &[])), number(&poll(&gloss, &[]))], [1, 1]);
    // Thrown away by gloss, and still a header like any other.
    assert_eq!(number(&poll(&gloss, &["X-Forwarded-For: 203.0.113.9"])), 2);
}

#[test]
fn polls_at_the_same_time_wait_for_one_request() {
    const CLIENTS: usize = 20;
    let (release, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::scripted(move |call| {
        call.body();
        wait.lock().unwrap().recv().unwrap();
        call.wire.send(numbered(1));
        Then::Keep
    });
    let gloss = shielded(&upstream, LONG).start();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| gloss.client()).collect();
    for client in &mut clients {
        client.get(&status_path("run_1"), &["x-api-key: a"]);
    }
    eventually("everybody is being served", || {
        let metrics = gloss.metrics();
        let active = metrics.lines().find_map(|line| line.strip_prefix("gloss_connections "));
        (active.and_then(|count| count.parse().ok()) >= Some(CLIENTS)).then_some(())
    });
    eventually("the upstream is asked", || (!upstream.seen().is_empty()).then_some(()));
    release.send(()).unwrap();
    for client in &mut clients {
        assert_eq!(number(&client.answer()), 1);
    }
    upstream.only();
}

#[test]
fn a_client_that_leaves_takes_the_answer_from_nobody() {
    let (upstream, orders) = obedient(numbered(1));
    let gloss = shielded(&upstream, LONG).start();
    gloss.get(&status_path("run_0"), &[]);
    let mut leaving = gloss.client();
    leaving.get(&status_path("run_1"), &[]);
    eventually("the upstream is asked", || (upstream.seen().len() == 2).then_some(()));
    leaving.break_off();
    orders.send(numbered(7)).unwrap();
    assert_eq!(number(&poll(&gloss, &[])), 7);
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn an_answer_is_renewed_in_the_background_while_polls_go_on() {
    let (upstream, orders) = obedient(numbered(1));
    let gloss = shielded(&upstream, "10s").start();
    assert_eq!(number(&poll(&gloss, &[])), 1);
    eventually("half the time is over and the upstream asked", || {
        assert_eq!(number(&poll(&gloss, &[])), 1);
        (upstream.seen().len() == 2).then_some(())
    });
    // The upstream has not answered yet: nobody waits for it.
    let meanwhile = poll(&gloss, &[]);
    assert_eq!((number(&meanwhile), meanwhile.value("cache-status")), (1, Some("gloss; hit")));
    assert!(age(&meanwhile) >= 5);
    orders.send(numbered(2)).unwrap();
    eventually("the new answer is given", || (number(&poll(&gloss, &[])) == 2).then_some(()));
    assert_eq!((upstream.seen().len(), requests(&gloss, "renewal")), (2, 1));
}

#[test]
fn a_caller_who_wants_it_fresh_asks_the_upstream() {
    let upstream = counting();
    let gloss = shielded(&upstream, LONG).start();
    assert_eq!(number(&poll(&gloss, &[])), 1);
    for (expected, header) in (2..).zip(["Cache-Control: no-cache", "Pragma: no-cache", "Range: bytes=0-1"]) {
        let fresh = poll(&gloss, &[header]);
        assert_eq!((number(&fresh), fresh.value("cache-status")), (expected, Some("gloss; fwd=request")));
    }
    assert_eq!((number(&poll(&gloss, &[])), requests(&gloss, "bypass")), (1, 3));
}

#[test]
fn a_revoked_key_works_no_longer_than_the_time_to_live() {
    let refused =
        answer("HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\n", "{\"detail\":\"no\"}");
    let first = Mutex::new(true);
    let upstream = Upstream::scripted(move |call| {
        call.body();
        let is_first = std::mem::take(&mut *first.lock().unwrap());
        call.wire.send(if is_first { numbered(1) } else { refused.clone() });
        Then::Keep
    });
    let gloss = shielded(&upstream, "400ms").set("shield.stale_if_error", "\"1h\"").start();
    assert_eq!(number(&poll(&gloss, &["x-api-key: a"])), 1);
    eventually("the upstream's word is passed on", || {
        (poll(&gloss, &["x-api-key: a"]).status == 401).then_some(())
    });
    let asked = upstream.seen().len();
    assert_eq!(poll(&gloss, &["x-api-key: a"]).text(), "{\"detail\":\"no\"}");
    assert_eq!(upstream.seen().len(), asked + 1, "a refusal is not kept");
}

#[test]
fn a_failing_upstream_shows_unless_older_answers_are_to_stand_in_for_it() {
    let failing = || {
        let first = Mutex::new(true);
        Upstream::scripted(move |call| {
            call.body();
            let broken = answer("HTTP/1.1 500 Internal Server Error\r\n", "broken");
            let is_first = std::mem::take(&mut *first.lock().unwrap());
            call.wire.send(if is_first { numbered(1) } else { broken });
            Then::Keep
        })
    };
    let upstream = failing();
    let gloss = shielded(&upstream, "200ms").start();
    assert_eq!(number(&poll(&gloss, &[])), 1);
    eventually("the failure shows", || (poll(&gloss, &[]).status == 500).then_some(()));

    let upstream = failing();
    let gloss = shielded(&upstream, "200ms").set("shield.stale_if_error", "\"1h\"").start();
    assert_eq!(number(&poll(&gloss, &[])), 1);
    let stale = eventually("the failure is covered", || {
        let answer = poll(&gloss, &[]);
        assert_eq!(number(&answer), 1);
        (answer.value("gloss-reason") == Some("stale")).then_some(answer)
    });
    assert_eq!(stale.value("cache-status"), Some("gloss; hit"));
    assert!(requests(&gloss, "stale") > 0);
}

#[test]
fn an_upstream_that_is_gone_is_covered_like_one_that_fails() {
    let first = Mutex::new(true);
    let upstream = Upstream::scripted(move |call| {
        call.body();
        if std::mem::take(&mut *first.lock().unwrap()) {
            call.wire.send(numbered(1));
        }
        Then::Close
    });
    let gloss = shielded(&upstream, "200ms").set("shield.stale_if_error", "\"1h\"").start();
    assert_eq!(number(&poll(&gloss, &[])), 1);
    eventually("the last answer stands in", || {
        let answer = poll(&gloss, &[]);
        assert_eq!(number(&answer), 1);
        (answer.value("gloss-reason") == Some("stale")).then_some(())
    });
    assert_eq!(gloss.get(&status_path("run_9"), &[]).status, 502, "there is none of this run");
}

#[test]
fn what_is_its_callers_own_is_given_to_nobody_else() {
    for header in ["set-cookie: session=a", "vary: *", "vary: User-Agent", "cache-control: no-store"] {
        let upstream = Upstream::answering(json_with(&format!("{header}\r\n"), "{\"status\":\"running\"}"));
        let gloss = shielded(&upstream, LONG).start();
        for expected in 1..=2 {
            let answer = poll(&gloss, &[]);
            assert_eq!((answer.status, answer.text()), (200, "{\"status\":\"running\"}"), "{header}");
            assert_eq!(upstream.seen().len(), expected, "{header}");
        }
    }
}

#[test]
fn answers_of_other_statuses_and_other_routes_are_not_kept() {
    let upstream = Upstream::answering(answer("HTTP/1.1 404 Not Found\r\n", "none"));
    let gloss = shielded(&upstream, LONG).start();
    for expected in 1..=2 {
        assert_eq!(poll(&gloss, &[]).text(), "none");
        assert_eq!(upstream.seen().len(), expected);
    }
    let upstream = counting();
    let gloss = shielded(&upstream, LONG).start();
    assert_eq!([number(&gloss.get("/other", &[])), number(&gloss.get("/other", &[]))], [1, 2]);
    assert_eq!(gloss.get("/other", &[]).value("cache-status"), None);
}

#[test]
fn an_answer_that_is_too_long_to_keep_passes_as_it_comes() {
    let body = format!("{{\"status\":\"running\",\"logs\":\"{}\"}}", "x".repeat(200_000));
    let upstream = Upstream::answering(json(&body));
    let gloss = shielded(&upstream, LONG).set("enrich.max_body_bytes", "\"64KiB\"").start();
    for expected in 1..=2 {
        assert_eq!(poll(&gloss, &[]).text(), body);
        assert_eq!(upstream.seen().len(), expected);
    }
}

#[test]
fn notes_are_fresh_though_the_answer_that_they_are_added_to_is_kept() {
    let (upstream, logs) = (Upstream::answering(json(status_body("run_1", "running"))), Logs::new());
    logs.write("run_1", Log::of("run_1").running());
    let gloss = shielded(&upstream, LONG).logs(&logs).start();
    let lines = |answer: &Answer| answer.json()["enhancement"]["log_lines"].as_u64().unwrap();
    let before = poll(&gloss, &["Gloss: enhanced"]);
    assert_eq!((before.labels(), before.values("cache-status").len()), (("enhanced", "header"), 1));
    logs.append("run_1", Log::of("run_1").running());
    let after = poll(&gloss, &["Gloss: enhanced"]);
    assert_eq!(after.value("cache-status"), Some("gloss; hit"));
    assert!(age(&after) < 3600);
    assert!(lines(&after) > lines(&before));
    upstream.only();
}

#[test]
fn kept_answers_have_a_bound_together() {
    let body = format!("{{\"status\":\"running\",\"logs\":\"{}\"}}", "x".repeat(10_000));
    let upstream = Upstream::answering(json(&body));
    let gloss = shielded(&upstream, LONG).set("shield.max_bytes", "\"100KB\"").start();
    for run in 0..50 {
        assert_eq!(gloss.get(&status_path(&format!("run_{run}")), &[]).text(), body);
    }
    let (entries, bytes) = (gloss.metric("gloss_shield_entries"), gloss.metric("gloss_shield_bytes"));
    assert!((1..=10).contains(&entries), "{entries}");
    assert!((10_000..=100_000).contains(&bytes), "{bytes}");
}

#[test]
fn a_header_that_carries_credentials_cannot_be_ignored() {
    let upstream = counting();
    let (status, said) = shielded(&upstream, LONG).set("shield.ignore_headers", "[\"X-Api-Key\"]").fail();
    assert_eq!(status.code(), Some(78));
    assert!(said.contains("shield.ignore_headers") && said.contains("x-api-key"), "{said}");
    let named = shielded(&upstream, LONG).set("shield.ignore_headers", "[\"x-own-id\"]").start();
    assert_eq!(number(&poll(&named, &["x-own-id: 1"])), number(&poll(&named, &["x-own-id: 2"])));
}

#[test]
fn a_poll_waits_no_longer_than_without_a_shield_when_the_upstream_is_slow() {
    let (upstream, orders) = obedient(numbered(1));
    let gloss = shielded(&upstream, LONG).set("upstream.response_timeout", "\"300ms\"").start();
    gloss.get(&status_path("run_0"), &[]);
    let (mut one, mut other) = (gloss.client(), gloss.client());
    one.get(&status_path("run_1"), &[]);
    other.get(&status_path("run_1"), &[]);
    assert_eq!((one.answer().status, other.answer().status), (504, 504));
    assert_eq!(upstream.seen().len(), 2, "both met what one did");
    drop(orders);
}
