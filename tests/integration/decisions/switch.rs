//! The rollout is switched while it serves: by the admin listener, and by `gloss rollout`.

use std::fs;
use std::io::Write;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};

use super::{UNLABELLED, World, world};
use crate::support::answers::{json as answer_of, status_body, status_path};
use crate::support::client::{Answer, Client, get};
use crate::support::eventually;
use crate::support::sidecar::{PROGRAM, Setup, Sidecar};
use crate::support::upstream::{Upstream, nobody};

const PATH: &str = "/api/rollout";

/// One request with a body to the admin listener.
fn send(gloss: &Sidecar, method: &str, headers: &[&str], body: &str) -> Answer {
    let length = format!("Content-Length: {}", body.len());
    let first = format!("{method} {PATH} HTTP/1.1");
    let head = [&[first.as_str(), "Host: admin.test", &length], headers].concat();
    Client::connect(gloss.admin).send(format!("{}\r\n\r\n{body}", head.join("\r\n"))).answer()
}

fn post(gloss: &Sidecar, body: &Value) -> Answer {
    send(gloss, "POST", &["Content-Type: application/json"], &body.to_string())
}

fn state(gloss: &Sidecar) -> Value {
    get(gloss.admin, PATH, &[]).json()
}

fn switched(world: &World, body: &Value) {
    let answer = post(&world.gloss, body);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn switches(gloss: &Sidecar, result: &str) -> u64 {
    gloss.metric(&format!("gloss_rollout_switches_total{{result=\"{result}\"}}"))
}

#[test]
fn the_kill_switch_counts_from_the_next_request_on_and_can_be_taken_back() {
    let world = world(|setup| setup);
    let mut client = world.gloss.client();
    let mut ask = || client.get(&status_path("run_1"), &["Gloss: enhanced"]).answer();
    assert_eq!(ask().labels(), ("enhanced", "header"));
    switched(&world, &json!({ "enabled": false }));
    assert_eq!(ask().labels(), ("basic", "disabled"));
    switched(&world, &json!({ "enabled": null }));
    assert_eq!(ask().labels(), ("enhanced", "header"));
    world.expect("", &[], UNLABELLED);
}

#[test]
fn percentage_and_default_change_alone_and_together() {
    let world = world(|setup| setup);
    switched(&world, &json!({ "percent": 100 }));
    world.expect("", &[], ("enhanced", "percent"));
    switched(&world, &json!({ "default": "shadow" }));
    world.expect("", &[], ("enhanced", "percent"));
    switched(&world, &json!({ "percent": 0.5 }));
    world.expect("", &[], ("basic", "default"));
    switched(&world, &json!({ "percent": 0, "default": "enhanced" }));
    world.expect("", &[], ("enhanced", "default"));
}

#[test]
fn the_state_tells_what_is_in_force_configured_and_overridden() {
    let rule = r#"[{ client = "192.0.2.0/24" }]"#;
    let world = world(|setup| setup.set("rollout.percent", "5.0").set("rollout.deny", rule));
    let configured = json!({ "enabled": true, "percent": 5.0, "default": "basic" });
    let plain = json!({
        "enabled": true, "percent": 5.0, "default": "basic", "overridden": [], "configured": configured,
        "opt_in": "anyone", "deny_rules": 1, "allow_rules": 0, "persisted": null
    });
    assert_eq!(state(&world.gloss), plain);
    let after = post(&world.gloss, &json!({ "percent": 40, "enabled": false })).json();
    assert_eq!((&after["percent"], &after["overridden"]), (&json!(40.0), &json!(["enabled", "percent"])));
    assert_eq!((&after["configured"], &state(&world.gloss)), (&configured, &after));
}

#[test]
fn a_switch_is_counted_and_logged_with_what_changed() {
    let world = world(|setup| setup);
    switched(&world, &json!({ "percent": 12.5 }));
    switched(&world, &json!({ "percent": 12.5 }));
    assert_eq!((switches(&world.gloss, "applied"), switches(&world.gloss, "unchanged")), (1, 1));
    let metrics = world.gloss.metrics();
    assert!(metrics.contains("gloss_rollout_percent 12.5") && metrics.contains("gloss_rollout_enabled 1"));
    let stderr = world.gloss.stderr();
    assert_eq!(stderr.matches("percent = 12.5 (was 0)").count(), 1, "{stderr}");
}

#[test]
fn what_cannot_be_used_changes_nothing_and_says_why() {
    let world = world(|setup| setup);
    let before = state(&world.gloss);
    for (body, status, key) in [
        ("{\"enabled\": false, \"percent\": 100.5}", 422, "percent"),
        ("{\"enabled\": false, \"default\": \"better\"}", 422, "default"),
        ("{\"enabled\": \"false\"}", 422, "enabled"),
        ("{\"enabled\": false, \"percnt\": 1}", 422, "percnt"),
        ("[{\"enabled\": false}]", 422, ""),
        ("enabled=false", 400, ""),
        ("", 400, ""),
    ] {
        let answer = send(&world.gloss, "POST", &["Content-Type: application/json"], body);
        assert_eq!(answer.status, status, "{body}");
        let detail = &answer.json()["detail"];
        assert_eq!(detail["key"], key, "{body}: {detail}");
        assert!(key.is_empty() || body.contains(&detail["value"].to_string()), "{body}: {detail}");
        assert!(detail["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{detail}");
    }
    assert_eq!(send(&world.gloss, "POST", &["Content-Type: text/plain"], "{\"enabled\": false}").status, 415);
    assert_eq!(
        send(&world.gloss, "POST", &["Content-Type: application/json"], &" ".repeat(20_000)).status,
        413
    );
    let refused = send(&world.gloss, "PUT", &["Content-Type: application/json"], "{\"enabled\": false}");
    assert_eq!((refused.status, refused.value("allow")), (405, Some("GET, HEAD, POST")));
    assert_eq!(state(&world.gloss), before);
    assert_eq!((switches(&world.gloss, "refused"), switches(&world.gloss, "applied")), (5, 0));
    world.expect("", &["Gloss: enhanced"], ("enhanced", "header"));
}

#[test]
fn with_a_token_nobody_else_sees_or_switches_anything() {
    let world = world(|setup| setup.variable("GLOSS_ADMIN_TOKEN", "hunter2"));
    assert_eq!(get(world.gloss.admin, PATH, &[]).status, 401);
    assert_eq!(post(&world.gloss, &json!({ "enabled": false })).status, 401);
    world.expect("", &["Gloss: enhanced"], ("enhanced", "header"));
    let headers = ["Content-Type: application/json", "Authorization: Bearer hunter2"];
    assert_eq!(send(&world.gloss, "POST", &headers, "{\"enabled\": false}").status, 200);
    world.expect("", &["Gloss: enhanced"], ("basic", "disabled"));
}

#[test]
fn an_operators_word_stays_above_a_reloaded_file_until_it_is_taken_back() {
    let mut world = world(|setup| setup);
    switched(&world, &json!({ "percent": 0, "enabled": true }));
    world.gloss.reload("rollout.percent", "100.0");
    world.gloss.reload("rollout.default", "\"shadow\"");
    // Of what was not set at run time, the file's word counts.
    world.expect("", &[], ("basic", "default"));
    let after = state(&world.gloss);
    assert_eq!((&after["default"], &after["configured"]["percent"]), (&json!("shadow"), &json!(100.0)));
    assert!(world.gloss.stderr().contains("stays above the configuration"), "{}", world.gloss.stderr());
    switched(&world, &json!({ "percent": null }));
    world.expect("", &[], ("enhanced", "percent"));
}

#[test]
fn without_a_file_for_it_a_switch_is_forgotten_and_with_one_it_is_kept() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("rollout.json");
    let persist = format!("{:?}", file.display().to_string());
    let begin = || world(|setup| setup.set("rollout.persist", &persist));
    let first = begin();
    assert_eq!(state(&first.gloss)["persisted"], true);
    assert_eq!(post(&first.gloss, &json!({ "percent": 100, "enabled": false })).json()["persisted"], true);
    switched(&first, &json!({ "enabled": null }));
    drop(first);
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\"percent\":100.0}\n");
    let second = begin();
    second.expect("", &[], ("enhanced", "percent"));
    assert_eq!(state(&second.gloss)["overridden"], json!(["percent"]));
    assert!(second.gloss.stderr().contains("before the start is in force"), "{}", second.gloss.stderr());
    drop(second);
    world(|setup| setup).expect("", &[], UNLABELLED);
}

#[test]
fn a_kept_file_that_cannot_be_used_keeps_gloss_from_starting() {
    let mut kept = NamedTempFile::new().unwrap();
    kept.write_all(b"{\"percent\": 101}").unwrap();
    let persist = format!("{:?}", kept.path().display().to_string());
    let (status, stderr) = Setup::before_address(nobody()).set("rollout.persist", &persist).fail();
    assert_eq!(status.code(), Some(78));
    assert!(stderr.contains("rollout.persist") && stderr.contains("101"), "{stderr}");
}

#[test]
fn where_the_file_cannot_be_written_the_switch_works_and_says_so() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("below/rollout.json");
    fs::create_dir(folder.path().join("below")).unwrap();
    let persist = format!("{:?}", file.display().to_string());
    let world = world(|setup| setup.set("rollout.persist", &persist));
    fs::remove_dir(folder.path().join("below")).unwrap();
    assert_eq!(post(&world.gloss, &json!({ "enabled": false })).json()["persisted"], false);
    world.expect("", &["Gloss: enhanced"], ("basic", "disabled"));
    assert!(world.gloss.stderr().contains("rollout.persist cannot be written"), "{}", world.gloss.stderr());
    // Said again, it is tried again.
    fs::create_dir(folder.path().join("below")).unwrap();
    assert_eq!(post(&world.gloss, &json!({ "enabled": false })).json()["persisted"], true);
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\"enabled\":false}\n");
}

#[test]
fn switching_under_load_loses_no_request_and_every_answer_is_one_of_the_two() {
    let world = world(|setup| setup.set("rollout.percent", "100.0"));
    let seen: Arc<[AtomicU32; 2]> = Arc::default();
    let (done, address) = (Arc::new(AtomicBool::new(false)), world.gloss.clients);
    let load: Vec<_> = (0..3)
        .map(|_| {
            let (done, seen) = (Arc::clone(&done), Arc::clone(&seen));
            thread::spawn(move || {
                let mut client = Client::connect(address);
                while !done.load(Ordering::Relaxed) {
                    let answer = client.get(&status_path("run_1"), &[]).answer();
                    let kind = match (answer.status, answer.labels()) {
                        (200, ("enhanced", "percent")) => 0,
                        (200, ("basic", "disabled")) => 1,
                        other => panic!("{other:?}"),
                    };
                    seen[kind].fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let (mut round, mut last_switch) = (0, json!(null));
    eventually("both answers, many times", || {
        round += 1;
        last_switch = json!({ "enabled": round % 2 == 0 });
        switched(&world, &last_switch);
        let is_over = load.iter().any(thread::JoinHandle::is_finished);
        (is_over || seen.iter().all(|count| count.load(Ordering::Relaxed) >= 50)).then_some(())
    });
    done.store(true, Ordering::Relaxed);
    for client in load {
        client.join().unwrap();
    }
    assert_eq!(state(&world.gloss)["enabled"], last_switch["enabled"]);
}

/// `gloss rollout` with these arguments.
fn rollout(gloss: &Sidecar, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("rollout").arg("--url").arg(format!("http://{}", gloss.admin)).args(arguments);
    command.env_remove("GLOSS_ADMIN_TOKEN").output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The line that begins so, its columns joined by one space.
fn row(text: &str, key: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{text}"));
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_command_shows_the_rollout_and_changes_it() {
    let world = world(|setup| setup);
    let shown = printed(&rollout(&world.gloss, &[]));
    assert_eq!(row(&shown, "percent"), "percent 0 as configured");
    let changed = printed(&rollout(&world.gloss, &["--percent", "100", "--default", "shadow"]));
    assert_eq!(row(&changed, "percent"), "percent 0 → 100 set at run time; configured: 0");
    assert_eq!(row(&changed, "default"), "default basic → shadow set at run time; configured: basic");
    world.expect("", &[], ("enhanced", "percent"));
    printed(&rollout(&world.gloss, &["--enabled", "false"]));
    world.expect("", &[], ("basic", "disabled"));
    let back = printed(&rollout(&world.gloss, &["--reset"]));
    assert_eq!(row(&back, "enabled"), "enabled false → true as configured");
    world.expect("", &[], UNLABELLED);
}

#[test]
fn the_command_prints_json_for_programs() {
    let world = world(|setup| setup);
    let shown: Value = serde_json::from_str(&printed(&rollout(&world.gloss, &["--format", "json"]))).unwrap();
    assert_eq!(shown, state(&world.gloss));
    let changed = printed(&rollout(&world.gloss, &["--format", "json", "--percent", "10"]));
    let mut changed: Value = serde_json::from_str(&changed).unwrap();
    assert_eq!(changed["before"].take(), shown);
    assert_eq!(changed["percent"], 10.0);
}

#[test]
fn the_command_takes_the_token_from_a_file_or_the_environment() {
    let world = world(|setup| setup.variable("GLOSS_ADMIN_TOKEN", "hunter2"));
    let without = rollout(&world.gloss, &[]);
    assert_eq!(without.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&without.stderr).contains("--token-file"));
    let mut file = NamedTempFile::new().unwrap();
    writeln!(file, "hunter2").unwrap();
    printed(&rollout(&world.gloss, &["--token-file", file.path().to_str().unwrap(), "--enabled", "false"]));
    world.expect("", &["Gloss: enhanced"], ("basic", "disabled"));
    let url = format!("http://{}", world.gloss.admin);
    let mut command = Command::new(PROGRAM);
    command.args(["rollout", "--url", &url, "--reset"]).env("GLOSS_ADMIN_TOKEN", "hunter2");
    printed(&command.output().unwrap());
    world.expect("", &["Gloss: enhanced"], ("enhanced", "header"));
}

#[test]
fn the_command_fails_in_one_readable_line() {
    let upstream = Upstream::answering(answer_of(status_body("run_1", "running")));
    let gloss = Setup::before(&upstream).start();
    for (arguments, code, says) in [
        (vec!["--percent", "101"], 2, "0 to 100"),
        (vec!["--enabled", "maybe"], 2, "maybe"),
        (vec!["--reset", "--percent", "1"], 2, "cannot be used with"),
    ] {
        let failed = rollout(&gloss, &arguments);
        assert_eq!(failed.status.code(), Some(code), "{arguments:?}");
        assert!(String::from_utf8_lossy(&failed.stderr).contains(says), "{arguments:?}");
    }
    // No gloss, and something that is not one.
    for (url, says) in
        [(format!("http://{}", nobody()), "is --url right?"), (upstream.url(), "not how a gloss")]
    {
        let output = Command::new(PROGRAM).args(["rollout", "--url", &url]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
        assert!(stderr.contains(says), "{stderr}");
    }
}
