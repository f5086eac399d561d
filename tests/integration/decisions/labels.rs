//! What the client and the operator are told: labels, timing, counts, and the shadow.

use super::world;
use crate::support::answers::{json, json_with, status_body, status_path};
use crate::support::eventually;
use crate::support::gate::Gate;
use crate::support::logs::Logs;
use crate::support::sidecar::Setup;
use crate::support::upstream::Upstream;

#[test]
fn an_answer_tells_how_it_was_made() {
    let world = world(|setup| setup);
    let first = world.gloss.get(&status_path("run_1"), &["Gloss: enhanced"]);
    assert_eq!(first.values("vary"), ["Gloss"]);
    assert_eq!(first.value("cache-status"), Some("gloss; fwd=miss"));
    let stages: Vec<_> = first.value("server-timing").unwrap().split(", ").map(stage).collect();
    assert_eq!(stages, ["upstream", "logs", "enrich"]);
    let second = world.gloss.get(&status_path("run_1"), &["Gloss: enhanced"]);
    assert_eq!(second.value("cache-status"), Some("gloss; hit"));
    let basic = world.gloss.get(&status_path("run_1"), &["Gloss: basic"]);
    assert_eq!(basic.values("vary"), ["Gloss"]);
    assert_eq!(basic.value("cache-status"), Some("gloss; fwd=miss"));
}

/// The name in `name;dur=1.25`, if the rest is a number.
fn stage(entry: &str) -> &str {
    let (name, duration) = entry.split_once(";dur=").unwrap();
    assert!(duration.parse::<f64>().unwrap() >= 0.0, "{entry}");
    name
}

#[test]
fn what_the_upstream_says_about_caching_and_timing_stays() {
    let head = "vary: Origin\r\nserver-timing: db;dur=3\r\ncache-status: edge; hit\r\n";
    let (upstream, logs) =
        (Upstream::answering(json_with(head, "{\"status\":\"running\"}")), Logs::with_run("run_1"));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let answer = gloss.get(&status_path("run_1"), &["Gloss: enhanced"]);
    assert_eq!(answer.values("vary"), ["Origin", "Gloss"]);
    assert_eq!(answer.values("server-timing")[0], "db;dur=3");
    assert_eq!(answer.values("cache-status"), ["edge; hit", "gloss; fwd=miss"]);
}

#[test]
fn scripts_of_other_origins_can_be_let_read_the_labels() {
    let world = world(|setup| setup.set("gloss.expose_headers", "true"));
    let answer = world.gloss.get(&status_path("run_1"), &["Gloss: enhanced"]);
    let exposed = answer.value("access-control-expose-headers").unwrap();
    assert!(exposed.contains("Gloss-Variant") && exposed.contains("Gloss-Reason"), "{exposed}");
    let plain = world.gloss.get(&status_path("run_1"), &[]);
    assert_eq!(plain.value("access-control-expose-headers"), None);
}

#[test]
fn in_the_shadow_the_client_does_not_wait_for_the_notes() {
    let body = status_body("run_1", "running");
    let (upstream, logs, gate) = (Upstream::answering(json(&body)), Logs::with_run("run_1"), Gate::new());
    let gloss = Setup::before(&upstream).logs(&logs).gate(&gate).start();
    let answer = gloss.get(&status_path("run_1"), &["Gloss: shadow"]);
    assert_eq!((answer.labels(), answer.text()), (("basic", "header"), body.as_str()));
    let shadowed = "gloss_shadows_total{outcome=\"enhanced\"}";
    assert_eq!(gloss.metric(shadowed), 0, "the log is not open yet");
    gate.open_for_good();
    eventually("the shadow is recorded", || (gloss.metric(shadowed) == 1).then_some(()));
    assert_eq!(gloss.enrichments("enhanced"), 0);
}

#[test]
fn in_the_shadow_a_failure_is_recorded_by_its_reason() {
    let (upstream, logs) = (Upstream::answering(json(status_body("run_1", "running"))), Logs::new());
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let answer = gloss.get(&status_path("run_1"), &["Gloss: shadow"]);
    assert_eq!(answer.labels(), ("basic", "header"));
    let shadowed = "gloss_shadows_total{outcome=\"no-log\"}";
    eventually("the shadow is recorded", || (gloss.metric(shadowed) == 1).then_some(()));
}

#[test]
fn every_decision_is_counted_by_variant_and_rule() {
    let world = world(|setup| setup);
    world.labels("", &[]);
    world.labels("", &["Gloss: enhanced"]);
    world.labels("?enhanced=0", &[]);
    world.gloss.get("/docs", &["Gloss: enhanced"]);
    let counted = |variant, rule| {
        world.gloss.metric(&format!("gloss_decisions_total{{variant=\"{variant}\",rule=\"{rule}\"}}"))
    };
    assert_eq!(counted("basic", "default"), 1);
    assert_eq!(counted("enhanced", "header"), 1);
    assert_eq!(counted("basic", "query"), 1);
    assert_eq!(counted("enhanced", "default"), 0);
}
