//! What a call says of the phase that the run is in.

use super::steps::{Phase, Vote};
use super::test_runs;

/// Reads a call's tool, and its command where it runs one.
pub(super) fn of_call(tool: &str, command: &str) -> Vote {
    match tool {
        "ExitPlanMode" | "EnterPlanMode" | "AskUserQuestion" => Vote::For(Phase::Planning),
        "Read" | "Grep" | "Glob" | "LS" | "WebFetch" | "WebSearch" | "NotebookRead" | "LSP" => {
            Vote::For(Phase::Analysis)
        }
        "Write" | "Edit" | "MultiEdit" | "NotebookEdit" => Vote::For(Phase::Implementation),
        "Bash" => of_command(command),
        "TodoWrite" | "TodoRead" | "TaskCreate" | "TaskUpdate" | "TaskGet" | "TaskList" | "ToolSearch" => {
            Vote::Upkeep
        }
        _ => Vote::Neutral,
    }
}

fn of_command(command: &str) -> Vote {
    if !test_runs::recognise(command).is_empty() {
        return Vote::For(Phase::Testing);
    }
    let commands = command.split(['&', '|', ';', '\n']).map(|part| {
        let mut words = part.split_whitespace().filter(|word| !word.contains('=') && *word != "sudo");
        [(); 3].map(|()| words.next().unwrap_or_default())
    });
    // The last telling part decides: what comes before mostly prepares it.
    commands
        .filter(|words| words[0] != "cd")
        .filter_map(phase_of)
        .next_back()
        .map_or(Vote::Neutral, Vote::For)
}

fn phase_of([program, action, object]: [&str; 3]) -> Option<Phase> {
    match program {
        "git" => match action {
            "commit" | "push" | "tag" => Some(Phase::Delivery),
            "log" | "status" | "diff" | "show" | "blame" | "branch" | "ls-files" | "grep" => {
                Some(Phase::Analysis)
            }
            _ => None,
        },
        "gh" | "glab" => match (action, object) {
            ("pr" | "mr" | "release", "create" | "edit" | "merge" | "ready" | "comment" | "upload") => {
                Some(Phase::Delivery)
            }
            _ => Some(Phase::Analysis),
        },
        "docker" | "kubectl" | "terraform" if matches!(action, "push" | "apply" | "deploy") => {
            Some(Phase::Delivery)
        }
        "ls" | "cat" | "find" | "tree" | "rg" | "wc" | "pwd" | "which" | "file" | "du" | "stat" => {
            Some(Phase::Analysis)
        }
        "mkdir" | "touch" | "cp" | "mv" | "rm" | "chmod" | "patch" => Some(Phase::Implementation),
        "npm" | "pnpm" | "yarn" | "bun" | "pip" | "pip3" | "uv" | "poetry" => match action {
            "install" | "i" | "add" | "ci" | "sync" | "init" => Some(Phase::Implementation),
            _ => None,
        },
        "cargo" => match action {
            "build" | "check" | "clippy" => Some(Phase::Testing),
            "add" | "new" | "init" => Some(Phase::Implementation),
            _ => None,
        },
        "tsc" | "eslint" | "ruff" | "mypy" | "flake8" | "pylint" | "make" => Some(Phase::Testing),
        _ => None,
    }
}
