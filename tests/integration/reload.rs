//! A changed configuration comes into force while gloss serves; a refused one changes nothing (section 6 of the
//! contract).

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::answers::{framed, json, status_body, status_path};
use crate::support::client::get;
use crate::support::eventually;
use crate::support::gate::Gate;
use crate::support::logs::Logs;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream, nobody};

/// A status that nobody opted in for.
fn labels(gloss: &Sidecar) -> (String, String) {
    let answer = gloss.get(&status_path("run_1"), &[]);
    let (variant, reason) = answer.labels();
    (variant.to_owned(), reason.to_owned())
}

fn enhanced_by(reason: &str) -> (String, String) {
    ("enhanced".to_owned(), reason.to_owned())
}

/// An upstream, a log, and gloss between them.
fn running() -> (Upstream, Logs, Setup) {
    let (upstream, logs) =
        (Upstream::answering(json(status_body("run_1", "running"))), Logs::with_run("run_1"));
    let setup = Setup::before(&upstream).logs(&logs);
    (upstream, logs, setup)
}

#[test]
fn a_changed_percentage_is_in_force_after_the_signal() {
    let (_upstream, _logs, setup) = running();
    let mut gloss = setup.start();
    assert_eq!(labels(&gloss), (String::new(), String::new()));
    let before = gloss.metric("gloss_config_hash");
    gloss.reload("rollout.percent", "100.0");
    assert_eq!(labels(&gloss), enhanced_by("percent"));
    assert_eq!(gloss.reloads_that("applied"), 1);
    assert_ne!(gloss.metric("gloss_config_hash"), before);
    assert!(gloss.metric("gloss_config_applied_timestamp_seconds") > 1_700_000_000);
    assert!(gloss.stderr().contains("rollout.percent = 100.0"), "{}", gloss.stderr());
}

#[test]
fn what_goes_on_under_the_old_configuration_counts_under_the_new_one() {
    let ((_upstream, _logs, setup), gate) = (running(), Gate::new());
    let mut gloss = setup.gate(&gate).set("enrich.max_concurrent", "1").start();
    let mut first = gloss.client();
    first.get(&status_path("run_1"), &["Gloss: enhanced"]);
    let held = gate.next();
    gloss.reload("enrich.compat_fields", "true");
    let second = gloss.get(&status_path("run_1"), &["Gloss: enhanced"]);
    assert_eq!(second.labels(), ("basic", "overload"));
    held.go_on();
    gate.open_for_good();
    assert_eq!(first.answer().labels(), ("enhanced", "header"));
}

#[test]
fn a_changed_file_is_in_force_soon_without_any_signal() {
    let (_upstream, _logs, setup) = running();
    let mut gloss = setup.start();
    gloss.rewrite("rollout.percent", "100.0");
    eventually("the file is noticed", || (labels(&gloss) == enhanced_by("percent")).then_some(()));
    // Rewritten in place this time, as an editor may do it.
    let text = fs::read_to_string(gloss.file()).unwrap();
    fs::write(gloss.file(), text.replace("100.0", "0.0")).unwrap();
    eventually("the file is noticed", || labels(&gloss).0.is_empty().then_some(()));
    assert_eq!(gloss.reloads_that("applied"), 2);
}

#[test]
fn a_file_behind_swapped_links_is_noticed_as_kubernetes_swaps_them() {
    let (upstream, _logs, setup) = running();
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, percent) in [("v1", "0.0"), ("v2", "100.0")] {
        fs::create_dir(at(version)).unwrap();
        let text = format!("upstream.url = \"{}\"\nrollout.percent = {percent}\n", upstream.url());
        fs::write(at(version).join("gloss.toml"), text).unwrap();
    }
    symlink("v1", at("..data")).unwrap();
    symlink("..data/gloss.toml", at("gloss.toml")).unwrap();
    // The listeners are given by variables, as the file has none.
    let setup = setup.variable("GLOSS_LISTEN", "127.0.0.1:0").variable("GLOSS_ADMIN", "127.0.0.1:0");
    let gloss = setup.config_file(&at("gloss.toml")).start();
    assert_eq!(labels(&gloss).0, "");
    symlink("v2", at("new")).unwrap();
    fs::rename(at("new"), at("..data")).unwrap();
    eventually("the swap is noticed", || (labels(&gloss).0 == "enhanced").then_some(()));
}

#[test]
fn flags_and_variables_go_on_beating_the_file() {
    let (_upstream, _logs, setup) = running();
    let mut gloss = setup.flag("--percent", "0").variable("GLOSS_VARIANT", "basic").start();
    gloss.reload("rollout.percent", "100.0");
    gloss.reload("rollout.default", "\"enhanced\"");
    assert_eq!(labels(&gloss).0, "");
    assert_eq!(gloss.reloads_that("unchanged"), 2);
}

#[test]
fn a_refused_file_changes_nothing_and_says_why() {
    let (_upstream, _logs, setup) = running();
    let mut gloss = setup.set("rollout.percent", "100.0").start();
    let before = gloss.metric("gloss_config_hash");
    gloss.reload("rollout.percent", "101.0");
    assert_eq!(labels(&gloss), enhanced_by("percent"));
    assert_eq!((gloss.reloads_that("refused"), gloss.reloads_that("applied")), (1, 0));
    assert_eq!(gloss.metric("gloss_config_hash"), before);
    assert_eq!(get(gloss.admin, "/readyz", &[]).status, 200);
    let stderr = gloss.stderr();
    let line = stderr.lines().find(|line| line.contains("refused")).unwrap_or_else(|| panic!("{stderr}"));
    for part in ["rollout.percent", "101", "between 0 and 100", "hint=", "the one in force stays"] {
        assert!(line.contains(part), "{part} is missing in {line}");
    }
    // And what is mended is taken.
    gloss.reload("rollout.percent", "0.0");
    assert_eq!(labels(&gloss).0, "");
}

#[test]
fn a_file_that_is_gone_changes_nothing() {
    let (_upstream, _logs, setup) = running();
    let gloss = setup.set("rollout.percent", "100.0").start();
    fs::remove_file(gloss.file()).unwrap();
    eventually("it is noticed", || (gloss.reloads_that("refused") == 1).then_some(()));
    assert_eq!(labels(&gloss), enhanced_by("percent"));
}

#[test]
fn what_needs_a_restart_is_named_and_the_rest_comes_into_force() {
    let (_upstream, _logs, setup) = running();
    let mut gloss = setup.start();
    for (key, value) in
        [("listen", "\"127.0.0.1:1\""), ("admin.listen", "\"0.0.0.0:0\""), ("server.max_headers", "17")]
    {
        gloss.rewrite(key, value);
    }
    gloss.rewrite("admin.token", "\"hunter2\"");
    gloss.reload("rollout.percent", "100.0");
    assert_eq!(labels(&gloss), enhanced_by("percent"));
    let stderr = gloss.stderr();
    let line =
        stderr.lines().find(|line| line.contains("need a restart")).unwrap_or_else(|| panic!("{stderr}"));
    for key in ["listen = ", "admin.listen = ", "admin.token = ", "server.max_headers = 17"] {
        assert!(line.contains(key), "{key} is missing in {line}");
    }
    assert!(!stderr.contains("hunter2"), "{stderr}");
    assert_eq!(get(gloss.admin, "/metrics", &[]).status, 200, "the listener and its token go together");
}

#[test]
fn a_request_in_flight_survives_and_ends_with_what_it_began_with() {
    let ((begun, heard), (go_on, wait)) = (channel(), channel::<()>());
    let wait = Mutex::new(wait);
    let upstream = Upstream::scripted(move |call| {
        call.wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        call.wire.send(framed(b"first"));
        begun.send(()).unwrap();
        // Told, or the test is over.
        let _ = wait.lock().unwrap().recv();
        call.wire.send(framed(b"second"));
        call.wire.send("0\r\n\r\n");
        Then::Keep
    });
    let other = Upstream::answering(json("{\"from\":\"the other\"}"));
    let mut gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    client.get("/slow", &[]);
    heard.recv().unwrap();
    gloss.reload("upstream.url", &format!("\"{}\"", other.url()));
    assert_eq!(gloss.get("/", &[]).text(), "{\"from\":\"the other\"}");
    go_on.send(()).unwrap();
    let answer = client.answer();
    assert_eq!((answer.text(), answer.payload.complete), ("firstsecond", true));
    // The same connection: its next request goes where the new configuration says.
    assert_eq!(client.get("/", &[]).answer().text(), "{\"from\":\"the other\"}");
    assert_eq!(upstream.seen().len(), 1);
    upstream.wait_for_closed(1);
}

#[test]
fn a_tunnel_survives() {
    let upstream = Upstream::switching();
    let mut gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    assert_eq!(client.get("/", &["Connection: Upgrade", "Upgrade: echo"]).head().0, 101);
    gloss.reload("upstream.url", &format!("\"http://{}\"", nobody()));
    assert_eq!(gloss.get("/", &[]).status, 502);
    assert_eq!(client.send("ping").exactly(4), b"ping");
}

#[test]
fn the_log_level_changes() {
    let upstream = Upstream::answering(json("{}"));
    let mut gloss = Setup::before_address(nobody()).set("telemetry.log_level", "\"error\"").start();
    let told = |gloss: &Sidecar| gloss.stderr().matches("could not be forwarded").count();
    gloss.get("/", &[]);
    assert_eq!(told(&gloss), 0);
    gloss.reload("telemetry.log_level", "\"warn\"");
    gloss.get("/", &[]);
    assert_eq!(told(&gloss), 1);
    gloss.reload("upstream.url", &format!("\"{}\"", upstream.url()));
    assert_eq!(gloss.get("/", &[]).status, 200);
}

#[test]
fn a_folder_of_logs_can_be_named_later_and_an_analysis_is_kept_unless_it_depends_on_what_changed() {
    let (_upstream, logs, setup) = running();
    let mut gloss = setup.set("logs.sources", "[]").set("rollout.default", "\"enhanced\"").start();
    let source =
        |gloss: &Sidecar| gloss.get(&status_path("run_1"), &[]).json()["enhancement"]["log_source"].clone();
    assert_eq!(source(&gloss), "body");
    gloss.reload("logs.sources", &format!("[{:?}]", logs.root().display().to_string()));
    let cached = |gloss: &Sidecar| {
        gloss.get(&status_path("run_1"), &[]).value("cache-status").unwrap_or_default().to_owned()
    };
    assert_eq!((cached(&gloss).as_str(), cached(&gloss).as_str()), ("gloss; fwd=miss", "gloss; hit"));
    gloss.reload("enrich.compat_fields", "true");
    assert_eq!(cached(&gloss), "gloss; hit");
    assert!(gloss.get(&status_path("run_1"), &[]).json()["cache_efficiency"].is_number());
    gloss.reload("cache.idle", "\"2h\"");
    assert_eq!(cached(&gloss), "gloss; fwd=miss");
}

#[test]
fn the_operators_token_changes() {
    let mut gloss = Setup::before_address(nobody()).start();
    gloss.rewrite("admin.token", "\"one\"");
    gloss.signal(Signal::HUP);
    let status = |gloss: &Sidecar, token: &str| {
        get(gloss.admin, "/metrics", &[&format!("Authorization: Bearer {token}")]).status
    };
    eventually("a token is needed", || (status(&gloss, "none") == 401).then_some(()));
    assert_eq!(status(&gloss, "one"), 200);
    gloss.rewrite("admin.token", "\"two\"");
    gloss.signal(Signal::HUP);
    eventually("the old token no longer opens", || (status(&gloss, "one") == 401).then_some(()));
    assert_eq!(status(&gloss, "two"), 200);
    assert!(!gloss.stderr().contains("\"one\"") && !gloss.stderr().contains("\"two\""), "{}", gloss.stderr());
}

#[test]
fn many_reloads_under_load_lose_no_request_and_leave_no_threads_behind() {
    let (_upstream, _logs, setup) = running();
    let mut gloss = setup.start();
    gloss.reload("cache.idle", "\"3h\"");
    let threads = gloss.threads();
    let address = gloss.clients;
    let clients: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                (0..100).all(|_| get(address, &status_path("run_1"), &["Gloss: enhanced"]).status == 200)
            })
        })
        .collect();
    for hours in 4..24 {
        gloss.reload("cache.idle", &format!("\"{hours}h\""));
    }
    for client in clients {
        assert!(client.join().unwrap(), "a request was lost");
    }
    assert_eq!(gloss.reloads_that("applied"), 21);
    eventually("the threads of the old trackers end", || (gloss.threads() <= threads + 2).then_some(()));
}
