//! What gloss says about itself: metrics and log lines. Neither ever carries a header value, a query or a body.

mod logging;
mod metrics;

pub use logging::{LogFormat, init as init_logging};
pub use metrics::{Metrics, StageTimes};
