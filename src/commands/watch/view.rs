//! One state of a run as rows of text. Pure: JSON, the time and a width in, rows and lines out.
//!
//! What stands in an answer is somebody else's text: no control character of it reaches the terminal.

use anyhow::{Context, Result};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use crate::commands::layout::{cost, counted, duration, first_line, fitted, shortened, wrapped};
use crate::commands::remedy::remedy;
use crate::enrich::Fallback;

/// The bar's width, in columns.
pub(super) const BAR: usize = 24;
/// So many lines of the final result are shown.
const RESULT_LINES: usize = 20;
/// Why a run that goes on has no notes that may well come by themselves.
const PASSING: [Fallback; 3] = [Fallback::NoLog, Fallback::Status, Fallback::Deadline];

/// What is shown of an answer; whatever is missing is left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct View {
    status: String,
    workflow_steps: Option<Steps>,
    step_by_step_results: Option<Vec<Step>>,
    progress_summary: Option<Progress>,
    workflow_summary: Option<Summary>,
    final_result: Option<String>,
    run_details: Option<Details>,
    /// `Gloss-Reason`, which is no part of the JSON.
    #[serde(skip)]
    reason: Option<String>,
    /// Whether its notes are asked for again.
    #[serde(skip)]
    awaits_notes: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Steps {
    current_step: u64,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Step {
    #[serde(rename = "step_id")]
    id: u64,
    name: String,
    status: String,
    duration_seconds: Option<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Progress {
    completion_percentage: f64,
    estimated_completion: Option<DateTime<Utc>>,
    recent_activity: String,
    stalled: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Summary {
    total_steps_completed: u64,
    files_modified: u64,
    tests_passed: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Details {
    outcome: String,
    usage: Usage,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Usage {
    cost_usd: Option<f64>,
    cost_is_estimate: bool,
}

/// A row of what is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Row {
    /// The run, its status, its cost.
    Head(String),
    /// How far it is.
    Bar {
        /// 0 to 100.
        percentage: f64,
        /// How many steps are done.
        done: String,
        /// When it is likely to end.
        end: Option<DateTime<Utc>>,
    },
    /// What it does.
    Activity(String),
    /// What to do about notes that do not come.
    Remedy(String),
    /// A step.
    Step {
        mark: Mark,
        text: String,
        /// How long it took, or has taken so far.
        seconds: Option<u64>,
    },
}

/// What has become of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Done,
    Running,
    Failed,
    Skipped,
    Open,
}

impl View {
    /// Reads an answer, basic or enhanced.
    pub(super) fn read(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).context("the answer is no run's status")
    }

    /// The same with the reason for which the answer came as it is, as `Gloss-Reason` names it.
    pub(super) fn because(self, reason: Option<String>) -> Self {
        Self { reason, ..self }
    }

    /// Whether this is the last state.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "timeout" | "killed")
    }

    /// The same, of which notes are still to come.
    pub(super) fn awaiting_notes(self) -> Self {
        Self { awaits_notes: true, ..self }
    }

    /// Whether this is the last state but for notes, which the next answer may well have. One that was `streamed` does not tell
    /// why it has none.
    pub(super) fn is_late(&self, streamed: bool) -> bool {
        let may_come = self.reason.as_deref().map_or(streamed, Fallback::is_late);
        self.has_ended() && self.run_details.is_none() && may_come
    }

    /// How the run failed, if it has ended and did.
    pub(super) fn failure(&self) -> Option<&'static str> {
        let outcome = self.run_details.as_ref().map_or("", |details| details.outcome.as_str());
        match (self.status.as_str(), outcome) {
            (_, "max_turns") => Some("stopped at its turn limit"),
            ("timeout", _) => Some("timed out"),
            ("killed", _) => Some("was killed"),
            ("failed", _) | ("completed", "failed") => Some("failed"),
            _ => None,
        }
    }

    /// The whole state, in rows for a terminal of this many columns, and about as many of them as it has.
    pub(super) fn rows(&self, run: &str, columns: usize, rows: usize) -> Vec<Row> {
        let mut all = vec![Row::Head(shortened(&format!("{run} · {}", self.headline()), columns))];
        if let Some(progress) = &self.progress_summary {
            let done = self.steps().iter().filter(|step| step.status == "completed").count();
            all.push(Row::Bar {
                percentage: progress.completion_percentage,
                done: format!("{done} of {} done", counted(self.steps().len() as u64, "step")),
                end: progress.estimated_completion,
            });
            let silence = if progress.stalled { " (nothing new for a while)" } else { "" };
            all.push(Row::Activity(plain(&progress.recent_activity) + silence));
        }
        let remedy = self.lasting().and_then(remedy);
        all.extend(remedy.iter().flat_map(|remedy| wrapped(remedy, columns)).map(Row::Remedy));
        let window = window(self.steps(), self.current(), rows.saturating_sub(all.len()));
        all.extend(window.iter().map(|step| Row::Step {
            mark: Mark::of(&step.status),
            text: step_text(step, columns),
            seconds: step.duration_seconds,
        }));
        all
    }

    /// The state in one line.
    pub(super) fn line(&self) -> String {
        let Some(progress) = &self.progress_summary else {
            let remedy = self.lasting().and_then(remedy).map(|remedy| format!(" ({remedy})"));
            return self.headline() + &remedy.unwrap_or_default();
        };
        let current = self.steps().iter().find(|step| step.id == self.current());
        let mut parts = vec![format!("{:3.0} %", progress.completion_percentage)];
        parts.extend(
            current.map(|step| format!("step {} of {}: {}", step.id, self.steps().len(), plain(&step.name))),
        );
        parts.push(plain(&progress.recent_activity));
        parts.extend(progress.estimated_completion.map(|end| format!("ends about {}", clock(end))));
        if progress.stalled {
            parts.push("nothing new for a while".to_owned());
        }
        parts.join(" · ")
    }

    /// What came of a run that has ended.
    pub(super) fn ending(&self, columns: usize) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(summary) = &self.workflow_summary {
            let facts = [
                format!("{} completed", counted(summary.total_steps_completed, "step")),
                format!("{} changed", counted(summary.files_modified, "file")),
                format!("{} passed", counted(summary.tests_passed, "test")),
            ];
            lines.push(facts.join(" · "));
        }
        if let Some(result) = &self.final_result {
            let all: Vec<_> = result.lines().map(plain_line).collect();
            let wrapped = wrapped(&all.join("\n"), columns);
            lines.push(String::new());
            lines.extend(wrapped.iter().take(RESULT_LINES).cloned());
            if let Some(more @ 1..) = wrapped.len().checked_sub(RESULT_LINES) {
                lines.push(format!("… {} more", counted(more as u64, "line")));
            }
        }
        lines
    }

    fn headline(&self) -> String {
        let mut parts = vec![plain(&self.status)];
        if let Some(details) = &self.run_details {
            if !matches!(details.outcome.as_str(), "" | "running" | "success" | "failed") {
                parts.push(plain(&details.outcome.replace('_', " ")));
            }
            parts.extend(details.usage.cost_usd.map(|usd| cost(usd, details.usage.cost_is_estimate)));
        } else if let Some(reason) = self.lasting() {
            parts.push(format!("no notes: {}", plain(reason)));
        } else if !self.has_ended() || self.awaits_notes {
            parts.push("no notes yet".to_owned());
        }
        parts.join(" · ")
    }

    /// Why there are no notes, where waiting does not help.
    fn lasting(&self) -> Option<&str> {
        let reason = self.reason.as_deref().filter(|_| self.run_details.is_none())?;
        let passes = PASSING.iter().any(|passing| passing.as_str() == reason) && !self.has_ended();
        (!passes && !self.awaits_notes).then_some(reason)
    }

    fn steps(&self) -> &[Step] {
        let running = self.workflow_steps.as_ref().map(|steps| steps.steps.as_slice());
        running.or(self.step_by_step_results.as_deref()).unwrap_or_default()
    }

    fn current(&self) -> u64 {
        self.workflow_steps.as_ref().map_or(0, |steps| steps.current_step)
    }
}

/// As many steps as there is room for, the current one among them.
fn window(steps: &[Step], current: u64, rows: usize) -> &[Step] {
    let at = steps.iter().position(|step| step.id == current).unwrap_or(0);
    let last = steps.len().saturating_sub(rows);
    let first = at.saturating_sub(rows / 2).min(last);
    &steps[first..(first + rows).min(steps.len())]
}

fn step_text(step: &Step, columns: usize) -> String {
    let name = fitted(&plain(&step.name), columns.saturating_sub(18).clamp(8, 60));
    format!("{:>2} {name}", step.id)
}

impl Row {
    /// The row as a text of at most so many columns, `now`.
    pub(super) fn text(&self, now: DateTime<Utc>, columns: usize) -> String {
        let line = match self {
            Self::Head(text) | Self::Activity(text) | Self::Remedy(text) => text.clone(),
            Self::Bar { percentage, done, end } => {
                format!("{} {}", bar(*percentage), outlook(*percentage, done, *end, now))
            }
            Self::Step { mark, text, seconds } => {
                let took = seconds.map(duration).unwrap_or_default();
                format!("  {} {text} {took:>8}", mark.symbol()).trim_end().to_owned()
            }
        };
        shortened(&line, columns)
    }
}

impl Mark {
    fn of(status: &str) -> Self {
        match status {
            "completed" => Self::Done,
            "in_progress" => Self::Running,
            "failed" => Self::Failed,
            "skipped" => Self::Skipped,
            _ => Self::Open,
        }
    }

    /// What stands before the step.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Done => "✔",
            Self::Running => "▶",
            Self::Failed => "✘",
            Self::Skipped => "–",
            Self::Open => "○",
        }
    }
}

/// How far it is and what is left, `now`.
pub(super) fn outlook(percentage: f64, done: &str, end: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    let mut parts = vec![format!("{percentage:.0} %"), done.to_owned()];
    parts.extend(end.map(|end| {
        let left = u64::try_from((end - now).num_seconds()).unwrap_or(0);
        format!("about {} left, until {}", duration(left), clock(end))
    }));
    parts.join(" · ")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and BAR")]
fn bar(percentage: f64) -> String {
    let full = (percentage.clamp(0.0, 100.0) / 100.0 * BAR as f64).floor() as usize;
    format!("[{}{}]", "█".repeat(full), "░".repeat(BAR - full))
}

fn clock(at: DateTime<Utc>) -> String {
    let text = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("{} UTC", text.get(11..16).unwrap_or_default())
}

/// The first line of a text.
fn plain(text: &str) -> String {
    plain_line(first_line(text))
}

/// A text without control characters, and without those that turn the direction of what follows.
fn plain_line(text: &str) -> String {
    let harmless = |letter: char| match letter {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        control if control.is_control() => ' ',
        other => other,
    };
    text.chars().map(harmless).collect()
}

#[cfg(test)]
mod tests;
