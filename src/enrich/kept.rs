//! What outlives a configuration: the next one goes on with it as the last one has left it.

use std::sync::Arc;

use super::slots::Slots;
use super::starts::TurnLimits;
use crate::runlog::Processes;

/// What was seen and what goes on, whatever is configured; a clone has the same.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub(super) slots: Slots,
    pub(super) turn_limits: TurnLimits,
    pub(super) processes: Arc<Processes>,
}
