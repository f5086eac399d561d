//! What gloss says about itself: metrics and log lines. Neither ever carries a header value, a query or a body.

mod exposition;
mod http;
mod logging;
mod metrics;
mod operation;
#[cfg(target_os = "linux")]
mod process;
mod redaction;
mod run_logs;
mod stderr;
mod trace_context;

pub use exposition::Exposition;
pub use http::{HttpMetrics, HttpOutcome, KnownMethod, Peer, Served, protocol_version};
pub use logging::{LogControl, LogFormat, init as init_logging, log_panics};
pub use metrics::{Answered, Metrics, OpenStream, StageTimes, StreamEvent};
pub use operation::{OperationMetrics, Reload, Switched};
pub use redaction::{MASK, Target, without_credentials};
pub use run_logs::{Eviction, RunLogMetrics};
pub use trace_context::trace_id;
