//! Metrics of what an operator does to gloss and of what the machine does to it: reloads, log storage that hangs, panics.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use chrono::Utc;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    result: &'static str,
}

/// The counters; registered with the others, see [`Metrics`](super::Metrics).
#[derive(Debug, Clone, Default)]
pub struct OperationMetrics {
    reloads: Family<ReloadLabels, Counter>,
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

impl OperationMetrics {
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
        self.reloads.get_or_create(&ReloadLabels { result: result.as_str() })
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("config_reloads", "Reloads of the configuration, by result.", self.reloads.clone());
        registry.register(
            "config_hash",
            "A number that is the same on replicas whose configuration is; secrets have no part in it.",
            self.config_hash.clone(),
        );
        registry.register(
            "config_applied_timestamp_seconds",
            "When the configuration in force came into force.",
            self.config_applied.clone(),
        );
        registry.register(
            "log_storage_hangs",
            "Whether the log storage has stopped answering (1) or not (0).",
            self.storage_hangs.clone(),
        );
        registry.register(
            "log_storage_refusals",
            "Operations on the log storage that were not begun because it hangs.",
            self.storage_refusals.clone(),
        );
        registry.register("panics", "Panics, contained or not.", self.panics.clone());
    }

    /// Creates every label set, so that what never happened shows as zero.
    pub(super) fn touch(&self) {
        for result in Reload::ALL {
            drop(self.reload(result));
        }
    }
}
