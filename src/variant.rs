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
    /// Both answers and how they compare, in one; only by the opt-in header, and where it is switched on.
    Compare,
}

impl Variant {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Basic, Self::Enhanced, Self::Shadow, Self::Compare];

    /// Reads a variant that callers may be given unasked; letter case does not matter.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::from_wish(word).filter(|variant| *variant != Self::Compare)
    }

    /// Reads the value of the opt-in header; letter case does not matter.
    pub fn from_wish(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| word.eq_ignore_ascii_case(variant.as_str()))
    }

    /// The word for it in headers, metrics and the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Enhanced => "enhanced",
            Self::Shadow => "shadow",
            Self::Compare => "compare",
        }
    }
}
