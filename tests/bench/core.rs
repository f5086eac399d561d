//! Benches of the pure core, one call at a time: `cargo bench --bench core [FILTER]`. They report and do not assert.
//!
//! Logs and answers are made up here. Not for what a whole request or a whole log costs beside other programs: `run` is.

use std::fmt::Write as _;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use gloss::analysis::{
    Additions, Analysis, Beside, CacheOutcome, Context, Detail, Limits, LogSourceKind, warm_up,
};
use gloss::enrich::answer::Answer;
use gloss::enrich::members::Members;
use gloss::enrich::merge::{Logs, merge};
use gloss::rollout::{Caller, OptIn, Percent, Rollout};
use gloss::route::{Router, StatusRoute, Wishes};
use gloss::variant::Variant;
use http::{HeaderMap, HeaderName, Method, Uri};

const KIB: usize = 1024;
const STATUS: &str = "/api/v1/workflows/claude-code/run/run_08ac1de6fa8d/status";

fn main() {
    warm_up();
    divan::main();
}

/// Lines of a run whose calls are answered by outputs of so many bytes, at least so many bytes together.
fn log(output_bytes: usize, bytes: usize) -> String {
    let output = r#"    1\tdef first(\"line\"):\n"#.repeat(output_bytes.div_ceil(27));
    let mut log = String::new();
    for call in 0.. {
        let at = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(call);
        let head = format!(
            r#"{{"timestamp": "{}", "run_id": "run_1", "event_type": "claude_stream_"#,
            at.to_rfc3339()
        );
        let written = write!(
            log,
            r#"{head}assistant", "event_category": "other", "data": {{"message": {{"id": "msg_{call}", "role": "assistant", "model": "claude-sonnet-4-20250514", "content": [{{"type": "tool_use", "id": "toolu_{call}", "name": "Read", "input": {{"file_path": "/work/module_{call}.py"}}}}], "usage": {{"input_tokens": 4, "output_tokens": 150}}}}, "type": "assistant", "session_id": "s"}}}}
{head}user", "event_category": "other", "data": {{"message": {{"role": "user", "content": [{{"tool_use_id": "toolu_{call}", "type": "tool_result", "content": "{output}"}}]}}, "type": "user", "session_id": "s"}}}}
"#
        );
        written.expect("writing to a string does not fail");
        if log.len() >= bytes {
            break;
        }
    }
    log
}

fn analysed(log: &str) -> Analysis {
    let mut analysis = Analysis::new(Limits::default());
    analysis.feed(log.as_bytes());
    analysis
}

fn context(analysis: &Analysis) -> Context {
    Context {
        now: analysis.last_event_at().unwrap_or_default(),
        status: None,
        max_turns: Some(200),
        detail: Detail::Full,
        compat_fields: false,
        source: LogSourceKind::File,
        cache: CacheOutcome::Incremental,
        beside: Beside::default(),
    }
}

/// A whole log, by the length of its long lines in KiB.
#[divan::bench(args = [0, 2, 64], sample_count = 20)]
fn feed_a_megabyte(bencher: Bencher<'_, '_>, output_kib: usize) {
    let log = log(output_kib * KIB, KIB * KIB);
    bencher.counter(BytesCount::of_str(&log)).bench(|| analysed(black_box(&log)));
}

/// What a poll reads when the log has grown, by the length of the log in KiB.
#[divan::bench(args = [64, 8192])]
fn poll_after_four_kib_more(bencher: Bencher<'_, '_>, log_kib: usize) {
    let known = analysed(&log(2 * KIB, log_kib * KIB));
    let more = log(2 * KIB, 4 * KIB).replace("toolu_", "toolu_more_").replace("msg_", "msg_more_");
    bencher.with_inputs(|| known.clone()).bench_values(|mut known| {
        known.feed(black_box(more.as_bytes()));
        known
    });
}

#[divan::bench]
fn report(bencher: Bencher<'_, '_>) {
    let analysis = analysed(&log(2 * KIB, KIB * KIB));
    let context = context(&analysis);
    bencher.bench(|| black_box(&analysis).report(&context));
}

/// The notes between the upstream's bytes, by the length of its answer in KiB.
#[divan::bench(args = [3, 800])]
fn merge_into_a_body(bencher: Bencher<'_, '_>, body_kib: usize) {
    let analysis = analysed(&log(2 * KIB, KIB * KIB));
    let notes = members(&analysis.report(&context(&analysis)));
    let logs = "2026-03-01T09:00:00 [event] a line\\n".repeat(body_kib * KIB / 36);
    let body = Bytes::from(format!(r#"{{"run_id":"run_1","status":"running","logs":"{logs}","cost":0.25}}"#));
    bencher.bench(|| {
        let answer = Answer::read(black_box(&body)).expect("it is an object");
        merge(&body, &answer, &[&notes], Logs::Keep).into_chunks()
    });
}

fn members(additions: &Additions) -> Members {
    let notes = serde_json::to_value(additions).expect("notes are JSON");
    let each = notes.as_object().into_iter().flatten();
    each.map(|(name, value)| (name.as_str(), value.to_string())).collect()
}

/// Whether a request is a status request, and what it asks for.
#[divan::bench(args = ["/api/v1/workflows", "/api/v1/workflows/claude-code/run/run_08ac1de6fa8d/status?enhanced=true"])]
fn route(bencher: Bencher<'_, '_>, target: &str) {
    let status = StatusRoute::parse("/api/v1/workflows/claude-code/run/{run_id}/status").expect("a route");
    let router = Router::new(vec![status], HeaderName::from_static("gloss"));
    let uri: Uri = target.parse().expect("a target");
    let headers = headers();
    bencher.bench(|| router.status_request(&Method::GET, black_box(&uri), &headers));
}

/// Whether a run is among the chosen share.
#[divan::bench]
fn decide(bencher: Bencher<'_, '_>) {
    let rollout = Rollout {
        enabled: true,
        deny: Vec::new(),
        allow: Vec::new(),
        opt_in: OptIn::Anyone,
        percent: Percent::new(10.0).expect("a share"),
        default: Variant::Basic,
        salt: "salt".into(),
    };
    let headers = headers();
    let caller = Caller { headers: &headers, query: "", address: None };
    bencher.bench(|| rollout.decide(&Wishes::default(), black_box(STATUS), &caller));
}

fn headers() -> HeaderMap {
    let pairs = [("host", "gloss:8881"), ("x-api-key", "k"), ("accept", "*/*"), ("user-agent", "bench")];
    pairs
        .into_iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")))
        .collect()
}
