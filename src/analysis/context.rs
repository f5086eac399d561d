//! What an analysis is told from outside: limits, the time, and what the upstream says of the run.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

/// Bounds on what one analysis keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A line longer than this is skipped and counted as unrecognised, in bytes.
    pub max_line_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_line_bytes: 16 * 1024 * 1024 }
    }
}

/// The status of a run, as the upstream states it (or, offline, as the log lets one infer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Accepted and not ended.
    Running,
    /// Ended, by the upstream's word well; runs that hit their turn limit are reported so, too.
    Completed,
    /// Ended in failure.
    Failed,
    /// Stopped by the upstream's own time limit.
    Timeout,
    /// Stopped on somebody's request.
    Killed,
}

impl RunStatus {
    /// Each of them.
    pub const ALL: [Self; 5] = [Self::Running, Self::Completed, Self::Failed, Self::Timeout, Self::Killed];

    /// Reads the word of a status answer; `None` for `pending` and for words that are not known.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The word for it in status answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Killed => "killed",
        }
    }
}

/// How much of the answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Everything.
    Full,
    /// Without `workflow_steps` and `step_by_step_results` (`include_steps=false`).
    WithoutSteps,
}

/// Where the bytes of the log came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogSourceKind {
    /// A local file.
    File,
    /// A log served over HTTP.
    Http,
    /// An object store.
    ObjectStore,
    /// The `logs` text of the upstream's own answer.
    Body,
    /// Claude Code's own transcript.
    Transcript,
}

/// How much of the log had to be read for this answer; more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CacheOutcome {
    /// Nothing: the log had not grown.
    Hit,
    /// Only what was appended.
    Incremental,
    /// All of it.
    Miss,
}

impl CacheOutcome {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Hit, Self::Incremental, Self::Miss];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Incremental => "incremental",
            Self::Miss => "miss",
        }
    }
}

/// What was seen beside the log. Another process, elsewhere, may have seen less: progress never depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Beside {
    /// The turn limit that the run was started with; shown where nothing else tells it.
    pub max_turns: Option<u64>,
    /// Whether the run's process lives; `None` where nothing can be said.
    pub alive: Option<bool>,
    /// The turns that a run which has ended took, by the upstream's word; count where the log does not state them.
    pub turns: Option<u64>,
    /// What such a run cost, USD, by the upstream's word; counts where the log does not state it.
    pub cost_usd: Option<f64>,
}

/// Everything beside the log that a report depends on.
#[derive(Debug, Clone)]
pub struct Context {
    /// The time of the request; offline, that of the last event.
    pub now: DateTime<Utc>,
    /// The status by the upstream's word; `None` infers it from the log.
    pub status: Option<RunStatus>,
    /// The turn limit of the run, where it is known.
    pub max_turns: Option<u64>,
    /// How much is wanted.
    pub detail: Detail,
    /// Whether the top level also gets the names that one published client looks for.
    pub compat_fields: bool,
    /// Where the bytes came from.
    pub source: LogSourceKind,
    /// How much of the log had to be read.
    pub cache: CacheOutcome,
    /// What was seen beside the log.
    pub beside: Beside,
}
