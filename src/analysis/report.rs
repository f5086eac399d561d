//! The added fields, in the shapes of the contract.

use serde::Serialize;

/// The members which enhanced answers add to the upstream's JSON object, in their order.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Additions {}

impl Additions {
    /// Each member as its name and its JSON text, in order.
    pub fn members(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
