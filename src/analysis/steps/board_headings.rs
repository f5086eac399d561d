//! The board's steps from headings: announced in words, begun by the call that follows.

use chrono::{DateTime, Utc};

use super::announced::{Pending, Standing, Trial};
use super::board::Board;
use super::heading::{Heading, named_task};
use super::step::BoardStep;
use super::work::Work;
use super::{StepSource, StepStatus};

/// Where a series begins; its very first heading may not have been logged.
const FIRST_NUMBERS: u32 = 2;

impl Board {
    /// Takes words of the main thread: they belong to the step that is going on, unless they lead on to another.
    pub(in crate::analysis) fn said(&mut self, text: &str, at: Option<DateTime<Utc>>) {
        let place = self.target();
        let work = self.work_mut(place);
        let before = work.said.take();
        work.said(text);
        self.learn_subjects(named_task(text).into_iter().collect());
        let announcement = if self.has_list { None } else { self.headings.read(text) };
        self.headings.pending = announcement.map(|announcement| Pending::new(announcement, at, before));
    }

    /// Takes the next call of the main thread: what was announced is now begun.
    pub(in crate::analysis) fn begin_announced(&mut self) {
        let Some(pending) = self.headings.pending.take() else { return };
        match self.headings.standing(&pending.heading) {
            Standing::Known => {}
            Standing::First => self.try_heading(&pending),
            Standing::Second => {
                self.hand_over(&pending);
                self.trust_headings();
                self.begin(&pending);
            }
            Standing::Next => {
                self.hand_over(&pending);
                self.settle_trial();
                self.begin(&pending);
            }
        }
    }

    /// The step before keeps its own last words and not those that announce the next one.
    fn hand_over(&mut self, pending: &Pending) {
        let place = self.target();
        self.work_mut(place).said.clone_from(&pending.said_before);
    }

    /// The first of its series before anything else was done is a step at once: there is nothing better to show.
    fn try_heading(&mut self, pending: &Pending) {
        let calls = self.headings.trial.as_ref().map_or(0, |trial| trial.calls);
        self.settle_trial();
        if self.steps.is_empty() && pending.heading.number.major <= FIRST_NUMBERS {
            self.begin(pending);
            self.headings.untrust();
            self.headings.trial = Some(Trial::new(pending, None, 0));
            return;
        }
        let Some(place) = self.target() else { return };
        let work = &mut self.steps[place].work;
        work.said.clone_from(&pending.said_before);
        let before = std::mem::take(work);
        work.said = pending.after();
        self.headings.trial = Some(Trial::new(pending, Some((place, before)), calls));
    }

    /// The first heading becomes a step of its own, with the work since then.
    fn trust_headings(&mut self) {
        let Some(trial) = self.headings.trial.take() else { return };
        let Some((place, before)) = trial.aside else { return };
        let since = std::mem::replace(&mut self.steps[place].work, before);
        if let Some(place) = self.begin_heading(&trial.heading, trial.at) {
            self.steps[place].work = since;
        }
    }

    fn begin_heading(&mut self, heading: &Heading, at: Option<DateTime<Utc>>) -> Option<usize> {
        if let Some(before) = self.active {
            self.set_status(before, StepStatus::Completed, at);
        }
        self.headings.made_step(heading);
        let place = self.push(BoardStep::new(&heading.name, StepSource::Heading))?;
        self.set_status(place, StepStatus::InProgress, at);
        Some(place)
    }

    fn begin(&mut self, pending: &Pending) {
        if let Some(place) = self.begin_heading(&pending.heading, pending.at) {
            let work = &mut self.steps[place].work;
            work.said = pending.after().or(work.said.take());
        }
    }

    /// No second heading came: the work stays where it was done.
    fn settle_trial(&mut self) {
        let aside = self.headings.trial.take().and_then(|trial| trial.aside);
        if let Some((place, before)) = aside {
            let work = &mut self.steps[place].work;
            *work = before.and(std::mem::take(work));
        }
    }

    /// The run has a list: what it says counts.
    pub(super) fn forget_headings(&mut self) {
        self.settle_trial();
        self.headings.pending = None;
    }

    /// Takes a call into account; whether phases have to wait, for headings tell the steps or may be about to.
    pub(super) fn headings_hold_back_phases(&mut self) -> bool {
        let on_trial = self.headings.trial.as_mut().map(Trial::goes_on);
        if on_trial == Some(false) {
            self.settle_trial();
        }
        self.headings.are_trusted() || (on_trial == Some(true) && self.active.is_some())
    }

    /// The share of a plan that was told and is being followed, 0–1: the items before the one at hand.
    pub(in crate::analysis) fn plan_share(&self) -> Option<f64> {
        if self.has_list { None } else { self.headings.plan_share() }
    }

    /// All work of a step, with that which a heading on trial may yet take away.
    pub(in crate::analysis) fn work(&self, place: usize) -> Work {
        let now = self.steps[place].work.clone();
        match self.headings.trial.as_ref().and_then(|trial| trial.aside.as_ref()) {
            Some((aside, before)) if *aside == place => before.clone().and(now),
            _ => now,
        }
    }
}
