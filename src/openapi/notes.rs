//! The JSON Schema of the added fields as a document of its own: for clients, for their generators, and for people. Pure.
//!
//! Made from the types that the fields are written from, so that it cannot say something else. It allows members that it
//! does not name, since later versions may add some; the version of the fields is in `enhancement.version`.

use schemars::generate::SchemaSettings;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value};

use crate::analysis::{Additions, Enhancement};

/// The members of an enhanced answer in the order in which they are written.
const MEMBERS: [&str; 10] = [
    "workflow_steps",
    "progress_summary",
    "final_result",
    "workflow_summary",
    "step_by_step_results",
    "run_details",
    "enhancement",
    "max_turns",
    "current_phase",
    "cache_efficiency",
];

/// The keywords that come first, in this order; the others follow by name.
const KEYWORDS: [&str; 8] =
    ["$schema", "$id", "title", "description", "type", "properties", "required", "items"];

/// The schema (JSON Schema, 2020-12) of what an enhanced answer adds to the service's own, as a text for people, too:
/// properties stand in the order in which they are written.
pub fn notes_schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Additions>().to_value();
    if let Value::Object(members) = &mut schema {
        let version = Enhancement::VERSION;
        members.insert("$id".to_owned(), format!("urn:gloss:notes:{version}").into());
        members.insert("title".to_owned(), "GlossNotes".into());
    }
    text_of(&schema) + "\n"
}

fn text_of(schema: &Value) -> String {
    let text = serde_json::to_string_pretty(&Readable(schema));
    text.expect("a JSON value is always one that serialises")
}

/// A schema whose keywords and properties stand in an order that people read.
struct Readable<'v>(&'v Value);

impl Serialize for Readable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(schema) => {
                let mut map = serializer.serialize_map(Some(schema.len()))?;
                for (keyword, value) in sorted(schema, &KEYWORDS) {
                    match value {
                        Value::Object(properties) if keyword == "properties" => {
                            let order = order_of(schema);
                            map.serialize_entry(keyword, &Properties { properties, order: &order })?;
                        }
                        _ => map.serialize_entry(keyword, &Readable(value))?,
                    }
                }
                map.end()
            }
            Value::Array(values) => {
                let mut seq = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    seq.serialize_element(&Readable(value))?;
                }
                seq.end()
            }
            plain => plain.serialize(serializer),
        }
    }
}

/// The properties of an object.
struct Properties<'v> {
    properties: &'v Map<String, Value>,
    order: &'v [&'v str],
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.properties.len()))?;
        for (name, schema) in sorted(self.properties, self.order) {
            map.serialize_entry(name, &Readable(schema))?;
        }
        map.end()
    }
}

/// The order in which an object is written: that of what is always there is the order of the type's fields.
fn order_of(schema: &Map<String, Value>) -> Vec<&str> {
    let is_whole = schema.contains_key("$id");
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let required = required.filter_map(Value::as_str);
    if is_whole { MEMBERS.to_vec() } else { required.collect() }
}

/// The members of an object: those named in `first` in that order, then the rest by name.
fn sorted<'v>(members: &'v Map<String, Value>, first: &[&str]) -> Vec<(&'v String, &'v Value)> {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by_key(|(name, _)| first.iter().position(|known| known == name).unwrap_or(first.len()));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{WorkflowSteps, WorkflowSummary};

    fn schema() -> Value {
        serde_json::from_str(&notes_schema()).unwrap()
    }

    fn every(value: &Value, keyword: &str) -> Vec<Value> {
        match value {
            Value::Object(members) => {
                let own = members.get(keyword).cloned();
                own.into_iter().chain(members.values().flat_map(|value| every(value, keyword))).collect()
            }
            Value::Array(values) => values.iter().flat_map(|value| every(value, keyword)).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn the_members_stand_in_the_order_in_which_they_are_written() {
        let full = Additions {
            workflow_steps: Some(WorkflowSteps::default()),
            final_result: Some(None),
            workflow_summary: Some(WorkflowSummary::default()),
            step_by_step_results: Some(Vec::new()),
            max_turns: Some(None),
            current_phase: Some(String::new()),
            cache_efficiency: Some(None),
            ..Additions::default()
        };
        let mut written: Vec<_> = full.members().into_iter().map(|(name, _)| name).collect();
        written.insert(1, "progress_summary");
        assert_eq!(written, MEMBERS);
        assert_eq!(schema()["properties"].as_object().unwrap().len(), MEMBERS.len());
        let text = notes_schema();
        let places: Vec<_> =
            MEMBERS.map(|name| text.find(&format!("\n    \"{name}\": {{")).unwrap()).to_vec();
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn whatever_is_always_there_is_required_and_nothing_else() {
        let schema = schema();
        assert_eq!(schema["required"], serde_json::json!(["run_details", "enhancement"]));
        let step = &schema["$defs"]["Step"];
        assert_eq!(step["required"].as_array().unwrap().len(), 12, "{step}");
        assert_eq!(schema["properties"]["final_result"]["type"], serde_json::json!(["string", "null"]));
        assert_eq!(schema["properties"]["workflow_steps"]["$ref"], "#/$defs/WorkflowSteps");
    }

    #[test]
    fn descriptions_are_for_those_who_do_not_read_the_source() {
        // One of the properties has that name, too.
        let descriptions = every(&schema(), "description");
        let texts: Vec<_> = descriptions.iter().filter_map(Value::as_str).collect();
        assert!(texts.len() > 60, "{}", texts.len());
        for text in texts {
            assert!(!text.contains("[`") && !text.contains("`None`") && !text.contains("::"), "{text}");
        }
    }
}
