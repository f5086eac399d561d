//! What status requests and spans come to, in the words that metrics have for it. Pure.

use prometheus_client::encoding::EncodeLabelSet;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StageLabels {
    pub(super) stage: &'static str,
    pub(super) variant: &'static str,
}

/// What a status request was answered with, as the stages are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answered {
    /// The basic answer, as decided.
    Basic,
    /// The enhanced one.
    Enhanced,
    /// The basic one in the place of the enhanced.
    FellBack,
}

impl Answered {
    pub(super) const ALL: [Self; 3] = [Self::Basic, Self::Enhanced, Self::FellBack];

    /// Which stages there are.
    pub(super) fn stages(self) -> &'static [&'static str] {
        match self {
            Self::Basic => &["upstream"],
            Self::Enhanced | Self::FellBack => &["upstream", "logs", "enrich"],
        }
    }

    pub(super) fn labels(self, stage: &'static str) -> StageLabels {
        let variant = match self {
            Self::Basic => "basic",
            Self::Enhanced => "enhanced",
            Self::FellBack => "fallback",
        };
        StageLabels { stage, variant }
    }
}

/// What becomes of a span of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanFate {
    /// It has ended, and is to be exported.
    Recorded,
    /// The collector has it.
    Exported,
    /// The collector could not be given it.
    Failed,
}

impl SpanFate {
    pub(super) const ALL: [Self; 3] = [Self::Recorded, Self::Exported, Self::Failed];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Exported => "exported",
            Self::Failed => "failed",
        }
    }
}
