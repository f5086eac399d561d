//! What earlier looks for a run's logs came to, and what is not to be tried again for a while.

use std::time::Duration;

use tokio::time::Instant;

use crate::run_id::RunId;
use crate::runlog::{LogError, LogName, Named, RunFields, Template};

/// Nothing is searched for again before.
const SEARCH_AGAIN: Duration = Duration::from_secs(1);
/// A place that only adds to others and has failed is not asked again before: each time the others may have to be read
/// anew.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// What earlier searches for a run's logs came to.
#[derive(Debug, Clone, Default)]
pub(super) struct Matches {
    /// Claude Code's session, as the logs have it.
    pub(super) session: Option<RunId>,
    /// What the upstream said last of where logs are.
    told: Option<RunFields>,
    /// Place, template and name.
    known: Vec<(usize, usize, LogName)>,
    searched: Vec<(usize, Instant)>,
    /// Places that have failed, why, and when.
    failed: Vec<(usize, LogError, Instant)>,
}

impl Matches {
    /// What is known of the run by now. Before the upstream has answered it is taken to say what it said last: otherwise each
    /// look at a poll would find other logs than the one before, and all of them would be read anew.
    pub(super) fn complete(&self, run: &RunFields) -> RunFields {
        let known = if run.answered { run } else { self.told.as_ref().unwrap_or(run) };
        let session = self.session.clone().or_else(|| known.claude_session.clone());
        RunFields { claude_session: session, answered: run.answered, ..known.clone() }
    }

    /// Remembers what the upstream says of where logs are.
    pub(super) fn learn_fields(&mut self, run: &RunFields) {
        if run.answered {
            self.told = Some(run.clone());
        }
    }

    /// What the template's logs are called, as far as that is known.
    pub(super) fn name(
        &self,
        place: usize,
        number: usize,
        template: &Template,
        run: &RunFields,
    ) -> Option<LogName> {
        match template.name(run) {
            Named::Exactly(name) => Some(name),
            Named::Like(pattern) => {
                let known = self.known.iter().find(|(p, t, _)| (*p, *t) == (place, number));
                known.and_then(|(.., name)| pattern.accept(name.as_str()))
            }
        }
    }

    /// Whether it is time to search this place; then it is taken to be searched.
    pub(super) fn may_search(&mut self, place: usize, now: Instant) -> bool {
        let recent = |(searched, at): &(usize, Instant)| *searched == place && now - *at < SEARCH_AGAIN;
        if self.searched.iter().any(recent) {
            return false;
        }
        self.searched.retain(|(searched, _)| *searched != place);
        self.searched.push((place, now));
        true
    }

    pub(super) fn learn(&mut self, place: usize, number: usize, name: LogName) {
        self.known.retain(|(p, t, _)| (*p, *t) != (place, number));
        self.known.push((place, number, name));
    }

    /// Why this place is not to be asked now, where it is not.
    pub(super) fn left_out(&self, place: usize, now: Instant) -> Option<LogError> {
        let recent = self.failed.iter().find(|(p, _, at)| *p == place && now - *at < TRY_AGAIN);
        recent.map(|(_, error, _)| error.clone())
    }

    /// Leaves this place out for a while, from when it failed first.
    pub(super) fn leave_out(&mut self, place: usize, error: LogError, now: Instant) {
        if self.left_out(place, now).is_none() {
            self.failed.retain(|(p, ..)| *p != place);
            self.failed.push((place, error, now));
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.known.iter().map(|(.., name)| name.as_str().len() + 64).sum::<usize>()
            + self.told.as_ref().map_or(0, |told| size_of_val(told) + 4 * 64)
            + self.searched.len() * 32
            + self.failed.len() * 128
    }
}
