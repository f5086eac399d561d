//! A setting that is never shown.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::telemetry::MASK;

/// A text of the file, the environment or a flag that `Debug` does not show. It is compared and passed on only.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct SecretText(String);

impl SecretText {
    /// Nothing was set.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, for whoever keeps it as a secret again.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}
