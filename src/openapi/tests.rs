//! What is added to a description, where it goes, and what is left alone: documents as the service may write them.

use serde_json::{Value, json};

use super::*;

const STATUS: &str = "/api/v1/workflows/claude-code/run/{id}/status";

fn params(compat_fields: bool) -> DescriptionParams {
    let routes = ["/v2/{run_id}", "/api/v1/workflows/claude-code/run/{run_id}/status"];
    DescriptionParams {
        routes: routes.map(|route| StatusRoute::parse(route).unwrap()).to_vec(),
        opt_in_header: HeaderName::from_static("x-gloss"),
        compat_fields,
    }
}

/// A document whose status answer has this schema, with `schemas` as its components.
fn document(version: &str, schema: &Value, schemas: &Value) -> Value {
    let answer = json!({ "description": "ok", "content": { "application/json": { "schema": schema } } });
    let parameters = json!([{ "name": "include_logs", "in": "query", "schema": { "type": "string" } }]);
    let get = json!({ "parameters": parameters, "responses": { "200": answer } });
    json!({
        "openapi": version,
        "paths": { STATUS: { "get": get }, "/other": { "get": {} } },
        "components": { "schemas": schemas },
    })
}

fn described(document: &Value) -> Value {
    let text = describe(document.to_string().as_bytes(), &params(false)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn answer(document: &Value) -> &Value {
    &document["paths"][STATUS]["get"]["responses"]["200"]
}

fn schema(document: &Value) -> &Value {
    &answer(document)["content"]["application/json"]["schema"]
}

fn run_status() -> (Value, Value) {
    let run = json!({
        "type": "object", "required": ["run_id"], "additionalProperties": false,
        "properties": { "run_id": { "type": "string" }, "final_result": { "type": "integer" } },
    });
    (json!({ "$ref": "#/components/schemas/Run" }), json!({ "Run": run }))
}

/// Every `$ref` below a value.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        Value::Array(values) => values.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_schema_that_the_answer_refers_to_gains_optional_properties() {
    let (reference, schemas) = run_status();
    let described = described(&document("3.1.0", &reference, &schemas));
    assert_eq!(schema(&described), &reference);
    let run = &described["components"]["schemas"]["Run"];
    assert_eq!(run["required"], json!(["run_id"]));
    for name in ["workflow_steps", "progress_summary", "workflow_summary", "run_details", "enhancement"] {
        assert!(run["properties"].get(name).is_some(), "{name}");
    }
    assert_eq!(run["properties"]["final_result"], json!({ "type": "integer" }), "the service's own stays");
    assert!(run["properties"].get("max_turns").is_none(), "only where it is configured");
}

#[test]
fn fields_for_one_published_client_are_described_where_they_are_added() {
    let (reference, schemas) = run_status();
    let text = document("3.1.0", &reference, &schemas).to_string();
    let described: Value = serde_json::from_str(&describe(text.as_bytes(), &params(true)).unwrap()).unwrap();
    let max_turns = &described["components"]["schemas"]["Run"]["properties"]["max_turns"];
    assert_eq!(max_turns["type"], json!(["integer", "null"]));
}

#[test]
fn every_reference_leads_to_a_schema() {
    for version in ["3.0.3", "3.1.0"] {
        let (reference, schemas) = run_status();
        let described = described(&document(version, &reference, &schemas));
        let references = references(&described);
        assert!(references.len() > 10, "{references:?}");
        for reference in references {
            let name = reference.strip_prefix("#/components/schemas/").expect("a component");
            assert!(described["components"]["schemas"].get(name).is_some(), "{reference}");
        }
    }
}

#[test]
fn an_older_document_gets_nulls_in_its_own_words() {
    let (reference, schemas) = run_status();
    let described = described(&document("3.0.3", &reference, &schemas));
    let step = &described["components"]["schemas"]["GlossStep"]["properties"]["result"];
    assert_eq!((&step["type"], &step["nullable"]), (&json!("string"), &json!(true)));
    assert!(!described.to_string().contains("\"null\""));
}

#[test]
fn an_answer_of_any_kind_and_one_that_is_combined_get_the_notes_beside_them() {
    let none = described(&document("3.1.0", &json!({}), &json!({})));
    assert_eq!(schema(&none), &json!({ "$ref": "#/components/schemas/GlossNotes" }));
    let union = json!({ "anyOf": [{ "type": "object" }, { "type": "null" }] });
    let combined = described(&document("3.1.0", &union, &json!({})));
    assert_eq!(
        schema(&combined),
        &json!({ "allOf": [union, { "$ref": "#/components/schemas/GlossNotes" }] })
    );
    let inline = described(&document("3.1.0", &json!({ "type": "object" }), &json!({})));
    assert!(schema(&inline)["properties"].get("run_details").is_some());
}

#[test]
fn the_ways_to_ask_are_optional_parameters_and_the_services_own_stay() {
    let (reference, schemas) = run_status();
    let described = described(&document("3.1.0", &reference, &schemas));
    let parameters = described["paths"][STATUS]["get"]["parameters"].as_array().unwrap();
    let names: Vec<_> = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["include_logs", "enhanced", "include_steps", "X-Gloss", "Gloss-Version"]);
    assert_eq!(parameters[0]["schema"]["type"], "string");
    assert!(parameters.iter().skip(1).all(|parameter| parameter["required"] == false));
    assert!(answer(&described)["headers"].get("Gloss-Variant").is_some());
}

#[test]
fn all_that_the_service_wrote_keeps_its_order_and_its_text() {
    let before = r#"{"openapi":"3.1.0","x-first":1.50e0,"paths":{"/z":{"get":{}},"/v2/{x}":{"parameters":[],"get":{"responses":{"200":{"content":{"application/json":{"schema":{"title":"T"}}}}}}},"/a":{"x":"\u00e9"}},"info":{"b":1,"a":2}}"#;
    let after = describe(before.as_bytes(), &params(false)).unwrap();
    assert!(after.starts_with(r#"{"openapi":"3.1.0","x-first":1.50e0,"paths":{"/z":{"get":{}},"/v2/{x}":{"parameters":[],"get":{"#), "{after}");
    assert!(
        after.contains(r#""/a":{"x":"\u00e9"}},"info":{"b":1,"a":2},"components":{"schemas":{"#),
        "{after}"
    );
}

#[test]
fn what_is_no_description_of_a_status_route_stays_as_it_is() {
    let (reference, schemas) = run_status();
    let whole = document("3.1.0", &reference, &schemas);
    let without = |change: &dyn Fn(&mut Value)| {
        let mut document = whole.clone();
        change(&mut document);
        describe(document.to_string().as_bytes(), &params(false)).unwrap_err()
    };
    assert_eq!(describe(b"<html>", &params(false)), Err(Unfit::Malformed));
    assert_eq!(describe(b"[]", &params(false)), Err(Unfit::Malformed));
    assert_eq!(describe(b"{\"a\":\"\xff\"}", &params(false)), Err(Unfit::Malformed));
    assert_eq!(without(&|document| document["openapi"] = json!("2.0")), Unfit::Version);
    assert_eq!(without(&|document| document["openapi"] = json!(3)), Unfit::Malformed);
    assert_eq!(without(&|document| document["paths"] = json!({ "/other": {} })), Unfit::NoStatusRoute);
    assert_eq!(without(&|document| document["paths"] = json!([])), Unfit::NoStatusRoute);
    assert_eq!(
        without(&|document| document["components"]["schemas"]["GlossStep"] = json!({})),
        Unfit::NameTaken
    );
}
