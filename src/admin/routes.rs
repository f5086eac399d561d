//! Which path of the operators' listener is what. Pure.

use super::access::Denied;
use super::page::Asset;

/// What somebody is told who asks for something else.
pub(super) const OVERVIEW: &str =
    "there is /, /livez, /readyz, /metrics, /api/runs, /api/runs/RUN_ID, /api/events, \
                                    /api/runs/RUN_ID/events, /api/comparison, /api/rollout and \
                                    /api/schema
";

/// What a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'p> {
    /// Whether the process is alive.
    Livez,
    /// Whether clients may be sent here.
    Readyz,
    /// The counts.
    Metrics,
    /// What the A/B measures.
    Comparison,
    /// The rollout, shown and changed.
    Rollout,
    /// The JSON Schema of the added fields.
    Schema,
    /// The runs in the cache.
    Runs,
    /// The same, again whenever it changes.
    RunsEvents,
    /// One run, by the segment that names it.
    Run(&'p str),
    /// The same, again whenever it changes.
    RunEvents(&'p str),
    /// A file of the operators' page.
    Page(&'static Asset),
    /// Nothing.
    Unknown,
}

impl<'p> Route<'p> {
    /// What `path` asks for.
    pub(super) fn of(path: &'p str) -> Self {
        match path {
            "/livez" => Self::Livez,
            "/readyz" => Self::Readyz,
            "/metrics" => Self::Metrics,
            "/api/comparison" => Self::Comparison,
            "/api/rollout" => Self::Rollout,
            "/api/schema" => Self::Schema,
            "/api/runs" => Self::Runs,
            "/api/events" => Self::RunsEvents,
            other => Self::run(other).or_else(|| Asset::at(other).map(Self::Page)).unwrap_or(Self::Unknown),
        }
    }

    fn run(path: &'p str) -> Option<Self> {
        let rest = path.strip_prefix("/api/runs/")?;
        match rest.split_once('/') {
            None => Some(Self::Run(rest)),
            Some((run, "events")) => Some(Self::RunEvents(run)),
            Some(_) => None,
        }
    }

    /// Whether it is for callers, too, who are not let in for this reason.
    pub(super) fn is_open_to(self, denied: Denied) -> bool {
        match self {
            Self::Livez | Self::Readyz => true,
            Self::Page(_) => denied == Denied::Token,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_thing_only() {
        assert_eq!(Route::of("/api/runs"), Route::Runs);
        assert_eq!(Route::of("/api/runs/run_1"), Route::Run("run_1"));
        assert_eq!(Route::of("/api/runs/events"), Route::Run("events"));
        assert_eq!(Route::of("/api/runs/run_1/events"), Route::RunEvents("run_1"));
        assert!(matches!(Route::of("/"), Route::Page(_)));
        for unknown in
            ["/api/runs/a/b", "/api/runs/a/events/", "/api/", "/livez/", "//", "", "/page/../livez"]
        {
            assert_eq!(Route::of(unknown), Route::Unknown, "{unknown}");
        }
    }

    #[test]
    fn only_what_holds_no_data_is_open() {
        for path in ["/livez", "/readyz", "/"] {
            assert!(Route::of(path).is_open_to(Denied::Token), "{path}");
        }
        for path in [
            "/metrics",
            "/api/rollout",
            "/api/schema",
            "/api/runs",
            "/api/events",
            "/api/runs/a",
            "/api/runs/a/events",
            "/x",
        ] {
            assert!(!Route::of(path).is_open_to(Denied::Token), "{path}");
        }
    }
}
