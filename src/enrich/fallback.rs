//! Why a client that was to get the enhanced answer got the basic one.

/// A reason, as `Gloss-Reason` and the metrics name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fallback {
    /// The upstream answered with another status than 200.
    UpstreamStatus,
    /// The body is no JSON object, or broke off.
    NotJson,
    /// The body is compressed.
    Encoded,
    /// The body is longer than is read in advance.
    TooLarge,
    /// `Cache-Control: no-transform`.
    NoTransform,
    /// The run's status is one that nothing is added to: pending, unknown, or switched off.
    Status,
    /// There is no log, or nothing in it yet.
    NoLog,
    /// The log may not be read: no permission, no regular file, outside its root.
    LogUnreadable,
    /// The log's storage did not answer.
    LogTimeout,
    /// The analysis was not ready in time.
    Deadline,
    /// Too many enrichments, or streams, at once.
    Overload,
    /// The analysis panicked.
    Panic,
    /// The caller pins a version of the added fields that is not known.
    Version,
    /// A deny rule names the run's workflow.
    DeniedWorkflow,
    /// The merged body did not pass the last check.
    MergeCheck,
}

impl Fallback {
    /// Every reason, for metrics that are registered up front.
    pub const ALL: [Self; 15] = [
        Self::UpstreamStatus,
        Self::NotJson,
        Self::Encoded,
        Self::TooLarge,
        Self::NoTransform,
        Self::Status,
        Self::NoLog,
        Self::LogUnreadable,
        Self::LogTimeout,
        Self::Deadline,
        Self::Overload,
        Self::Panic,
        Self::Version,
        Self::DeniedWorkflow,
        Self::MergeCheck,
    ];

    /// Whether it says of the log alone that it gave nothing, at least in time.
    pub fn is_of_the_log(self) -> bool {
        matches!(self, Self::NoLog | Self::LogUnreadable | Self::LogTimeout | Self::Deadline)
    }

    /// Whether this is the word for one by which notes were late or had no room: the next poll may well have them, since what
    /// one has read is kept.
    pub fn is_late(word: &str) -> bool {
        [Self::Deadline, Self::LogTimeout, Self::Overload].iter().any(|late| late.as_str() == word)
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UpstreamStatus => "upstream-status",
            Self::NotJson => "not-json",
            Self::Encoded => "encoded",
            Self::TooLarge => "too-large",
            Self::NoTransform => "no-transform",
            Self::Status => "status",
            Self::NoLog => "no-log",
            Self::LogUnreadable => "log-unreadable",
            Self::LogTimeout => "log-timeout",
            Self::Deadline => "deadline",
            Self::Overload => "overload",
            Self::Panic => "panic",
            Self::Version => "version",
            Self::DeniedWorkflow => "rule",
            Self::MergeCheck => "merge-check",
        }
    }
}
