//! The sample's clock: the calendar time at its start plus the runtime's own time since, so that a paused runtime
//! moves both.
#![expect(
    clippy::disallowed_methods,
    reason = "the sample upstream is part of the shell and lives in real time"
)]

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// Tells the calendar time; copies tell the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    calendar: DateTime<Utc>,
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(super) fn start() -> Self {
        Self { calendar: Utc::now(), started: Instant::now() }
    }

    /// The calendar time.
    pub(super) fn now(self) -> DateTime<Utc> {
        self.calendar + TimeDelta::from_std(self.started.elapsed()).unwrap_or(TimeDelta::MAX)
    }

    /// The runtime's time, for sleeping until a moment.
    pub(super) fn instant(self) -> Instant {
        self.started + self.started.elapsed()
    }
}
