//! What is said at the start of the places where logs are looked for. It is only said: gloss serves whatever they are.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{fs, thread};

use crate::commands::readers;
use crate::config::SourceConfig;

/// Says where logs are looked for, and what to expect where that is the upstream's answer alone.
pub(super) fn announce(sources: &[SourceConfig]) {
    if sources == [SourceConfig::Body] {
        tracing::warn!(
            "no log is read but the last 1000 entries in the service's own answers: notes on longer runs start late; \
             set --logs to the folder of the run logs"
        );
        return;
    }
    let shown: Vec<_> = sources.iter().map(ToString::to_string).collect();
    tracing::info!(sources = shown.join(", "), "run logs are looked for, in this order");
    let folders: Vec<PathBuf> = sources.iter().filter_map(folder).collect();
    // Where the storage hangs, this thread does, and nothing else.
    let looking = move || {
        for why in folders.iter().filter_map(|folder| closed(folder)) {
            tracing::warn!("{why}");
        }
    };
    if let Err(error) = thread::Builder::new().name("log-folders".into()).spawn(looking) {
        tracing::debug!(%error, "the folders of logs are not looked at");
    }
}

fn folder(source: &SourceConfig) -> Option<PathBuf> {
    match source {
        SourceConfig::Folder { root, .. } => Some(root.clone()),
        // That there are no transcripts is no fault: they only add to logs.
        SourceConfig::Transcripts { .. }
        | SourceConfig::ObjectStore { .. }
        | SourceConfig::Http { .. }
        | SourceConfig::Body => None,
    }
}

/// What callers would find out later, where this user may not look into a folder.
fn closed(folder: &Path) -> Option<String> {
    let error = fs::read_dir(folder).err()?;
    // One that may be entered but not listed still opens logs by their exact names.
    if error.kind() == ErrorKind::PermissionDenied && fs::metadata(folder.join(".")).is_ok() {
        return None;
    }
    let readers = readers::alone(folder, None).map(|readers| format!("; {readers}")).unwrap_or_default();
    Some(format!(
        "logs.sources: {} cannot be listed by user {}: {error}{readers}; `gloss doctor RUN_ID` says what to do",
        folder.display(),
        readers::this_user()
    ))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_folder_that_cannot_be_listed_is_told_with_its_reason() {
        let root = TempDir::new().unwrap();
        assert_eq!(closed(root.path()), None);
        let missing = closed(&root.path().join("logs")).unwrap();
        assert!(
            missing.contains("/logs cannot be listed by user ") && missing.contains("No such file"),
            "{missing}"
        );
    }
}
