//! The schemas of the added fields, as components of an OpenAPI document. Pure.
//!
//! Made from the types that the fields are written from, so that they cannot say something else.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::members::Members;
use super::{Dialect, Unfit, raw};
use crate::analysis::Additions;

/// Every schema's name begins so, to keep it apart from the service's own.
const PREFIX: &str = "Gloss";

/// The schema of the notes as a whole.
const NOTES: &str = "GlossNotes";

/// Where components refer to each other.
const COMPONENTS: &str = "#/components/schemas/";

/// Members of [`Additions`] which are there by configuration only.
const COMPATIBLE: [&str; 3] = ["max_turns", "current_phase", "cache_efficiency"];

/// What enhanced answers add.
#[derive(Debug)]
pub(super) struct Notes {
    /// The added members, each with its schema, by name.
    properties: Map<String, Value>,
    /// What they are made of, by the names that components get.
    components: Map<String, Value>,
}

impl Notes {
    /// The notes that are written, in the words of an OpenAPI version.
    pub(super) fn new(dialect: Dialect, compat_fields: bool) -> Self {
        let settings = match dialect {
            Dialect::V3_0 => SchemaSettings::openapi3(),
            Dialect::V3_1 => SchemaSettings::draft2020_12(),
        };
        let mut generator = settings.for_serialize().into_generator();
        let root = generator.root_schema_for::<Additions>().to_value();
        let mut properties = object(root.get("properties"));
        if !compat_fields {
            properties.retain(|name, _| !COMPATIBLE.contains(&name.as_str()));
        }
        let mut properties = Value::Object(properties);
        refer_to_components(&mut properties);
        let mut components = Map::new();
        for (name, mut schema) in generator.take_definitions(true) {
            refer_to_components(&mut schema);
            components.insert(format!("{PREFIX}{name}"), schema);
        }
        Self { properties: object(Some(&properties)), components }
    }

    /// Adds them to the properties of a schema. Those that it has stay, as they do in answers.
    pub(super) fn add_to(&self, properties: &mut Members) {
        for (name, schema) in &self.properties {
            if !properties.has(name) {
                properties.set(name, raw(schema));
            }
        }
    }

    /// A schema of an object that has them, beside whatever else.
    pub(super) fn as_schema() -> Value {
        serde_json::json!({ "$ref": format!("{COMPONENTS}{NOTES}") })
    }

    /// Adds the schemas that they are made of to a document's.
    pub(super) fn define(&self, known: &mut Members) -> Result<(), Unfit> {
        let notes = serde_json::json!({
            "type": "object",
            "title": NOTES,
            "description": "What gloss adds to the status of a run; which of it is there depends on the status.",
            "properties": self.properties,
        });
        let whole = (NOTES.to_owned(), notes);
        let parts = self.components.iter().map(|(name, schema)| (name.clone(), schema.clone()));
        for (name, schema) in parts.chain([whole]) {
            if known.has(&name) {
                return Err(Unfit::NameTaken);
            }
            known.set(&name, raw(&schema));
        }
        Ok(())
    }
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Turns references to definitions, wherever the generator puts those, into references to components.
fn refer_to_components(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), &mut *value) {
                    ("$ref", Value::String(target)) => {
                        let name = target.rsplit('/').next().unwrap_or_default();
                        *target = format!("{COMPONENTS}{PREFIX}{name}");
                    }
                    _ => refer_to_components(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(refer_to_components),
        _ => {}
    }
}
