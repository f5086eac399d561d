//! What is asked for of the list of runs. Pure.

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Value, json};

use super::Row;
use crate::analysis::Outcome;
use crate::rollout::Refused;

/// Runs on a page, unless the query says otherwise, and at most.
const PAGE: usize = 50;
const MAX_PAGE: usize = 200;
/// The longest search, in letters.
const MAX_SEARCH: usize = 200;

/// A query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Query {
    /// In lower case; what a run has to have in its id, workflow, model, phase or activity.
    search: String,
    state: Option<State>,
    pub(in super::super) limit: usize,
    pub(in super::super) offset: usize,
}

/// What becomes of a run, as a list is filtered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It goes on, stalled or not.
    Running,
    /// It goes on, but nothing was logged for too long.
    Stalled,
    /// It ended well.
    Completed,
    /// It ended otherwise.
    Failed,
    /// Its log ends without a result.
    Lost,
}

/// How many runs there are in each state; a stalled one goes on, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    all: usize,
    running: usize,
    stalled: usize,
    completed: usize,
    failed: usize,
    lost: usize,
}

impl State {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "running" => Some(Self::Running),
            "stalled" => Some(Self::Stalled),
            "completed" => Some(Self::Completed),
            "failed" => Some(Self::Failed),
            "lost" => Some(Self::Lost),
            _ => None,
        }
    }

    fn of(row: &Row) -> Self {
        match row.overview.outcome {
            Outcome::Success => Self::Completed,
            Outcome::Failed | Outcome::MaxTurns | Outcome::Timeout | Outcome::Cancelled => Self::Failed,
            Outcome::Lost => Self::Lost,
            Outcome::Running if row.overview.progress.stalled => Self::Stalled,
            Outcome::Running => Self::Running,
        }
    }
}

impl Query {
    /// Reads the query of a request; parameters that are not known are ignored.
    pub(in super::super) fn read(query: &str) -> Result<Self, Refused> {
        let mut read = Self { search: String::new(), state: None, limit: PAGE, offset: 0 };
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().trim().to_owned();
            match name {
                "q" => read.search = value.chars().take(MAX_SEARCH).collect::<String>().to_lowercase(),
                "status" if value.is_empty() || value == "all" => read.state = None,
                "status" => read.state = Some(State::from_word(&value).ok_or_else(|| no_state(&value))?),
                "limit" => read.limit = number("limit", &value, 1..=MAX_PAGE)?,
                "offset" => read.offset = number("offset", &value, 0..=usize::MAX)?,
                _ => {}
            }
        }
        Ok(read)
    }

    /// Whether a run has what is searched for.
    pub(in super::super) fn finds(&self, row: &Row) -> bool {
        let (overview, has) = (&row.overview, |text: &str| text.to_lowercase().contains(&self.search));
        self.search.is_empty()
            || has(&row.run_id)
            || row.workflow.as_deref().is_some_and(has)
            || overview.model.as_deref().is_some_and(has)
            || has(&overview.progress.current_phase)
            || has(&overview.progress.recent_activity)
    }

    /// Whether a run is in the state that is asked for.
    pub(in super::super) fn wants(&self, row: &Row) -> bool {
        self.state.is_none_or(|state| {
            let is = State::of(row);
            is == state || (state == State::Running && is == State::Stalled)
        })
    }
}

impl Counts {
    pub(in super::super) fn of(rows: &[Row]) -> Self {
        let mut counts = Self { all: rows.len(), ..Self::default() };
        for row in rows {
            match State::of(row) {
                State::Running => counts.running += 1,
                State::Stalled => {
                    counts.running += 1;
                    counts.stalled += 1;
                }
                State::Completed => counts.completed += 1,
                State::Failed => counts.failed += 1,
                State::Lost => counts.lost += 1,
            }
        }
        counts
    }
}

fn number(key: &str, value: &str, range: std::ops::RangeInclusive<usize>) -> Result<usize, Refused> {
    value.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| Refused {
        key: key.to_owned(),
        value: json!(value),
        reason: "it is no number that can be used here",
        hint: "limit is 1 to 200, offset 0 or more",
    })
}

fn no_state(value: &str) -> Refused {
    Refused {
        key: "status".to_owned(),
        value: Value::from(value),
        reason: "no run is ever that",
        hint: "running, stalled, completed, failed, lost or all",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::read(text).unwrap()
    }

    #[test]
    fn what_is_asked_for_is_read_and_the_rest_ignored() {
        let read = query("q=+Fix%20it&status=lost&limit=200&offset=7&x=y&&=");
        assert_eq!(read, Query { search: "fix it".into(), state: Some(State::Lost), limit: 200, offset: 7 });
        let usual = Query { search: String::new(), state: None, limit: PAGE, offset: 0 };
        for nothing in ["", "status=all", "status=", "q=", "q=%20"] {
            assert_eq!(query(nothing), usual, "{nothing}");
        }
    }

    #[test]
    fn pages_are_bounded_and_searches_are_cut() {
        for (bad, key) in [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=-1", "limit"),
            ("limit=", "limit"),
            ("offset=x", "offset"),
            ("status=pending", "status"),
        ] {
            assert_eq!(Query::read(bad).unwrap_err().key, key, "{bad}");
        }
        assert_eq!(query(&format!("q={}", "ü".repeat(500))).search, "ü".repeat(MAX_SEARCH));
    }
}
