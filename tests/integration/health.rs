//! `gloss health` as a container's health check runs it.

use std::process::{Command, Output};

use rustix::process::Signal;

use crate::support::eventually;
use crate::support::sidecar::{PROGRAM, Setup};
use crate::support::upstream::{Upstream, nobody};

fn health(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GLOSS_")) {
        command.env_remove(name);
    }
    command.arg("health").args(arguments).envs(variables.iter().copied()).output().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_gloss_that_is_ready_is_healthy_by_url_by_variable_and_by_file() {
    let gloss = Setup::before_address(nobody()).set("admin.token", "\"secret\"").start();
    let admin = gloss.admin.to_string();
    assert_eq!(said(&health(&["--url", &format!("http://{admin}")], &[])), (Some(0), String::new()));
    assert_eq!(said(&health(&[], &[("GLOSS_ADMIN", &admin)])), (Some(0), String::new()));
    // As in a container, where it listens on every address and the rest of the file is of no matter to the check.
    let everywhere = format!("0.0.0.0:{}", gloss.admin.port());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("[admin]\nlisten = {everywhere:?}\n")).unwrap();
    let config = file.path().to_str().unwrap();
    assert_eq!(said(&health(&["--config", config], &[])), (Some(0), String::new()));
    assert_eq!(said(&health(&[], &[("GLOSS_CONFIG", config)])), (Some(0), String::new()));
}

#[test]
fn whoever_does_not_answer_or_is_not_ready_is_not_healthy() {
    let (code, why) = said(&health(&["--url", &format!("http://{}", nobody())], &[]));
    assert!(code == Some(1) && why.contains("does not answer"), "{code:?} {why}");
    let starting = Upstream::answering("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    let (code, why) = said(&health(&["--url", &starting.url()], &[]));
    assert!(code == Some(1) && why.contains("503"), "{code:?} {why}");
    let silent = Upstream::scripted(|call| {
        call.wire.rest();
        crate::support::upstream::Then::Close
    });
    let (code, why) = said(&health(&["--url", &silent.url(), "--timeout", "50ms"], &[]));
    assert!(code == Some(1) && why.contains("within 50ms"), "{code:?} {why}");
    let (code, why) = said(&health(&[], &[("GLOSS_ADMIN", "off")]));
    assert!(code == Some(1) && why.contains("nobody to ask"), "{code:?} {why}");
}

#[test]
fn a_gloss_that_drains_is_not_healthy() {
    let upstream = Upstream::scripted(|call| {
        call.wire.rest();
        crate::support::upstream::Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    let mut waiting = gloss.client();
    waiting.get("/slow", &[]);
    eventually("the request is under way", || (!upstream.seen().is_empty()).then_some(()));
    gloss.signal(Signal::TERM);
    let url = format!("http://{}", gloss.admin);
    let why = eventually("it drains", || {
        let (code, why) = said(&health(&["--url", &url], &[]));
        (code == Some(1)).then_some(why)
    });
    assert!(why.contains("503") || why.contains("does not answer"), "{why}");
}
