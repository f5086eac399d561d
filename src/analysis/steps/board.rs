//! The one list of a run's steps, and which of them a piece of work belongs to.
//!
//! Steps are only ever appended, so a step's place is its id for the whole run. Holds at most 600 steps.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::announced::Headings;
use super::matching::{Known, match_items};
use super::step::BoardStep;
use super::todo::TodoItem;
use super::work::Work;
use super::{Phase, PhaseTracker, StepSource, StepStatus, TaskChange, TodoSnapshot, Vote};

/// Lists longer than this are cut: nobody reads them, and a log of garbage must not fill the memory.
const MAX_STEPS: usize = 600;

/// How far the run's list is; nothing in it without one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::analysis) struct ListState {
    /// Items that were not dropped before they were done.
    pub(in crate::analysis) total: u64,
    pub(in crate::analysis) done: u64,
    pub(in crate::analysis) going: u64,
    /// Which kind of list it is; absent without one.
    pub(in crate::analysis) source: Option<StepSource>,
}

impl ListState {
    /// The share of the list that is done, 0–1; an item in progress counts half.
    pub(in crate::analysis) fn share(self) -> f64 {
        (self.done as f64 + 0.5 * self.going.min(1) as f64) / self.total.max(1) as f64
    }
}

/// All steps.
#[derive(Debug, Clone, Default)]
pub(in crate::analysis) struct Board {
    pub(super) steps: Vec<BoardStep>,
    phases: PhaseTracker,
    pub(super) headings: Headings,
    /// The step that was last worked on.
    pub(super) active: Option<usize>,
    /// When the list was last changed, where it left no item in progress: whose time it is since then is open.
    unclaimed_since: Option<DateTime<Utc>>,
    /// Otherwise, whose it is.
    claimed_by: Option<usize>,
    pub(super) has_list: bool,
    list: ListState,
    /// What was done before a step began; the first one takes it over.
    pub(super) unplaced: Work,
    /// The step that took it over.
    pub(super) heir: Option<usize>,
    /// Subjects of tasks that are not yet steps of this run, by id.
    told: HashMap<String, String>,
}

impl Board {
    pub(in crate::analysis) fn steps(&self) -> &[BoardStep] {
        &self.steps
    }

    /// The phase that the tools tell, once there was a call.
    pub(in crate::analysis) fn phase(&self) -> Option<Phase> {
        self.phases.current()
    }

    /// Takes a whole list.
    pub(in crate::analysis) fn apply_todo(&mut self, snapshot: &TodoSnapshot, at: Option<DateTime<Utc>>) {
        self.begin_list(!snapshot.items.is_empty());
        let places: Vec<usize> = self.places(StepSource::Todo);
        let known: Vec<Known<'_>> = places.iter().map(|place| self.steps[*place].known()).collect();
        let matched = match_items(&known, &snapshot.items);
        let matched: Vec<Option<usize>> = matched.into_iter().map(|old| old.map(|old| places[old])).collect();
        for place in places {
            if self.steps[place].listed && !matched.contains(&Some(place)) {
                self.steps[place].drop_from_list(at);
            }
        }
        for (item, place) in snapshot.items.iter().zip(matched) {
            self.apply_item(item, place, at);
        }
        self.list_changed(at);
    }

    fn apply_item(&mut self, item: &TodoItem, place: Option<usize>, at: Option<DateTime<Utc>>) {
        let place = place.or_else(|| self.push(BoardStep::new(&item.name, StepSource::Todo)));
        let Some(place) = place else { return };
        let step = &mut self.steps[place];
        step.listed = true;
        item.name.clone_into(&mut step.name);
        step.id.clone_from(&item.id);
        self.set_status(place, item.status, at);
    }

    /// Takes a new task under the id that it was given; one that is known keeps what it has.
    pub(in crate::analysis) fn create_task(&mut self, id: &str, subject: &str, at: Option<DateTime<Utc>>) {
        self.begin_list(true);
        if let Some(place) = self.task(id) {
            subject.clone_into(&mut self.steps[place].name);
        } else {
            self.push_task(id, subject);
        }
        self.list_changed(at);
    }

    /// Takes a change of a task; one whose creation was not logged appears with it.
    pub(in crate::analysis) fn change_task(&mut self, change: &TaskChange, at: Option<DateTime<Utc>>) {
        self.begin_list(true);
        let known = self.task(&change.task_id);
        let Some(place) = known.or_else(|| {
            let gone = change.status == Some(StepStatus::Skipped);
            if gone { None } else { self.push_task(&change.task_id, &self.told_name(&change.task_id)) }
        }) else {
            return;
        };
        if let Some(subject) = &change.subject {
            subject.clone_into(&mut self.steps[place].name);
        }
        match change.status {
            Some(StepStatus::Skipped) => self.steps[place].drop_from_list(at),
            Some(status) => {
                self.steps[place].listed = true;
                self.set_status(place, status, at);
            }
            None => {}
        }
        self.list_changed(at);
    }

    /// Takes subjects of tasks whose creation was not logged, or not by this run.
    pub(in crate::analysis) fn learn_subjects(&mut self, told: Vec<(String, String)>) {
        for (id, subject) in told {
            if let Some(place) = self.task(&id) {
                if self.steps[place].name == nameless(&id) {
                    self.steps[place].name = subject;
                }
            } else if self.told.len() < MAX_STEPS {
                self.told.insert(id, subject);
            }
        }
    }

    fn told_name(&self, id: &str) -> String {
        self.told.get(id).cloned().unwrap_or_else(|| nameless(id))
    }

    fn task(&self, id: &str) -> Option<usize> {
        self.steps.iter().rposition(|step| step.source == StepSource::Task && step.id.as_deref() == Some(id))
    }

    fn push_task(&mut self, id: &str, subject: &str) -> Option<usize> {
        let mut step = BoardStep::new(subject, StepSource::Task);
        step.id = Some(id.to_owned());
        step.listed = true;
        self.push(step)
    }

    /// From the first item on, the list says what the steps are; what is going on ends when one of them begins.
    fn begin_list(&mut self, has_items: bool) {
        if !self.has_list && has_items {
            self.has_list = true;
            self.forget_headings();
        }
    }

    /// Takes a call of the main thread into account; without a list it may begin a phase.
    pub(in crate::analysis) fn follow_phase(&mut self, vote: Vote, at: Option<DateTime<Utc>>) {
        if vote == Vote::Upkeep {
            return;
        }
        let name = self.phases.vote(vote).name();
        if self.has_list || self.headings_hold_back_phases() {
            return;
        }
        let goes_on = |active: usize| {
            let step = &self.steps[active];
            step.source == StepSource::Phase && step.name == name
        };
        if self.active.is_some_and(goes_on) {
            return;
        }
        if let Some(before) = self.active {
            self.set_status(before, StepStatus::Completed, at);
        }
        let known = self.steps.iter().position(|step| step.source == StepSource::Phase && step.name == name);
        if let Some(place) = known.or_else(|| self.push(BoardStep::new(name, StepSource::Phase))) {
            self.set_status(place, StepStatus::InProgress, at);
        }
    }

    /// How far the run's list is.
    pub(in crate::analysis) fn list(&self) -> ListState {
        self.list
    }

    fn list_changed(&mut self, at: Option<DateTime<Utc>>) {
        let claims = |place: &usize| {
            let step = &self.steps[*place];
            step.listed && step.status == StepStatus::InProgress
        };
        self.claimed_by = self.active.filter(claims).or_else(|| (0..self.steps.len()).find(claims));
        self.unclaimed_since = at.filter(|_| self.claimed_by.is_none());
        let items = || self.steps.iter().filter(|step| step.source.is_list());
        let of = |status| items().filter(|step| step.status == status).count() as u64;
        let (done, going) = (of(StepStatus::Completed), of(StepStatus::InProgress));
        let total = done + going + of(StepStatus::Pending);
        let source = items().next_back().map(|step| step.source).filter(|_| total > 0);
        self.list = ListState { total, done, going, source };
    }

    pub(super) fn push(&mut self, step: BoardStep) -> Option<usize> {
        (self.steps.len() < MAX_STEPS).then(|| {
            self.steps.push(step);
            self.steps.len() - 1
        })
    }

    fn places(&self, source: StepSource) -> Vec<usize> {
        (0..self.steps.len()).filter(|place| self.steps[*place].source == source).collect()
    }

    pub(super) fn set_status(&mut self, place: usize, status: StepStatus, at: Option<DateTime<Utc>>) {
        let step = &mut self.steps[place];
        let before = std::mem::replace(&mut step.status, status);
        match status {
            StepStatus::InProgress => {
                step.times.begin(at);
                self.take_over(place, at);
                if before != StepStatus::InProgress || self.active.is_none() {
                    self.active = Some(place);
                }
            }
            StepStatus::Completed if before != StepStatus::Completed => {
                // An item ticked off without having been begun was worked on since the list last changed, unless that
                // time was another one's: then nobody knows.
                let begun_at = step.times.started_at().or(self.unclaimed_since);
                if !step.begun {
                    step.along_with = self.claimed_by;
                    if begun_at.is_some() {
                        step.times.begin(begun_at);
                    }
                }
                step.times.end(at);
                self.take_over(place, begun_at.or(at));
            }
            StepStatus::Pending => step.times.pause(at),
            StepStatus::Completed | StepStatus::Failed | StepStatus::Skipped => {}
        }
    }

    /// The step has begun: if it is the first of the list, what went on before the list ends with it.
    fn take_over(&mut self, place: usize, at: Option<DateTime<Utc>>) {
        self.steps[place].begun = true;
        self.inherit(place);
        let Some(before) = self.active.filter(|_| self.steps[place].source.is_list()) else { return };
        let step = &mut self.steps[before];
        if !step.source.is_list() && step.status == StepStatus::InProgress {
            step.status = StepStatus::Completed;
            step.times.end(at);
        }
    }

    pub(in crate::analysis) fn heap_bytes(&self) -> usize {
        self.steps.capacity() * size_of::<BoardStep>()
            + self.unplaced.heap_bytes()
            + self.headings.heap_bytes()
            + self.told.capacity() * 2 * size_of::<String>()
            + self.told.iter().map(|(id, subject)| id.capacity() + subject.capacity()).sum::<usize>()
            + self.steps.iter().map(BoardStep::heap_bytes).sum::<usize>()
    }
}

/// What a task is called whose subject the log does not tell.
fn nameless(id: &str) -> String {
    format!("Task #{id}")
}
