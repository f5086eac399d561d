//! What callers prove themselves with (`x-api-key` in header or query, `Authorization`, cookies) shows in no log line,
//! metric or error, at the chattiest level.

use crate::support::answers::{json, json_with, status_body, status_path};
use crate::support::client::{Answer, get, request};
use crate::support::eventually;
use crate::support::gate::Gate;
use crate::support::http2::{exchange, exchange_raw};
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
    setup.set("telemetry.log_level", "\"trace\"").set("telemetry.access_log", "\"on\"")
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
    eventually("all are in the access log", || {
        let logged = gloss.stderr().lines().filter(|line| line.contains("gloss::access")).count();
        (logged > answers.len() - 2).then_some(())
    });
    assert!(
        gloss.stderr().contains("url.query=\"x-api-key=***&enhanced=***&token=***\""),
        "{}",
        gloss.stderr()
    );
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
fn a_malformed_http_2_request_is_not_quoted() {
    let gloss = chatty(Setup::before_address(nobody())).start();
    let pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "api.test")];
    for malformed in [
        (":path", "/<?x-api-key=xyzzy"),
        (":path", "\0xyzzy"),
        (":authority", "xyzzy@@"),
        (":scheme", "xyzzy://"),
    ] {
        let mut headers = pseudo.to_vec();
        headers.retain(|(name, _)| *name != malformed.0);
        headers.push(malformed);
        headers.push(("x-api-key", "xyzzy"));
        let answer = exchange_raw(gloss.clients, &headers);
        assert!(!String::from_utf8_lossy(&answer).contains(WORD), "{malformed:?}");
    }
    assert_discreet(&gloss, &[]);
}

#[test]
fn malformed_requests_are_not_quoted() {
    let gloss = chatty(Setup::before_address(nobody())).start();
    let heads = [
        "GET /xyzzy\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /?xyzzy HTTP/7.7\r\nHost: a\r\n\r\n",
        "XYZZY\r\nxyzzy\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: xyzzy@@/\r\nX-Api-Key: xyzzy\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Api-Key: xyzzy\x02\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nxyzzy\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: xyzzy\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xyzzy\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyzzy\r\n",
        "GET http://me:xyzzy@/ HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    for head in heads {
        let answer = gloss.client().send(head).finish().rest();
        assert!(!String::from_utf8_lossy(&answer).contains(WORD), "{head:?}");
    }
    assert_discreet(&gloss, &[]);
}

#[test]
fn what_the_upstream_says_wrong_is_not_quoted() {
    let logs = Logs::with_run("run_1");
    let wrong = [
        "HTTP/1.1 xyzzy\r\n\r\n",
        "HTTP/1.1 200 OK\r\nset-cookie xyzzy\r\n\r\n",
        "HTTP/1.1 200 OK\r\nset-cookie: xyzzy\x01\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: xyzzy\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyzzy",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: xyzzy\r\nconnection: upgrade\r\n\r\n",
    ];
    for bytes in wrong {
        let gloss = chatty(Setup::before(&Upstream::answering_and_closing(bytes)).logs(&logs)).start();
        let answers = [gloss.get("/", &CREDENTIALS), gloss.get(&status_path("run_1"), &["Gloss: enhanced"])];
        assert_discreet(&gloss, &answers);
    }
}

#[test]
fn a_request_that_failed_is_named_without_its_secrets() {
    let gloss = Setup::before_address(nobody()).start();
    gloss.get("/docs;k=xyzzy/a?x-api-key=xyzzy&xyzzy", &CREDENTIALS);
    let stderr = gloss.stderr();
    assert!(stderr.contains("GET /docs;***/a?x-api-key=***&***"), "{stderr}");
    assert_discreet(&gloss, &[]);
}

#[test]
fn a_panic_is_told_without_what_was_being_worked_on() {
    let gate = Gate::new();
    let (upstream, logs) =
        (Upstream::answering(json(status_body("run_1", "running"))), Logs::with_run("run_1"));
    let gloss = chatty(Setup::before(&upstream).logs(&logs).gate(&gate)).start();
    let mut client = gloss.client();
    client.get(
        &format!("{}?x-api-key=xyzzy", status_path("run_1")),
        &[&CREDENTIALS[..], &["Gloss: enhanced"]].concat(),
    );
    gate.next().panic_quoting(WORD);
    assert_eq!(client.answer().labels(), ("basic", "panic"));
    assert_eq!(gloss.metric("gloss_panics_total"), 1);
    assert!(gloss.stderr().contains("gloss panicked") && gloss.stderr().contains("gloss_with_faults.rs"));
    assert_discreet(&gloss, &[]);
}

#[test]
fn a_reload_shows_no_secret() {
    let mut gloss = chatty(Setup::before_address(nobody())).start();
    gloss.rewrite("admin.token", "[\"xyzzy\"]");
    gloss.signal(rustix::process::Signal::HUP);
    eventually("it is refused", || (gloss.reloads_that("refused") == 1).then_some(()));
    gloss.reload("admin.token", "\"\"");
    gloss.reload("upstream.url", "\"http://me:xyzzy@api\"");
    gloss.reload("upstream.url", "\"http://api/?key=xyzzy\"");
    gloss.reload("logs.sources", "\"https://me:xyzzy@logs\"");
    assert!(!gloss.stderr().contains(WORD), "{}", gloss.stderr());
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
    for (key, value) in [
        ("logs.sources", "[\"https://me:xyzzy@logs/\"]"),
        ("logs.sources", "\"https://me:xyzzy@logs/\""),
        ("upstream.url", "\"http://api/?key=xyzzy\""),
        ("admin.token", "{ xyzzy = 1 }"),
        ("listen", "\"http://me:xyzzy@127.0.0.1\""),
    ] {
        let (status, stderr) = Setup::before_address(nobody()).set(key, value).fail();
        assert_eq!(status.code(), Some(78), "{key}");
        assert!(!stderr.contains(WORD), "{stderr}");
    }
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
