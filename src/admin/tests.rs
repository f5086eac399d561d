//! Tests of the operators' service: who is let in, and what can be changed, how.

use chrono::DateTime;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::rollout::{OptIn, Overrides, Percent, Rollout};
use crate::variant::Variant;

fn params(token: Option<&str>) -> AdminParams {
    let metrics = Metrics::new();
    let configured = Rollout {
        enabled: true,
        deny: Vec::new(),
        allow: Vec::new(),
        opt_in: OptIn::Anyone,
        percent: Percent::new(5.0).unwrap(),
        default: Variant::Basic,
        salt: "gloss".into(),
    };
    let rollout = RolloutSwitch::new(configured, Overrides::default(), None, metrics.clone());
    let readiness = Readiness::default();
    let comparison = Comparison::new(DateTime::UNIX_EPOCH, ["no-log"]);
    AdminParams {
        access: Access { token: token.map(Into::into), hosts: Vec::new() },
        readiness,
        metrics,
        tracker: None,
        rollout,
        runs: RunPages::new(None, CancellationToken::new()),
        comparison,
    }
}

async fn get(params: &AdminParams, path: &str, authorization: Option<&str>) -> u16 {
    let mut request = Request::get(path);
    if let Some(value) = authorization {
        request = request.header(header::AUTHORIZATION, value);
    }
    params.answer(request.body(Full::<Bytes>::default()).unwrap()).await.status().as_u16()
}

async fn send(params: &AdminParams, method: &str, content_type: &str, body: &str) -> (u16, Value) {
    let request = Request::builder().method(method).uri("/api/rollout").header("content-type", content_type);
    let answer = params.answer(request.body(Full::<Bytes>::from(body.to_owned())).unwrap()).await;
    let status = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn post(params: &AdminParams, body: &str) -> (u16, Value) {
    send(params, "POST", "application/json", body).await
}

#[tokio::test]
async fn probes_need_no_token_and_the_rest_does() {
    let guarded = params(Some("s3cret"));
    guarded.readiness.set(true);
    assert_eq!(get(&guarded, "/livez", None).await, 200);
    assert_eq!(get(&guarded, "/readyz", None).await, 200);
    for path in ["/metrics", "/api/rollout", "/api/comparison", "/nothing"] {
        for wrong in [None, Some("Bearer "), Some("Bearer s3cre"), Some("Bearer s3cret "), Some("s3cret")] {
            assert_eq!(get(&guarded, path, wrong).await, 401, "{path} {wrong:?}");
        }
    }
    assert_eq!(get(&guarded, "/metrics", Some("Bearer s3cret")).await, 200);
    assert_eq!(get(&guarded, "/api/rollout", Some("Bearer s3cret")).await, 200);
    assert_eq!(get(&params(None), "/metrics", None).await, 200);
    assert_eq!(get(&params(None), "/nothing", None).await, 404);
}

#[tokio::test]
async fn the_comparison_is_told_and_can_only_be_read() {
    let params = params(None);
    let ask = |method: &str| {
        let request = Request::builder().method(method).uri("/api/comparison");
        params.answer(request.body(Full::<Bytes>::default()).unwrap())
    };
    let answer = ask("GET").await;
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
    let report: Value =
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(report["since"], "1970-01-01T00:00:00Z");
    assert_eq!(report["fallbacks"]["by_reason"], json!({ "no-log": 0 }));
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(ask(method).await.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
}

#[tokio::test]
async fn without_the_token_nothing_is_switched() {
    let guarded = params(Some("s3cret"));
    assert_eq!(post(&guarded, "{\"enabled\":false}").await.0, 401);
    assert!(guarded.rollout.in_force().enabled);
}

#[tokio::test]
async fn readiness_is_what_it_was_set_to() {
    let params = params(None);
    assert_eq!(get(&params, "/readyz", None).await, 503);
    params.readiness.set(true);
    assert_eq!(get(&params, "/readyz", None).await, 200);
}

#[tokio::test]
async fn only_the_rollout_takes_a_post_and_no_other_method_changes_anything() {
    let params = params(None);
    let request = Request::post("/metrics").body(Full::<Bytes>::default()).unwrap();
    assert_eq!(params.answer(request).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
        assert_eq!(send(&params, method, "application/json", "{\"enabled\":false}").await.0, 405, "{method}");
    }
    assert_eq!(send(&params, "GET", "application/json", "{\"enabled\":false}").await.0, 200);
    assert!(params.rollout.in_force().enabled);
}

#[tokio::test]
async fn the_state_says_what_is_in_force_and_what_of_it_is_an_override() {
    let params = params(None);
    let (status, state) = post(&params, "{\"percent\": 12.5}").await;
    assert_eq!((status, &state["percent"], &state["overridden"]), (200, &json!(12.5), &json!(["percent"])));
    assert_eq!(state["configured"], json!({ "enabled": true, "percent": 5.0, "default": "basic" }));
    assert_eq!(send(&params, "GET", "", "").await.1, state);
    let (_, back) = post(&params, "{\"percent\": null}").await;
    assert_eq!((&back["percent"], &back["overridden"]), (&json!(5.0), &json!([])));
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_by_name_and_changes_nothing() {
    let params = params(None);
    for (body, status, key) in [
        ("{\"percent\": 101, \"enabled\": false}", 422, "percent"),
        ("{\"enabled\": false, \"salt\": \"x\"}", 422, "salt"),
        ("[]", 422, ""),
        ("{\"enabled\": fals", 400, ""),
        ("", 400, ""),
        ("\u{fffd}", 400, ""),
    ] {
        let (answered, said) = post(&params, body).await;
        assert_eq!((answered, said["detail"]["key"].as_str()), (status, Some(key)), "{body}: {said}");
        assert!(said["detail"]["reason"].is_string() && said["detail"].get("value").is_some(), "{said}");
    }
    let long = format!("{{\"default\": \"{}\"}}", "x".repeat(20_000));
    assert_eq!(post(&params, &long).await.0, 413);
    assert!(params.rollout.settings().overrides.keys().is_empty());
}

#[tokio::test]
async fn a_page_elsewhere_cannot_switch_by_a_form() {
    let params = params(None);
    for simple in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonx"]
    {
        assert_eq!(send(&params, "POST", simple, "{\"enabled\":false}").await.0, 415, "{simple}");
    }
    assert!(params.rollout.in_force().enabled);
    assert_eq!(send(&params, "POST", "Application/JSON; charset=utf-8", "{\"enabled\":false}").await.0, 200);
    assert!(!params.rollout.in_force().enabled);
}
