//! A run as a table that one would paste into a chat: no line wider than such a window, readable without colour.

mod figures;
#[cfg(test)]
mod tests;

use textwrap::core::display_width;

use crate::analysis::{Additions, Outcome, ProgressSummary, RunDetails, Step, StepStatus};
use crate::commands::layout::{cost, counted, duration, first_line, fitted, shortened, wrapped};
use chrono::{DateTime, Utc};

/// No line is wider, in columns.
const LINE_WIDTH: usize = 100;
/// Longer names are cut, in columns.
const NAME_WIDTH: usize = 58;
/// So many lines of the final result are shown.
const RESULT_LINES: usize = 14;

/// Renders all parts, each a paragraph. `first` is the time of the log's first event.
pub(super) fn render(
    additions: &Additions,
    progress: &ProgressSummary,
    steps: &[Step],
    first: Option<DateTime<Utc>>,
) -> String {
    let mut out = Out::default();
    headline(&mut out, &additions.run_details, progress, first);
    step_table(&mut out, steps);
    if additions.progress_summary.is_some() {
        outlook(&mut out, progress, additions.enhancement.generated_at.0);
    }
    if let Some(Some(result)) = &additions.final_result {
        let succeeded = additions.run_details.outcome == Outcome::Success;
        result_text(&mut out, if succeeded { "Result" } else { "Last words" }, result);
    }
    figures::figures(&mut out, &additions.run_details);
    out.0
}

/// What is written so far.
#[derive(Debug, Default)]
struct Out(String);

impl Out {
    fn line(&mut self, text: &str) {
        self.0.push_str(text.trim_end());
        self.0.push('\n');
    }

    /// A line or more with a word before them.
    fn fact(&mut self, word: &str, text: &str) {
        let options = textwrap::Options::new(LINE_WIDTH).subsequent_indent("         ");
        for line in textwrap::wrap(&format!("{word:<8} {text}"), options) {
            self.line(&line);
        }
    }
}

fn headline(out: &mut Out, details: &RunDetails, progress: &ProgressSummary, first: Option<DateTime<Utc>>) {
    let outcome = match details.outcome {
        Outcome::Success => "✔ succeeded",
        Outcome::Failed => "✘ failed",
        Outcome::MaxTurns => "✘ stopped at its turn limit",
        Outcome::Timeout => "✘ timed out",
        Outcome::Cancelled => "✘ cancelled",
        Outcome::Running => "▶ running",
        Outcome::Lost => "? lost",
    };
    let mut parts = vec![outcome.to_owned()];
    if details.outcome == Outcome::Running {
        parts.push(format!("{:.0} %", progress.completion_percentage));
    }
    if let (Some(first), Some(last)) = (first, progress.last_event_at) {
        parts.push(duration(u64::try_from((last.0 - first).num_seconds()).unwrap_or(0)));
    }
    parts.push(counted(details.turns, "turn"));
    parts.extend(details.usage.cost_usd.map(|usd| cost(usd, details.usage.cost_is_estimate)));
    parts.extend(details.model.as_deref().map(|model| shortened(model, 40)));
    out.line(&parts.join(" · "));
}

fn step_table(out: &mut Out, steps: &[Step]) {
    let width = steps.iter().map(|step| display_width(&shown_name(step))).max().unwrap_or(0);
    let done = steps.iter().filter(|step| step.status == StepStatus::Completed).count();
    out.line(&format!("\nSteps ({done} of {} done)", steps.len()));
    for step in steps {
        let took = step.duration_seconds.map(duration).unwrap_or_default();
        let calls = if step.tool_calls > 0 { counted(step.tool_calls, "call") } else { String::new() };
        let price = step.cost.map(|usd| cost(usd, false)).unwrap_or_default();
        let name = fitted(&shown_name(step), width);
        out.line(&format!(
            " {} {:>3}  {name}  {took:>7}  {calls:>9}  {price:>7}",
            mark(step.status),
            step.step_id
        ));
        if let Some(error) = &step.error {
            out.line(&format!("        ↳ {}", shortened(first_line(error), LINE_WIDTH - 12)));
        }
    }
}

fn mark(status: StepStatus) -> char {
    match status {
        StepStatus::Completed => '✔',
        StepStatus::InProgress => '▶',
        StepStatus::Pending => '○',
        StepStatus::Failed => '✘',
        StepStatus::Skipped => '–',
    }
}

fn shown_name(step: &Step) -> String {
    shortened(first_line(&step.name), NAME_WIDTH)
}

fn outlook(out: &mut Out, progress: &ProgressSummary, now: DateTime<Utc>) {
    let until = |end: DateTime<Utc>| duration(u64::try_from((end - now).num_seconds()).unwrap_or(0));
    out.line("");
    out.fact("Now", &progress.recent_activity);
    if let Some(end) = progress.estimated_completion {
        let ends = [progress.earliest_completion, progress.latest_completion];
        let sure = match ends {
            [Some(earliest), Some(latest)] => {
                format!(", most likely between {} and {}", until(earliest.0), until(latest.0))
            }
            _ => String::new(),
        };
        out.fact("Ends", &format!("in about {} ({end}){sure}", until(end.0)));
    }
    if progress.stalled {
        out.fact("Stalled", "nothing was logged for longer than the tools explain");
    }
}

fn result_text(out: &mut Out, title: &str, result: &str) {
    out.line(&format!("\n{title}"));
    let lines = wrapped(result.trim(), LINE_WIDTH - 2);
    for text in lines.iter().take(RESULT_LINES) {
        out.line(&format!("  {text}"));
    }
    if lines.len() > RESULT_LINES {
        out.line(&format!("  … {} more", counted((lines.len() - RESULT_LINES) as u64, "line")));
    }
}
