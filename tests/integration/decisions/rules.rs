//! The rules, in the order in which they speak, and which requests they are for.

use super::{UNLABELLED, world};
use crate::support::answers::{json, json_with, status_body, status_path};
use crate::support::client::{get, request};
use crate::support::logs::{Log, Logs};
use crate::support::sidecar::Setup;
use crate::support::upstream::{Then, Upstream};

#[test]
fn nobody_who_does_not_ask_sees_a_difference() {
    let head = "x-one: 1\r\nset-cookie: a=1\r\nset-cookie: b=2\r\netag: \"7\"\r\nvary: Origin\r\n";
    let body = status_body("run_1", "running");
    let (upstream, logs) = (Upstream::answering(json_with(head, &body)), Logs::with_run("run_1"));
    let direct = get(upstream.address, &status_path("run_1"), &[]);
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let through = gloss.get(&status_path("run_1"), &[]);
    assert_eq!(through.body(), direct.body());
    assert_eq!(through.headers, direct.headers);
    let with_parameters = gloss.get(&format!("{}?debug=true&include_steps=false", status_path("run_1")), &[]);
    assert_eq!(with_parameters.headers, direct.headers);
}

#[test]
fn the_header_says_which_answer_it_is() {
    let world = world(|setup| setup);
    world.expect("", &["Gloss: enhanced"], ("enhanced", "header"));
    world.expect("", &["gloss: Enhanced"], ("enhanced", "header"));
    world.expect("", &["Gloss: basic"], ("basic", "header"));
    world.expect("", &["Gloss: shadow"], ("basic", "header"));
}

#[test]
fn an_unknown_value_of_the_header_is_ignored() {
    let world = world(|setup| setup);
    for value in ["Gloss: better", "Gloss:", "Gloss: compare", "Gloss: enhanced, basic", "Gloss: \u{e9}"] {
        world.expect("", &[value], UNLABELLED);
        world.expect("?enhanced=true", &[value], ("enhanced", "query"));
    }
}

#[test]
fn of_a_repeated_header_the_last_counts() {
    let world = world(|setup| setup);
    world.expect("", &["Gloss: basic", "Gloss: enhanced"], ("enhanced", "header"));
    world.expect("", &["Gloss: enhanced", "Gloss: basic"], ("basic", "header"));
}

#[test]
fn booleans_of_the_query_are_read_as_fastapi_reads_them() {
    let world = world(|setup| setup);
    for yes in ["1", "true", "True", "TRUE", "on", "yes", "t", "y", "%74rue"] {
        world.expect(&format!("?enhanced={yes}"), &[], ("enhanced", "query"));
    }
    for no in ["0", "false", "False", "off", "no", "f", "n"] {
        world.expect(&format!("?enhanced={no}"), &[], ("basic", "query"));
    }
    for neither in ["", "2", "maybe", "truee", "null"] {
        world.expect(&format!("?enhanced={neither}"), &[], UNLABELLED);
    }
}

#[test]
fn of_repeated_parameters_the_last_counts() {
    let world = world(|setup| setup);
    world.expect("?enhanced=true&debug=1&enhanced=false", &[], ("basic", "query"));
    world.expect("?enhanced=false&enhanced=true", &[], ("enhanced", "query"));
    world.expect("?enhanced=true&enhanced=maybe", &[], UNLABELLED);
}

#[test]
fn asking_for_steps_asks_for_the_enhanced_answer() {
    let world = world(|setup| setup);
    world.expect("?include_steps=true", &[], ("enhanced", "query"));
    world.expect("?include_steps=false", &[], UNLABELLED);
    world.expect("?include_steps=true&enhanced=false", &[], ("basic", "query"));
}

#[test]
fn the_header_beats_the_query_and_the_query_beats_the_rollout() {
    let world = world(|setup| setup.set("rollout.percent", "100.0"));
    world.expect("?enhanced=true", &["Gloss: basic"], ("basic", "header"));
    world.expect("?enhanced=false", &["Gloss: enhanced"], ("enhanced", "header"));
    world.expect("?enhanced=false", &[], ("basic", "query"));
    world.expect("", &[], ("enhanced", "percent"));
}

#[test]
fn the_kill_switch_beats_everything() {
    let world = world(|setup| setup.set("rollout.enabled", "false").set("rollout.percent", "100.0"));
    world.expect("", &[], ("basic", "disabled"));
    world.expect("?enhanced=true&include_steps=true", &["Gloss: enhanced"], ("basic", "disabled"));
}

#[test]
fn the_percentage_is_a_stable_share_of_runs() {
    // printf 'gloss:run_1' | sha256sum starts with cd1d…, which is 80.1 % of the way.
    let below = world(|setup| setup.flag("--percent", "80"));
    below.expect("", &[], ("basic", "default"));
    let above = world(|setup| setup.flag("--percent", "80.2"));
    above.expect("", &[], ("enhanced", "percent"));
    above.expect("", &[], ("enhanced", "percent"));
    // printf 'other:run_1' | sha256sum starts with 41d0…, which is 25.7 % of the way.
    let salted = world(|setup| setup.flag("--percent", "26").set("rollout.salt", "\"other\""));
    salted.expect("", &[], ("enhanced", "percent"));
}

#[test]
fn the_default_is_what_everybody_else_gets() {
    let enhanced = world(|setup| setup.flag("--variant", "enhanced"));
    enhanced.expect("", &[], ("enhanced", "default"));
    enhanced.expect("", &["Gloss: basic"], ("basic", "header"));
    let shadow = world(|setup| setup.variable("GLOSS_VARIANT", "shadow"));
    shadow.expect("", &[], ("basic", "default"));
}

#[test]
fn a_known_version_is_served_and_an_unknown_one_gets_basic() {
    let world = world(|setup| setup);
    world.expect("", &["Gloss: enhanced", "Gloss-Version: 1"], ("enhanced", "header"));
    for unknown in ["Gloss-Version: 2", "Gloss-Version: 0", "Gloss-Version: newest"] {
        world.expect("?enhanced=true", &[unknown], ("basic", "version"));
    }
    assert_eq!(world.gloss.enrichments("version"), 3);
    world.expect("?enhanced=false", &["Gloss-Version: 2"], ("basic", "query"));
    world.expect("", &["Gloss-Version: 2"], UNLABELLED);
}

#[test]
fn the_name_of_the_header_can_be_configured() {
    let world = world(|setup| setup.set("gloss.header", "\"X-Margin\""));
    world.expect("", &["X-Margin: enhanced"], ("enhanced", "header"));
    world.expect("", &["Gloss: enhanced"], UNLABELLED);
    let answer = world.gloss.get(&status_path("run_1"), &["x-margin: enhanced"]);
    assert_eq!(answer.values("vary"), ["X-Margin"]);
}

#[test]
fn only_a_get_of_the_status_route_is_enriched() {
    let world = world(|setup| setup.set("rollout.default", "\"enhanced\""));
    let status = status_path("run_1");
    let elsewhere = [
        format!("{status}/"),
        format!("/x{status}"),
        status.replace("/status", ""),
        status.replace("run_1", "run_1/run_2"),
        status.replace("run_1", ""),
        "/api/v1/workflows/claude-code/runs".to_owned(),
    ];
    for target in elsewhere {
        let answer = world.gloss.get(&target, &["Gloss: enhanced"]);
        assert_eq!((answer.labels(), answer.text()), (UNLABELLED, world.body.as_str()), "{target}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY"] {
        let request = request(method, &status, &["Gloss: enhanced"]);
        let answer = world.gloss.client().send(request).answer();
        assert_eq!((answer.labels(), answer.text()), (UNLABELLED, world.body.as_str()), "{method}");
    }
}

#[test]
fn other_routes_can_be_configured() {
    let routes = r#"["/v2/runs/{run_id}", "/status/{run_id}/now"]"#;
    let world = world(|setup| setup.set("route.status", routes));
    for target in ["/v2/runs/run_1", "/status/run_1/now"] {
        let answer = world.gloss.get(target, &["Gloss: enhanced"]);
        assert_eq!(answer.labels(), ("enhanced", "header"), "{target}");
    }
    world.expect("", &["Gloss: enhanced"], UNLABELLED);
}

#[test]
fn every_parameter_and_the_headers_themselves_are_forwarded_as_they_came() {
    let world = world(|setup| setup);
    let query = "?enhanced=true&x-api-key=k%2F1&debug=True&include_logs=0&a=1&a=2&b&=c&%66=%c3%a9";
    world.expect(query, &["Gloss: enhanced", "Gloss-Version: 1"], ("enhanced", "header"));
    let seen = world.upstream.only().head;
    assert_eq!(seen.line, format!("GET {}{query} HTTP/1.1", status_path("run_1")));
    assert_eq!((seen.value("gloss"), seen.value("gloss-version")), (Some("enhanced"), Some("1")));
}

#[test]
fn a_run_whose_id_is_encoded_is_the_same_run() {
    let world = world(|setup| setup);
    let answer = world.gloss.get(&status_path("%72un_1"), &["Gloss: enhanced"]);
    assert_eq!(answer.labels(), ("enhanced", "header"));
    assert_eq!(world.upstream.only().head.line, format!("GET {} HTTP/1.1", status_path("%72un_1")));
}

#[test]
fn two_runs_do_not_share_their_notes() {
    let upstream = Upstream::scripted(|call| {
        let run = if call.line().contains("run_1/") { "run_1" } else { "run_2" };
        call.wire.send(json(status_body(run, "running")));
        Then::Keep
    });
    let logs = Logs::with_run("run_1");
    logs.write("run_2", Log::of("run_2").todo(&[("Something else", "in_progress")]).finished("over"));
    let gloss = Setup::before(&upstream).logs(&logs).start();
    let size = |run| {
        let answer = gloss.get(&status_path(run), &["Gloss: enhanced"]);
        answer.json()["enhancement"]["log_bytes"].as_u64()
    };
    let length = |run| std::fs::metadata(logs.path(run)).ok().map(|metadata| metadata.len());
    assert_eq!((size("run_1"), size("run_2")), (length("run_1"), length("run_2")));
}
