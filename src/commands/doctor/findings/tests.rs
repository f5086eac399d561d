//! Facts as they may be, and what is told of them.

use std::time::Duration;

use super::super::facts::{ConfigFacts, FoundLog, Hindrance, Idle, Notes, Place, PlaceState, Service};
use super::super::report::Verdict;
use super::*;

/// A set-up in which all is well.
fn well() -> Facts {
    let config = ConfigFacts {
        file: Some("gloss.toml".into()),
        upstream: "http://127.0.0.1:8000".into(),
        routes: vec!["/run/{run_id}/status".into()],
        idle_timeout: Duration::from_secs(4),
        user: "operator".into(),
        ..ConfigFacts::default()
    };
    let service = Service {
        status: 200,
        took: Duration::from_millis(3),
        clock_ahead: Some(0),
        paths: Some(vec!["/run/{id}/status".into()]),
    };
    let notes = Notes { log_source: "file".into(), log_bytes: 10, log_lines: 3, unrecognised_lines: 1 };
    let labels = Some(("enhanced".to_owned(), "header".to_owned()));
    let took = Duration::from_millis(4);
    let told = Told { status: 200, labels, proxy_status: None, took, notes: Some(notes) };
    let log = FoundLog {
        name: "run_r.log".into(),
        bytes: 10,
        modified: at("09:14:10"),
        last_event: at("09:14:09"),
    };
    let headline = "nothing but additions".to_owned();
    Facts {
        run: Some("r".into()),
        has_headers: true,
        config: Some(config),
        service: Some(Ok(service)),
        admin: AdminFacts::Asked("http://127.0.0.1:8881".into(), Ok(200)),
        gloss: ("http://127.0.0.1:8880".into(), Some(Ok(told))),
        direct: Some(Ok(200)),
        places: vec![folder(Some(log))],
        idle: Some(Idle::ClosedAfter(Duration::from_secs(5))),
        proof: Some(Proof { verdict: ProofVerdict::Held, headline, fallback: None }),
    }
}

fn at(time: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    format!("2026-03-02T{time}Z").parse().ok()
}

fn folder(found: Option<FoundLog>) -> Place {
    let state = PlaceState::Folder { like_logs: 2, others: Vec::new() };
    Place { name: "/srv/logs".into(), state, tried: vec!["run_r.log".into()], found, unreadable: None }
}

/// The one finding of a check that is not as it should be after this change.
fn changed(check: &str, change: impl FnOnce(&mut Facts)) -> Finding {
    let mut facts = well();
    change(&mut facts);
    let findings = of(&facts);
    let of_check: Vec<_> = findings.iter().filter(|finding| finding.check == check).cloned().collect();
    let worst = of_check.iter().find(|finding| finding.verdict != Verdict::Ok).or(of_check.first());
    worst.cloned().unwrap_or_else(|| panic!("nothing is said of {check}: {findings:?}"))
}

fn told(facts: &mut Facts) -> &mut Told {
    facts.gloss.1.as_mut().unwrap().as_mut().unwrap()
}

#[track_caller]
fn assert_is(finding: &Finding, verdict: Verdict, what: &str, todo: &str) {
    assert_eq!(finding.verdict, verdict, "{finding:?}");
    assert!(finding.what.contains(what), "{finding:?}");
    assert!(finding.todo.as_deref().unwrap_or_default().contains(todo), "{finding:?}");
}

#[test]
fn where_all_is_well_every_check_says_so_and_asks_for_nothing() {
    let findings = of(&well());
    let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
    let all = [
        "configuration",
        "service",
        "route",
        "clocks",
        "keep-alive",
        "gloss",
        "readiness",
        "key",
        "log",
        "notes",
        "additive",
    ];
    assert_eq!(checks, all);
    for finding in findings {
        assert_eq!((finding.verdict, &finding.todo), (Verdict::Ok, &None), "{finding:?}");
    }
}

#[test]
fn whoever_does_not_answer_is_named_with_where_to_look() {
    let refused = || "connection refused".to_owned();
    let service = changed("service", |facts| facts.service = Some(Err(refused())));
    assert_is(
        &service,
        Verdict::Failed,
        "nobody answers at http://127.0.0.1:8000: connection refused",
        "upstream.url",
    );
    let gloss = changed("gloss", |facts| facts.gloss.1 = Some(Err(refused())));
    assert_is(&gloss, Verdict::Failed, "nobody answers at http://127.0.0.1:8880", "gloss serve");
    let other = changed("gloss", |facts| told(facts).labels = None);
    assert_is(&other, Verdict::Failed, "without Gloss-Variant", "--url");
    let alone = |facts: &mut Facts| {
        let why = Some("gloss; error=connection_refused".to_owned());
        *told(facts) = Told { status: 502, proxy_status: why, ..Told::default() };
    };
    assert_is(
        &changed("gloss", alone),
        Verdict::Failed,
        "502 itself (gloss; error=connection_refused)",
        "OPERATIONS",
    );
    assert_is(&changed("key", alone), Verdict::Skipped, "does not give the service's answer", "");
    let url = || "http://a".to_owned();
    let draining = changed("readiness", |facts| facts.admin = AdminFacts::Asked(url(), Ok(503)));
    assert_is(&draining, Verdict::Failed, "not ready", "drains");
    let silent = changed("readiness", |facts| facts.admin = AdminFacts::Asked(url(), Err(refused())));
    assert_is(&silent, Verdict::Warning, "does not answer", "--admin");
}

#[test]
fn a_key_is_refused_by_the_service_or_lost_on_the_way() {
    let status = |status: u16, direct: u16| {
        changed("key", |facts| {
            told(facts).status = status;
            facts.direct = Some(Ok(direct));
        })
    };
    assert_is(&status(401, 401), Verdict::Failed, "refuses it (401)", "right key");
    assert_is(&status(401, 200), Verdict::Failed, "accepts it directly", "another proxy");
    assert_is(&status(404, 404), Verdict::Failed, "knows no run r", "list");
    assert_is(&status(502, 200), Verdict::Failed, "answers 502", "Proxy-Status");
    let none = changed("key", |facts| {
        told(facts).status = 401;
        facts.direct = Some(Ok(401));
        facts.has_headers = false;
    });
    assert_is(&none, Verdict::Failed, "wants one", "--header");
}

#[test]
fn a_log_that_is_missing_is_told_with_the_names_that_were_tried() {
    let without_notes = |facts: &mut Facts| {
        let told = told(facts);
        told.notes = None;
        told.labels = Some(("basic".into(), "no-log".into()));
    };
    let missing = |state: PlaceState| {
        changed("log", |facts| {
            without_notes(facts);
            facts.places = vec![Place { state, ..folder(None) }];
        })
    };
    let others = missing(PlaceState::Folder { like_logs: 2, others: Vec::new() });
    assert_is(&others, Verdict::Failed, "no log of r in /srv/logs (run_r.log)", "2 logs of other runs there");
    let empty = missing(PlaceState::Folder { like_logs: 0, others: Vec::new() });
    assert_is(&empty, Verdict::Failed, "no log of r", "empty");
    let odd = missing(PlaceState::Folder { like_logs: 0, others: vec!["r.jsonl".into()] });
    assert_is(&odd, Verdict::Failed, "no log of r", "r.jsonl are logs, add their form to logs.templates");
    let closed = missing(PlaceState::Closed("Permission denied".into(), Hindrance::Rights));
    assert_is(&closed, Verdict::Failed, "/srv/logs: Permission denied", "u:USER:rX /srv/logs");
    let by_name = changed("log", |facts| {
        facts.places[0].state = PlaceState::Closed("Permission denied".into(), Hindrance::Rights);
    });
    assert_is(&by_name, Verdict::Ok, "/srv/logs/run_r.log", "");
    let unreadable = changed("log", |facts| {
        without_notes(facts);
        facts.places = vec![Place {
            unreadable: Some(("run_r.log: Permission denied".into(), Hindrance::Rights)),
            ..folder(None)
        }];
    });
    assert_is(
        &unreadable,
        Verdict::Failed,
        "/srv/logs/run_r.log: Permission denied",
        "let gloss's user read it",
    );
    for (hindrance, todo) in [
        (Hindrance::NoFile, "remove what is there"),
        (Hindrance::Link, "instead of the link"),
        (Hindrance::Other, "storage"),
    ] {
        let unreadable = changed("log", |facts| {
            without_notes(facts);
            facts.places =
                vec![Place { unreadable: Some(("run_r.log: odd".into(), hindrance)), ..folder(None) }];
        });
        assert_is(&unreadable, Verdict::Failed, "/srv/logs/run_r.log: odd", todo);
        assert!(!format!("{unreadable:?}").contains("user"), "{unreadable:?}");
    }
    let nowhere = missing(PlaceState::Closed("No such file or directory".into(), Hindrance::Other));
    assert_is(&nowhere, Verdict::Failed, "/srv/logs: No such file", "correct logs.sources");
    assert!(!format!("{nowhere:?}").contains("setfacl"), "{nowhere:?}");
    let as_another = changed("log", |facts| {
        facts.places = vec![Place {
            unreadable: Some(("run_r.log: Permission denied".into(), Hindrance::Rights)),
            ..folder(None)
        }];
    });
    assert_is(&as_another, Verdict::Ok, "gloss reads it, by file", "");
    let closed_to_it = changed("log", |facts| {
        facts.places = vec![Place {
            state: PlaceState::Closed("Permission denied".into(), Hindrance::Rights),
            ..folder(None)
        }];
    });
    assert_is(
        &closed_to_it,
        Verdict::Warning,
        "/srv/logs: Permission denied",
        "as the user that gloss runs as",
    );
    let elsewhere = changed("log", |facts| facts.places = vec![folder(None)]);
    assert_is(&elsewhere, Verdict::Ok, "gloss reads it, by file", "");
}

#[test]
fn notes_that_do_not_come_are_told_with_the_reason_and_its_remedy() {
    let basic = |reason: &str| {
        changed("notes", |facts| {
            let told = told(facts);
            (told.notes, told.labels) = (None, Some(("basic".into(), reason.into())));
        })
    };
    assert_is(&basic("disabled"), Verdict::Failed, "Gloss-Reason: disabled", "--enabled true");
    assert_is(&basic("log-unreadable"), Verdict::Failed, "Gloss-Reason: log-unreadable", "operator may read");
    let closed = changed("notes", |facts| {
        facts.places = vec![folder(None)];
        let told = told(facts);
        (told.notes, told.labels) = (None, Some(("basic".into(), "log-unreadable".into())));
    });
    assert_is(&closed, Verdict::Failed, "Gloss-Reason: log-unreadable", "its check by `gloss doctor RUN_ID`");
    assert_is(&basic("new-reason"), Verdict::Failed, "new-reason", "newer");
    let odd = changed("notes", |facts| told(facts).notes.as_mut().unwrap().unrecognised_lines = 2);
    assert_is(&odd, Verdict::Warning, "2 of which are not understood", "the run's log");
}

#[test]
fn clocks_and_connections_are_compared() {
    let service = |change: fn(&mut Service)| {
        move |facts: &mut Facts| change(facts.service.as_mut().unwrap().as_mut().unwrap())
    };
    let ahead = changed("clocks", service(|service| service.clock_ahead = Some(7)));
    assert_is(&ahead, Verdict::Warning, "7 s ahead of", "NTP");
    let behind = changed("clocks", service(|service| service.clock_ahead = Some(-3600)));
    assert_is(&behind, Verdict::Warning, "3600 s behind", "NTP");
    let route = changed("route", service(|service| service.paths = Some(vec!["/v2/{id}/status".into()])));
    assert_is(&route, Verdict::Warning, "does not describe /run/{run_id}/status", "/v2/{id}/status");
    let zone =
        changed("log times", |facts| facts.places[0].found.as_mut().unwrap().last_event = at("11:14:10"));
    assert_is(&zone, Verdict::Warning, "7200 s ahead of its last write", "local time");
    let short = changed("keep-alive", |facts| facts.idle = Some(Idle::ClosedAfter(Duration::from_secs(2))));
    assert_is(
        &short,
        Verdict::Warning,
        "after 2.0 s, and gloss keeps it for 4.0 s",
        "idle_timeout = \"1600ms\"",
    );
}

#[test]
fn a_proof_that_fails_says_how_to_go_back() {
    let verdict = |verdict| changed("additive", |facts| facts.proof.as_mut().unwrap().verdict = verdict);
    assert_is(&verdict(ProofVerdict::Failed), Verdict::Failed, "", "gloss rollout --enabled false");
    assert_is(&verdict(ProofVerdict::Undecided), Verdict::Warning, "", "compare.enabled");
}

#[test]
fn without_a_configuration_or_a_run_what_is_left_out_is_said() {
    let facts = Facts { gloss: well().gloss, ..Facts::default() };
    let findings = of(&facts);
    assert!(
        findings.iter().all(|finding| matches!(finding.verdict, Verdict::Ok | Verdict::Skipped)),
        "{findings:?}"
    );
    let skipped: Vec<_> = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Skipped)
        .map(|finding| finding.check)
        .collect();
    assert_eq!(skipped, ["configuration", "service", "readiness", "key", "log", "notes", "additive"]);
}
