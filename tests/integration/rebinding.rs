//! A page elsewhere reaches the operators' listener by no name of its own, and changes nothing there (section 6 of the
//! contract).

use crate::support::client::{Answer, Client};
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::nobody;

fn ask(gloss: &Sidecar, line: &str, headers: &[&str], body: &str) -> Answer {
    let first = format!("{line} HTTP/1.1\r\nContent-Length: {}", body.len());
    let head = [&[first.as_str()], headers, &["", body]].concat();
    Client::connect(gloss.admin).send(head.join("\r\n")).answer()
}

#[test]
fn operators_are_answered_at_names_that_lead_there_by_right() {
    let setup = Setup::before_address(nobody()).set("admin.hosts", "[\"Gloss.internal\", \"api.test\"]");
    let mut gloss = setup.start();
    for host in ["localhost", "127.0.0.1:9", "[::1]:8881", "gloss.internal"] {
        assert_eq!(ask(&gloss, "GET /metrics", &[&format!("Host: {host}")], "").status, 200, "{host}");
    }
    let evil = ["Host: evil.example"];
    for target in ["/metrics", "/api/rollout", "/", "/nothing"] {
        let refused = ask(&gloss, &format!("GET {target}"), &evil, "");
        assert_eq!(refused.status, 421, "{target}");
        assert!(refused.text().contains("admin.hosts") && !refused.text().contains("evil"), "{refused:?}");
    }
    // Whoever watches over the process may call it what they like.
    assert_eq!(ask(&gloss, "GET /livez", &evil, "").status, 200);
    assert_eq!(ask(&gloss, "GET /readyz", &evil, "").status, 200);
    gloss.reload("admin.hosts", "[\"api.test\", \"evil.example\"]");
    assert_eq!(ask(&gloss, "GET /metrics", &evil, "").status, 200);
}

#[test]
fn a_page_elsewhere_switches_nothing() {
    let gloss = Setup::before_address(nobody()).start();
    let off = "{\"enabled\": false}";
    let post = |host: &str, site: &str| {
        let headers =
            [&format!("Host: {host}"), "Content-Type: application/json", &format!("Sec-Fetch-Site: {site}")];
        ask(&gloss, "POST /api/rollout", &headers, off).status
    };
    assert_eq!(post("evil.example", "same-origin"), 421);
    assert_eq!(post("localhost", "cross-site"), 403);
    assert_eq!(gloss.metric("gloss_rollout_enabled"), 1);
    assert_eq!(post("localhost", "same-origin"), 200);
    assert_eq!(gloss.metric("gloss_rollout_enabled"), 0);
}

#[test]
fn with_a_token_any_name_will_do() {
    let gloss = Setup::before_address(nobody()).set("admin.token", "\"s3cret\"").start();
    let headers = ["Host: gloss.example", "Authorization: Bearer s3cret"];
    assert_eq!(ask(&gloss, "GET /metrics", &headers, "").status, 200);
    assert_eq!(ask(&gloss, "GET /metrics", &headers[..1], "").status, 401);
}
