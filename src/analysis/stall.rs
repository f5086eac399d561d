//! Whether a running run has gone silent for longer than its own tools explain.

use chrono::{DateTime, TimeDelta, Utc};

use super::fold::Fold;

/// Thinking and slow answers of the API are no stall.
const LEAST: TimeDelta = TimeDelta::minutes(5);
/// A call may run this long where it does not say otherwise: Claude Code's own upper limit of a shell command.
const TOOL_LIMIT: TimeDelta = TimeDelta::minutes(10);
/// A sub-agent may work this long between two lines.
const SUB_AGENT_LIMIT: TimeDelta = TimeDelta::minutes(30);

impl Fold {
    /// True when nothing was logged for longer than the run's rhythm and the calls in flight explain.
    pub(super) fn is_stalled(&self, now: DateTime<Utc>) -> bool {
        self.clock.silence(now).is_some_and(|silence| silence > self.patience())
    }

    /// How long a silence the run's rhythm and the calls in flight explain.
    pub(super) fn patience(&self) -> TimeDelta {
        let rhythm = (self.clock.longest_silence() * 2).min(SUB_AGENT_LIMIT);
        LEAST.max(rhythm).max(self.longest_call_limit())
    }

    fn longest_call_limit(&self) -> TimeDelta {
        let newest = self.clock.newest();
        // Older calls without an answer were lost, not slow.
        let recent = |at: Option<DateTime<Utc>>| match (at, newest) {
            (Some(at), Some(newest)) => newest - at < SUB_AGENT_LIMIT,
            _ => true,
        };
        let limits = self.calls.waiting().into_iter().filter(|call| recent(call.at)).map(|call| {
            match (&call.purpose, call.timeout_ms) {
                (super::tools::Purpose::SubAgent(_), _) => SUB_AGENT_LIMIT,
                (_, Some(milliseconds)) => {
                    let milliseconds = i64::try_from(milliseconds.min(3_600_000)).unwrap_or(0);
                    TOOL_LIMIT.max(TimeDelta::milliseconds(milliseconds) + TimeDelta::minutes(1))
                }
                (_, None) => TOOL_LIMIT,
            }
        });
        limits.max().unwrap_or_else(TimeDelta::zero)
    }
}
