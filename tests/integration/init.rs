//! `gloss init` on this very host: a service that listens here, its logs in a folder, and the file that comes of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::support::answers::{json as json_answer, status_path};
use crate::support::logs::Log;
use crate::support::sidecar::PROGRAM;
use crate::support::upstream::{Then, Upstream, nobody};

/// A service that describes these paths.
fn describing(paths: &[&str]) -> Upstream {
    let paths: serde_json::Map<_, _> =
        paths.iter().map(|path| ((*path).to_owned(), json!({"get": {}}))).collect();
    let description = json!({"info": {"title": "Workflows"}, "paths": paths}).to_string();
    Upstream::scripted(move |call| {
        call.wire.send(json_answer(&description));
        Then::Keep
    })
}

fn init(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("init").args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `gloss check` says of a file.
fn checked(folder: &Path, file: &str) -> String {
    let output =
        Command::new(PROGRAM).args(["check", "--config", file]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// A process of its own that listens, in a folder with logs: gloss itself will do, which passes descriptions.
struct Service {
    child: Child,
    port: String,
}

impl Service {
    fn before(upstream: &Upstream, folder: &Path) -> Self {
        let flags = ["--listen", "127.0.0.1:0", "--admin", "off", "--upstream", &upstream.url()];
        let mut command = Command::new(PROGRAM);
        command.arg("serve").args(flags).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().rsplit_once(':').unwrap().1.to_owned() }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_service_of_this_host_and_the_logs_in_its_folder_become_a_file_that_gloss_accepts() {
    let (upstream, folder) = (describing(&[&status_path("{run_id}")]), TempDir::new().unwrap());
    let logs = folder.path().canonicalize().unwrap().join("logs");
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join("run_run_1.log"), Log::of("run_1").running()).unwrap();
    let service = Service::before(&upstream, folder.path());
    let output = init(folder.path(), &["--port", &service.port]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    for part in [
        &format!("service  http://127.0.0.1:{}\n", service.port),
        "route    the usual one of a run's status\n",
        &format!("process  gloss (process {})\n", service.child.id()),
        &format!("logs     {}: 1 log, the newest ", logs.display()),
        "written: gloss.toml\n",
        "gloss doctor RUN_ID --config gloss.toml",
    ] {
        assert!(shown.contains(part), "{part:?} is missing in {shown}");
    }
    let configuration = checked(folder.path(), "gloss.toml");
    let url = format!("url = \"http://127.0.0.1:{}\"", service.port);
    for line in [url, format!("sources = [\"{}\"]", logs.display())] {
        let found = configuration.lines().find(|shown| shown.starts_with(&line));
        assert!(found.is_some_and(|shown| shown.ends_with("gloss.toml")), "{line} in\n{configuration}");
    }
    // One question, to the one who was named.
    assert_eq!(upstream.only().head.line, "GET /openapi.json HTTP/1.1");
}

#[test]
fn a_file_that_is_there_is_replaced_by_force_only() {
    let (upstream, folder) = (describing(&[&status_path("{id}")]), TempDir::new().unwrap());
    let file = folder.path().join("gloss.toml");
    fs::write(&file, "mine").unwrap();
    let url = upstream.url();
    let refused = init(folder.path(), &["--upstream", &url]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("--force replaces it"), "{}", text(&refused.stderr));
    assert_eq!((fs::read_to_string(&file).unwrap(), upstream.seen().len()), ("mine".to_owned(), 0));
    let forced = init(folder.path(), &["--upstream", &url, "--logs", "/srv/logs", "--force"]);
    assert_eq!(forced.status.code(), Some(0), "{}", text(&forced.stderr));
    assert!(checked(folder.path(), "gloss.toml").contains("sources = [\"/srv/logs\"]"));
}

#[test]
fn what_is_told_is_written_and_to_stdout_where_that_is_wanted() {
    let (upstream, folder) = (describing(&["/v2/runs/{id}/status"]), TempDir::new().unwrap());
    let url = upstream.url();
    let flags =
        ["--upstream", &url, "--logs", "s3://bucket/logs", "--listen", "127.0.0.1:8899", "--out", "-"];
    let output = init(folder.path(), &[&flags[..], &["--header", "x-api-key: s3cret"]].concat());
    let (file, found) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{found}");
    assert!(file.contains("status = [\"/v2/runs/{run_id}/status\"]"), "{file}");
    assert!(
        file.contains("\nlisten = \"127.0.0.1:8899\"\n") && file.contains("[\"s3://bucket/logs\"]"),
        "{file}"
    );
    assert!(file.contains("calls itself \"Workflows\"") && !(file.clone() + &found).contains("s3cret"));
    assert_eq!(upstream.only().head.value("x-api-key"), Some("s3cret"));
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is written");
    fs::write(folder.path().join("told.toml"), file).unwrap();
    checked(folder.path(), "told.toml");
}

#[test]
fn without_a_service_nothing_is_written_and_the_way_out_is_said() {
    let folder = TempDir::new().unwrap();
    let port = nobody().port().to_string();
    let none = init(folder.path(), &["--port", &port]);
    assert_eq!(none.status.code(), Some(1));
    assert!(text(&none.stderr).contains("--upstream URL or --port N"), "{}", text(&none.stderr));
    let nobody = init(folder.path(), &["--upstream", &format!("http://{}", nobody())]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody.stderr).contains("is the service running?"), "{}", text(&nobody.stderr));
    let (a, b) = (describing(&[&status_path("{a}")]), describing(&[&status_path("{b}")]));
    let ports = [a.address.port().to_string(), b.address.port().to_string()];
    let several = init(folder.path(), &["--port", &ports[0], "--port", &ports[1]]);
    assert_eq!(several.status.code(), Some(1));
    assert!(text(&several.stderr).contains(&a.url()) && text(&several.stderr).contains(&b.url()));
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is written");
}
