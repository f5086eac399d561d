//! The features of the model: numbers about a run at one moment, each with its name and what time does to it.
//!
//! A prior names features, never places, so that a newer program can go on reading an older file.

use chrono::{DateTime, Utc};

use super::seconds;
use super::signals::{Kind, Signals};
use crate::analysis::steps::StepSource;

/// What passing time alone, with no further line, does to a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trend {
    /// Nothing.
    Still,
    /// It grows: the model must not say less for it.
    Rising,
    /// It shrinks: the model must not say more for it.
    Falling,
}

/// One number about a run.
#[derive(Debug)]
pub(super) struct Feature {
    pub(super) name: &'static str,
    pub(super) trend: Trend,
    /// At least 0; not a number where the run has no such thing yet.
    of: fn(&Moment<'_>) -> f64,
}

/// How many features there are.
pub(super) const COUNT: usize = FEATURES.len();

/// All features of a run at one moment, in the order of [`FEATURES`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evidence(pub(super) [f64; COUNT]);

impl Evidence {
    /// Looks at a run; nothing before time has passed in it. `now` is not before the run's newest line.
    pub(super) fn of(signals: &Signals, now: DateTime<Utc>) -> Option<Self> {
        let age = seconds(now - signals.started_at?);
        let moment = Moment { signals, now, age };
        (age > 0.0).then(|| Self(std::array::from_fn(|place| (FEATURES[place].of)(&moment))))
    }

    /// Looks at the same run again when nothing but time has passed.
    pub(super) fn later(mut self, signals: &Signals, now: DateTime<Utc>) -> Option<Self> {
        let age = seconds(now - signals.started_at?);
        let moment = Moment { signals, now, age };
        for (value, feature) in self.0.iter_mut().zip(FEATURES) {
            if feature.trend != Trend::Still {
                *value = (feature.of)(&moment);
            }
        }
        (age > 0.0).then_some(self)
    }

    /// The run's age in seconds.
    pub(super) fn age(&self) -> f64 {
        self.0[AGE]
    }
}

/// The place of a feature.
pub(super) fn place(name: &str) -> Option<usize> {
    FEATURES.iter().position(|feature| feature.name == name)
}

/// A run at a time.
struct Moment<'s> {
    signals: &'s Signals,
    now: DateTime<Utc>,
    age: f64,
}

impl Moment<'_> {
    fn since(&self, at: Option<DateTime<Utc>>) -> Option<f64> {
        at.map(|at| seconds(self.now - at).max(0.0))
    }

    /// Seconds since, or all of the run where it never happened.
    fn since_or_age(&self, at: Option<DateTime<Utc>>) -> f64 {
        self.since(at).unwrap_or(self.age)
    }

    fn since_or_missing(&self, at: Option<DateTime<Utc>>) -> f64 {
        self.since(at).unwrap_or(f64::NAN)
    }

    fn share_of_calls(&self, count: u64) -> f64 {
        count as f64 / self.signals.calls.max(1) as f64
    }

    fn recently(&self, kind: Kind) -> f64 {
        self.signals.recently(kind) as f64
    }

    fn of_list(&self, value: impl Fn(&Self) -> f64) -> f64 {
        if self.signals.list.total > 0 { value(self) } else { f64::NAN }
    }

    fn items_left(&self) -> u64 {
        self.signals.list.total.saturating_sub(self.signals.list.done)
    }

    /// How long an item of the list took so far, in seconds; nothing before the first was done.
    fn pace(&self) -> Option<f64> {
        let (begun, done) = (self.signals.list_at?, self.signals.item_done_at?);
        let items = self.signals.list.done;
        (items > 0).then(|| seconds(done - begun).max(0.0) / items as f64)
    }

    /// The share of the list that is done, with the item at hand counted by the list's own pace.
    fn list_share_by_pace(&self) -> f64 {
        let list = self.signals.list;
        let within = self.pace().zip(self.since(self.signals.item_done_at));
        let within = within.map_or(0.0, |(pace, since)| (since / pace.max(5.0)).min(1.0));
        let at_hand = if list.done < list.total { 0.9 * within } else { 0.0 };
        (list.done as f64 + at_hand) / list.total.max(1) as f64
    }
}

const fn still(name: &'static str, of: fn(&Moment<'_>) -> f64) -> Feature {
    Feature { name, trend: Trend::Still, of }
}

const fn rising(name: &'static str, of: fn(&Moment<'_>) -> f64) -> Feature {
    Feature { name, trend: Trend::Rising, of }
}

const fn falling(name: &'static str, of: fn(&Moment<'_>) -> f64) -> Feature {
    Feature { name, trend: Trend::Falling, of }
}

/// The place of `age`.
const AGE: usize = 0;

/// The features. Times are in seconds.
pub(super) const FEATURES: &[Feature] = &[
    rising("age", |run| run.age),
    still("messages", |run| run.signals.messages as f64),
    still("texts", |run| run.signals.texts as f64),
    still("text_bytes", |run| run.signals.text_bytes as f64),
    still("last_text_bytes", |run| run.signals.last_text_bytes as f64),
    still("last_text_beside_mean", |run| {
        let mean = run.signals.text_bytes as f64 / run.signals.texts.max(1) as f64;
        run.signals.last_text_bytes as f64 / mean.max(1.0)
    }),
    still("last_text_opens", |run| f64::from(run.signals.last_text.opening)),
    still("early_texts", |run| run.signals.early_texts as f64),
    still("late_texts", |run| run.signals.late_texts as f64),
    still("calls", |run| run.signals.calls as f64),
    still("answers", |run| run.signals.answers as f64),
    still("errors", |run| run.signals.errors as f64),
    still("reads", |run| run.signals.reads as f64),
    still("edits", |run| run.signals.edits as f64),
    still("shell", |run| run.signals.shell as f64),
    still("agents", |run| run.signals.agents as f64),
    still("others", |run| run.signals.others as f64),
    still("files", |run| run.signals.files as f64),
    still("tests", |run| run.signals.tests as f64),
    still("lints", |run| run.signals.lints as f64),
    still("commits", |run| run.signals.commits as f64),
    still("publications", |run| run.signals.publications as f64),
    still("looks_at_changes", |run| run.signals.looks_at_changes as f64),
    rising("since_edit", |run| run.since_or_age(run.signals.edit_at)),
    rising("since_text", |run| run.since_or_age(run.signals.text_at)),
    rising("since_test", |run| run.since_or_missing(run.signals.test_at)),
    rising("since_early_text", |run| run.since_or_age(run.signals.early_text_at)),
    rising("since_early_text_share", |run| run.since_or_age(run.signals.early_text_at) / run.age.max(5.0)),
    still("calls_since_edit", |run| run.signals.calls.saturating_sub(run.signals.calls_at_edit) as f64),
    still("calls_since_early_text", |run| {
        run.signals.calls.saturating_sub(run.signals.calls_at_early_text) as f64
    }),
    still("read_share", |run| run.share_of_calls(run.signals.reads)),
    still("edit_share", |run| run.share_of_calls(run.signals.edits)),
    still("shell_share", |run| run.share_of_calls(run.signals.shell)),
    falling("calls_per_second", |run| run.signals.calls as f64 / run.age.max(10.0)),
    still("recent_reads", |run| run.recently(Kind::Read)),
    still("recent_edits", |run| run.recently(Kind::Edit)),
    still("recent_shell", |run| run.recently(Kind::Shell)),
    still("recent_checks", |run| run.recently(Kind::Check)),
    still("recent_deliveries", |run| run.recently(Kind::Deliver)),
    still("recent_list_calls", |run| run.recently(Kind::List)),
    still("recent_agents", |run| run.recently(Kind::Agent)),
    still("has_tasks", |run| f64::from(run.signals.list.source == Some(StepSource::Task))),
    still("list_items", |run| run.signals.list.total as f64),
    still("list_done", |run| run.signals.list.done as f64),
    still("list_left", |run| run.of_list(|run| run.items_left() as f64)),
    still("list_all_done", |run| f64::from(run.signals.list.total > 0 && run.items_left() == 0)),
    still("list_share", |run| run.of_list(|run| run.signals.list.share())),
    rising("list_share_by_pace", |run| run.of_list(Moment::list_share_by_pace)),
    still("list_seconds_left", |run| run.of_list(|run| run.items_left() as f64 * run.pace().unwrap_or(0.0))),
    rising("since_list", |run| run.since_or_missing(run.signals.list_at)),
    rising("since_list_grew", |run| run.since_or_age(run.signals.list_grew_at)),
    rising("since_item_done", |run| run.since_or_missing(run.signals.item_done_at)),
];

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::analysis::steps::ListState;

    #[test]
    fn names_are_told_apart_and_age_has_its_place() {
        for (at, feature) in FEATURES.iter().enumerate() {
            assert_eq!(place(feature.name), Some(at), "{}", feature.name);
        }
        assert_eq!(place("age"), Some(AGE));
    }

    #[test]
    fn time_alone_moves_a_feature_only_as_its_trend_says() {
        let start = DateTime::<Utc>::UNIX_EPOCH;
        let at = |seconds| Some(start + TimeDelta::seconds(seconds));
        let mut signals = Signals::default();
        signals.counted(0, 0, ListState::default(), at(0));
        signals.said("Let me look at it first.", at(3));
        signals.called("Bash", "cargo test", true, at(4));
        signals.called("Edit", "", true, at(9));
        let list = ListState { total: 4, done: 1, ..Default::default() };
        signals.counted(2, 1, list, at(10));
        for (before, after) in [(10, 11), (11, 30), (30, 4000)] {
            let of = |seconds| {
                Evidence::of(&signals, start + TimeDelta::seconds(seconds)).expect("time has passed").0
            };
            for ((feature, before), after) in FEATURES.iter().zip(of(before)).zip(of(after)) {
                let holds = match feature.trend {
                    Trend::Still => (before - after).abs() < 1e-12 || before.is_nan() && after.is_nan(),
                    Trend::Rising => before <= after,
                    Trend::Falling => before >= after,
                };
                assert!(holds, "{}: {before} then {after}", feature.name);
            }
            let now = start + TimeDelta::seconds(after);
            let again = Evidence::of(&signals, start + TimeDelta::seconds(before))
                .and_then(|evidence| evidence.later(&signals, now));
            let bits = |evidence: Option<Evidence>| evidence.map(|evidence| evidence.0.map(f64::to_bits));
            assert_eq!(bits(again), bits(Evidence::of(&signals, now)), "from {before} to {after}");
        }
    }
}
