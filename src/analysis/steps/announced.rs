//! Which announcements of a run are its steps.
//!
//! One heading proves nothing. Two of one series, in rising order, each followed by work, make headings the source of
//! the steps; what was done since the first of them moves into its step. Until then the phase that was going on goes
//! on, and after enough work without a second heading the first is forgotten.

use chrono::{DateTime, Utc};

use super::heading::{Announcement, Form, Heading, Number, Plan};
use super::work::Work;

/// So many calls may lie between the first heading and the second; fewer where the form says less.
const fn max_calls_on_trial(form: Form) -> u32 {
    match form {
        Form::Worded => 30,
        Form::Numbered => 8,
    }
}

/// An announcement that no work has followed yet.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) heading: Heading,
    pub(super) at: Option<DateTime<Utc>>,
    /// What the step that was going on has to say: its words before this message, or this message's before the heading.
    pub(super) said_before: Option<String>,
    after: String,
}

/// A first heading that waits for a second.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) heading: Heading,
    pub(super) at: Option<DateTime<Utc>>,
    /// The step which got the work since then, and what was done in it before; absent where the heading itself is a
    /// step already.
    pub(super) aside: Option<(usize, Work)>,
    pub(super) calls: u32,
}

/// What the headings of a run have shown so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Headings {
    pub(super) pending: Option<Pending>,
    pub(super) trial: Option<Trial>,
    /// The last plan that was told and not yet replaced by another.
    plan: Plan,
    /// The label and number of the last step that a heading made.
    series: Option<(String, Number)>,
}

/// What a heading is to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The first of a series, perhaps.
    First,
    /// The second of a series: from here on headings are trusted.
    Second,
    /// The next of a trusted series.
    Next,
    /// Nothing new.
    Known,
}

impl Pending {
    pub(super) fn new(
        announcement: Announcement<'_>,
        at: Option<DateTime<Utc>>,
        said: Option<String>,
    ) -> Self {
        let before = (!announcement.before.is_empty()).then(|| Work::short(announcement.before));
        let after = Work::short(announcement.after);
        Self { heading: announcement.heading, at, said_before: before.or(said), after }
    }

    /// What the message says after the heading, if it does.
    pub(super) fn after(&self) -> Option<String> {
        self.after.chars().any(char::is_alphanumeric).then(|| self.after.clone())
    }
}

impl Trial {
    /// `calls` have been made since phases were first held back.
    pub(super) fn new(pending: &Pending, aside: Option<(usize, Work)>, calls: u32) -> Self {
        Self { heading: pending.heading.clone(), at: pending.at, aside, calls }
    }

    /// Takes a call into account; whether the trial goes on.
    pub(super) fn goes_on(&mut self) -> bool {
        self.calls += 1;
        self.calls <= max_calls_on_trial(self.heading.form)
    }
}

impl Headings {
    /// Whether headings are this run's source of steps.
    pub(super) fn are_trusted(&self) -> bool {
        self.series.is_some()
    }

    /// Reads words of the main thread: a heading, or a sentence that takes up an item of a plan told before.
    pub(super) fn read<'a>(&mut self, text: &'a str) -> Option<Announcement<'a>> {
        let taken_up = || {
            let heading = self.plan.taken_up(text)?;
            Some(Announcement { heading, before: "", after: "" })
        };
        let announcement = Announcement::of(text).or_else(taken_up);
        if let Some(plan) = Plan::of(text) {
            self.plan = plan;
        }
        announcement
    }

    pub(super) fn standing(&self, heading: &Heading) -> Standing {
        if let Some((label, last)) = &self.series
            && *label == heading.label
            && (follows(*last, heading, Reach::Trusted) || heading.number.major > 1)
        {
            return if follows(*last, heading, Reach::Trusted) { Standing::Next } else { Standing::Known };
        }
        let Some(trial) = &self.trial else { return Standing::First };
        if trial.heading.label == heading.label && trial.heading.number == heading.number {
            return Standing::Known;
        }
        let rises = trial.heading.label == heading.label
            && follows(trial.heading.last, heading, Reach::OnTrial(heading.form));
        if rises { Standing::Second } else { Standing::First }
    }

    /// The heading has become a step.
    pub(super) fn made_step(&mut self, heading: &Heading) {
        self.series = Some((heading.label.clone(), heading.last));
    }

    /// The heading that was made a step is still on trial.
    pub(super) fn untrust(&mut self) {
        self.series = None;
    }

    /// The share of the plan that lies before the item that was taken up last.
    pub(super) fn plan_share(&self) -> Option<f64> {
        let (label, number) = self.series.as_ref()?;
        self.plan.share_before(label, number.major)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let pending = self.pending.as_ref().map_or(0, |pending| {
            pending.after.capacity()
                + pending.said_before.as_ref().map_or(0, String::capacity)
                + pending.heading.heap_bytes()
        });
        let trial = self.trial.as_ref().map_or(0, |trial| {
            trial.heading.heap_bytes() + trial.aside.as_ref().map_or(0, |(_, work)| work.heap_bytes())
        });
        pending
            + trial
            + self.plan.heap_bytes()
            + self.series.as_ref().map_or(0, |(label, _)| label.capacity())
    }
}

/// How far a number may lie ahead.
#[derive(Debug, Clone, Copy)]
enum Reach {
    Trusted,
    OnTrial(Form),
}

fn follows(last: Number, heading: &Heading, reach: Reach) -> bool {
    let most = match reach {
        Reach::Trusted => 10,
        Reach::OnTrial(Form::Worded) => 3,
        Reach::OnTrial(Form::Numbered) => 1,
    };
    heading.number > last && heading.number.major - last.major <= most
}
