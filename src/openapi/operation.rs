//! One operation of an OpenAPI document: the parameters and the answer of a status request. Pure.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::members::Members;
use super::schemas::Notes;
use super::{DescriptionParams, raw};
use crate::route::{FIELDS_VERSION, written};
use crate::variant::Variant;

/// Of these, a schema says what it permits otherwise than by its properties.
const COMBINATORS: [&str; 6] = ["allOf", "anyOf", "oneOf", "not", "$ref", "enum"];

/// Describes what gloss adds to an operation. `None` where it has no JSON answer.
///
/// `known` are the document's schemas: a schema that the answer refers to is changed there.
pub(super) fn describe(
    get: &mut Members,
    known: &mut Members,
    notes: &Notes,
    params: &DescriptionParams,
) -> Option<()> {
    let mut responses: Members = get.read("responses")?;
    let mut ok: Members = responses.read("200")?;
    let mut content: Members = ok.read("content")?;
    let mut json: Members = content.read("application/json")?;
    let schema: Members = json.read("schema").unwrap_or_default();
    if let Some(changed) = with_notes(&schema, known, notes) {
        json.set("schema", changed);
    }
    content.set("application/json", json.to_raw());
    ok.set("content", content.to_raw());
    ok.set("headers", with_headers(ok.read("headers").unwrap_or_default()).to_raw());
    responses.set("200", ok.to_raw());
    get.set("responses", responses.to_raw());
    let mut parameters: Vec<Box<RawValue>> = get.read("parameters").unwrap_or_default();
    let named = parameters.iter().filter_map(|parameter| place_and_name(parameter)).collect::<Vec<_>>();
    let added =
        additional_parameters(&written(&params.opt_in_header)).into_iter().map(|parameter| raw(&parameter));
    parameters.extend(
        added.filter(|parameter| place_and_name(parameter).is_some_and(|place| !named.contains(&place))),
    );
    get.set("parameters", serde_json::value::to_raw_value(&parameters).ok()?);
    Some(())
}

/// The schema of the answer with the notes, where it has to become another.
fn with_notes(schema: &Members, known: &mut Members, notes: &Notes) -> Option<Box<RawValue>> {
    if schema.names().next().is_none() {
        // The service says nothing of its answer.
        return Some(raw(&Notes::as_schema()));
    }
    if let Some(extended) = extended(schema, notes) {
        return Some(extended.to_raw());
    }
    let target: Option<String> = schema.read("$ref");
    let component = target.as_deref().and_then(|target| target.strip_prefix("#/components/schemas/"));
    if let Some(name) = component
        && let Some(extended) = known.read(name).and_then(|schema| extended(&schema, notes))
    {
        known.set(name, extended.to_raw());
        return None;
    }
    let both = [schema.to_raw(), raw(&Notes::as_schema())];
    let mut combined = Members::default();
    combined.set("allOf", serde_json::value::to_raw_value(&both).ok()?);
    Some(combined.to_raw())
}

/// A schema of an object, with the notes among its properties; `None` where it is of another kind.
///
/// Within the schema rather than beside it, so that it stays true where the schema excludes what it does not name.
fn extended(schema: &Members, notes: &Notes) -> Option<Members> {
    let kind: Option<String> = schema.read("type");
    if kind.as_deref() != Some("object") || COMBINATORS.iter().any(|combinator| schema.has(combinator)) {
        return None;
    }
    let mut properties: Members = schema.read("properties").unwrap_or_default();
    notes.add_to(&mut properties);
    let mut extended = schema.clone();
    extended.set("properties", properties.to_raw());
    Some(extended)
}

/// The headers of the answer, with those that say which it is.
fn with_headers(mut headers: Members) -> Members {
    let described = [
        ("Gloss-Variant", "Which answer this is: basic or enhanced."),
        ("Gloss-Reason", "Why: what decided, or why the enhanced answer could not be given."),
    ];
    for (name, description) in described {
        if !headers.names().any(|known| known.eq_ignore_ascii_case(name)) {
            headers.set(name, raw(&json!({ "description": description, "schema": { "type": "string" } })));
        }
    }
    headers
}

/// What distinguishes a parameter from others; `None` for a reference.
fn place_and_name(parameter: &RawValue) -> Option<(String, String)> {
    let parameter: Members = serde_json::from_str(parameter.get()).ok()?;
    let (place, name): (String, String) = (parameter.read("in")?, parameter.read("name")?);
    // Names of headers are the same in any case.
    let name = if place == "header" { name.to_ascii_lowercase() } else { name };
    Some((place, name))
}

/// How a status request asks for notes.
fn additional_parameters(opt_in_header: &str) -> Vec<Value> {
    let switch = |name: &str, description: &str| {
        json!({
            "name": name, "in": "query", "required": false, "description": description,
            "schema": { "type": "boolean" },
        })
    };
    let header = |name: &str, description: &str, values: &[&str]| {
        json!({
            "name": name, "in": "header", "required": false, "description": description,
            "schema": { "type": "string", "enum": values },
        })
    };
    let variants = [Variant::Basic, Variant::Enhanced, Variant::Shadow].map(Variant::as_str);
    vec![
        switch(
            "enhanced",
            "Ask for steps, progress and results (true), or for the answer without them (false).",
        ),
        switch(
            "include_steps",
            "Ask for steps (true), or for an enhanced answer without their details (false).",
        ),
        switch("include_logs", "Leave the logs out of an enhanced answer (false): they are null then."),
        header(opt_in_header, "Ask for an answer of this kind; goes before the query.", &variants),
        header("Gloss-Version", "The version of the added fields that is understood.", &[FIELDS_VERSION]),
    ]
}
