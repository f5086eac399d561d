//! What callers prove themselves with (`x-api-key` in header or query, `Authorization`, cookies) shows in no log line,
//! metric or error, at the chattiest level.

use crate::support::answers::{json, json_with, status_body, status_path};
use crate::support::client::{Answer, get, request};
use crate::support::http2::exchange;
use crate::support::logs::Logs;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Upstream, nobody};

/// Every secret holds this word.
const WORD: &str = "xyzzy";

const CREDENTIALS: [&str; 4] = [
    "X-Api-Key: xyzzy-key-in-header",
    "Authorization: Bearer xyzzy-token",
    "Cookie: session=xyzzy-cookie",
    "Proxy-Authorization: Basic xyzzy-proxy",
];

fn chatty(setup: Setup) -> Setup {
    setup.set("telemetry.log_level", "\"trace\"")
}

/// Asks in every way that there is, with credentials in every place that there is.
fn ask(gloss: &Sidecar) -> Vec<Answer> {
    let query = "?x-api-key=xyzzy-key-in-query&enhanced=true&token=xyzzy";
    let status = status_path("run_1");
    let answers = vec![
        gloss.get(&format!("{status}{query}"), &CREDENTIALS),
        gloss.get(&format!("{status}{query}"), &[&CREDENTIALS[..], &["Gloss: shadow"]].concat()),
        gloss.get(&format!("{}{query}", status_path("run_9")), &CREDENTIALS),
        gloss.get(&format!("/docs{query}"), &CREDENTIALS),
        gloss.client().send(request("POST", &format!("/{query}"), &CREDENTIALS)).answer(),
        gloss.client().send(request("CONNECT", "xyzzy.test:443", &CREDENTIALS)).answer(),
        gloss
            .client()
            .send(format!("GET /{query} HTTP/1.1\r\n{}\r\n\r\n", CREDENTIALS.join("\r\n")))
            .answer(),
        gloss.get(&format!("/{query}"), &["X-Api-Key : xyzzy-malformed"]),
    ];
    // A body that breaks off, and a client that leaves.
    let broken = [&CREDENTIALS[..], &["Content-Length: 100"]].concat();
    gloss.client().send(request("POST", &format!("/{query}"), &broken)).send(WORD);
    answers
}

fn assert_discreet(gloss: &Sidecar, answers: &[Answer]) {
    for answer in answers {
        let own = format!("{:?} {:?}", answer.headers, String::from_utf8_lossy(answer.body()));
        assert!(!own.contains(WORD), "in an answer: {own}");
    }
    assert!(!gloss.metrics().contains(WORD), "in the metrics: {}", gloss.metrics());
    let pages = ["/", "/livez", "/readyz", "/api/runs", "/metrics?x-api-key=xyzzy"];
    for page in pages {
        let page = get(gloss.admin, page, &["X-Api-Key: xyzzy", "Authorization: Bearer xyzzy"]);
        assert!(!page.text().contains(WORD), "on a page: {}", page.text());
    }
    assert!(!gloss.stderr().contains(WORD), "in the log: {}", gloss.stderr());
}

#[test]
fn credentials_show_nowhere_while_all_goes_well() {
    let upstream = Upstream::answering(json_with("set-cookie: a=1\r\n", status_body("run_1", "running")));
    let logs = Logs::with_run("run_1");
    let gloss = chatty(Setup::before(&upstream).logs(&logs)).start();
    let answers = ask(&gloss);
    assert_eq!(answers[0].labels(), ("enhanced", "query"));
    let seen = upstream.seen()[0].head.clone();
    assert_eq!(seen.value("x-api-key"), Some("xyzzy-key-in-header"), "the upstream is told, of course");
    assert_discreet(&gloss, &answers);
}

#[test]
fn credentials_of_http_2_clients_show_nowhere() {
    let upstream = Upstream::answering(json(status_body("run_1", "running")));
    let logs = Logs::with_run("run_1");
    let gloss = chatty(Setup::before(&upstream).logs(&logs)).start();
    let target = format!("http://api.test{}?x-api-key=xyzzy&enhanced=1", status_path("run_1"));
    let request = CREDENTIALS.iter().fold(http::Request::get(target), |request, line| {
        let (name, value) = line.split_once(": ").unwrap();
        request.header(name, value)
    });
    let response = exchange(gloss.clients, request.body("").unwrap());
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(upstream.only().head.value("x-api-key"), Some("xyzzy-key-in-header"));
    assert_discreet(&gloss, &[]);
}

#[test]
fn credentials_show_nowhere_when_the_upstream_fails() {
    let logs = Logs::with_run("run_1");
    let garbage = Upstream::answering_and_closing("garbage\r\n\r\n");
    let silent = Upstream::answering_and_closing("");
    for upstream in [nobody(), garbage.address, silent.address] {
        let gloss = chatty(Setup::before_address(upstream).logs(&logs)).start();
        let answers = ask(&gloss);
        assert_eq!(answers[0].status, 502);
        assert!(gloss.stderr().contains("could not be forwarded"), "the failure itself is told");
        assert_discreet(&gloss, &answers);
    }
}

#[test]
fn credentials_show_nowhere_when_the_log_cannot_be_read() {
    let (upstream, logs) = (Upstream::answering(json(status_body("run_1", "running"))), Logs::new());
    std::fs::create_dir(logs.path("run_1")).unwrap();
    let gloss = chatty(Setup::before(&upstream).logs(&logs)).start();
    let answers = ask(&gloss);
    assert_eq!(answers[0].labels(), ("basic", "log-unreadable"));
    assert_discreet(&gloss, &answers);
}

#[test]
fn a_run_id_shows_in_no_metric() {
    let upstream = Upstream::answering(json(status_body("run_1", "running")));
    let logs = Logs::with_run("run_xyzzy");
    let gloss = Setup::before(&upstream).logs(&logs).start();
    assert_eq!(gloss.get(&status_path("run_xyzzy"), &["Gloss: enhanced"]).labels(), ("enhanced", "header"));
    assert!(!gloss.metrics().contains(WORD));
}

#[test]
fn credentials_in_the_configuration_are_not_shown() {
    let with_password = Setup::before_address(nobody()).set("upstream.url", "\"http://me:xyzzy@api\"");
    let (status, stderr) = with_password.fail();
    assert_eq!(status.code(), Some(78));
    assert!(!stderr.contains(WORD), "{stderr}");
    let wrong_type = Setup::before_address(nobody()).set("admin.token", "[\"xyzzy\"]");
    let (status, stderr) = wrong_type.fail();
    assert_eq!(status.code(), Some(78));
    assert!(!stderr.contains(WORD), "{stderr}");
}

#[test]
fn the_operators_token_opens_the_metrics_and_shows_nowhere() {
    let setup = chatty(Setup::before_address(nobody())).variable("GLOSS_ADMIN_TOKEN", "xyzzy-admin");
    let gloss = setup.start();
    assert_eq!(get(gloss.admin, "/metrics", &[]).status, 401);
    assert_eq!(get(gloss.admin, "/metrics", &["Authorization: Bearer wrong"]).status, 401);
    let opened = get(gloss.admin, "/metrics", &["Authorization: Bearer xyzzy-admin"]);
    assert_eq!(opened.status, 200);
    assert!(!opened.text().contains(WORD) && !gloss.stderr().contains(WORD));
}
