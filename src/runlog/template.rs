//! Names of log files as templates, such as `run_{run_id}.log`. Pure.

use std::fmt;

use thiserror::Error;

use crate::run_id::RunId;

/// A relative path in which `{run_id}` stands for the run's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    RunId,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// It begins with a slash, or has an empty, `.` or `..` component.
    #[error("a template is a plain relative path, without empty, '.' or '..' components")]
    NotPlain,
    /// A field in braces that is not known.
    #[error("'{{{0}}}' is not a field; known: {{run_id}}")]
    UnknownField(String),
    /// A brace without its partner.
    #[error("a brace is not closed")]
    Brace,
    /// Without it, every run would have the same log.
    #[error("'{{run_id}}' has to occur")]
    NoRunId,
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.contains('\0') || text.split('/').any(|component| matches!(component, "" | "." | "..")) {
            return Err(TemplateError::NotPlain);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (field, behind) = after.split_once('}').ok_or(TemplateError::Brace)?;
            if field != "run_id" {
                return Err(TemplateError::UnknownField(field.to_owned()));
            }
            parts.extend([Part::Text(before.to_owned()), Part::RunId]);
            rest = behind;
        }
        if rest.contains('}') {
            return Err(TemplateError::Brace);
        }
        if !parts.contains(&Part::RunId) {
            return Err(TemplateError::NoRunId);
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The path of a run's log. A legal run id cannot add a component or climb.
    pub fn path(&self, run: &RunId) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::RunId => run.as_str(),
            })
            .collect()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::RunId => f.write_str("{run_id}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_names_the_log_of_a_run() {
        let run = RunId::new("run_08ac").unwrap();
        assert_eq!(Template::parse("run_{run_id}.log").unwrap().path(&run), "run_run_08ac.log");
        assert_eq!(Template::parse("{run_id}/{run_id}").unwrap().path(&run), "run_08ac/run_08ac");
        assert_eq!(Template::parse("a/{run_id}.x").unwrap().to_string(), "a/{run_id}.x");
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
        assert_eq!(Template::parse("all.log"), Err(TemplateError::NoRunId));
    }
}
