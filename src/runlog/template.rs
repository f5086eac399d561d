//! Names of log files as templates, such as `run_{run_id}.log`. Pure.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::run_id::RunId;

/// A relative path in which fields in braces stand for what is known of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Component>);

/// What stands between two slashes.
type Component = Vec<Part>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Field),
}

/// What a template may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The run's id, which every status request names.
    RunId,
    /// The workflow's name, as the upstream's answer has it.
    WorkflowName,
    /// The upstream's own session, as its answer has it.
    SessionId,
    /// Claude Code's session, as the upstream's answer or a log has it.
    ClaudeSessionId,
    /// Any name: one folder for each project that Claude Code has worked in, for example.
    Any,
}

/// What is known of a run for the names of its logs. Every value obeys the rule of run ids, so that none can add a
/// component to a path or climb.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunFields {
    /// The run's id.
    pub run: RunId,
    /// The workflow's name.
    pub workflow: Option<RunId>,
    /// The upstream's own session.
    pub session: Option<RunId>,
    /// Claude Code's session.
    pub claude_session: Option<RunId>,
    /// Whether the upstream has answered: what is not known now will not be.
    pub answered: bool,
}

/// The relative path of a log below its root: no empty, `.` or `..` component.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogName(Arc<str>);

/// A [`LogName`] of which parts are not known: each stands for any legal value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamePattern(Vec<Vec<Piece>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Piece {
    Known(String),
    Unknown,
}

/// What a template makes of what is known of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// One name.
    Exactly(LogName),
    /// Something is not known.
    Like(NamePattern),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// It begins with a slash, or has an empty, `.` or `..` component.
    #[error("a template is a plain relative path, without empty, '.' or '..' components")]
    NotPlain,
    /// A field in braces that is not known.
    #[error(
        "'{{{0}}}' is not a field; known: {{run_id}}, {{workflow_name}}, {{session_id}}, {{claude_session_id}}"
    )]
    UnknownField(String),
    /// A brace without its partner.
    #[error("a brace is not closed")]
    Brace,
    /// Without one, many runs would have the same log.
    #[error("one of {{run_id}}, {{session_id}} and {{claude_session_id}} has to occur")]
    NoId,
}

impl RunFields {
    /// Nothing but the id is known.
    pub fn of(run: RunId) -> Self {
        Self { run, workflow: None, session: None, claude_session: None, answered: false }
    }

    fn get(&self, field: Field) -> Option<&str> {
        match field {
            Field::RunId => Some(&self.run),
            Field::WorkflowName => self.workflow.as_ref(),
            Field::SessionId => self.session.as_ref(),
            Field::ClaudeSessionId => self.claude_session.as_ref(),
            Field::Any => None,
        }
        .map(RunId::as_str)
    }
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let template = Self(text.split('/').map(component).collect::<Result<_, _>>()?);
        let is_id = |field| matches!(field, Field::RunId | Field::SessionId | Field::ClaudeSessionId);
        if template.fields().any(is_id) { Ok(template) } else { Err(TemplateError::NoId) }
    }

    /// Where Claude Code keeps its transcripts below its folder of projects.
    pub fn transcripts() -> Self {
        let file = vec![Part::Field(Field::ClaudeSessionId), Part::Text(".jsonl".into())];
        Self(vec![vec![Part::Field(Field::Any)], file])
    }

    /// Whether nothing but the run's id is needed, which is known before the upstream has answered.
    pub fn needs_run_id_only(&self) -> bool {
        self.fields().all(|field| field == Field::RunId)
    }

    /// Whether the name is the run's alone: a session may have had other runs.
    pub fn has_run_id(&self) -> bool {
        self.fields().any(|field| field == Field::RunId)
    }

    /// The name of a run's log.
    pub fn name(&self, run: &RunFields) -> Named {
        let piece = |part: &Part| match part {
            Part::Text(text) => Piece::Known(text.clone()),
            Part::Field(field) => {
                run.get(*field).map_or(Piece::Unknown, |value| Piece::Known(value.to_owned()))
            }
        };
        let pieces = |parts: &Component| parts.iter().map(piece).collect();
        let pattern = NamePattern(self.0.iter().map(pieces).collect());
        pattern.name().map_or(Named::Like(pattern), Named::Exactly)
    }

    fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        self.0.iter().flatten().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Field(field) => Some(*field),
        })
    }
}

fn component(text: &str) -> Result<Component, TemplateError> {
    if text.contains('\0') || matches!(text, "" | "." | "..") {
        return Err(TemplateError::NotPlain);
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').ok_or(TemplateError::Brace)?;
        let field = match name {
            "run_id" => Field::RunId,
            "workflow_name" => Field::WorkflowName,
            "session_id" => Field::SessionId,
            "claude_session_id" => Field::ClaudeSessionId,
            _ => return Err(TemplateError::UnknownField(name.to_owned())),
        };
        parts.extend([Part::Text(before.to_owned()), Part::Field(field)]);
        rest = behind;
    }
    if parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains('}'))) || rest.contains('}') {
        return Err(TemplateError::Brace);
    }
    parts.push(Part::Text(rest.to_owned()));
    Ok(parts)
}

impl LogName {
    /// The path, its components separated by slashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl NamePattern {
    /// How many components the names have that it stands for.
    pub fn depth(&self) -> usize {
        self.0.len()
    }

    /// The component at `level`, where it is known.
    pub fn component(&self, level: usize) -> Option<String> {
        self.0.get(level)?.iter().map(Piece::known).collect()
    }

    /// The longest path that every name begins with; ends inside a component, mostly.
    pub fn prefix(&self) -> String {
        let mut prefix = String::new();
        for (level, pieces) in self.0.iter().enumerate() {
            prefix.push_str(if level > 0 { "/" } else { "" });
            for piece in pieces {
                match piece {
                    Piece::Known(text) => prefix.push_str(text),
                    Piece::Unknown => return prefix,
                }
            }
        }
        prefix
    }

    /// Whether `name` can be the component at `level`: every part that is not known has to be a legal id.
    pub fn fits(&self, level: usize, name: &str) -> bool {
        self.0.get(level).is_some_and(|pieces| fits(pieces, name))
    }

    /// The name that this whole path is, where it fits.
    pub fn accept(&self, path: &str) -> Option<LogName> {
        let components = path.split('/').enumerate();
        let fitting = components.filter(|(level, name)| self.fits(*level, name)).count();
        (fitting == self.0.len() && path.split('/').count() == fitting).then(|| LogName(path.into()))
    }

    fn name(&self) -> Option<LogName> {
        let components: Option<Vec<String>> = (0..self.0.len()).map(|level| self.component(level)).collect();
        Some(LogName(components?.join("/").into()))
    }
}

impl Piece {
    fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Unknown => None,
        }
    }
}

/// Each unknown part takes as little as it can, which is no loss: the known ones in between are fixed.
fn fits(pieces: &[Piece], name: &str) -> bool {
    match pieces {
        [] => name.is_empty(),
        [Piece::Known(text), rest @ ..] => {
            name.strip_prefix(text.as_str()).is_some_and(|left| fits(rest, left))
        }
        [Piece::Unknown, rest @ ..] => name
            .char_indices()
            .map(|(at, letter)| at + letter.len_utf8())
            .take_while(|end| RunId::new(&name[..*end]).is_some() || is_folder(&name[..*end]))
            .any(|end| fits(rest, &name[end..])),
    }
}

/// Claude Code's names of folders begin with a dash, which ids may, and have no other characters than they.
fn is_folder(name: &str) -> bool {
    name.len() <= 255 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (level, parts) in self.0.iter().enumerate() {
            f.write_str(if level > 0 { "/" } else { "" })?;
            for part in parts {
                match part {
                    Part::Text(text) => f.write_str(text)?,
                    Part::Field(field) => f.write_str(field.as_str())?,
                }
            }
        }
        Ok(())
    }
}

impl Field {
    fn as_str(self) -> &'static str {
        match self {
            Self::RunId => "{run_id}",
            Self::WorkflowName => "{workflow_name}",
            Self::SessionId => "{session_id}",
            Self::ClaudeSessionId => "{claude_session_id}",
            Self::Any => "*",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunFields {
        RunFields::of(RunId::new("run_08ac").unwrap())
    }

    fn template(text: &str) -> Template {
        Template::parse(text).unwrap()
    }

    fn pattern(text: &str, run: &RunFields) -> NamePattern {
        match template(text).name(run) {
            Named::Like(pattern) => pattern,
            Named::Exactly(name) => panic!("{name} is known"),
        }
    }

    #[test]
    fn a_template_names_the_log_of_a_run() {
        for (text, path) in [
            ("run_{run_id}.log", "run_run_08ac.log"),
            ("{run_id}/{run_id}", "run_08ac/run_08ac"),
            ("a/{run_id}.x", "a/run_08ac.x"),
        ] {
            assert!(template(text).needs_run_id_only());
            assert_eq!(template(text).name(&run()), Named::Exactly(LogName(path.into())));
            assert_eq!(template(text).to_string(), text);
        }
    }

    #[test]
    fn a_field_that_is_not_known_stands_for_any_legal_value() {
        let text = "logs/{workflow_name}_{claude_session_id}.log";
        let open = pattern(text, &run());
        assert_eq!(open.prefix(), "logs/");
        for (path, fits) in [
            ("logs/builder_cd61-3e.log", true),
            ("logs/a_b_c.log", true),
            ("logs/builder_.log", false),
            ("logs/_x.log", false),
            ("logs/..._x.log", false),
            ("logs/builder_x.log.1", false),
            ("logs/builder_x/y.log", false),
            ("logs", false),
            ("builder_x.log", false),
        ] {
            assert_eq!(open.accept(path).is_some(), fits, "{path}");
        }
        let known = RunFields { workflow: RunId::new("fix"), claude_session: RunId::new("s-1"), ..run() };
        assert_eq!(template(text).name(&known), Named::Exactly(LogName("logs/fix_s-1.log".into())));
        assert!(!template(text).needs_run_id_only() && !template(text).has_run_id());
    }

    #[test]
    fn a_transcript_is_looked_for_in_every_folder_of_projects() {
        let run = RunFields { claude_session: RunId::new("s-1"), ..run() };
        let Named::Like(pattern) = Template::transcripts().name(&run) else {
            panic!("the folder is not known")
        };
        assert_eq!(
            (pattern.depth(), pattern.component(0), pattern.component(1)),
            (2, None, Some("s-1.jsonl".into()))
        );
        assert!(pattern.accept("-srv-api/s-1.jsonl").is_some());
        assert!(pattern.accept("../s-1.jsonl").is_none());
        assert!(pattern.accept("-srv-api/s-2.jsonl").is_none());
    }

    #[test]
    fn templates_that_could_climb_or_make_no_sense_are_refused() {
        for climbing in
            ["/var/{run_id}", "../{run_id}", "a/../{run_id}", "./{run_id}", "{run_id}/", "", "a//{run_id}"]
        {
            assert_eq!(Template::parse(climbing), Err(TemplateError::NotPlain), "{climbing}");
        }
        assert_eq!(Template::parse("{session}.log"), Err(TemplateError::UnknownField("session".into())));
        assert_eq!(Template::parse("{run_id"), Err(TemplateError::Brace));
        assert_eq!(Template::parse("x}{run_id}y}"), Err(TemplateError::Brace));
        assert_eq!(Template::parse("all.log"), Err(TemplateError::NoId));
        assert_eq!(Template::parse("{workflow_name}.log"), Err(TemplateError::NoId));
    }
}
