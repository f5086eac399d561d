//! What a tool call does, in a few words for people: "Editing src/auth.py", "Running cargo test".
//!
//! Not for what came of it, and not for step names, which are given as logged. Nothing here fails: a call of an unknown
//! tool with garbage for a name is described, too, and secrets in what is shown are masked.

mod command;
mod path;
mod secrets;

use std::borrow::Cow;

pub use secrets::mask_secrets;

/// A description has at most so many characters.
pub const MAX_CHARS: usize = 100;
/// Of an argument so much is looked at, in bytes: far more than is shown, so that masking sees secrets whole.
const MAX_ARGUMENT_BYTES: usize = 2048;
/// A quoted argument is cut to so many characters.
const MAX_QUOTED_CHARS: usize = 60;
/// And the name of an unknown tool.
const MAX_NAME_CHARS: usize = 40;

/// The arguments of a tool call, as far as they say what it does; those which a call lacks are `None`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Arguments<'a> {
    /// The tool's name, as logged; may be anything.
    pub name: &'a str,
    /// The file of Read, Edit, Write, MultiEdit.
    pub file_path: Option<&'a str>,
    /// The place of Grep, Glob, LS.
    pub path: Option<&'a str>,
    /// The notebook of NotebookEdit.
    pub notebook_path: Option<&'a str>,
    /// The shell line of Bash.
    pub command: Option<&'a str>,
    /// What a sub-agent (or a shell line) is for.
    pub description: Option<&'a str>,
    /// What Grep and Glob look for.
    pub pattern: Option<&'a str>,
    /// What `WebSearch` and `ToolSearch` look for.
    pub query: Option<&'a str>,
    /// What `WebFetch` and browsers open.
    pub url: Option<&'a str>,
    /// The title of a task in a list.
    pub subject: Option<&'a str>,
    /// The skill or slash command.
    pub skill: Option<&'a str>,
    /// To whom `SendMessage` writes.
    pub recipient: Option<&'a str>,
}

/// Arguments of a call that may be described later: their starts. Holds at most some 30 KiB, and that only until then.
#[derive(Debug, Clone, Default)]
pub(in crate::analysis) struct KeptArguments {
    /// All of them, one after the other.
    texts: String,
    /// Where each ends in `texts`, in the order of [`Arguments::fields`]; absent ones as far as the one before.
    ends: [Option<u16>; FIELDS],
    is_there: bool,
}

/// How many arguments there are, the name included.
const FIELDS: usize = 12;

impl KeptArguments {
    /// Takes these in place of earlier ones.
    pub(in crate::analysis) fn keep(&mut self, arguments: &Arguments<'_>) {
        self.texts.clear();
        for (end, text) in self.ends.iter_mut().zip(arguments.fields()) {
            *end = text.map(|text| {
                self.texts.push_str(start(text));
                u16::try_from(self.texts.len()).unwrap_or(u16::MAX)
            });
        }
        self.is_there = true;
    }

    /// Describes the call, see [`describe`], and forgets it; `None` where there was none since the last time.
    pub(in crate::analysis) fn take_description(&mut self) -> Option<String> {
        let kept = std::mem::take(self);
        kept.is_there.then(|| describe(&kept.arguments()))
    }

    fn arguments(&self) -> Arguments<'_> {
        let mut from = 0;
        let [
            name,
            file_path,
            path,
            notebook_path,
            command,
            description,
            pattern,
            query,
            url,
            subject,
            skill,
            recipient,
        ] = self.ends.map(|end| {
            let end = usize::from(end?);
            self.texts.get(std::mem::replace(&mut from, end)..end)
        });
        Arguments {
            name: name.unwrap_or_default(),
            file_path,
            path,
            notebook_path,
            command,
            description,
            pattern,
            query,
            url,
            subject,
            skill,
            recipient,
        }
    }
}

impl<'a> Arguments<'a> {
    fn fields(&self) -> [Option<&'a str>; FIELDS] {
        [
            Some(self.name),
            self.file_path,
            self.path,
            self.notebook_path,
            self.command,
            self.description,
            self.pattern,
            self.query,
            self.url,
            self.subject,
            self.skill,
            self.recipient,
        ]
    }
}

/// Describes a tool call in one line of at most [`MAX_CHARS`] characters, without control characters or secrets.
pub fn describe(arguments: &Arguments<'_>) -> String {
    let described = known(arguments).unwrap_or_else(|| foreign(arguments.name));
    one_line(&described, MAX_CHARS)
}

/// The tools that Claude Code brings; `None` for all others.
fn known(arguments: &Arguments<'_>) -> Option<String> {
    let file = arguments.file_path.or(arguments.notebook_path).or(arguments.path);
    Some(match arguments.name {
        "Edit" | "MultiEdit" | "NotebookEdit" | "Update" => with_path("Editing", file, "a file"),
        "Write" => with_path("Writing", file, "a file"),
        "Read" | "NotebookRead" => with_path("Reading", file, "a file"),
        "LS" => with_path("Listing", arguments.path, "files"),
        "Bash" | "PowerShell" => arguments
            .command
            .and_then(|line| command::describe(start(line)))
            .unwrap_or("Running a command".into()),
        "Grep" | "Search" => quoted("Searching for", arguments.pattern, "Searching"),
        "Glob" => quoted("Looking for files like", arguments.pattern, "Looking for files"),
        "WebSearch" => quoted("Searching the web for", arguments.query, "Searching the web"),
        "ToolSearch" => quoted("Looking for tools:", arguments.query, "Looking for tools"),
        "WebFetch" => {
            arguments.url.and_then(host).map_or("Fetching a page".into(), |host| format!("Fetching {host}"))
        }
        "Task" | "Agent" => titled("Asking a sub-agent", arguments.description),
        "TaskCreate" => titled("Adding to the task list", arguments.subject),
        "TodoWrite" | "TaskUpdate" => "Updating the task list".into(),
        "TodoRead" | "TaskGet" | "TaskList" => "Reading the task list".into(),
        "Skill" | "SlashCommand" => titled("Using a skill", arguments.skill.or(arguments.command)).replacen(
            "a skill:",
            "the skill",
            1,
        ),
        "SendMessage" => {
            titled("Writing to", Some(arguments.recipient.unwrap_or("a team mate"))).replacen(':', "", 1)
        }
        name => fixed(name)?.into(),
    })
}

/// The tools whose arguments say nothing that a reader would miss.
fn fixed(name: &str) -> Option<&'static str> {
    Some(match name {
        "BashOutput" | "TaskOutput" | "AgentOutputTool" => "Waiting for a background job",
        "KillShell" | "KillBash" | "TaskStop" => "Stopping a background job",
        "ExitPlanMode" => "Presenting the plan",
        "EnterPlanMode" => "Planning",
        "AskUserQuestion" => "Asking a question",
        "TeamCreate" => "Setting up a team",
        "TeamDelete" => "Dissolving the team",
        "EnterWorktree" => "Opening a worktree",
        "ExitWorktree" => "Leaving the worktree",
        "StructuredOutput" => "Handing in the result",
        "ListMcpResourcesTool" | "ReadMcpResourceTool" => "Reading a resource",
        _ => return None,
    })
}

/// Tools from elsewhere: `mcp__linear__create_comment` is "Using linear: create comment".
fn foreign(name: &str) -> String {
    let name = start(name);
    let words = |part: &str| one_line(&spaced(part), MAX_NAME_CHARS);
    if let Some((server, tool)) = name.strip_prefix("mcp__").and_then(|rest| rest.split_once("__")) {
        return format!("Using {}: {}", words(server_name(server)), words(tool));
    }
    match words(name) {
        name if name.is_empty() => "Using a tool".into(),
        name => format!("Using {name}"),
    }
}

/// Servers of plugins are called `plugin_<plugin>_<server>`.
fn server_name(server: &str) -> &str {
    server.strip_prefix("plugin_").map_or(server, |rest| rest.rsplit('_').next().unwrap_or(rest))
}

/// A name as words: letters, digits, dots and hyphens stay, all else parts words.
fn spaced(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-') { c } else { ' ' }).collect()
}

fn with_path(verb: &str, path: Option<&str>, otherwise: &str) -> String {
    let shown = path.map(|path| path::shorten(start(path))).filter(|path| !path.trim().is_empty());
    format!("{verb} {}", mask_secrets(shown.as_deref().unwrap_or(otherwise)))
}

fn quoted(verb: &str, text: Option<&str>, otherwise: &str) -> String {
    match text.map(shown).filter(|text| !text.is_empty()) {
        Some(text) => format!("{verb} '{text}'"),
        None => otherwise.to_owned(),
    }
}

fn titled(verb: &str, title: Option<&str>) -> String {
    match title.map(shown).filter(|title| !title.is_empty()) {
        Some(title) => format!("{verb}: {title}"),
        None => verb.to_owned(),
    }
}

/// An argument as it is shown: secrets masked, in one line, cut.
fn shown(text: &str) -> String {
    one_line(&mask_secrets(start(text)), MAX_QUOTED_CHARS)
}

/// The part of an argument that is looked at.
fn start(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_ARGUMENT_BYTES)]
}

/// The host of a URL, without user, password, port and path.
fn host(url: &str) -> Option<Cow<'_, str>> {
    let rest = start(url).split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    (!host.is_empty()).then(|| mask_secrets(host))
}

/// `text` with every run of blanks and control characters as one space, cut to `max_chars` with an ellipsis.
fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    let mut left = max_chars;
    for word in text.split(|c: char| c.is_whitespace() || is_unshowable(c)).filter(|word| !word.is_empty()) {
        let needed = word.chars().count() + usize::from(!line.is_empty());
        if needed > left {
            return cut(&line, word, left);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        left -= needed;
    }
    line
}

/// `line` and as much of `word` as fits into `left` more characters, and an ellipsis.
fn cut(line: &str, word: &str, left: usize) -> String {
    const WORTH_SHOWING: usize = 12;
    if left > WORTH_SHOWING || line.is_empty() {
        let blank = usize::from(!line.is_empty());
        let part: String = word.chars().take(left.saturating_sub(blank + 1)).collect();
        return format!("{line}{}{part}…", &" "[..blank]);
    }
    let keep = if left == 0 { line.chars().count() - 1 } else { line.chars().count() };
    let kept: String = line.chars().take(keep).collect();
    format!("{}…", kept.trim_end())
}

/// Control characters, and those that change the direction of text or take no room.
fn is_unshowable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}')
}

#[cfg(test)]
mod tests;
