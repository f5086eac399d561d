//! Metrics of what run logs hold and of the cache of their analyses.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::lookup::Lookup;
use crate::analysis::{CacheOutcome, LinesByKind};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabels {
    cause: &'static str,
}

/// Why the cache dropped an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eviction {
    /// Nobody had asked for it for long.
    Idle,
    /// There was no room for it.
    Size,
}

impl Eviction {
    const ALL: [Self; 2] = [Self::Idle, Self::Size];

    fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Size => "size",
        }
    }
}

/// The counters; registered with the others, see [`Metrics`](super::Metrics).
#[derive(Debug, Clone, Default)]
pub struct RunLogMetrics {
    cache: Family<OutcomeLabels, Counter>,
    evictions: Family<CauseLabels, Counter>,
    lines: Family<KindLabels, Counter>,
    found: Lookup<CacheOutcome, Counter>,
}

impl RunLogMetrics {
    /// An analysis was brought up to date; so much of it was there.
    pub fn caught_up(&self, outcome: CacheOutcome) {
        let make = |_: &_| self.outcome(outcome).clone();
        self.found.with(outcome, make, |counter| {
            counter.inc();
        });
    }

    /// The cache dropped an analysis.
    pub fn evicted(&self, cause: Eviction) {
        self.eviction(cause).inc();
    }

    /// A reading of a log went from one count of its lines to the other. A line that comes again counts again.
    pub fn lines_read(&self, before: LinesByKind, after: LinesByKind) {
        for ((kind, before), (_, after)) in kinds(before).into_iter().zip(kinds(after)) {
            // A line that was held back may turn out to be of another kind.
            self.line(kind).inc_by(after.saturating_sub(before));
        }
    }

    fn outcome(&self, outcome: CacheOutcome) -> impl std::ops::Deref<Target = Counter> {
        self.cache.get_or_create(&OutcomeLabels { outcome: outcome.as_str() })
    }

    fn eviction(&self, cause: Eviction) -> impl std::ops::Deref<Target = Counter> {
        self.evictions.get_or_create(&CauseLabels { cause: cause.as_str() })
    }

    fn line(&self, kind: &'static str) -> impl std::ops::Deref<Target = Counter> {
        self.lines.get_or_create(&KindLabels { kind })
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "cache_lookups",
            "Analyses brought up to date, by how much of them was in the cache",
            self.cache.clone(),
        );
        registry.register(
            "cache_evictions",
            "Analyses that the cache dropped, by cause",
            self.evictions.clone(),
        );
        registry.register("log_lines", "Lines read from run logs, by kind", self.lines.clone());
    }

    /// Creates every label set, so that what never happened shows as zero.
    pub(super) fn touch(&self) {
        for outcome in CacheOutcome::ALL {
            drop(self.outcome(outcome));
        }
        for cause in Eviction::ALL {
            drop(self.eviction(cause));
        }
        for (kind, _) in kinds(LinesByKind::default()) {
            drop(self.line(kind));
        }
    }
}

fn kinds(counts: LinesByKind) -> [(&'static str, u64); 4] {
    [
        ("recognised", counts.recognised),
        ("unrecognised", counts.unrecognised),
        ("too_long", counts.too_long),
        ("blank", counts.blank),
    ]
}
