//! What gloss says about itself: metrics, log lines and traces. None ever carries a credential, the values of a query or a
//! body.

mod decisions;
mod exposition;
mod http;
mod logging;
mod lookup;
mod metrics;
mod operation;
mod outcomes;
#[cfg(target_os = "linux")]
mod process;
mod redaction;
mod run_logs;
mod shield;
mod stderr;
mod streams;
mod trace_context;
mod traces;

pub use exposition::Exposition;
pub use http::{HttpMetrics, HttpOutcome, KnownMethod, KnownVersion, Peer, Served};
pub use logging::{LogControl, LogFormat, init as init_logging, log_panics};
pub use metrics::{Metrics, StageTimes};
pub use operation::{OperationMetrics, Reload, Switched};
pub use outcomes::{Answered, SpanFate};
pub use redaction::{MASK, Target, without_credentials};
pub use run_logs::{Eviction, RunLogMetrics};
pub use shield::{ShieldMetrics, Shielded};
pub use streams::{LookCause, OpenStream, StreamEvent, StreamMetrics};
pub use trace_context::trace_id;
pub use traces::{CallSpan, RequestSpan, StageSpan, TraceParams, TraceSetupError, Traces, call, stage};
