//! The pure core: bytes of a run log in, what is true of the run out.
//!
//! Not for IO, time or configuration: bytes, the time and the upstream's word arrive as arguments. Any input has
//! *an* analysis; nothing here returns an error or panics.
//!
//! `lines → dialect → event → fold (steps, usage, tools, outcome …) → report`

mod context;
mod report;

pub use context::{CacheOutcome, Context, Detail, Limits, LogSourceKind, RunStatus};
pub use report::Additions;

use chrono::{DateTime, Utc};

/// The folded state of one run log, fed in pieces as the log grows.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    limits: Limits,
    bytes: u64,
}

impl Analysis {
    /// Starts an analysis of a log of which nothing has been read.
    pub fn new(limits: Limits) -> Self {
        Self { limits, bytes: 0 }
    }

    /// Folds the next bytes of the log into the state.
    ///
    /// `bytes` may end inside a line or a UTF-8 sequence, may be empty, and need not be UTF-8 or JSON at all. Any
    /// cutting of a log into pieces leads to the same state.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let _ = self.limits;
    }

    /// How many bytes were fed so far: the offset in the log at which reading goes on.
    pub fn offset(&self) -> u64 {
        self.bytes
    }

    /// The time of the newest event, if any line carried one.
    pub fn last_event_at(&self) -> Option<DateTime<Utc>> {
        None
    }

    /// Upper estimate of the memory that this state holds, in bytes.
    pub fn weight(&self) -> usize {
        size_of::<Self>()
    }

    /// What is true of the run at `context.now`.
    pub fn report(&self, context: &Context) -> Additions {
        let _ = context;
        Additions::default()
    }
}
