//! Being told that a log may have changed, beside looking at it.
//!
//! To be told is a hint, never the truth: a ring may be for nothing, and changes may come without one, as on a network
//! file system that another machine writes to. Whoever listens therefore looks now and then in any case.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::Notify;

use super::LogName;

/// Rung when a log may have changed; a clone is the same bell. Rings that nobody has heard yet are one.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Notify>);

/// Rings a bell whenever one log may have changed, until it is dropped.
pub trait LogWatch: fmt::Debug + Send + Sync {
    /// Whether changes from now on are told, as far as the storage itself learns of them.
    fn tells(&self) -> bool;

    /// A change was not told: what is watched may not be what the name leads to any more. Takes no time.
    fn renew(&self);
}

/// What the follower of one run is told by; nothing before the first look.
#[derive(Debug, Default)]
pub struct Wakes {
    bell: Bell,
    /// By place and name; `None` where the storage tells nothing.
    watches: HashMap<(usize, LogName), Option<Box<dyn LogWatch>>>,
}

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits for a ring; one that nobody has heard counts.
    pub async fn rung(&self) {
        self.0.notified().await;
    }

    /// Takes a ring that nobody has heard yet, if there is one.
    pub fn hush(&self) -> bool {
        self.rung().now_or_never().is_some()
    }
}

impl Wakes {
    /// Rung when one of the logs may have changed.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Whether changes of all of the logs are told from now on, as far as is known.
    pub fn tell(&self) -> bool {
        let tells = |watch: &Option<Box<dyn LogWatch>>| watch.as_ref().is_some_and(|watch| watch.tells());
        !self.watches.is_empty() && self.watches.values().all(tells)
    }

    /// A change was not told.
    pub fn renew(&self) {
        self.watches.values().flatten().for_each(|watch| watch.renew());
    }

    /// Listens for these logs, by place and name, and for no others; `begin` begins to watch one.
    pub(super) fn listen(
        &mut self,
        logs: &[(usize, LogName)],
        begin: impl Fn(usize, &LogName, &Bell) -> Option<Box<dyn LogWatch>>,
    ) {
        self.watches.retain(|log, _| logs.contains(log));
        for (place, name) in logs {
            let (bell, begin) = (&self.bell, &begin);
            let log = (*place, name.clone());
            self.watches.entry(log).or_insert_with(|| begin(*place, name, bell));
        }
    }
}
