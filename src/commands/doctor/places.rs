//! Looks into the places where logs may be, as this process may.
//!
//! Only what is in this host's file system: what a bucket or a web server has, gloss's own answer tells.

use std::path::Path;
use std::{fs, io};

use chrono::{DateTime, Utc};

use super::facts::{FoundLog, Hindrance, Place, PlaceState};
use crate::analysis::{Analysis, Limits, LogSourceKind};
use crate::commands::{log_names, readers};
use crate::config::SourceConfig;
use crate::runlog::{FileSource, LogError, LogName, LogSource, Named, OpenLog, RunFields, Template};

/// So many entries of a folder are looked at.
const MOST_ENTRIES: usize = 100_000;
/// So many names are shown of files that are no logs.
const MOST_OTHERS: usize = 3;
/// Of logs whose name the service does not tell, so many of the newest are looked into.
const MOST_CANDIDATES: usize = 64;
/// How much is read of a log's begin, for its run, and of its end, for its last event, in bytes.
const BEGIN: usize = 64 << 10;
const END: u64 = 1 << 20;

/// Each place, in order; with a run, whether its log is there.
pub(super) async fn all(sources: &[SourceConfig], run: Option<&RunFields>) -> Vec<Place> {
    let mut places = Vec::new();
    for source in sources {
        let name = source.to_string();
        let place =
            |state| Place { name: name.clone(), state, tried: Vec::new(), found: None, unreadable: None };
        places.push(match source {
            SourceConfig::Folder { root, templates } => {
                let mut place = place(state(root, templates));
                // One that may not be listed may have logs that can be opened by name.
                if let Some(run) = run {
                    look(&mut place, root, templates, run).await;
                }
                place
            }
            SourceConfig::Transcripts { root } => place(state(root, &[])),
            SourceConfig::ObjectStore { .. } | SourceConfig::Http { .. } => place(PlaceState::Remote),
            SourceConfig::Body => place(PlaceState::Body),
        });
    }
    places
}

fn state(root: &Path, templates: &[Template]) -> PlaceState {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) => {
            let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
            let hindrance = if is_denied { Hindrance::Rights } else { Hindrance::Other };
            return PlaceState::Closed(format!("{error}{}", who(hindrance, root, None)), hindrance);
        }
    };
    let names = entries.take(MOST_ENTRIES).flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let templates: Vec<_> = templates.iter().map(ToString::to_string).collect();
    let is_log = |name: &String| templates.iter().any(|template| log_names::fits(template, name));
    let (logs, mut others): (Vec<_>, Vec<_>) = names.partition(is_log);
    others.sort();
    others.truncate(MOST_OTHERS);
    PlaceState::Folder { like_logs: logs.len(), others }
}

fn hindrance_of(error: &LogError) -> Hindrance {
    match error {
        _ if error.is_denied() => Hindrance::Rights,
        _ if error.is_no_file() => Hindrance::NoFile,
        _ if error.is_link() => Hindrance::Link,
        LogError::Missing | LogError::Unreadable(_) | LogError::Stuck => Hindrance::Other,
    }
}

/// Who may read what may not be read, for people; of what nobody reads, whatever the rights, nothing.
fn who(hindrance: Hindrance, root: &Path, log: Option<&Path>) -> String {
    let readers = (hindrance == Hindrance::Rights).then(|| readers::alone(root, log)).flatten();
    readers.map(|readers| format!("; {readers}")).unwrap_or_default()
}

/// Looks for the run's log by each template.
async fn look(place: &mut Place, root: &Path, templates: &[Template], run: &RunFields) {
    let Ok(source) = FileSource::start(root.to_owned(), LogSourceKind::File) else { return };
    for template in templates {
        let candidates = match template.name(run) {
            Named::Exactly(name) => {
                place.tried.push(name.to_string());
                vec![name]
            }
            Named::Like(pattern) => {
                place.tried.push(template.to_string());
                let found = source.search(&pattern, MOST_CANDIDATES).await.unwrap_or_default();
                of_this_run(&source, found, run).await
            }
        };
        for name in candidates {
            match source.open(&name).await {
                Ok(log) if place.found.is_none() => place.found = Some(found(root, &name, &*log).await),
                Ok(_) | Err(LogError::Missing) => {}
                Err(error) => {
                    let hindrance = hindrance_of(&error);
                    let who = who(hindrance, root, Some(&root.join(name.as_str())));
                    place.unreadable = Some((format!("{name}: {error}{who}"), hindrance));
                }
            }
        }
    }
}

/// Those of these logs whose begin names the run.
async fn of_this_run(source: &FileSource, names: Vec<LogName>, run: &RunFields) -> Vec<LogName> {
    let mut its = Vec::new();
    for name in names {
        let Ok(log) = source.open(&name).await else { continue };
        let begin = log.read_at(0, BEGIN).await.unwrap_or_default();
        if memchr::memmem::find(&begin, run.run.as_str().as_bytes()).is_some() {
            its.push(name);
        }
    }
    its
}

async fn found(root: &Path, name: &LogName, log: &dyn OpenLog) -> FoundLog {
    let bytes = log.length();
    let end = log.read_at(bytes.saturating_sub(END), usize::MAX).await.unwrap_or_default();
    let mut analysis = Analysis::new(Limits::default());
    analysis.feed(&end);
    let modified = fs::metadata(root.join(name.as_str())).and_then(|file| file.modified()).ok();
    FoundLog {
        name: name.to_string(),
        bytes,
        modified: modified.map(DateTime::<Utc>::from),
        last_event: analysis.last_event_at(),
    }
}
