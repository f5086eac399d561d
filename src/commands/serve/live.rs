//! Exchanges what serves for what a changed configuration asks for, while it serves.
//!
//! The whole stack is built anew and exchanged: requests in flight finish on the old one, whose connections to the
//! upstream go with it. The analyses in the cache are kept unless something that they depend on has changed.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::{Change, Config};
use crate::reload::Install;
use crate::stack::{MakeTracker, Shared};
use crate::telemetry::LogControl;

/// Sections of which an analysis in the cache is a function, or the cache itself.
const TRACKED: [&str; 3] = ["logs", "analysis", "cache"];

/// Puts what a configuration asks for in the place of what serves.
pub(super) type Exchange = Box<dyn Fn(&Config, &Shared) + Send>;

/// What can be exchanged.
pub(super) struct Live {
    pub(super) shared: Shared,
    pub(super) make_tracker: MakeTracker,
    /// Builds what answers clients and operators, and exchanges it.
    pub(super) exchange: Exchange,
    pub(super) drain_timeout: watch::Sender<Duration>,
    pub(super) logging: LogControl,
}

impl Live {
    /// What a reload installs a configuration by.
    pub(super) fn installer(mut self) -> Install {
        Box::new(move |config, changes| self.install(config, changes))
    }

    /// Whatever can fail comes first, so that after an error everything is as it was.
    fn install(&mut self, config: &Config, changes: &[Change]) -> io::Result<()> {
        if changes.iter().any(|change| TRACKED.contains(&change.section())) {
            self.shared.tracker = (self.make_tracker)(config, &self.shared.metrics)?;
        }
        self.shared.rollout.configure(config.rollout.clone());
        (self.exchange)(config, &self.shared);
        self.drain_timeout.send_replace(config.drain_timeout);
        self.logging.set_filter(&config.telemetry.log_level);
        Ok(())
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("shared", &self.shared).finish_non_exhaustive()
    }
}
