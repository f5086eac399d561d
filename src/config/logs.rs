//! Checks the section `logs`: where the logs of runs are, in the order in which they are looked for.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::checks::{duration, memory, refuse, size};
use super::error::ConfigError;
use super::layers::home;
use super::raw;
use super::types::LogsConfig;
use crate::runlog::Template;

const KEY: &str = "logs.sources";
const HINT: &str = "name folders, URLs, \"body\" or \"transcripts\", such as [\"/srv/api/logs\", \"body\"]";
/// Where Claude Code keeps its transcripts, below the home of whoever runs it.
const TRANSCRIPTS: &str = "~/.claude/projects";

/// One place where logs may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceConfig {
    /// A folder.
    Folder {
        /// The folder.
        root: PathBuf,
        /// Names of a run's logs below it; all that are there count.
        templates: Vec<Template>,
    },
    /// A bucket, or a part of one.
    ObjectStore {
        /// Its URL, such as `s3://bucket/prefix`: without credentials, query and fragment.
        url: Url,
        /// Names of a run's logs below it.
        templates: Vec<Template>,
    },
    /// A folder that a web server serves.
    Http {
        /// Its URL, which ends in a slash: without credentials, query and fragment.
        url: Url,
        /// Names of a run's logs below it.
        templates: Vec<Template>,
    },
    /// The `logs` text of the upstream's own answer.
    Body,
    /// Claude Code's own transcripts, which add to the logs of the other sources.
    Transcripts {
        /// The folder of projects.
        root: PathBuf,
    },
}

/// What a URL's scheme stands for.
enum Scheme {
    File,
    Http,
    ObjectStore,
}

/// Whether this build can read what is at URLs of this scheme, and the feature by which one could.
fn built_in(scheme: &str) -> (bool, &'static str) {
    match scheme {
        "s3" => (cfg!(feature = "s3"), "s3"),
        "gs" => (cfg!(feature = "gs"), "gs"),
        "az" => (cfg!(feature = "az"), "az"),
        _ => (cfg!(feature = "http-logs"), "http-logs"),
    }
}

/// Checks the section.
pub(super) fn check(raw: &raw::Logs) -> Result<LogsConfig, ConfigError> {
    let templates = templates("logs.templates", &raw.templates)?;
    let mut sources = raw.sources.iter().map(|one| source(one, &templates)).collect::<Result<Vec<_>, _>>()?;
    if sources.is_empty() {
        // With nothing but an upstream, its own answer is what there is.
        sources.push(SourceConfig::Body);
    }
    if let Some(twice) = sources.iter().enumerate().find(|(n, one)| sources[..*n].contains(one)) {
        return Err(refuse(KEY, &raw.sources[twice.0].to_string(), "it is listed twice", "list it once"));
    }
    if let Some(after) = sources.iter().skip_while(|one| **one != SourceConfig::Body).nth(1) {
        let reason = "a log is whole and the answer's part of it is not, so that 'body' is the last resort";
        return Err(refuse(KEY, &after.to_string(), reason, "list \"body\" last"));
    }
    Ok(LogsConfig {
        sources,
        timeout: duration("logs.timeout", &raw.timeout)?,
        max_line_bytes: memory("logs.max_line_bytes", &raw.max_line_bytes)?,
        max_bytes_per_poll: size("logs.max_bytes_per_poll", &raw.max_bytes_per_poll)?,
    })
}

fn templates(key: &str, texts: &[String]) -> Result<Vec<Template>, ConfigError> {
    let hint = "such as run_{run_id}.log";
    if texts.is_empty() {
        return Err(refuse(key, "nothing", "a log needs a name", hint));
    }
    let parse = |text: &String| Template::parse(text).map_err(|reason| refuse(key, text, reason, hint));
    texts.iter().map(parse).collect()
}

fn source(raw: &raw::LogSource, usual: &[Template]) -> Result<SourceConfig, ConfigError> {
    match raw {
        raw::LogSource::Short(text) => match text.as_str() {
            "body" => Ok(SourceConfig::Body),
            "transcripts" => transcripts(TRANSCRIPTS),
            place => at(place, usual.to_vec()),
        },
        raw::LogSource::Table(table) => match (&table.url, &table.transcripts, &table.templates) {
            (Some(place), None, None) => at(place, usual.to_vec()),
            (Some(place), None, Some(own)) => at(place, templates(KEY, own)?),
            (None, Some(root), None) => transcripts(root),
            _ => {
                let reason = "a table has url, and templates if need be, or transcripts alone";
                Err(refuse(KEY, &raw.to_string(), reason, HINT))
            }
        },
    }
}

fn transcripts(root: &str) -> Result<SourceConfig, ConfigError> {
    Ok(SourceConfig::Transcripts { root: folder(root)? })
}

/// A folder's path or a URL.
fn at(place: &str, templates: Vec<Template>) -> Result<SourceConfig, ConfigError> {
    let Some((scheme, _)) = place.split_once("://") else {
        return Ok(SourceConfig::Folder { root: folder(place)?, templates });
    };
    let refused = |reason: &str| Err(refuse(KEY, place, reason, HINT));
    let kind = match scheme {
        "file" => Scheme::File,
        "http" | "https" => Scheme::Http,
        "s3" | "gs" | "az" => Scheme::ObjectStore,
        _ => return refused("the scheme has to be file, http, https, s3, gs or az"),
    };
    let Ok(mut url) = Url::parse(place) else { return refused("it is not a URL") };
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return refused("a URL of logs has neither credentials nor a query: they would be shown");
    }
    match kind {
        Scheme::File => match url.to_file_path() {
            Ok(root) => Ok(SourceConfig::Folder { root, templates }),
            Err(()) => refused("a file URL names no host, such as file:///srv/api/logs"),
        },
        Scheme::Http | Scheme::ObjectStore if !built_in(scheme).0 => {
            refused(&format!("this gloss was built without the feature '{}'", built_in(scheme).1))
        }
        Scheme::Http | Scheme::ObjectStore if url.host_str().is_none_or(str::is_empty) => {
            refused("it names neither a host nor a bucket")
        }
        Scheme::Http => {
            if !url.path().ends_with('/') {
                url.set_path(&format!("{}/", url.path()));
            }
            Ok(SourceConfig::Http { url, templates })
        }
        Scheme::ObjectStore => Ok(SourceConfig::ObjectStore { url, templates }),
    }
}

/// The folder at this path; a tilde stands for the home of whoever runs gloss.
fn folder(path: &str) -> Result<PathBuf, ConfigError> {
    if path.is_empty() || path.contains('\0') {
        return Err(refuse(KEY, path, "it is not a folder's path", HINT));
    }
    let Some(below) = path.strip_prefix("~/").or_else(|| (path == "~").then_some("")) else {
        return Ok(PathBuf::from(path));
    };
    let hint = "write the folder's whole path";
    home().map(|home| home.join(below)).ok_or_else(|| refuse(KEY, path, "there is no home folder", hint))
}

impl fmt::Display for SourceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { root, .. } => write!(f, "{}", root.display()),
            Self::ObjectStore { url, .. } | Self::Http { url, .. } => write!(f, "{url}"),
            Self::Body => f.write_str("body"),
            Self::Transcripts { root } => write!(f, "transcripts in {}", root.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &str) -> raw::LogSource {
        raw::LogSource::Short(text.into())
    }

    fn checked(sources: Vec<raw::LogSource>) -> Result<Vec<SourceConfig>, ConfigError> {
        let logs = raw::Logs { sources, ..raw::Raw::default().logs };
        check(&logs).map(|checked| checked.sources)
    }

    fn names(templates: &[Template]) -> Vec<String> {
        templates.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn with_none_listed_the_upstreams_own_answer_is_read_and_otherwise_only_what_is_listed() {
        assert_eq!(checked(vec![]), Ok(vec![SourceConfig::Body]));
        let listed = checked(vec![short("/srv/logs"), short("body")]).unwrap();
        assert_eq!(listed.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/srv/logs", "body"]);
        assert_eq!(checked(vec![short("logs")]).unwrap().len(), 1);
    }

    #[test]
    fn a_folder_may_be_a_url_and_have_templates_of_its_own() {
        let table = raw::LogTable {
            url: Some("file:///srv/old%20logs".into()),
            templates: Some(vec!["{run_id}.jsonl".into()]),
            transcripts: None,
        };
        let sources = checked(vec![short("file:///srv/logs"), raw::LogSource::Table(table)]).unwrap();
        let [
            SourceConfig::Folder { root: new, templates: usual },
            SourceConfig::Folder { root: old, templates },
        ] = sources.as_slice()
        else {
            panic!("{sources:?}")
        };
        assert_eq!((new.to_str(), old.to_str()), (Some("/srv/logs"), Some("/srv/old logs")));
        assert_eq!(
            names(usual),
            ["run_{run_id}.log", "run_{run_id}_stream.jsonl", "{workflow_name}_{claude_session_id}.log"]
        );
        assert_eq!(names(templates), ["{run_id}.jsonl"]);
    }

    #[test]
    fn transcripts_are_in_the_home_folder_unless_another_is_named() {
        let usual = checked(vec![short("transcripts")]).unwrap();
        let [SourceConfig::Transcripts { root }] = usual.as_slice() else { panic!("{usual:?}") };
        assert!(root.is_absolute() && root.ends_with(".claude/projects"), "{}", root.display());
        let table = raw::LogTable { transcripts: Some("/srv/claude".into()), ..raw::LogTable::default() };
        let named = checked(vec![raw::LogSource::Table(table)]).unwrap();
        assert_eq!(named, [SourceConfig::Transcripts { root: "/srv/claude".into() }]);
    }

    #[test]
    fn what_cannot_be_a_source_is_refused_without_its_credentials() {
        let table = |url: Option<&str>, transcripts: Option<&str>, templates: Option<Vec<String>>| {
            let [url, transcripts] = [url, transcripts].map(|text| text.map(str::to_owned));
            raw::LogSource::Table(raw::LogTable { url, transcripts, templates })
        };
        for bad in [
            short(""),
            short("gopher://logs"),
            short("file://host/logs"),
            short("https://me:xyzzy@logs/"),
            short("s3://bucket/?key=xyzzy"),
            short("https://"),
            table(None, None, None),
            table(Some("/srv/logs"), Some("/srv/claude"), None),
            table(None, Some("/srv/claude"), Some(vec!["{run_id}".into()])),
            table(Some("/srv/logs"), None, Some(vec![])),
            table(Some("/srv/logs"), None, Some(vec!["../{run_id}".into()])),
        ] {
            let error = checked(vec![bad.clone()]).unwrap_err();
            assert_eq!(error.key, KEY, "{bad:?}");
            assert!(!error.to_string().contains("xyzzy"), "{error}");
        }
        assert!(checked(vec![short("body"), short("/a")]).unwrap_err().hint.contains("last"));
        assert!(checked(vec![short("/a"), short("/b"), short("/a")]).unwrap_err().reason.contains("twice"));
    }
}
