//! Spans, as a collector gets them: names, parents, attributes, and what never is in them.

use std::collections::{BTreeSet, HashMap};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;

use crate::support::answers::{answer, json, status_body, status_path};
use crate::support::client::request;
use crate::support::eventually;
use crate::support::logs::Logs;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Upstream, nobody};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const SAMPLED: &str = "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NOT_SAMPLED: &str = "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// A collector that takes everything.
fn collector() -> Upstream {
    Upstream::answering(answer("HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n", ""))
}

fn traced(setup: Setup, collector: &Upstream) -> Setup {
    // Sooner than every five seconds.
    setup
        .set("telemetry.otlp_endpoint", &format!("{:?}", collector.url()))
        .variable("OTEL_BSP_SCHEDULE_DELAY", "20")
}

fn requests(collector: &Upstream) -> Vec<ExportTraceServiceRequest> {
    let bodies = collector.seen().into_iter().map(|seen| seen.payload.bytes).filter(|body| !body.is_empty());
    bodies.map(|body| ExportTraceServiceRequest::decode(&body[..]).unwrap()).collect()
}

/// The spans that the collector has got, once there are so many.
fn spans(collector: &Upstream, count: usize) -> Vec<Span> {
    eventually("the spans arrive", || {
        let resources = requests(collector).into_iter().flat_map(|request| request.resource_spans);
        let spans = resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans);
        let spans: Vec<_> = spans.collect();
        (spans.len() >= count).then_some(spans)
    })
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>());
    found[0]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn told(attributes: &[KeyValue]) -> HashMap<&str, String> {
    let told = attributes.iter().map(|attribute| {
        let value = match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(Value::StringValue(text)) => text.clone(),
            Some(Value::IntValue(number)) => number.to_string(),
            other => panic!("{}: {other:?}", attribute.key),
        };
        (attribute.key.as_str(), value)
    });
    told.collect()
}

fn assert_tells(span: &Span, expected: &[(&str, &str)]) {
    let told = told(&span.attributes);
    for (name, value) in expected {
        assert_eq!(told.get(name).map(String::as_str), Some(*value), "{name} of {}: {told:?}", span.name);
    }
}

struct World {
    upstream: Upstream,
    collector: Upstream,
    _logs: Logs,
    gloss: Sidecar,
}

fn world(more: impl FnOnce(Setup) -> Setup) -> World {
    let upstream = Upstream::answering(json(status_body("run_1", "running")));
    let (collector, logs) = (collector(), Logs::with_run("run_1"));
    let gloss = more(traced(Setup::before(&upstream).logs(&logs), &collector)).start();
    World { upstream, collector, _logs: logs, gloss }
}

#[test]
fn an_enhanced_answer_is_one_trace_below_its_callers_span() {
    let world = world(|setup| setup);
    let (target, path) = (format!("{}?enhanced=1&key=s3cret", status_path("run_1")), status_path("run_1"));
    let answer = world.gloss.get(&target, &[SAMPLED, "User-Agent: poller/2"]);
    let server_name = format!("GET {}", status_path("{run_id}"));
    let spans = eventually("all of it arrives", || {
        // A log that was looked at long before the upstream answered is looked at again.
        let spans = spans(&world.collector, 5);
        spans.iter().any(|span| span.name == server_name).then_some(spans)
    });
    let server = named(&spans, &server_name);
    assert_eq!((hex(&server.trace_id).as_str(), hex(&server.parent_span_id).as_str()), (TRACE, CALLER));
    assert_eq!(server.kind, i32::from(SpanKind::Server));
    assert_tells(
        server,
        &[
            ("http.request.method", "GET"),
            ("http.route", &status_path("{run_id}")),
            ("url.path", &path),
            ("url.query", "enhanced=***&key=***"),
            ("url.scheme", "http"),
            ("http.response.status_code", "200"),
            ("http.response.body.size", &answer.body().len().to_string()),
            ("network.protocol.version", "1.1"),
            ("client.address", "127.0.0.1"),
        ],
    );
    let names: BTreeSet<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, BTreeSet::from([&*server_name, "GET", "read log", "analyse", "merge"]));
    for span in spans.iter().filter(|span| span.name != server_name) {
        let name = &span.name;
        let kind = if name == "GET" { SpanKind::Client } else { SpanKind::Internal };
        assert_eq!((&span.trace_id, &span.parent_span_id), (&server.trace_id, &server.span_id), "{name}");
        assert_eq!(span.kind, i32::from(kind), "{name}");
        let (begins, ends) = (span.start_time_unix_nano, span.end_time_unix_nano);
        assert!(
            server.start_time_unix_nano <= begins && begins <= ends && ends <= server.end_time_unix_nano,
            "{name}"
        );
    }
    let port = world.upstream.address.port().to_string();
    let url = format!("{}{path}?enhanced=***&key=***", world.upstream.url());
    let call = [("server.address", "127.0.0.1"), ("server.port", &*port), ("url.full", &*url)];
    assert_tells(named(&spans, "GET"), &[&call[..], &[("http.response.status_code", "200")]].concat());
    let reading =
        spans.iter().filter(|span| span.name == "read log").min_by_key(|span| span.start_time_unix_nano);
    assert_tells(reading.unwrap(), &[("gloss.cache", "miss")]);
}

#[test]
fn the_upstream_is_told_the_callers_span_unless_gloss_is_to_stand_between() {
    let tell = |propagate: &str| {
        let world = world(|setup| setup.set("telemetry.trace_propagate", propagate));
        world.gloss.get(&status_path("run_1"), &[SAMPLED, "Tracestate: vendor=1"]);
        let head = world.upstream.only().head;
        assert_eq!(head.value("tracestate"), Some("vendor=1"));
        let call = hex(&named(&spans(&world.collector, 2), "GET").span_id);
        (head.value("traceparent").unwrap().to_owned(), call)
    };
    assert_eq!(tell("false").0, SAMPLED.split_once(": ").unwrap().1);
    let (told, call) = tell("true");
    assert_eq!(told, format!("00-{TRACE}-{call}-01"));
}

#[test]
fn a_trace_that_its_caller_does_not_record_is_not_recorded_and_others_by_share() {
    let world = world(|setup| setup.set("telemetry.trace_propagate", "true"));
    world.gloss.get("/left-out", &[NOT_SAMPLED]);
    world.gloss.get("/begun-here", &[]);
    let spans = spans(&world.collector, 2);
    let shown = format!("{spans:?}");
    assert!(shown.contains("/begun-here") && !shown.contains("/left-out"), "{shown}");
    let passed = world.upstream.seen()[0].head.value("traceparent").unwrap().to_owned();
    assert_eq!(passed, NOT_SAMPLED.split_once(": ").unwrap().1, "untouched where nothing is recorded");

    let upstream = Upstream::answering(json("{}"));
    let gloss =
        traced(Setup::before(&upstream), &world.collector).set("telemetry.trace_sample_ratio", "0.0").start();
    gloss.get("/none", &[]);
    gloss.get("/asked-for", &[SAMPLED]);
    eventually("what is recorded is counted", || (recorded(&gloss, "recorded") == 2).then_some(()));
    assert_eq!(upstream.seen()[0].head.value("traceparent"), None, "nothing is added");
}

fn recorded(gloss: &Sidecar, result: &str) -> u64 {
    gloss.metric(&format!("gloss_trace_spans_total{{result=\"{result}\"}}"))
}

#[test]
fn no_secret_reaches_the_collector() {
    const WORD: &str = "xyzzy";
    let world = world(|setup| setup);
    let credentials = [
        "X-Api-Key: xyzzy",
        "Authorization: Bearer xyzzy",
        "Cookie: a=xyzzy",
        "User-Agent: xyzzy",
        "Baggage: k=xyzzy",
    ];
    let target = format!("{};s=xyzzy?x-api-key=xyzzy&enhanced=1&xyzzy", status_path("run_1"));
    world.gloss.get(&target, &credentials);
    world.gloss.get(&format!("{}?x-api-key=xyzzy&enhanced=1", status_path("run_1")), &credentials);
    world.gloss.client().send(request("CONNECT", "me:xyzzy@api:443", &credentials)).answer();
    spans(&world.collector, 8);
    for request in requests(&world.collector) {
        assert!(!format!("{request:?}").contains(WORD), "{request:?}");
    }
    assert!(!format!("{:?}", world.collector.seen()).contains(WORD));
}

#[test]
fn a_failed_request_is_a_failed_span() {
    let collector = collector();
    let gloss = traced(Setup::before_address(nobody()), &collector).start();
    gloss.get("/any", &[]);
    let spans = spans(&collector, 2);
    assert_eq!(spans.len(), 2);
    for span in &spans {
        assert_eq!(
            span.status.as_ref().map(|status| status.code),
            Some(i32::from(StatusCode::Error)),
            "{span:?}"
        );
        assert_tells(span, &[("error.type", "connection_refused")]);
    }
}

#[test]
fn a_collector_gets_protobuf_by_the_way_of_otlp_and_is_told_who_sends() {
    let world = world(|setup| setup.variable("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a"));
    world.gloss.get("/any", &[]);
    spans(&world.collector, 2);
    let seen = &world.collector.seen()[0].head;
    assert_eq!(seen.line, "POST /v1/traces HTTP/1.1");
    assert_eq!(seen.value("content-type"), Some("application/x-protobuf"));
    assert_eq!(seen.value("x-tenant"), Some("a"));
    let request = requests(&world.collector).swap_remove(0);
    let resource = request.resource_spans[0].resource.clone().unwrap();
    let service = resource.attributes.into_iter().find(|attribute| attribute.key == "service.name").unwrap();
    assert_eq!(told(&[service])["service.name"], "gloss");
}

#[test]
fn what_is_left_is_handed_over_when_gloss_ends() {
    let (upstream, collector) = (Upstream::answering(json("{}")), collector());
    let endpoint = format!("{:?}", collector.url());
    let mut gloss = Setup::before(&upstream)
        .set("telemetry.otlp_endpoint", &endpoint)
        .variable("OTEL_BSP_SCHEDULE_DELAY", "3600000")
        .start();
    gloss.get("/any", &[]);
    eventually("both spans have ended", || (recorded(&gloss, "recorded") == 2).then_some(()));
    gloss.signal(rustix::process::Signal::TERM);
    assert!(gloss.ended().success());
    assert_eq!(spans(&collector, 2).len(), 2);
}

#[test]
fn a_collector_that_is_away_costs_its_spans_and_no_request() {
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::before(&upstream)
        .set("telemetry.otlp_endpoint", &format!("\"http://{}\"", nobody()))
        .variable("OTEL_BSP_SCHEDULE_DELAY", "20")
        .start();
    for round in 1..=3 {
        assert_eq!(gloss.get("/any", &[]).status, 200);
        eventually("the export has failed", || (recorded(&gloss, "failed") >= round * 2).then_some(()));
    }
    assert_eq!(recorded(&gloss, "exported"), 0);
    assert_eq!(gloss.stderr().matches("could not be exported").count(), 1, "{}", gloss.stderr());
}

#[test]
fn an_endpoint_that_is_none_is_refused() {
    for (key, value) in [
        ("telemetry.otlp_endpoint", "\"collector:4317\""),
        ("telemetry.otlp_endpoint", "\"http://me:xyzzy@collector\""),
        ("telemetry.otlp_endpoint", "\"http://collector:4318/v1/traces\""),
        ("telemetry.trace_sample_ratio", "1.5"),
        ("telemetry.trace_sample_ratio", "-0.1"),
    ] {
        let (status, stderr) = Setup::before_address(nobody()).set(key, value).fail();
        assert_eq!(status.code(), Some(78), "{key} = {value}");
        assert!(stderr.contains(key) && !stderr.contains("xyzzy"), "{stderr}");
    }
}
