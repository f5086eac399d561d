//! What was found out about a set-up, without judgement. Data only.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Everything that was found out. Whatever is `None` was not asked, for want of a configuration or of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) run: Option<String>,
    /// Whether credentials were given.
    pub(super) has_headers: bool,
    pub(super) config: Option<ConfigFacts>,
    /// The service's description of itself, asked directly.
    pub(super) service: Option<Result<Service, String>>,
    pub(super) admin: AdminFacts,
    /// The URL, and what gloss answers there.
    pub(super) gloss: (String, Option<Result<Told, String>>),
    /// The status code of the same request at the service itself.
    pub(super) direct: Option<Result<u16, String>>,
    pub(super) places: Vec<Place>,
    pub(super) idle: Option<Idle>,
    pub(super) proof: Option<Proof>,
}

/// What matters of the configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct ConfigFacts {
    /// `None` where all of it is in the environment.
    pub(super) file: Option<String>,
    pub(super) warnings: Vec<String>,
    pub(super) upstream: String,
    pub(super) routes: Vec<String>,
    pub(super) idle_timeout: Duration,
    /// The name of the user that this process runs as, or its number.
    pub(super) user: String,
}

/// What the service says of itself.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) status: u16,
    pub(super) took: Duration,
    /// How far its clock is ahead of this host's, in seconds, by its `Date`; it tells whole seconds.
    pub(super) clock_ahead: Option<i64>,
    /// The paths that it describes; `None` where what it answers is no description.
    pub(super) paths: Option<Vec<String>>,
}

/// What the admin listener says.
#[derive(Debug, Clone, Default)]
pub(super) enum AdminFacts {
    /// There is none.
    #[default]
    Off,
    /// The URL, and the status code of `/readyz` there.
    Asked(String, Result<u16, String>),
}

/// What gloss answers to a status request that asks for notes.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) status: u16,
    /// `Gloss-Variant` and `Gloss-Reason`; `None` where they are missing.
    pub(super) labels: Option<(String, String)>,
    /// `Proxy-Status`, by which gloss says why it answers itself.
    pub(super) proxy_status: Option<String>,
    pub(super) took: Duration,
    pub(super) notes: Option<Notes>,
}

/// What the notes say of themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Notes {
    pub(super) log_source: String,
    pub(super) log_bytes: u64,
    pub(super) log_lines: u64,
    pub(super) unrecognised_lines: u64,
}

/// A place where logs may be, as this process finds it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) state: PlaceState,
    /// The names that were looked for.
    pub(super) tried: Vec<String>,
    pub(super) found: Option<FoundLog>,
    /// The name of a log that is there and cannot be read and why, in words, and what hinders it.
    pub(super) unreadable: Option<(String, Hindrance)>,
}

/// What a place is to this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PlaceState {
    /// A folder; how many files in it have names that logs have, and names of some that have not.
    Folder { like_logs: usize, others: Vec<String> },
    /// It is not there, or is no folder, or may not be listed: why, in words, and what hinders it.
    Closed(String, Hindrance),
    /// Not in this host's file system: only gloss can tell.
    Remote,
    /// The service's own answer.
    Body,
}

/// What keeps a file from being read, as far as that says what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// This process has not the right to.
    Rights,
    /// Something else than a file has its name: a folder, a pipe.
    NoFile,
    /// It is a link that is not followed.
    Link,
    /// Anything else.
    Other,
}

/// A run's log.
#[derive(Debug, Clone)]
pub(super) struct FoundLog {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// When it was last written to, by the file system.
    pub(super) modified: Option<DateTime<Utc>>,
    /// The time of its last event, as whoever wrote it has it.
    pub(super) last_event: Option<DateTime<Utc>>,
}

/// What the service does with a connection that lies idle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Idle {
    /// It closes it after so long.
    ClosedAfter(Duration),
    /// It has not closed it within so long.
    OpenAfter(Duration),
    /// It closes each after its answer.
    NotKept,
    /// That cannot be measured.
    Unmeasured(String),
}

/// What comparing basic and enhanced proved.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    pub(super) verdict: ProofVerdict,
    pub(super) headline: String,
    /// Why there were no notes to compare.
    pub(super) fallback: Option<String>,
}

/// Whether nothing but additions tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProofVerdict {
    Held,
    Failed,
    Undecided,
    Unreachable,
}
