//! Metrics of live updates: open streams, what goes out on them, and what it takes to notice that a log has changed.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    event: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabels {
    cause: &'static str,
}

/// What goes out on a stream of live updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEvent {
    /// A state of the run.
    Status,
    /// The last word.
    End,
    /// A sign of life.
    Heartbeat,
}

/// Why a followed log is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookCause {
    /// Its storage told of a change.
    Told,
    /// It is looked at now and then in any case.
    Timer,
}

/// The metrics; registered with the others, see [`Metrics`](super::Metrics).
#[derive(Debug, Clone, Default)]
pub struct StreamMetrics {
    open: Gauge,
    events: Family<EventLabels, Counter>,
    looks: Family<CauseLabels, Counter>,
}

/// A stream of live updates that is open.
#[derive(Debug)]
pub struct OpenStream(Gauge);

impl StreamEvent {
    const ALL: [Self; 3] = [Self::Status, Self::End, Self::Heartbeat];

    fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::End => "end",
            Self::Heartbeat => "heartbeat",
        }
    }
}

impl LookCause {
    const ALL: [Self; 2] = [Self::Told, Self::Timer];

    fn as_str(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Timer => "timer",
        }
    }
}

impl StreamMetrics {
    /// A stream opened; it counts as open until the value is dropped.
    pub fn opened(&self) -> OpenStream {
        self.open.inc();
        OpenStream(self.open.clone())
    }

    /// This went out on a stream.
    pub fn sent(&self, event: StreamEvent) {
        self.event(event).inc();
    }

    /// A followed log is looked at.
    pub fn looked(&self, cause: LookCause) {
        self.look(cause).inc();
    }

    fn event(&self, event: StreamEvent) -> impl std::ops::Deref<Target = Counter> {
        self.events.get_or_create(&EventLabels { event: event.as_str() })
    }

    fn look(&self, cause: LookCause) -> impl std::ops::Deref<Target = Counter> {
        self.looks.get_or_create(&CauseLabels { cause: cause.as_str() })
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("streams", "Open streams of live updates", self.open.clone());
        registry.register(
            "stream_events",
            "Events and heartbeats sent on streams of live updates",
            self.events.clone(),
        );
        registry.register(
            "stream_looks",
            "Looks at logs that live updates follow, by what was the cause: told of a change, or time",
            self.looks.clone(),
        );
    }

    /// Creates every label set, so that what never happened shows as zero.
    pub(super) fn touch(&self) {
        for event in StreamEvent::ALL {
            drop(self.event(event));
        }
        for cause in LookCause::ALL {
            drop(self.look(cause));
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}
