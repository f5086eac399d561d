//! The kinds of answer that a status request can get. Pure.

use serde::{Deserialize, Serialize};

/// What a status request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// The upstream's answer, untouched.
    Basic,
    /// The upstream's answer with additions.
    Enhanced,
    /// The upstream's answer; the enrichment runs beside it and only its outcome is recorded.
    Shadow,
}

impl Variant {
    /// Reads the value of the opt-in header or of the configuration; letter case does not matter.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Basic, Self::Enhanced, Self::Shadow]
            .into_iter()
            .find(|v| word.eq_ignore_ascii_case(v.as_str()))
    }

    /// The word for it in headers, metrics and the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Enhanced => "enhanced",
            Self::Shadow => "shadow",
        }
    }
}
