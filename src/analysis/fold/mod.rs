//! Events to state: one place that hands each fact to the fold it concerns.
//!
//! Lines may come twice or late; every fold recognises what it has seen by tool-call id, message id or content.

mod work;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::activity::KeptArguments;
use super::bounded::{Seen, shortened};
use super::clock::Clock;
use super::dialect::{HeldRaw, Reading, Sink, Twin, logged_at, read_line};
use super::errors::Errors;
use super::event::{Event, Finish, STAND_IN, Thread};
use super::files::Files;
use super::lines::Line;
use super::outcome::Ending;
use super::progress::{HighWater, Latest, Prior, Signals};
use super::steps::{Board, Phase};
use super::sub_agents::{SubAgentStatus, SubAgents};
use super::test_runs::Ledger;
use super::texts::Texts;
use super::tools::{Calls, Tools};
use super::usage::Usage;

/// All that is known of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Fold {
    pub(super) clock: Clock,
    pub(super) counts: LineCounts,
    pub(super) identity: Identity,
    pub(super) board: Board,
    pub(super) tools: Tools,
    pub(super) calls: Calls,
    pub(super) files: Files,
    pub(super) errors: Errors,
    pub(super) sub_agents: SubAgents,
    pub(super) usage: Usage,
    pub(super) texts: Texts,
    pub(super) ending: Ending,
    pub(super) tests: Ledger,
    pub(super) progress: HighWater,
    pub(super) signals: Signals,
    pub(super) prior: Arc<Prior>,
    /// While lines are taken, and not longer.
    pub(super) latest: Option<Box<Latest>>,
    pub(super) activity: Option<String>,
    /// The call that will be the activity, unless another follows before anybody looks.
    newest_call: KeptArguments,
    pub(super) compactions: u64,
    pub(super) stated_denials: u64,
    /// What progress does not know of yet; nothing between two lines.
    unobserved: Unobserved,
    speaker: Speaker,
    said: Seen<2048>,
    /// The same words, by whether their message had an id.
    words: Seen<1024>,
    held: Option<HeldRaw>,
    /// Whether the times that come are of the event whose time came last; nothing between two lines.
    is_told_again: bool,
}

/// What was read, and what was lost.
#[derive(Debug, Clone, Default)]
pub(super) struct LineCounts {
    pub(super) lines: u64,
    /// Lines that were not blank.
    pub(super) written: u64,
    pub(super) unrecognised: u64,
    /// Those of them that were longer than a line may be.
    pub(super) too_long: u64,
    pub(super) truncated_values: u64,
    /// Whether something is known to be missing: a start, an answered call, an overlong line.
    pub(super) gaps: bool,
    begun: bool,
    /// Whether Claude's own start is there, in this log or in another beside it.
    start_is_told: bool,
    pub(super) transcript: bool,
}

/// What came in since progress was last worked out.
#[derive(Debug, Clone, Copy, Default)]
struct Unobserved {
    time: bool,
    events: bool,
}

/// Whose words the log has held so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Speaker {
    #[default]
    Nobody,
    /// A sub-agent whose starter is not named, and nobody else.
    SubAgent,
    Main,
}

/// The process that a run said to be its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedProcess {
    /// Its id, as the host of the upstream counts.
    pub pid: u32,
    /// When the log said so.
    pub at: DateTime<Utc>,
}

/// Who ran.
#[derive(Debug, Clone, Default)]
pub(super) struct Identity {
    pub(super) session: Option<String>,
    pub(super) model: Option<String>,
    pub(super) max_turns: Option<u64>,
    pub(super) process: Option<LoggedProcess>,
}

impl Fold {
    /// Nothing is known yet but what runs are like.
    pub(super) fn new(prior: Arc<Prior>) -> Self {
        Self { prior, ..Self::default() }
    }

    /// Takes the next line.
    pub(super) fn line(&mut self, line: Line<'_>) {
        self.counts.lines += 1;
        match line {
            Line::Blank => {}
            Line::TooLong => {
                self.settle();
                self.counts.written += 1;
                self.counts.unrecognised += 1;
                self.counts.too_long += 1;
                self.counts.gaps = true;
            }
            Line::Content(bytes) => {
                self.counts.written += 1;
                self.content(bytes);
            }
        }
    }

    fn content(&mut self, line: &[u8]) {
        if let Some(held) = self.held.take() {
            match held.twin(line) {
                Twin::Same => return self.twin(&held, line),
                Twin::Poorer => {
                    // It happened when the second one was there, as where that one is read.
                    self.first_time_of(&held);
                    if let Some(time) = logged_at(line) {
                        self.at(time);
                    }
                    self.read(held.line());
                    self.is_told_again = false;
                    return;
                }
                Twin::Other => {
                    self.read(held.line());
                }
            }
        }
        match HeldRaw::take(line) {
            Some(raw) => self.held = Some(raw),
            None => {
                self.read(line);
            }
        }
    }

    /// Reads an event that was logged twice: the second time, unless that one is damaged.
    fn twin(&mut self, raw: &HeldRaw, parsed: &[u8]) {
        self.first_time_of(raw);
        if self.read(parsed) == Reading::Unknown && read_line(raw.line(), self) == Reading::Known {
            self.observe_progress();
        }
        self.is_told_again = false;
    }

    /// Notes when an event was logged first: whoever looked before the second time knows only this one.
    fn first_time_of(&mut self, raw: &HeldRaw) {
        if let Some(time) = raw.time() {
            self.at(time);
            self.is_told_again = true;
        }
    }

    /// Reads what waits for a next line that may never come.
    pub(super) fn settle(&mut self) {
        if let Some(held) = self.held.take() {
            self.read(held.line());
        }
    }

    /// Works out what is only told of the newest of its kind: after each piece of the log, however many lines it had.
    pub(super) fn rest(&mut self) {
        if let Some(described) = self.newest_call.take_description() {
            self.activity = Some(described);
        }
        self.errors.settle();
        self.latest = None;
    }

    /// Whether a line waits for the next one.
    pub(super) fn is_unsettled(&self) -> bool {
        self.held.is_some()
    }

    fn read(&mut self, line: &[u8]) -> Reading {
        let reading = read_line(line, self);
        self.counts.unrecognised += u64::from(reading == Reading::Unknown);
        if self.unobserved.time || self.unobserved.events {
            self.observe_progress();
        }
        reading
    }

    fn observe_progress(&mut self) {
        let only_time = !std::mem::take(&mut self.unobserved).events;
        let now = self.now();
        self.signals.counted(self.usage.main_messages(), self.files.count(), self.board.list(), now);
        let share = self.share_again(now, only_time);
        self.progress.observe(share, &self.signals, now);
        if let Some(share) = self.board.plan_share() {
            self.progress.followed(share);
        }
        if self.ending.came_to_its_end() {
            self.progress.reached_the_end();
        }
    }

    fn now(&self) -> Option<DateTime<Utc>> {
        self.clock.newest()
    }

    /// When that was begun which a line of now tells: writing a call may take Claude minutes, and it is logged at its end.
    fn begun_at(&self) -> Option<DateTime<Utc>> {
        self.clock.before_newest().or(self.now())
    }

    /// A log whose first fact is one of the middle of a run starts late.
    fn notice_start(&mut self, event: &Event<'_>) {
        // Whose session it is, every message says before its words.
        if !self.counts.begun && !matches!(event, Event::SessionKnown { .. }) {
            self.counts.begun = true;
            let is_begin = matches!(
                event,
                Event::Accepted { .. } | Event::Started { .. } | Event::Prompted { .. } | Event::Broke { .. }
            );
            self.counts.gaps |= !is_begin;
        }
    }

    /// The transcript of one sub-agent is a log of its own: as long as no other thread has spoken, it is the main one.
    fn placed<'t>(&mut self, thread: Thread<'t>) -> Thread<'t> {
        match (thread, self.speaker) {
            (Thread::Main, Speaker::SubAgent) => {
                // It was a warm-up: its words are not the run's.
                self.texts.forget_said();
                self.speaker = Speaker::Main;
            }
            (Thread::Main, Speaker::Nobody | Speaker::Main) => self.speaker = Speaker::Main,
            (Thread::Sub(None), Speaker::Nobody | Speaker::SubAgent) => {
                self.speaker = Speaker::SubAgent;
                return Thread::Main;
            }
            (Thread::Sub(_), _) => {}
        }
        thread
    }

    fn finished(&mut self, finish: &Finish<'_>) {
        if !self.ending.finished(finish) {
            if self.ending.last_was(finish) {
                self.texts.finished_again(finish);
            }
            return;
        }
        self.usage.finished(finish);
        self.texts.finished(finish);
        self.stated_denials += finish.permission_denials as u64;
        self.identity.set_session(finish.session);
    }

    /// Takes over what calls that still wait for their answer say, as if it had come: for a report on a log that
    /// ends here.
    pub(super) fn assume_answers(&mut self) {
        let waiting = self.calls.waiting().into_iter().map(|call| (call.purpose.clone(), call.at)).collect();
        self.change_list(waiting);
    }

    /// Whether a waiting call would change the list.
    pub(super) fn awaits_list(&self) -> bool {
        self.calls.waiting().iter().any(|call| call.purpose.changes_list())
    }

    /// The phase that the tools tell.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.board.phase()
    }

    /// Upper estimate of the heap memory that this holds, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let own = self.said.heap_bytes()
            + self.words.heap_bytes()
            + self.held.as_ref().map_or(0, HeldRaw::heap_bytes)
            + self.activity.as_ref().map_or(0, String::capacity)
            + self.identity.heap_bytes();
        let folds = self.board.heap_bytes() + self.tools.heap_bytes() + self.calls.heap_bytes();
        let records = self.files.heap_bytes() + self.errors.heap_bytes() + self.sub_agents.heap_bytes();
        let accounts = self.usage.heap_bytes() + self.texts.heap_bytes() + self.ending.heap_bytes();
        own + folds + records + accounts + self.tests.weight()
    }
}

impl Identity {
    fn set_session(&mut self, session: &str) {
        if !session.is_empty() && session != "pending" && self.session.as_deref() != Some(session) {
            self.session = Some(shortened(session, 128));
        }
    }

    fn heap_bytes(&self) -> usize {
        self.session.as_ref().map_or(0, String::capacity) + self.model.as_ref().map_or(0, String::capacity)
    }
}

impl Sink for Fold {
    fn at(&mut self, time: DateTime<Utc>) {
        let before = self.clock.newest();
        if self.is_told_again {
            self.clock.tick_again(time);
        } else {
            self.clock.tick(time);
        }
        if before.is_none() {
            self.observe_progress();
        }
        self.unobserved.time |= self.clock.newest() != before;
    }

    fn event(&mut self, event: Event<'_>) {
        // What a poll just before this line saw must not be more than what one after it sees. While nothing but time passes,
        // progress only grows: the last such moment is enough.
        if self.unobserved.time {
            self.observe_progress();
        }
        self.unobserved.events = true;
        self.notice_start(&event);
        match event {
            // Two lines are usual before logging begins: Claude's start and its first words.
            Event::Accepted { early_lines } => {
                self.counts.gaps |= early_lines > 2 && !self.counts.start_is_told;
            }
            Event::Started { session, model, max_turns } => {
                self.counts.start_is_told |= session.is_some();
                self.identity.set_session(session.unwrap_or_default());
                self.identity.model = model.map(|model| shortened(model, 100)).or(self.identity.model.take());
                self.identity.max_turns = max_turns.or(self.identity.max_turns);
            }
            Event::SessionKnown { session } => self.identity.set_session(session),
            Event::ProcessKnown { pid } => {
                self.identity.process = self.clock.newest().map(|at| LoggedProcess { pid, at });
            }
            Event::Said { thread, message_id, text } => {
                let thread = self.placed(thread);
                self.said(thread, message_id, text);
            }
            Event::Called { thread, id, name, input } => {
                let thread = self.placed(thread);
                self.called(thread, id, name, input);
            }
            Event::Answered(answer) => self.answered(&answer),
            // Another log, one with ids, has told of this message by its first call.
            Event::Spent { message_id, .. }
                if message_id.strip_prefix(STAND_IN).is_some_and(|call| self.calls.knows(call)) => {}
            Event::Spent { thread, message_id, model, tokens } => {
                let thread = self.placed(thread);
                let step = self.step_of(thread);
                if let Some(spending) = self.usage.spent(thread, message_id, (model, tokens), step) {
                    self.board.work_mut(spending.step).spent(spending.before, spending.after);
                }
            }
            Event::TurnEnded { thread } => {
                if self.placed(thread).is_main() {
                    self.ending.turn_ended();
                }
            }
            Event::Prompted { text } => {
                self.placed(Thread::Main);
                self.ending.prompted(text);
            }
            Event::Finished(finish) => self.finished(&finish),
            Event::Closed { status, final_result } => {
                self.ending.closed(status);
                self.texts.closed(final_result);
            }
            Event::Broke { message, timeout } => self.ending.broke(message, timeout),
            Event::JobEnded { call_id, failed } => {
                let status = if failed { SubAgentStatus::Failed } else { SubAgentStatus::Completed };
                self.sub_agents.job_ended(call_id, status);
            }
            Event::Compacted => self.compactions += 1,
        }
    }

    fn cut(&mut self, values: u32) {
        self.counts.truncated_values += u64::from(values);
    }

    fn transcript(&mut self) {
        self.counts.transcript = true;
    }
}
