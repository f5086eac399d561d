//! What a scrape finds: names, types, help and labels, in the form that it asks for, and few series however hostile the
//! clients are.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::answers::{answer, json, status_body, status_path};
use crate::support::client::{get, request};
use crate::support::eventually;
use crate::support::logs::Logs;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream, nobody};

/// Every metric with its type and its labels, and below it its help. Whoever changes it changes what dashboards rest on.
const NAMES: &str = include_str!("names.txt");

/// An upstream that knows a run and fails on everything else.
fn upstream() -> Upstream {
    Upstream::scripted(|call| {
        call.body();
        let fails = !call.line().contains("/status");
        call.wire.send(if fails {
            answer("HTTP/1.1 500 Internal Server Error\r\n", "oops")
        } else {
            json(status_body("run_1", "running"))
        });
        Then::Keep
    })
}

/// The metrics after one request of each kind that labels tell apart.
fn after_all_kinds_of_requests(gloss: &Sidecar) -> String {
    for variant in ["basic", "enhanced", "shadow"] {
        gloss.get(&status_path("run_1"), &[&format!("Gloss: {variant}")]);
    }
    gloss.client().send(request("POST", "/any", &["Content-Length: 4"])).send("body").answer();
    gloss.client().send(request("CONNECT", "api.test:443", &[])).answer();
    eventually("all are counted", || {
        let metrics = gloss.metrics();
        (served(&metrics) == 5).then_some(metrics)
    })
}

/// How many requests have ended.
fn served(metrics: &str) -> u64 {
    let counts =
        metrics.lines().filter(|line| line.starts_with("http_server_request_duration_seconds_count"));
    counts.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
}

#[derive(Default)]
struct Described {
    help: String,
    kind: String,
    labels: BTreeSet<String>,
}

/// Names, types, help and labels of metrics in the older text form.
fn described(metrics: &str) -> String {
    let mut all = BTreeMap::<&str, Described>::new();
    for line in metrics.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|line| line.split_once(' ')) {
            help.clone_into(&mut all.entry(name).or_default().help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' '))
        {
            kind.clone_into(&mut all.entry(name).or_default().kind);
        } else {
            let (sample, labels) = line.split_once('{').unwrap_or((line, ""));
            let sample = sample.split(' ').next().unwrap();
            let parts = ["_bucket", "_sum", "_count"];
            let family = parts.iter().find_map(|part| sample.strip_suffix(part)).unwrap_or(sample);
            let name = if all.contains_key(family) { family } else { sample };
            let known = all.get_mut(name).unwrap_or_else(|| panic!("{line} is of no described metric"));
            let names = labels.split("=\"").map(|before| before.rsplit(['{', ',']).next().unwrap());
            known.labels.extend(names.filter(|name| is_name(name) && *name != "le").map(str::to_owned));
        }
    }
    let shown = all.iter().map(|(name, described)| {
        let labels = described.labels.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("{name} {} {{{labels}}}\n    {}\n", described.kind, described.help)
    });
    shown.collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())
}

#[test]
fn names_types_help_and_labels_are_what_dashboards_rest_on() {
    let (upstream, logs) = (upstream(), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let shown = described(&after_all_kinds_of_requests(&gloss));
    if shown != NAMES {
        let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/names.txt");
        std::fs::write(file, &shown).unwrap();
        panic!(
            "what is shown now is in {file}: if that is as it should be, put it beside this test\n{shown}"
        );
    }
}

#[test]
fn a_scraper_gets_the_form_that_it_asks_for() {
    let gloss = Setup::before_address(nobody()).start();
    let older = get(gloss.admin, "/metrics", &["Accept: text/plain"]);
    assert_eq!(older.value("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(older.text().contains("# TYPE gloss_panics_total counter\n") && !older.text().contains("# EOF"));
    let newer =
        get(gloss.admin, "/metrics", &["Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1"]);
    let stated = Some("application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_eq!(newer.value("content-type"), stated);
    assert!(newer.text().contains("# TYPE gloss_panics counter\n") && newer.text().ends_with("# EOF\n"));
    assert_eq!(newer.value("vary"), Some("Accept"));
}

#[test]
fn the_process_is_told_as_prometheus_clients_tell_it() {
    let gloss = Setup::before_address(nobody()).start();
    let value = |name: &str| {
        let metrics = gloss.metrics();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse::<f64>().ok()).unwrap_or_else(|| panic!("no {name} in {metrics}"))
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let started = value("process_start_time_seconds");
    assert!((now - 3600.0..now + 2.0).contains(&started), "{started} and now {now}");
    assert!(value("process_cpu_seconds_total") >= 0.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_open_fds") > 3.0 && value("process_open_fds") <= value("process_max_fds"));
}

#[test]
fn a_request_is_counted_with_its_route_its_outcome_and_its_sizes() {
    let (upstream, logs) = (upstream(), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let body = gloss.get(&status_path("run_1"), &["Gloss: enhanced"]).body().len();
    gloss.client().send(request("POST", "/any", &["Content-Length: 4"])).send("body").answer();
    eventually("both are counted", || (served(&gloss.metrics()) == 2).then_some(()));
    let route = status_path("{run_id}");
    let labels = format!(
        "http_request_method=\"GET\",http_response_status_code=\"200\",network_protocol_version=\"1.1\",\
         http_route=\"{route}\",url_scheme=\"http\""
    );
    let metrics = gloss.metrics();
    let holds = |line: &str| assert!(metrics.contains(line), "{line} in {metrics}");
    holds(&format!("http_server_request_duration_seconds_count{{{labels}}} 1\n"));
    holds(&format!("http_server_response_body_size_bytes_sum{{{labels}}} {body}.0\n"));
    let failed = "http_request_method=\"POST\",http_response_status_code=\"500\",network_protocol_version=\"1.1\",\
                  error_type=\"500\"";
    holds(&format!("http_server_request_body_size_bytes_sum{{{failed},url_scheme=\"http\"}} 4.0\n"));
    let (address, port) = (upstream.address.ip(), upstream.address.port());
    holds(&format!(
        "http_client_request_duration_seconds_count{{{failed},server_address=\"{address}\",server_port=\"{port}\"}} 1\n"
    ));
    assert_eq!(
        gloss.metric("http_server_active_requests{http_request_method=\"GET\",url_scheme=\"http\"}"),
        0
    );
}

#[test]
fn a_request_is_in_flight_until_its_answer_has_ended_and_cancelled_if_its_client_leaves() {
    let upstream = Upstream::scripted(|call| {
        call.wire.send("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\nbegun");
        call.wire.rest();
        Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    let in_flight =
        || gloss.metric("http_server_active_requests{http_request_method=\"GET\",url_scheme=\"http\"}");
    let mut client = gloss.client();
    client.get("/download", &[]).head();
    assert_eq!((in_flight(), served(&gloss.metrics())), (1, 0));
    client.break_off();
    eventually("it has ended", || (in_flight() == 0).then_some(()));
    let metrics = gloss.metrics();
    let labels =
        "http_response_status_code=\"200\",network_protocol_version=\"1.1\",error_type=\"cancelled\"";
    assert!(metrics.contains(labels), "{metrics}");
}

#[test]
fn what_nobody_answered_is_counted_by_its_error() {
    let gloss = Setup::before_address(nobody()).start();
    assert_eq!(gloss.get("/any", &[]).status, 502);
    eventually("it is counted", || (served(&gloss.metrics()) == 1).then_some(()));
    let metrics = gloss.metrics();
    let labels = "http_response_status_code=\"502\",network_protocol_version=\"1.1\",error_type=\"connection_refused\"";
    assert!(metrics.contains(&format!(
        "http_server_request_duration_seconds_count{{http_request_method=\"GET\",{labels}"
    )));
    let call = "http_client_request_duration_seconds_count{http_request_method=\"GET\",error_type=\"connection_refused\"";
    assert!(metrics.contains(call), "{metrics}");
}

#[test]
fn hostile_clients_make_no_series_of_their_own() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream).start();
    let series = || gloss.metrics().lines().count();
    gloss.client().send(request("AAAA", "/first", &[])).answer();
    eventually("it is counted", || (served(&gloss.metrics()) == 1).then_some(()));
    let before = series();
    for n in 0..20 {
        let host = format!("X-Host-{n}: {n}");
        gloss.client().send(request(&format!("M{n}"), &format!("/path-{n}?q={n}"), &[&host])).answer();
    }
    eventually("all are counted", || (served(&gloss.metrics()) == 21).then_some(()));
    assert_eq!(series(), before, "{}", gloss.metrics());
    assert!(gloss.metrics().contains("http_request_method=\"_OTHER\""));
}

#[test]
fn lines_of_logs_are_counted_by_kind_and_looks_into_the_cache_by_outcome() {
    let (upstream, logs) =
        (Upstream::answering(json(status_body("run_1", "running"))), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).set("logs.max_line_bytes", "\"64KiB\"").start();
    let lines = |kind: &str| gloss.metric(&format!("gloss_log_lines_total{{kind=\"{kind}\"}}"));
    let looks = |outcome: &str| gloss.metric(&format!("gloss_cache_lookups_total{{outcome=\"{outcome}\"}}"));
    let ask = || assert_eq!(gloss.get(&status_path("run_1"), &["Gloss: enhanced"]).labels().0, "enhanced");
    ask();
    let recognised = lines("recognised");
    assert!(recognised > 0);
    logs.append("run_1", format!("\n{}\nno event at all\nneither is this\n", "x".repeat(100_000)));
    ask();
    ask();
    assert_eq!((lines("recognised"), lines("unrecognised")), (recognised, 2));
    assert_eq!((lines("too_long"), lines("blank")), (1, 1));
    assert_eq!((looks("miss"), looks("incremental")), (1, 1));
    // Where the upstream took its time, the log was looked at once more.
    assert!((1..=4).contains(&looks("hit")), "{}", looks("hit"));
}
