//! The sample as its callers see it: bytes over HTTP/1 and log files in a real directory, in paused time.
#![expect(clippy::disallowed_methods, reason = "these tests look into the log files that the sample writes")]

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::sleep;

use super::clock::Clock;
use super::python::{Separators, dumps};
use super::value::Value;
use super::*;

const BASE: &str = "/api/v1/workflows/claude-code/run";
const WITH_KEY: &str = "x-api-key: sample-key\r\n";

struct Sample {
    service: Arc<Service>,
    connections: GracefulShutdown,
    clock: Clock,
    logs: TempDir,
}

struct Answer {
    head: String,
    body: String,
}

/// A sample at `speed`, its replays started.
fn sample(speed: f64) -> Sample {
    let logs = TempDir::new().unwrap();
    let speed = Speed::new(speed).unwrap();
    let service =
        Service::new(logs.path(), "sample-key".to_owned(), speed, CancellationToken::new()).unwrap();
    let service = Arc::new(service);
    service.start_replays();
    Sample { service, connections: GracefulShutdown::new(), clock: Clock::start(), logs }
}

impl Sample {
    fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(1 << 16);
        tokio::spawn(connection(Arc::clone(&self.service), theirs, self.connections.watcher()));
        ours
    }

    /// Sends `METHOD target` with `headers`, each ended by a line break, and `body`.
    async fn send(&self, request: &str, headers: &str, body: &str) -> Answer {
        let mut stream = self.connect();
        let head = format!("{request} HTTP/1.1\r\nhost: up:81\r\nconnection: close\r\n{headers}");
        let head = format!("{head}content-length: {}\r\n\r\n", body.len());
        stream.write_all((head + body).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer { head: head.to_owned(), body: body.to_owned() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), WITH_KEY, "").await
    }

    async fn status(&self, run_id: &str) -> Value {
        serde_json::from_str(&self.get(&format!("{BASE}/{run_id}/status")).await.body).unwrap()
    }

    fn log_path(&self, run_id: &str) -> PathBuf {
        self.logs.path().join(format!("run_{run_id}.log"))
    }

    fn log(&self, run_id: &str) -> String {
        std::fs::read_to_string(self.log_path(run_id)).unwrap()
    }
}

impl Answer {
    fn code(&self) -> &str {
        &self.head["HTTP/1.1 ".len()..][..3]
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn header_names(&self) -> Vec<&str> {
        self.head.lines().skip(1).filter_map(|line| line.split(':').next()).collect()
    }
}

fn live() -> &'static SampleRun {
    &runs()[0]
}

fn finished() -> impl Iterator<Item = &'static SampleRun> {
    runs().iter().skip(1)
}

#[tokio::test(start_paused = true)]
async fn a_status_answer_has_the_headers_of_uvicorn_in_its_order() {
    let sample = sample(1.0);
    let answer = sample.get(&format!("{BASE}/{}/status", live().id)).await;
    assert_eq!(answer.code(), "200");
    assert_eq!(answer.header_names(), ["date", "server", "content-length", "content-type", "connection"]);
    assert_eq!(answer.header("server"), Some("uvicorn"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    assert!(
        answer.body.starts_with(&format!(r#"{{"run_id":"{}","status":"running","session_id":""#, live().id))
    );
}

#[tokio::test(start_paused = true)]
async fn only_callers_with_the_key_are_served() {
    let sample = sample(1.0);
    let path = format!("GET {BASE}/{}/status", live().id);
    let missing = r#"{"detail":"x-api-key is missing in headers or query parameters"}"#;
    let wrong = r#"{"detail":"Invalid API Key"}"#;
    for (request, headers, code, body) in [
        (path.clone(), "", "401", Some(missing)),
        (path.clone(), "x-api-key: other\r\n", "401", Some(wrong)),
        (format!("{path}?x-api-key=other"), "", "401", Some(wrong)),
        (format!("{path}?x-api-key=sample-key"), "", "200", None),
        (path, WITH_KEY, "200", None),
        (format!("POST {BASE}/fix"), "", "401", Some(missing)),
        ("GET /health".to_owned(), "", "200", None),
        ("GET /openapi.json".to_owned(), "", "200", None),
    ] {
        let answer = sample.send(&request, headers, "").await;
        assert_eq!(answer.code(), code, "{request}");
        assert!(body.is_none_or(|body| body == answer.body), "{request}: {}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_answered_as_fastapi_answers_it() {
    let sample = sample(1.0);
    let unknown = sample.get(&format!("{BASE}/run_%22x/status")).await;
    assert_eq!((unknown.code(), unknown.body.as_str()), ("404", r#"{"detail":"Run run_\"x not found"}"#));
    let bad = sample.get(&format!("{BASE}/{}/status?debug=maybe", live().id)).await;
    assert_eq!(bad.code(), "422");
    assert_eq!(
        bad.body,
        concat!(
            r#"{"detail":[{"type":"bool_parsing","loc":["query","debug"],"#,
            r#""msg":"Input should be a valid boolean, unable to interpret input","input":"maybe"}]}"#
        )
    );
    let head = sample.send(&format!("HEAD {BASE}/{}/status", live().id), WITH_KEY, "").await;
    assert_eq!((head.code(), head.header("allow"), head.body.as_str()), ("405", Some("GET"), ""));
    assert_eq!(head.header_names()[..5], ["date", "server", "allow", "content-length", "content-type"]);
    assert_eq!(head.header("content-length"), Some("31"));
    let post = sample.send(&format!("POST {BASE}/{}/status", live().id), WITH_KEY, "{}").await;
    assert_eq!((post.code(), post.body.as_str()), ("405", r#"{"detail":"Method Not Allowed"}"#));
    let nothing = sample.get("/nowhere").await;
    assert_eq!((nothing.code(), nothing.body.as_str()), ("404", r#"{"detail":"Not Found"}"#));
}

#[tokio::test(start_paused = true)]
async fn a_trailing_slash_redirects_to_where_the_host_header_says() {
    let answer = sample(1.0).send(&format!("GET {BASE}/x/status/?debug=1"), "", "").await;
    assert_eq!(answer.code(), "307");
    assert_eq!(
        answer.header("location"),
        Some("http://up:81/api/v1/workflows/claude-code/run/x/status?debug=1")
    );
    assert_eq!((answer.header("content-length"), answer.header("content-type")), (Some("0"), None));
}

#[tokio::test(start_paused = true)]
async fn a_browser_is_allowed_to_read_the_answer() {
    let answer = sample(1.0).send("GET /health", "origin: http://page\r\n", "").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
}

#[tokio::test(start_paused = true)]
async fn finished_runs_are_there_at_once_and_ended_a_little_while_ago() {
    let sample = sample(1.0);
    for run in finished() {
        let status = sample.status(run.id).await;
        let expected = if run.workflow == "refactor" { "failed" } else { "completed" };
        assert_eq!(status.str("status"), Some(expected), "{}", run.id);
        assert!(status.int("turns").unwrap() > 10, "{}", run.id);
        assert!(
            status.str("logs").unwrap().contains("[execution_complete] Execution completed: "),
            "{}",
            run.id
        );
        let ended: DateTime<Utc> = format!("{}Z", status.str("updated_at").unwrap()).parse().unwrap();
        let ago = sample.clock.now() - ended;
        assert!(ago > TimeDelta::minutes(1) && ago < TimeDelta::minutes(15), "{}: {ago}", run.id);
    }
}

#[tokio::test(start_paused = true)]
async fn every_line_of_every_log_is_json_as_python_prints_it() {
    let sample = sample(1.0);
    for run in finished() {
        let log = sample.log(run.id);
        assert!(log.ends_with('\n'));
        for line in log.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            assert_eq!(dumps(&entry, Separators::Spaced), line);
            assert_eq!(entry.str("run_id"), Some(run.id));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_long_result_is_cut_in_the_result_event_and_whole_in_the_last_text() {
    let sample = sample(1.0);
    let run = runs().iter().find(|run| run.workflow == "implement").unwrap();
    let log = sample.log(run.id);
    let result =
        log.lines().find(|line| line.contains(r#""event_type": "claude_stream_result_success""#)).unwrap();
    assert!(result.contains(r#""result": "<large_content:"#), "{result}");
    let last_text =
        log.lines().rfind(|line| line.contains(r#""event_type": "claude_stream_assistant""#)).unwrap();
    assert!(last_text.contains("## CSV export for invoices") && last_text.contains("nothing in the request"));
}

#[tokio::test(start_paused = true)]
async fn the_live_run_grows_in_time_ends_and_starts_anew_in_another_file() {
    let sample = sample(1.0);
    sleep(Duration::from_secs(20)).await;
    let early = sample.status(live().id).await;
    assert_eq!((early.str("status"), early.get("turns")), (Some("running"), Some(&Value::None)));
    let (grown, first_file) =
        (sample.log(live().id).len(), sample.log_path(live().id).metadata().unwrap().ino());
    sleep(Duration::from_secs(100)).await;
    let later = sample.status(live().id).await;
    assert_eq!(later.str("claude_session_id"), Some("pending"));
    let whole = sample.log(live().id).len();
    assert!(whole > grown && grown > 0, "{whole} after {grown}");

    sleep(live().length().saturating_sub(Duration::from_secs(115))).await;
    assert_eq!(sample.status(live().id).await.str("status"), Some("completed"));
    sleep(Duration::from_secs(25)).await;
    let again = sample.status(live().id).await;
    assert_eq!((again.str("status"), again.get("turns")), (Some("running"), Some(&Value::None)));
    assert_ne!(again.str("started_at"), early.str("started_at"));
    assert!(sample.log(live().id).len() < whole);
    assert_ne!(sample.log_path(live().id).metadata().unwrap().ino(), first_file);
}

#[tokio::test(start_paused = true)]
async fn ten_times_the_speed_takes_a_tenth_of_the_time() {
    let sample = sample(10.0);
    sleep((live().length() / 10).saturating_sub(Duration::from_secs(1))).await;
    assert_eq!(sample.status(live().id).await.str("status"), Some("running"));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(sample.status(live().id).await.str("status"), Some("completed"));
}

#[tokio::test(start_paused = true)]
async fn starting_a_run_answers_with_its_first_text_after_about_its_time() {
    let sample = sample(1.0);
    let before = sample.clock.now();
    let order = r#"{"message":"Fix the paging","max_turns":12}"#;
    let answer = sample.send(&format!("POST {BASE}/fix"), WITH_KEY, order).await;
    let took = sample.clock.now() - before;
    assert!(took > TimeDelta::seconds(1) && took < TimeDelta::seconds(10), "{took}");
    assert_eq!(answer.code(), "200");
    let started: Value = serde_json::from_str(&answer.body).unwrap();
    assert!(started.str("message").unwrap().starts_with("The report says"), "{}", answer.body);
    let run_id = started.str("run_id").unwrap();
    let debug = sample.get(&format!("{BASE}/{run_id}/status?debug=yes")).await.body;
    assert!(
        debug.contains(r#""status":"running""#) && debug.contains(r#""max_turns_requested":12"#),
        "{debug}"
    );
    assert!(sample.log(run_id).contains(r#""input_length": 14"#));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_be_started_says_why() {
    let sample = sample(1.0);
    for (workflow, order, code, part) in [
        ("juggle", "{\"message\":\"x\"}", "404", r#"{"detail":"Workflow 'juggle' not found"}"#),
        ("fix", "", "422", r#""type":"missing","loc":["body"]"#),
        ("fix", "{", "422", r#""type":"json_invalid""#),
        ("fix", "{\"a\":1}", "422", r#""loc":["body","message"],"msg":"Field required","input":{"a":1}"#),
    ] {
        let answer = sample.send(&format!("POST {BASE}/{workflow}"), WITH_KEY, order).await;
        assert_eq!(answer.code(), code, "{order}");
        assert!(answer.body.contains(part), "{}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_log_cannot_be_written_is_reported_and_the_others_stay() {
    let sample = sample(1.0);
    // The finished runs have been written; what starts now finds no directory.
    std::fs::remove_dir_all(sample.logs.path()).unwrap();
    let answer = sample.send(&format!("POST {BASE}/fix"), WITH_KEY, r#"{"message":"x"}"#).await;
    assert_eq!((answer.code(), answer.body.as_str()), ("500", r#"{"detail":"The run did not start"}"#));
    let status = sample.status(runs()[1].id).await;
    assert_eq!((status.str("status"), status.str("logs")), (Some("completed"), Some("")));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_five_seconds() {
    let sample = sample(1.0);
    let mut stream = sample.connect();
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: up\r\n\r\n").await.unwrap();
    let before = sample.clock.now();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let idle = sample.clock.now() - before;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.matches("HTTP/1.1").count() == 1, "{answer}");
    assert!(idle >= TimeDelta::seconds(5) && idle < TimeDelta::milliseconds(5200), "{idle}");
}

#[tokio::test(start_paused = true)]
async fn a_longer_log_takes_longer_to_answer() {
    let sample = sample(1.0);
    let mut took = Vec::new();
    for run in finished() {
        let before = sample.clock.now();
        sample.status(run.id).await;
        took.push((sample.log(run.id).len(), sample.clock.now() - before));
    }
    took.sort_unstable();
    assert!(took.is_sorted_by_key(|(_, time)| *time), "{took:?}");
    assert!(took.iter().all(|(_, time)| (5..=20).contains(&time.num_milliseconds())), "{took:?}");
}

#[tokio::test]
async fn serving_ends_when_asked_and_replays_with_it() {
    let logs = TempDir::new().unwrap();
    let options = Options { speed: 1.0, log_dir: logs.path().join("new"), api_key: "k".to_owned() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    SampleUpstream::serve(listener, options, shutdown).await.unwrap();
    assert!(finished().all(|run| logs.path().join(format!("new/run_{}.log", run.id)).is_file()));
}

#[tokio::test]
async fn a_speed_that_is_no_speed_is_refused() {
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let logs = TempDir::new().unwrap();
        let options = Options { speed, log_dir: logs.path().to_owned(), api_key: "k".to_owned() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused = SampleUpstream::serve(listener, options, CancellationToken::new()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }
}
