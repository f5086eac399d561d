//! Rules about callers: who is denied, who is chosen, and whose wishes count.

use super::{UNLABELLED, world};
use crate::support::answers::{json, status_body, status_path};
use crate::support::logs::Logs;
use crate::support::sidecar::Setup;
use crate::support::upstream::Upstream;

/// `printf %s hello | sha256sum`
const HASH_OF_HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[test]
fn a_deny_rule_beats_header_query_allow_and_percentage() {
    let world = world(|setup| {
        setup
            .set("rollout.deny", r#"[{ header = "X-Team", value = "a" }]"#)
            .set("rollout.allow", r#"[{ header = "X-Team" }]"#)
            .set("rollout.percent", "100.0")
    });
    world.expect("?enhanced=true", &["X-Team: a", "Gloss: enhanced"], ("basic", "rule"));
    world.expect("", &["X-Team: b", "X-Team: a"], ("basic", "rule"));
    world.expect("", &["X-Team: b", "Gloss: enhanced"], ("enhanced", "header"));
    world.expect("", &["X-Team: b"], ("enhanced", "rule"));
    world.expect("", &[], ("enhanced", "percent"));
}

#[test]
fn an_allow_rule_gives_the_enhanced_answer_unless_the_caller_wants_another() {
    let world = world(|setup| setup.set("rollout.allow", r#"[{ header = "X-Team", value = "a" }]"#));
    world.expect("", &["X-Team: a"], ("enhanced", "rule"));
    world.expect("?enhanced=false", &["X-Team: a"], ("basic", "query"));
    world.expect("", &["X-Team: a", "Gloss: basic"], ("basic", "header"));
    world.expect("", &["X-Team: b"], ("basic", "default"));
}

#[test]
fn a_key_is_known_by_its_hash_wherever_it_stands() {
    let rule = format!("[{{ api_key_sha256 = \"{HASH_OF_HELLO}\" }}]");
    let world = world(|setup| setup.set("rollout.deny", &rule));
    let denied = ("basic", "rule");
    world.expect("?enhanced=1", &["x-api-key: hello"], denied);
    world.expect("?enhanced=1", &["Authorization: Bearer hello"], denied);
    world.expect("?enhanced=1&x-api-key=hello", &[], denied);
    world.expect("?enhanced=1", &["x-api-key: hallo"], ("enhanced", "query"));
}

#[test]
fn a_client_is_known_by_the_address_of_its_connection() {
    let near = world(|setup| setup.set("rollout.allow", r#"[{ client = "127.0.0.0/8" }]"#));
    near.expect("", &[], ("enhanced", "rule"));
    let far = world(|setup| setup.set("rollout.allow", r#"[{ client = "192.0.2.1" }]"#));
    far.expect("", &["X-Forwarded-For: 192.0.2.1"], ("basic", "default"));
}

#[test]
fn a_denied_workflow_is_told_by_the_answer() {
    // The runs' workflow is "builder".
    let denied = world(|setup| {
        setup.set("rollout.deny", r#"[{ workflow = "builder" }]"#).set("rollout.percent", "100.0")
    });
    denied.expect("", &["Gloss: enhanced"], ("basic", "rule"));
    denied.expect("", &[], ("basic", "rule"));
    assert_eq!(denied.gloss.enrichments("rule"), 2);
    let other = world(|setup| setup.set("rollout.deny", r#"[{ workflow = "build" }]"#));
    other.expect("", &["Gloss: enhanced"], ("enhanced", "header"));
}

#[test]
fn whose_wishes_count_can_be_configured() {
    let allow = r#"[{ header = "X-Team", value = "a" }]"#;
    let rules = world(|setup| setup.set("rollout.opt_in", "\"rules\"").set("rollout.allow", allow));
    rules.expect("", &["Gloss: enhanced"], ("basic", "rule"));
    rules.expect("?include_steps=true", &[], ("basic", "rule"));
    rules.expect("", &[], ("basic", "default"));
    rules.expect("", &["X-Team: a", "Gloss: enhanced"], ("enhanced", "header"));
    rules.expect("?enhanced=0", &["X-Team: a"], ("basic", "query"));
    rules.expect("", &["X-Team: a"], ("enhanced", "rule"));
    let nobody = world(|setup| setup.set("rollout.opt_in", "\"nobody\"").set("rollout.allow", allow));
    nobody.expect("?enhanced=true", &["Gloss: enhanced"], ("basic", "rule"));
    nobody.expect("", &["X-Team: a", "Gloss: basic"], ("enhanced", "rule"));
}

#[test]
fn a_wish_that_does_not_count_leaves_the_percentage_to_decide() {
    let world = world(|setup| setup.set("rollout.opt_in", "\"nobody\"").set("rollout.percent", "100.0"));
    world.expect("", &["Gloss: basic"], ("enhanced", "percent"));
}

#[test]
fn decisions_by_rule_are_counted() {
    let world = world(|setup| setup.set("rollout.deny", r#"[{ header = "X-Team" }]"#));
    world.expect("", &["X-Team: a", "Gloss: enhanced"], ("basic", "rule"));
    assert_eq!(world.gloss.metric("gloss_decisions_total{variant=\"basic\",rule=\"rule\"}"), 1);
}

#[test]
fn a_rule_that_is_reloaded_counts_for_the_next_request() {
    let upstream = Upstream::answering(json(status_body("run_1", "running")));
    let logs = Logs::with_run("run_1");
    let mut gloss = Setup::before(&upstream).logs(&logs).start();
    let labels = |gloss: &crate::support::sidecar::Sidecar| {
        let answer = gloss.get(&status_path("run_1"), &["X-Team: a"]);
        let (variant, reason) = answer.labels();
        (variant.to_owned(), reason.to_owned())
    };
    assert_eq!(labels(&gloss), (UNLABELLED.0.to_owned(), UNLABELLED.1.to_owned()));
    gloss.reload("rollout.allow", r#"[{ header = "x-team", value = "a" }]"#);
    assert_eq!(labels(&gloss), ("enhanced".to_owned(), "rule".to_owned()));
    let stderr = gloss.stderr();
    assert!(stderr.contains("rollout.allow = [{ header = "), "{stderr}");
}

#[test]
fn answers_vary_by_the_headers_that_rules_look_at() {
    let rules = format!("[{{ header = \"X-Team\" }}, {{ api_key_sha256 = \"{HASH_OF_HELLO}\" }}]");
    let world =
        world(|setup| setup.set("rollout.deny", &rules).set("rollout.allow", r#"[{ header = "x-team" }]"#));
    for headers in [&[][..], &["Gloss: enhanced"], &["X-Team: a"]] {
        let answer = world.gloss.get(&status_path("run_1"), headers);
        assert_eq!(answer.values("vary"), ["Gloss", "X-Team", "X-Api-Key", "Authorization"], "{headers:?}");
    }
}
