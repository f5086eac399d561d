//! What gloss says about itself: metrics and log lines. Neither ever carries a header value, a query or a body.

mod logging;
mod metrics;
mod operation;
mod redaction;
mod stderr;

pub use logging::{LogControl, LogFormat, init as init_logging, log_panics};
pub use metrics::{Metrics, OpenStream, Shielded, StageTimes, StreamEvent};
pub use operation::{OperationMetrics, Reload, Switched};
pub use redaction::{MASK, Target, without_credentials};
