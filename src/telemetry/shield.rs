//! Metrics of the shield: what it had to do with status requests, and what it keeps.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// What the shield had to do with a status request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shielded {
    /// It was given a kept answer.
    Hit,
    /// The upstream was asked for it.
    Miss,
    /// It waited for an answer that was asked for already.
    Joined,
    /// It could not be shared.
    Bypass,
    /// It was given an answer that stands in for a failing upstream's.
    Stale,
    /// None: gloss asked of its own accord, to renew an answer.
    Renewal,
}

/// The metrics; registered with the others, see [`Metrics`](super::Metrics).
#[derive(Debug, Clone, Default)]
pub struct ShieldMetrics {
    requests: Family<OutcomeLabels, Counter>,
    entries: Gauge,
    bytes: Gauge,
}

impl Shielded {
    const ALL: [Self; 6] = [Self::Hit, Self::Miss, Self::Joined, Self::Bypass, Self::Stale, Self::Renewal];

    fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Joined => "joined",
            Self::Bypass => "bypass",
            Self::Stale => "stale",
            Self::Renewal => "renewal",
        }
    }
}

impl ShieldMetrics {
    /// The shield met a status request.
    pub fn met(&self, outcome: Shielded) {
        self.request(outcome).inc();
    }

    /// The answers that the shield keeps now.
    pub fn size(&self, entries: u64, bytes: u64) {
        self.entries.set(entries.try_into().unwrap_or(i64::MAX));
        self.bytes.set(bytes.try_into().unwrap_or(i64::MAX));
    }

    fn request(&self, outcome: Shielded) -> impl std::ops::Deref<Target = Counter> {
        self.requests.get_or_create(&OutcomeLabels { outcome: outcome.as_str() })
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "shield_requests",
            "Status requests by what the shield had to do with them",
            self.requests.clone(),
        );
        registry.register("shield_entries", "Answers that the shield keeps", self.entries.clone());
        registry.register(
            "shield_bytes",
            "Estimated memory of the answers that the shield keeps",
            self.bytes.clone(),
        );
    }

    /// Creates every label set, so that what never happened shows as zero.
    pub(super) fn touch(&self) {
        for outcome in Shielded::ALL {
            drop(self.request(outcome));
        }
    }
}
