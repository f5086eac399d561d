//! What a run without a list is doing, from how it uses its tools: planning, analysis, implementation, testing,
//! delivery.
//!
//! One read in the midst of editing is no new phase: a change needs several calls that agree, more of them the more
//! usual the call is in the phase that is going on.

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::analysis) enum Phase {
    Planning,
    Analysis,
    Implementation,
    Testing,
    Delivery,
}

impl Phase {
    /// The name that the phase's step carries.
    pub(in crate::analysis) fn name(self) -> &'static str {
        match self {
            Self::Planning => "Planning Phase",
            Self::Analysis => "Analysis Phase",
            Self::Implementation => "Implementation Phase",
            Self::Testing => "Testing Phase",
            Self::Delivery => "Delivery Phase",
        }
    }
}

/// What a call says of the phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::analysis) enum Vote {
    For(Phase),
    /// Any phase may hold it.
    Neutral,
    /// It only keeps the run's own list.
    Upkeep,
}

/// Follows the phase over the calls.
#[derive(Debug, Clone, Default)]
pub(in crate::analysis) struct PhaseTracker {
    current: Option<Phase>,
    candidate: Option<(Phase, u32)>,
}

impl PhaseTracker {
    /// Takes the next call into account; the phase that it belongs to.
    pub(in crate::analysis) fn vote(&mut self, vote: Vote) -> Phase {
        let current = *self.current.get_or_insert(match vote {
            Vote::For(phase) => phase,
            Vote::Neutral | Vote::Upkeep => Phase::Analysis,
        });
        let Vote::For(phase) = vote else { return current };
        if phase == current {
            self.candidate = None;
            return current;
        }
        let agreed = match self.candidate {
            Some((candidate, agreed)) if candidate == phase => agreed + 1,
            _ => 1,
        };
        if agreed >= needed(current, phase) {
            self.candidate = None;
            self.current = Some(phase);
            return phase;
        }
        self.candidate = Some((phase, agreed));
        current
    }

    /// The phase that is going on, once there was a call.
    pub(in crate::analysis) fn current(&self) -> Option<Phase> {
        self.current
    }
}

/// How many calls in a row must agree before `from` gives way to `to`.
fn needed(from: Phase, to: Phase) -> u32 {
    match (from, to) {
        // Nobody edits or delivers in passing.
        (Phase::Planning | Phase::Analysis, Phase::Implementation) | (_, Phase::Delivery) => 1,
        // Everybody reads while doing something else.
        (Phase::Implementation | Phase::Testing | Phase::Delivery, Phase::Analysis) => 6,
        (_, Phase::Planning | Phase::Analysis | Phase::Implementation | Phase::Testing) => 2,
    }
}
