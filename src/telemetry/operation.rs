//! Metrics of what an operator does to gloss and of what the machine does to it: reloads, switches of the rollout, log
//! storage that hangs, panics.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::sync::atomic::AtomicU64;

use chrono::Utc;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::rollout::Rollout;

/// What came of reading the configuration again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// Something changed, and is in force.
    Applied,
    /// Nothing that could change had changed.
    Unchanged,
    /// It was refused: the one before stays.
    Refused,
}

/// What came of an operator's switch of the rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switched {
    /// Something changed, and is in force.
    Applied,
    /// It was so already.
    Unchanged,
    /// It was refused: nothing changed.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

/// The counters; registered with the others, see [`Metrics`](super::Metrics).
#[derive(Debug, Clone, Default)]
pub struct OperationMetrics {
    reloads: Family<ResultLabels, Counter>,
    switches: Family<ResultLabels, Counter>,
    rollout_enabled: Gauge,
    rollout_percent: Gauge<f64, AtomicU64>,
    config_hash: Gauge,
    config_applied: Gauge,
    storage_hangs: Gauge,
    storage_refusals: Counter,
    panics: Counter,
}

impl Reload {
    const ALL: [Self; 3] = [Self::Applied, Self::Unchanged, Self::Refused];

    fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }
}

impl Switched {
    const ALL: [Self; 3] = [Self::Applied, Self::Unchanged, Self::Refused];

    fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }
}

impl OperationMetrics {
    /// An operator wanted the rollout switched.
    pub fn rollout_switch(&self, result: Switched) {
        self.switched(result).inc();
    }

    /// This rollout decides from now on.
    pub fn rollout_in_force(&self, rollout: &Rollout) {
        self.rollout_enabled.set(rollout.enabled.into());
        self.rollout_percent.set(rollout.percent.get());
    }

    /// The configuration was read again.
    pub fn config_reload(&self, result: Reload) {
        self.reload(result).inc();
    }

    /// A configuration is in force from now on; `fingerprint` is the same where the values are.
    pub fn config_in_force(&self, fingerprint: u64) {
        self.config_hash.set(fingerprint.try_into().unwrap_or(i64::MAX));
        self.config_applied.set(Utc::now().timestamp());
    }

    /// The log storage has stopped answering, or answers again.
    pub fn storage_hangs(&self, hangs: bool) {
        self.storage_hangs.set(hangs.into());
    }

    /// The log storage was not asked, because it hangs.
    pub fn storage_refusal(&self) {
        self.storage_refusals.inc();
    }

    /// Something panicked, contained or not.
    pub fn panic(&self) {
        self.panics.inc();
    }

    fn reload(&self, result: Reload) -> impl std::ops::Deref<Target = Counter> {
        self.reloads.get_or_create(&ResultLabels { result: result.as_str() })
    }

    fn switched(&self, result: Switched) -> impl std::ops::Deref<Target = Counter> {
        self.switches.get_or_create(&ResultLabels { result: result.as_str() })
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("config_reloads", "Reloads of the configuration, by result", self.reloads.clone());
        registry.register(
            "rollout_switches",
            "Changes of the rollout that operators asked for at run time, by result",
            self.switches.clone(),
        );
        registry.register(
            "rollout_enabled",
            "Whether the rollout is on (1) or off by its kill switch (0)",
            self.rollout_enabled.clone(),
        );
        registry.register(
            "rollout_percent",
            "Share of runs in the rollout that is in force, 0 to 100",
            self.rollout_percent.clone(),
        );
        registry.register(
            "config_hash",
            "A number that is the same on replicas whose configuration is; secrets have no part in it",
            self.config_hash.clone(),
        );
        registry.register(
            "config_applied_timestamp_seconds",
            "When the configuration in force came into force",
            self.config_applied.clone(),
        );
        registry.register(
            "log_storage_hangs",
            "Whether the log storage has stopped answering (1) or not (0)",
            self.storage_hangs.clone(),
        );
        registry.register(
            "log_storage_refusals",
            "Operations on the log storage that were not begun because it hangs",
            self.storage_refusals.clone(),
        );
        registry.register("panics", "Panics, contained or not", self.panics.clone());
    }

    /// Creates every label set, so that what never happened shows as zero.
    pub(super) fn touch(&self) {
        for result in Reload::ALL {
            drop(self.reload(result));
        }
        for result in Switched::ALL {
            drop(self.switched(result));
        }
    }
}
