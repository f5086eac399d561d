//! A run as a table that one would paste into a chat.

use std::fmt::Write as _;

use crate::analysis::{Additions, Change, Outcome, ProgressSummary, RunDetails, Step, StepStatus};

/// Longer names are cut, in characters.
const NAME_WIDTH: usize = 60;
/// So many lines of the final result are shown.
const RESULT_LINES: usize = 12;
/// Each this long at most, in characters.
const LINE_WIDTH: usize = 160;
/// And so many files.
const FILES: usize = 12;

/// Renders all parts, each a paragraph.
pub(super) fn render(additions: &Additions, progress: &ProgressSummary, steps: &[Step]) -> String {
    let mut out = String::new();
    headline(&mut out, &additions.run_details, progress, steps);
    step_table(&mut out, steps);
    if additions.progress_summary.is_some() {
        outlook(&mut out, progress);
    }
    if let Some(Some(result)) = &additions.final_result {
        result_text(&mut out, result);
    }
    figures(&mut out, &additions.run_details);
    out
}

/// Everything goes through here: writing to a string cannot fail.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{text}");
}

fn headline(out: &mut String, details: &RunDetails, progress: &ProgressSummary, steps: &[Step]) {
    let outcome = match details.outcome {
        Outcome::Success => "✔ succeeded",
        Outcome::Failed => "✘ failed",
        Outcome::MaxTurns => "✘ stopped at its turn limit",
        Outcome::Timeout => "✘ timed out",
        Outcome::Cancelled => "✘ cancelled",
        Outcome::Running => "▶ running",
        Outcome::Lost => "? lost",
    };
    let first = steps.iter().filter_map(|step| step.started_at).min();
    let last = progress.last_event_at;
    let mut parts = vec![outcome.to_owned()];
    if details.outcome == Outcome::Running {
        parts.push(format!("{:.0} %", progress.completion_percentage));
    }
    if let (Some(first), Some(last)) = (first, last) {
        parts.push(duration(u64::try_from((last.0 - first.0).num_seconds()).unwrap_or(0)));
    }
    parts.push(counted(details.turns, "turn"));
    parts.extend(details.usage.cost_usd.map(|usd| cost(usd, details.usage.cost_is_estimate)));
    parts.extend(details.model.clone());
    line(out, format_args!("{}", parts.join(" · ")));
}

fn step_table(out: &mut String, steps: &[Step]) {
    let width = steps.iter().map(|step| shown_name(step).chars().count()).max().unwrap_or(0);
    let done = steps.iter().filter(|step| step.status == StepStatus::Completed).count();
    line(out, format_args!("\nSteps ({done} of {} done)", steps.len()));
    for step in steps {
        let took = step.duration_seconds.map(duration).unwrap_or_default();
        let calls = if step.tool_calls > 0 { counted(step.tool_calls, "call") } else { String::new() };
        let price = step.cost.map(|usd| cost(usd, false)).unwrap_or_default();
        let name = shown_name(step);
        let row = format!(
            " {} {:>3}  {name:<width$}  {took:>8}  {calls:>10}  {price:>7}",
            mark(step.status),
            step.step_id
        );
        line(out, format_args!("{}", row.trim_end()));
        if let Some(error) = &step.error {
            line(out, format_args!("        ↳ {}", first_line(error)));
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

fn outlook(out: &mut String, progress: &ProgressSummary) {
    line(out, format_args!("\nNow      {}", progress.recent_activity));
    if let Some(end) = progress.estimated_completion {
        line(out, format_args!("Ends     about {end}"));
    }
    if progress.stalled {
        line(out, format_args!("Stalled  nothing was logged for longer than the tools explain"));
    }
}

fn result_text(out: &mut String, result: &str) {
    line(out, format_args!("\nResult"));
    let lines: Vec<&str> = result.trim().lines().collect();
    for text in lines.iter().take(RESULT_LINES) {
        line(out, format_args!("{}", format!("  {}", shortened(text, LINE_WIDTH)).trim_end()));
    }
    if lines.len() > RESULT_LINES {
        line(out, format_args!("  … {} more", counted((lines.len() - RESULT_LINES) as u64, "line")));
    }
}

fn figures(out: &mut String, details: &RunDetails) {
    if !details.files.is_empty() {
        line(out, format_args!("\nFiles ({})", details.files.len()));
        for file in details.files.iter().take(FILES) {
            let change = if file.change == Change::Created { '+' } else { '~' };
            line(out, format_args!("  {change} {} ({})", file.path, counted(file.edits, "edit")));
        }
        if details.files.len() > FILES {
            line(out, format_args!("  … {} more", details.files.len() - FILES));
        }
    }
    let tests = details.tests;
    line(out, format_args!(""));
    if tests.runs > 0 {
        let runs = counted(tests.runs, "run");
        let counts = format!("{} passed, {} failed, {} skipped", tests.passed, tests.failed, tests.skipped);
        line(out, format_args!("Tests    {counts} ({runs})"));
    }
    let mut tools: Vec<_> = details.tools.iter().collect();
    tools.sort_by_key(|(_, figures)| std::cmp::Reverse(figures.calls));
    let tools: Vec<String> =
        tools.iter().take(8).map(|(name, figures)| format!("{name} {}", figures.calls)).collect();
    if !tools.is_empty() {
        line(out, format_args!("Tools    {}", tools.join(", ")));
    }
    if let Some(error) = details.errors.last() {
        let message = shortened(first_line(&error.message), 80);
        line(out, format_args!("Errors   last: {}: {message}", error.tool));
    }
    if let Some(usd) = details.usage.cost_usd {
        line(out, format_args!("Cost     {}", cost(usd, details.usage.cost_is_estimate)));
    }
}

fn cost(usd: f64, estimated: bool) -> String {
    format!("{}${usd:.2}", if estimated { "about " } else { "" })
}

fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

fn shortened(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let start: String = text.chars().take(chars - 1).collect();
    format!("{}…", start.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        assert_eq!([7, 67, 3_725].map(duration), ["7 s", "1m 07s", "1h 02m"]);
    }

    #[test]
    fn long_names_are_cut_with_an_ellipsis() {
        assert_eq!(shortened("äbc def", 5), "äbc…");
        assert_eq!(shortened("äbc", 5), "äbc");
    }
}
