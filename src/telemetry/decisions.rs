//! Metrics of status requests: how they were decided on, what came of it, and how long the stages took.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::lookup::Lookup;
use super::metrics::{DURATION_BUCKETS, StageTimes};
use super::outcomes::{Answered, StageLabels};
use crate::enrich::Fallback;
use crate::rollout::{Decision, Rule};
use crate::variant::Variant;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    variant: &'static str,
    rule: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// The outcome of a shadow whose answer never ended; not a fallback, since nobody got another answer for it.
const ABANDONED: &str = "abandoned";

/// The metrics; registered with the others, see [`Metrics`](super::Metrics), which also says what each counts.
#[derive(Debug, Clone)]
pub(super) struct DecisionMetrics {
    decisions: Family<DecisionLabels, Counter>,
    enrichments: Family<OutcomeLabels, Counter>,
    shadows: Family<OutcomeLabels, Counter>,
    stages: Family<StageLabels, Histogram>,
    /// What most status requests are counted in, found without the families' own way of hashing labels.
    found: Found,
}

#[derive(Debug, Clone, Default)]
struct Found {
    decisions: Lookup<(Variant, Rule), Counter>,
    enrichments: Lookup<Option<Fallback>, Counter>,
    stages: Lookup<Answered, Vec<Histogram>>,
}

impl Default for DecisionMetrics {
    fn default() -> Self {
        Self {
            decisions: Family::default(),
            enrichments: Family::default(),
            shadows: Family::default(),
            stages: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
            found: Found::default(),
        }
    }
}

impl DecisionMetrics {
    pub(super) fn decision(&self, decision: Decision) {
        let Decision { variant, rule, .. } = decision;
        let make = |_: &_| self.decisions.get_or_create_owned(&decision_labels(variant, rule));
        self.found.decisions.with((variant, rule), make, |counter| {
            counter.inc();
        });
    }

    pub(super) fn enrichment(&self, fallback: Option<Fallback>) {
        let make = |_: &_| self.enrichments.get_or_create_owned(&outcome_labels(fallback));
        self.found.enrichments.with(fallback, make, |counter| {
            counter.inc();
        });
    }

    pub(super) fn shadow(&self, fallback: Option<Fallback>) {
        self.shadows.get_or_create(&outcome_labels(fallback)).inc();
    }

    pub(super) fn shadow_abandoned(&self) {
        self.shadows.get_or_create(&OutcomeLabels { outcome: ABANDONED }).inc();
    }

    pub(super) fn stages(&self, answered: Answered, times: &StageTimes) {
        let make = |answered: &Answered| {
            let labels = answered.stages().iter().map(|stage| answered.labels(stage));
            labels.map(|labels| self.stages.get_or_create_owned(&labels)).collect()
        };
        self.found.stages.with(answered, make, |histograms| {
            for (histogram, took) in histograms.iter().zip([times.upstream, times.logs, times.enrich]) {
                histogram.observe(took.as_secs_f64());
            }
        });
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("decisions", "Status requests by decision", self.decisions.clone());
        registry.register(
            "enrichments",
            "Status requests that were to be enhanced, by what the client got",
            self.enrichments.clone(),
        );
        registry.register("shadows", "Enrichments in the shadow, by how they ended", self.shadows.clone());
        registry.register(
            "stage_duration_seconds",
            "Time that the stages of a status request took",
            self.stages.clone(),
        );
    }

    /// Creates every label set, so that a reason that never happened shows as zero.
    pub(super) fn touch(&self) {
        for variant in Variant::ALL {
            for rule in Rule::ALL {
                drop(self.decisions.get_or_create(&decision_labels(variant, rule)));
            }
        }
        for outcome in std::iter::once(None).chain(Fallback::ALL.map(Some)) {
            drop(self.enrichments.get_or_create(&outcome_labels(outcome)));
            drop(self.shadows.get_or_create(&outcome_labels(outcome)));
        }
        drop(self.shadows.get_or_create(&OutcomeLabels { outcome: ABANDONED }));
        for answered in Answered::ALL {
            for stage in answered.stages() {
                drop(self.stages.get_or_create(&answered.labels(stage)));
            }
        }
    }
}

fn decision_labels(variant: Variant, rule: Rule) -> DecisionLabels {
    DecisionLabels { variant: variant.as_str(), rule: rule.as_str() }
}

fn outcome_labels(fallback: Option<Fallback>) -> OutcomeLabels {
    OutcomeLabels { outcome: fallback.map_or("enhanced", Fallback::as_str) }
}
