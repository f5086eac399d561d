//! How the run ended, or that it has not.
//!
//! Not for what it achieved. A result event's `subtype: "success"` is no success where `is_error` says otherwise.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::bounded::{fingerprint, shortened};
use super::clock::Clock;
use super::context::RunStatus;
use super::event::Finish;

/// After so much silence nothing can still be writing: the upstream itself gives a run up after two hours.
const LOST_AFTER: TimeDelta = TimeDelta::minutes(125);
/// After so much silence of a run whose process has ended, the upstream has written what it had to say of its end.
const ENDED_AFTER: TimeDelta = TimeDelta::seconds(5);
const MAX_REASON_BYTES: usize = 300;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did what it set out to, by its own account.
    Success,
    /// It ended with an error.
    Failed,
    /// It used up its turns.
    MaxTurns,
    /// It used up its time.
    Timeout,
    /// Somebody stopped it.
    Cancelled,
    /// It goes on.
    #[default]
    Running,
    /// The log ends without a result and nothing can still be writing it.
    Lost,
}

/// What the log says of the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Ending {
    result: Option<Ended>,
    results: Vec<u64>,
    turns: u64,
    closed: Option<Ended>,
    broke: Option<(bool, String)>,
    interrupted: bool,
    turn_ended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Ended {
    outcome: Outcome,
    reason: String,
}

impl Outcome {
    /// Whether the run ended otherwise than well.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Success | Self::Running => false,
            Self::Failed | Self::MaxTurns | Self::Timeout | Self::Cancelled | Self::Lost => true,
        }
    }
}

impl Ending {
    /// Takes a result event; whether it is a new one.
    pub(super) fn finished(&mut self, finish: &Finish<'_>) -> bool {
        const REMEMBERED: usize = 64;
        let id = id_of(finish);
        if self.results.contains(&id) {
            return false;
        }
        if self.results.len() == REMEMBERED {
            self.results.remove(0);
        }
        self.results.push(id);
        self.turns += finish.turns;
        self.result = Some(ended(finish));
        self.interrupted = false;
        true
    }

    /// Whether the last result event was this one.
    pub(super) fn last_was(&self, finish: &Finish<'_>) -> bool {
        self.results.last() == Some(&id_of(finish))
    }

    /// Takes the upstream's account of the end.
    pub(super) fn closed(&mut self, status: &str) {
        let outcome = match status {
            "completed" | "success" => Outcome::Success,
            "timeout" => Outcome::Timeout,
            "killed" | "cancelled" => Outcome::Cancelled,
            "failed" | "error" | "error_during_execution" => Outcome::Failed,
            "error_max_turns" => Outcome::MaxTurns,
            _ => return,
        };
        self.closed = Some(Ended { outcome, reason: String::new() });
    }

    /// Takes an error of the upstream itself.
    pub(super) fn broke(&mut self, message: &str, timeout: bool) {
        self.broke = Some((timeout, shortened(message.trim(), MAX_REASON_BYTES)));
    }

    /// Takes a person's words, one of which are those that Claude Code writes when it is interrupted.
    pub(super) fn prompted(&mut self, text: &str) {
        self.interrupted = text.trim_start().starts_with("[Request interrupted by user");
        self.turn_ended = false;
    }

    /// Claude goes on: whatever seemed to be the end of it was none.
    pub(super) fn goes_on(&mut self) {
        self.interrupted = false;
        self.turn_ended = false;
    }

    pub(super) fn turn_ended(&mut self) {
        self.turn_ended = true;
    }

    /// Whether the log says that the run did what it could: well, or to its last turn.
    pub(super) fn came_to_its_end(&self) -> bool {
        self.logged().is_some_and(|ended| matches!(ended.outcome, Outcome::Success | Outcome::MaxTurns))
    }

    /// Whether the log says that the run has ended, however.
    pub(super) fn has_ended(&self) -> bool {
        self.logged().is_some()
    }

    /// Whether Claude Code gave its own account of an end.
    pub(super) fn has_result(&self) -> bool {
        self.result.is_some()
    }

    /// Turns by the result events' count, summed over wake-ups; 0 without one.
    pub(super) fn turns(&self) -> u64 {
        self.turns
    }

    /// The status, as far as the log alone tells; `transcript` logs have no result event.
    pub(super) fn inferred_status(&self, transcript: bool) -> RunStatus {
        match self.logged() {
            Some(ended) => match ended.outcome {
                // The upstream calls a run that hit its turn limit completed.
                Outcome::Success | Outcome::MaxTurns => RunStatus::Completed,
                Outcome::Timeout => RunStatus::Timeout,
                Outcome::Cancelled => RunStatus::Killed,
                Outcome::Failed | Outcome::Running | Outcome::Lost => RunStatus::Failed,
            },
            None if self.interrupted => RunStatus::Killed,
            None if self.broke.as_ref().is_some_and(|(timeout, _)| *timeout) => RunStatus::Timeout,
            None if transcript && self.turn_ended => RunStatus::Completed,
            None => RunStatus::Running,
        }
    }

    fn logged(&self) -> Option<&Ended> {
        self.result.as_ref().or(self.closed.as_ref())
    }

    /// How the run ended, by the log where it says, else by the upstream's word. Of a running one `alive` tells whether
    /// its process lives, where that is known.
    pub(super) fn outcome(
        &self,
        status: RunStatus,
        clock: &Clock,
        now: DateTime<Utc>,
        alive: Option<bool>,
    ) -> Outcome {
        if let Some(ended) = self.logged() {
            return ended.outcome;
        }
        let patience = if alive == Some(false) { ENDED_AFTER } else { LOST_AFTER };
        match status {
            RunStatus::Running if clock.silence(now).is_some_and(|silence| silence > patience) => {
                Outcome::Lost
            }
            RunStatus::Running => Outcome::Running,
            RunStatus::Completed => Outcome::Success,
            RunStatus::Timeout => Outcome::Timeout,
            RunStatus::Killed => Outcome::Cancelled,
            RunStatus::Failed if self.interrupted => Outcome::Cancelled,
            RunStatus::Failed if self.broke.as_ref().is_some_and(|(timeout, _)| *timeout) => Outcome::Timeout,
            RunStatus::Failed => Outcome::Failed,
        }
    }

    /// Why the run did not succeed, in words.
    pub(super) fn reason(&self, outcome: Outcome) -> String {
        let stated =
            self.result.as_ref().map(|ended| ended.reason.as_str()).filter(|reason| !reason.is_empty());
        let broke =
            self.broke.as_ref().map(|(_, message)| message.as_str()).filter(|message| !message.is_empty());
        let usual = match outcome {
            Outcome::MaxTurns => "The run reached its maximum number of turns",
            Outcome::Timeout => "The run reached its time limit",
            Outcome::Cancelled => "The run was stopped",
            Outcome::Lost => "The log ends without a result",
            Outcome::Failed | Outcome::Success | Outcome::Running => "The run ended with an error",
        };
        stated.or(broke).unwrap_or(usual).to_owned()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let reason = |ended: &Option<Ended>| ended.as_ref().map_or(0, |ended| ended.reason.capacity());
        let broke = self.broke.as_ref().map_or(0, |(_, message)| message.capacity());
        reason(&self.result) + reason(&self.closed) + broke + self.results.capacity() * 8
    }
}

/// What a result event is recognised by when it comes again.
fn id_of(finish: &Finish<'_>) -> u64 {
    let cost = finish.cost_usd.unwrap_or(0.0).to_bits();
    fingerprint((finish.session, finish.subtype, finish.turns, finish.duration_ms, cost))
}

/// Versions differ in whether reaching the turn limit is an error; the subtype decides.
fn ended(finish: &Finish<'_>) -> Ended {
    let outcome = match finish.subtype {
        "error_max_turns" => Outcome::MaxTurns,
        "success" if !finish.is_error => Outcome::Success,
        _ => Outcome::Failed,
    };
    let reason = match outcome {
        Outcome::Success => None,
        _ => finish.first_error.as_deref().or(finish.result.as_deref()),
    };
    let fallback =
        if finish.subtype == "error_during_execution" { "An error ended the execution" } else { "" };
    Ended { outcome, reason: shortened(reason.unwrap_or(fallback).trim(), MAX_REASON_BYTES) }
}
