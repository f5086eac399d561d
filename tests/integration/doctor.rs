//! `gloss doctor` before the real proxy and a service of exact bytes: what it finds, says and ends with.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::answers::{answer, json as json_answer, status_body, status_path};
use crate::support::logs::Logs;
use crate::support::sidecar::{PROGRAM, Setup, Sidecar};
use crate::support::upstream::{Then, Upstream, nobody};

/// A service that describes itself, knows `run_1` and wants a key. Idle connections are closed at once.
fn service() -> Upstream {
    Upstream::scripted(|call| {
        call.body();
        let has_key = call.seen.head.value("x-api-key") == Some("k");
        let reply = match call.line().split(' ').nth(1).unwrap_or_default() {
            "/openapi.json" => json_answer(json!({"paths": {status_path("{id}"): {"get": {}}}}).to_string()),
            _ if !has_key => answer("HTTP/1.1 401 Unauthorized\r\n", "{\"detail\":\"no key\"}"),
            path if path == status_path("run_1") => json_answer(status_body("run_1", "running")),
            _ => answer("HTTP/1.1 404 Not Found\r\n", "{\"detail\":\"Run not found\"}"),
        };
        call.wire.send(reply);
        if call.line().contains("/openapi.json") { Then::Close } else { Then::Keep }
    })
}

fn doctor(arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GLOSS_")) {
        command.env_remove(name);
    }
    command.arg("doctor").args(arguments).output().unwrap()
}

/// Of a running gloss by its own file; ports that the system chose are told by flags.
fn of(gloss: &Sidecar, arguments: &[&str]) -> Output {
    let (url, admin) = (format!("http://{}", gloss.clients), format!("http://{}", gloss.admin));
    let file = gloss.file();
    let given = ["--config", file.to_str().unwrap(), "--url", &url, "--admin", &admin];
    doctor(&[&given[..], arguments].concat())
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The findings of a check, each as its verdict and all that is said.
fn said(told: &Value, check: &str) -> Vec<(String, String)> {
    let findings = told["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == check);
    findings
        .map(|finding| {
            let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
            (text("verdict"), text("what") + " → " + &text("todo"))
        })
        .collect()
}

#[track_caller]
fn assert_said(told: &Value, check: &str, verdict: &str, part: &str) {
    let findings = said(told, check);
    let fits = |(known, text): &(String, String)| known == verdict && text.contains(part);
    assert!(findings.iter().any(fits), "no {verdict} {check} with {part:?} in {told:#}");
}

#[test]
fn where_all_is_well_everything_is_checked_and_no_key_is_shown() {
    let (upstream, logs) = (service(), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let output = of(&gloss, &["run_1", "--header", "x-api-key: k", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let told = told(&output);
    assert_eq!((&told["failed"], &told["skipped"]), (&json!(0), &json!(0)), "{told:#}");
    for (check, part) in [
        ("configuration", "gloss.toml is accepted"),
        ("service", "answers (200)"),
        ("route", "describes /api/v1/workflows"),
        ("keep-alive", "closes each connection after its answer"),
        ("gloss", "answers, in "),
        ("readiness", "ready"),
        ("key", "accepted"),
        ("log", "run_run_1.log, "),
        ("notes", "of a log by file"),
        ("additive", "nothing but additions, byte for byte"),
    ] {
        assert_said(&told, check, "ok", part);
    }
    // The answers' Date, and the log's times, are of long ago.
    assert_said(&told, "clocks", "warning", "behind");
    assert_said(&told, "log times", "warning", "run_run_1.log");
    let text = of(&gloss, &["run_1", "--header", "x-api-key: k3y", "--quick"]);
    let shown = String::from_utf8_lossy(&text.stdout).into_owned() + &String::from_utf8_lossy(&text.stderr);
    assert!(shown.contains("FAILED  key            the service refuses it (401)"), "{shown}");
    assert!(shown.contains("not measured: by --quick") && !shown.contains("k3y"), "{shown}");
    assert!(shown.ends_with("gloss: not as it should be: key\n"), "{shown}");
    assert_eq!(text.status.code(), Some(1));
}

#[test]
fn a_run_without_a_log_is_told_with_the_names_that_were_tried_and_what_is_there() {
    let (upstream, logs) = (service(), Logs::with_run("run_2"));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let arguments = ["run_1", "--header", "x-api-key: k", "--quick", "--format", "json"];
    let output = of(&gloss, &arguments);
    assert_eq!(output.status.code(), Some(1));
    let missing = told(&output);
    assert_said(&missing, "log", "failed", "run_run_1.log, run_run_1_stream.jsonl, {workflow_name}_");
    assert_said(&missing, "log", "failed", "1 log of other runs there");
    assert_said(&missing, "notes", "failed", "Gloss-Reason: no-log");
    assert_said(&missing, "additive", "ok", "no notes (no-log)");
    logs.write("run_1", "");
    fs::remove_file(logs.path("run_1")).unwrap();
    fs::create_dir(logs.path("run_1")).unwrap();
    let unreadable = told(&of(&gloss, &arguments));
    assert_said(&unreadable, "log", "failed", "not a regular file → remove what is there instead of the log");
    assert_said(&unreadable, "notes", "failed", "Gloss-Reason: log-unreadable");
    fs::remove_dir(logs.path("run_1")).unwrap();
    std::os::unix::fs::symlink(PROGRAM, logs.path("run_1")).unwrap();
    let linked = told(&of(&gloss, &arguments));
    assert_said(
        &linked,
        "log",
        "failed",
        "outside its root → links that lead out of the folder are not followed",
    );
}

/// As a user without rights, where the test itself runs as root: root may list every folder.
fn unprivileged(folder: &Path, arguments: &[&str]) -> Output {
    let program = folder.join("gloss");
    fs::copy(PROGRAM, &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    if rustix::process::geteuid().is_root() {
        std::os::unix::process::CommandExt::uid(&mut command, 65534);
    }
    command.arg("doctor").args(arguments).env_clear().output().unwrap()
}

#[test]
fn a_folder_that_may_not_be_listed_is_found_without_any_run() {
    let folder = tempfile::TempDir::new().unwrap();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    fs::set_permissions(&logs, Permissions::from_mode(0o000)).unwrap();
    let file = folder.path().join("gloss.toml");
    let upstream = nobody();
    fs::write(&file, format!("upstream.url = \"http://{upstream}\"\nlogs.sources = [{logs:?}]\n")).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let url = format!("http://{}", nobody());
    let arguments = ["--config", file.to_str().unwrap(), "--url", &url, "--admin", &url, "--format", "json"];
    let output = unprivileged(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let told = told(&output);
    assert_said(&told, "log", "failed", "Permission denied");
    assert_said(&told, "service", "failed", "nobody answers");
    assert_said(&told, "gloss", "failed", "nobody answers");
    assert_said(&told, "readiness", "warning", "does not answer");
    fs::set_permissions(&logs, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_gloss_that_reaches_no_service_is_told_from_one_that_is_none() {
    let gloss = Setup::before_address(nobody()).start();
    let output = of(&gloss, &["run_1", "--quick", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let told = told(&output);
    assert_said(&told, "service", "failed", "nobody answers");
    let (_, service) = said(&told, "service").remove(0);
    assert_eq!(service.matches("refused").count(), 1, "{service}");
    assert_said(&told, "gloss", "failed", "answers 502 itself (gloss; error=connection_refused");
    assert_said(&told, "key", "skipped", "does not give the service's answer");
}

#[test]
fn from_outside_only_what_shows_there_is_checked() {
    let (upstream, logs) = (service(), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let url = format!("http://{}", gloss.clients);
    let outside = ["--url", &url, "--admin", "off", "--format", "json"];
    let output = doctor(&[&outside[..], &["run_1", "--header", "x-api-key: k"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let told_outside = told(&output);
    assert_said(&told_outside, "configuration", "skipped", "none was given");
    assert_said(&told_outside, "log", "ok", "gloss reads it");
    assert_said(&told_outside, "additive", "ok", "nothing but additions");
    // The service itself, in its place, is not taken for gloss.
    let output = doctor(&["--url", &upstream.url(), "--admin", "off", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_said(&told(&output), "gloss", "failed", "without Gloss-Variant");
}

#[test]
fn a_gloss_that_changes_a_byte_fails_the_proof() {
    // Not gloss, but what a broken one would look like.
    let upstream = Upstream::scripted(|call| {
        let variant = call.seen.head.value("gloss").unwrap_or_default().to_owned();
        let body = status_body("run_1", "running");
        let body = if variant == "enhanced" { body.replace("91.0", "91") } else { body };
        let labels = format!("gloss-variant: {variant}\r\ngloss-reason: header\r\n");
        call.wire.send(crate::support::answers::json_with(&labels, body));
        Then::Keep
    });
    let output = doctor(&["run_1", "--url", &upstream.url(), "--admin", "off", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_said(&told(&output), "additive", "failed", "gloss rollout --enabled false");
}

#[test]
fn wrong_usage_is_2_and_a_refused_configuration_78() {
    for arguments in [&["../x"][..], &["--header", "none"], &["--format", "xml"]] {
        assert_eq!(doctor(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "upstream.url = \"http://a\"\nrollout.percent = 101\n").unwrap();
    let output = doctor(&["--config", file.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("rollout.percent"));
}
