//! The service's own description (OpenAPI 3), with what enhanced answers add to it. Pure: one document in, another out.
//!
//! Every added field is an optional property of the status answer, every added parameter is optional: a client that was
//! made from the result understands basic answers and enhanced ones. All that the service wrote keeps its order and its
//! text. This describes; nothing in gloss is checked against it. `notes` is the schema of the added fields by itself.

mod members;
mod notes;
mod operation;
mod schemas;

use http::HeaderName;
use serde_json::value::RawValue;
use thiserror::Error;

pub use self::notes::notes_schema;

use self::members::Members;
use crate::route::StatusRoute;

/// What the description depends on.
#[derive(Debug, Clone)]
pub struct DescriptionParams {
    /// The routes that status requests come on.
    pub routes: Vec<StatusRoute>,
    /// The name of the opt-in header.
    pub opt_in_header: HeaderName,
    /// Whether the names that one published client looks for are added to answers.
    pub compat_fields: bool,
}

/// Why a document stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unfit {
    /// It is not one JSON object in UTF-8, or its parts are not of the kinds that OpenAPI says.
    #[error("it is not an OpenAPI document")]
    Malformed,
    /// It is of another version than 3.0 and 3.1.
    #[error("it is of another version than 3.0 and 3.1")]
    Version,
    /// It says nothing of a JSON answer on a status route.
    #[error("no status route is described in it")]
    NoStatusRoute,
    /// It has a schema of a name that is needed here.
    #[error("a schema in it has a name that gloss needs")]
    NameTaken,
}

impl Unfit {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Malformed, Self::Version, Self::NoStatusRoute, Self::NameTaken];

    /// The word for it in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Version => "version",
            Self::NoStatusRoute => "no-status-route",
            Self::NameTaken => "name-taken",
        }
    }
}

/// The dialects of JSON Schema that OpenAPI has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// OpenAPI's own, of 3.0: `nullable` instead of a type `null`.
    V3_0,
    /// JSON Schema 2020-12, of 3.1.
    V3_1,
}

impl Dialect {
    fn of(document: &Members) -> Result<Self, Unfit> {
        let version: String = document.read("openapi").ok_or(Unfit::Malformed)?;
        match version.get(..4) {
            Some("3.0.") => Ok(Self::V3_0),
            Some("3.1.") => Ok(Self::V3_1),
            _ => Err(Unfit::Version),
        }
    }
}

/// The document with the parameters by which a status request asks for notes, and with the notes.
///
/// # Errors
/// Why the document has to stay as it is.
pub fn describe(document: &[u8], params: &DescriptionParams) -> Result<String, Unfit> {
    let mut document: Members = serde_json::from_slice(document).map_err(|_| Unfit::Malformed)?;
    let dialect = Dialect::of(&document)?;
    let notes = schemas::Notes::new(dialect, params.compat_fields);
    let mut paths: Members = document.read("paths").ok_or(Unfit::NoStatusRoute)?;
    let mut components: Members = document.read("components").unwrap_or_default();
    let mut known: Members = components.read("schemas").unwrap_or_default();
    let mut described = false;
    for path in paths.names().filter(|path| is_status(path, &params.routes)).collect::<Vec<_>>() {
        let Some(mut item) = paths.read::<Members>(&path) else { continue };
        let Some(mut get) = item.read::<Members>("get") else { continue };
        if operation::describe(&mut get, &mut known, &notes, params).is_some() {
            described = true;
            item.set("get", get.to_raw());
            paths.set(&path, item.to_raw());
        }
    }
    if !described {
        return Err(Unfit::NoStatusRoute);
    }
    notes.define(&mut known)?;
    components.set("schemas", known.to_raw());
    document.set("components", components.to_raw());
    document.set("paths", paths.to_raw());
    Ok(document.to_raw().get().to_owned())
}

/// Whether a path of the document is one of these routes, whatever it calls its parameter.
fn is_status(path: &str, routes: &[StatusRoute]) -> bool {
    let segments = routes.iter().filter_map(|route| route.run_segment(path));
    segments.into_iter().any(|segment| segment.starts_with('{') && segment.ends_with('}'))
}

/// A value that was built here, as a text.
fn raw(value: &serde_json::Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("a JSON value is always one that serialises")
}

#[cfg(test)]
mod tests;
