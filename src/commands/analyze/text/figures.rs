//! What stands below the steps and the result: files, tests, agents, tools, errors, cost.

use std::collections::BTreeMap;

use super::{LINE_WIDTH, Out};
use crate::analysis::{Change, RunDetails, SubAgentStatus};
use crate::commands::layout::{cost, counted, first_line, shortened, shortened_path};

/// So many files are shown.
const FILES: usize = 12;
/// And so many tools, or kinds of agents.
const KINDS: usize = 8;

pub(super) fn figures(out: &mut Out, details: &RunDetails) {
    files(out, details);
    out.line("");
    tests(out, details);
    agents(out, details);
    tools(out, details);
    errors(out, details);
    costs(out, details);
}

fn files(out: &mut Out, details: &RunDetails) {
    let Some(first) = details.files.first() else { return };
    let home = details.files.iter().fold(folder(&first.path), |home, file| common(home, folder(&file.path)));
    let place = if home.len() > 1 { format!(" in {home}") } else { String::new() };
    out.line(&format!("\nFiles ({}){}", details.files.len(), shortened_path(&place, LINE_WIDTH - 12)));
    for file in details.files.iter().take(FILES) {
        let change = if file.change == Change::Created { '+' } else { '~' };
        let path = if home.len() > 1 { &file.path[home.len()..] } else { &file.path };
        let path = shortened_path(path, LINE_WIDTH - 20);
        out.line(&format!("  {change} {path} ({})", counted(file.edits, "edit")));
    }
    if details.files.len() > FILES {
        out.line(&format!("  … {} more", details.files.len() - FILES));
    }
}

/// The path up to its last separator, which is included.
fn folder(path: &str) -> &str {
    &path[..path.rfind(['/', '\\']).map_or(0, |at| at + 1)]
}

/// The folder that both folders are in.
fn common<'p>(one: &'p str, other: &str) -> &'p str {
    let same = one.char_indices().zip(other.chars()).take_while(|((_, one), other)| one == other);
    folder(&one[..same.last().map_or(0, |((at, c), _)| at + c.len_utf8())])
}

fn tests(out: &mut Out, details: &RunDetails) {
    let tests = details.tests;
    if tests.runs > 0 {
        let mut counts = vec![format!("{} passed", tests.passed), format!("{} failed", tests.failed)];
        if tests.skipped > 0 {
            counts.push(format!("{} skipped", tests.skipped));
        }
        out.fact("Tests", &format!("{} ({})", counts.join(", "), counted(tests.runs, "run")));
    }
}

fn agents(out: &mut Out, details: &RunDetails) {
    let agents = &details.sub_agents;
    if agents.is_empty() {
        return;
    }
    let failed = agents.iter().filter(|agent| agent.status == SubAgentStatus::Failed).count();
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for agent in agents {
        *kinds.entry(first_line(&agent.name)).or_default() += 1;
    }
    out.fact("Agents", &format!("{}{failed}: {}", agents.len(), ranked(kinds)));
}

fn tools(out: &mut Out, details: &RunDetails) {
    let tools: BTreeMap<&str, u64> =
        details.tools.iter().map(|(name, figures)| (name.as_str(), figures.calls)).collect();
    if !tools.is_empty() {
        out.fact("Tools", &ranked(tools));
    }
}

/// "Bash 12, Read 3": the most frequent first.
fn ranked(counts: BTreeMap<&str, u64>) -> String {
    let mut counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let more = counts.len().saturating_sub(KINDS);
    let mut shown: Vec<String> =
        counts.iter().take(KINDS).map(|(name, count)| format!("{} {count}", shortened(name, 40))).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

fn errors(out: &mut Out, details: &RunDetails) {
    let errors: u64 = details.tools.values().map(|tool| tool.errors).sum();
    if let Some(last) = details.errors.last() {
        let message = shortened(&told(&last.message), LINE_WIDTH - 30);
        out.fact("Errors", &format!("{}, the last: {}: {message}", errors.max(1), last.tool));
    }
    if details.permission_denials > 0 {
        out.fact("Denied", &counted(details.permission_denials, "call"));
    }
}

/// An exit code alone says little: the first line after it does.
fn told(message: &str) -> String {
    let first = first_line(message);
    let rest = message.trim().lines().skip(1).map(str::trim).find(|line| !line.is_empty());
    match rest {
        Some(rest) if first.starts_with("Exit code") => format!("{first}: {rest}"),
        _ => first.to_owned(),
    }
}

fn costs(out: &mut Out, details: &RunDetails) {
    let usage = &details.usage;
    let total = usage.cost_usd.map(|usd| cost(usd, usage.cost_is_estimate));
    let by_model: Vec<String> = usage
        .by_model
        .iter()
        .map(|(name, share)| {
            let price =
                share.cost_usd.map_or("no known price".into(), |usd| cost(usd, share.cost_is_estimate));
            format!("{} {price}", shortened(name, 40))
        })
        .collect();
    match (total, by_model.as_slice()) {
        (Some(total), [] | [_]) => out.fact("Cost", &total),
        (Some(total), _) => out.fact("Cost", &format!("{total}: {}", by_model.join(", "))),
        (None, []) => {}
        (None, _) => out.fact("Cost", &format!("unknown: {}", by_model.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_share_a_folder_and_not_half_a_name() {
        assert_eq!(common("/srv/app/src/", "/srv/app/source/"), "/srv/app/");
        assert_eq!(common("/srv/app/", "/srv/app/src/"), "/srv/app/");
        assert_eq!((common("a/", "b/"), folder("README.md")), ("", ""));
    }

    #[test]
    fn an_exit_code_is_told_with_the_line_after_it() {
        assert_eq!(told("Exit code 2\n\n$ tsc --noEmit\nmore"), "Exit code 2: $ tsc --noEmit");
        assert_eq!(
            (told("Exit code 1"), told("File not found\nx")),
            ("Exit code 1".into(), "File not found".into())
        );
    }

    #[test]
    fn the_most_frequent_come_first_and_the_rest_is_counted() {
        let counts: BTreeMap<&str, u64> =
            ["a", "b", "c", "d", "e", "f", "g", "h", "i"].into_iter().zip(1..).collect();
        assert_eq!(ranked(counts), "i 9, h 8, g 7, f 6, e 5, d 4, c 3, b 2, 1 more");
    }
}
