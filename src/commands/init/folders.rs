//! Looks for folders that have logs of runs: where the service's process has files open, where it runs, and the usual ones.

#![expect(
    clippy::disallowed_methods,
    reason = "part of the shell: it looks into folders, and reads the clock"
)]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::host::Listener;
use crate::commands::log_names::{USUAL, fits};
use crate::commands::readers::{self, Readers};

/// So many entries of a folder are looked at.
const MOST_ENTRIES: usize = 100_000;
/// Below the service's own folder.
const BELOW: [&str; 4] = ["logs", "log", "data/logs", "src/logs"];
/// Elsewhere; the last segment is below each folder of the one before.
const USUAL_FOLDERS: [&str; 2] = ["logs", "/app/logs"];
const USUAL_PARENTS: [&str; 3] = ["/srv", "/opt", "/var/log"];

/// A folder with logs of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogFolder {
    pub(super) path: PathBuf,
    pub(super) logs: usize,
    /// How long ago the newest was written to.
    pub(super) newest: Duration,
    /// Whether its logs may be read by whoever runs this.
    pub(super) readable: bool,
    /// Who gloss has to run as, where it cannot be just anybody: also where this is root, as which gloss should not run.
    pub(super) readers: Option<Readers>,
}

/// All that are found, the most likely one first: those of the service's own process, then the one written to last.
pub(super) fn with_logs(owner: Option<&Listener>) -> Vec<LogFolder> {
    let process = owner.and_then(|listener| listener.process.as_ref());
    let open = process.iter().flat_map(|process| &process.files).filter_map(|file| file.parent());
    let cwd = process.and_then(|process| process.folder.as_deref());
    let below = cwd
        .into_iter()
        .flat_map(|cwd| BELOW.map(|below| cwd.join(below)).into_iter().chain([cwd.to_owned()]));
    let its_own = found(open.map(Path::to_owned).chain(below));
    if !its_own.is_empty() {
        return its_own;
    }
    let children = USUAL_PARENTS.into_iter().flat_map(|parent| {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.flat_map(|path| [path.join("logs"), path])
    });
    found(USUAL_FOLDERS.map(PathBuf::from).into_iter().chain(children))
}

fn found(paths: impl Iterator<Item = PathBuf>) -> Vec<LogFolder> {
    let mut paths: Vec<_> = paths.filter_map(|path| path.canonicalize().ok()).collect();
    paths.sort();
    paths.dedup();
    let mut folders: Vec<_> = paths.iter().filter_map(|path| look(path)).collect();
    folders.sort_by_key(|folder| folder.newest);
    folders
}

/// What a folder has; `None` where it has no logs of runs, or may not be listed.
fn look(path: &Path) -> Option<LogFolder> {
    let now = SystemTime::now();
    let (mut logs, mut newest, mut newest_log) = (0, Duration::MAX, None);
    for entry in fs::read_dir(path).ok()?.take(MOST_ENTRIES).flatten() {
        let named =
            entry.file_name().to_str().is_some_and(|name| USUAL.iter().any(|usual| fits(usual, name)));
        let Some(metadata) = entry.metadata().ok().filter(|metadata| named && metadata.is_file()) else {
            continue;
        };
        logs += 1;
        let age = metadata.modified().ok().and_then(|modified| now.duration_since(modified).ok());
        if age.unwrap_or_default() <= newest {
            newest = age.unwrap_or_default();
            newest_log = Some(entry.path());
        }
    }
    let begin = newest_log.as_ref().and_then(|log| fs::File::open(log).ok()).map(first_byte);
    let readable = begin.is_some();
    let readers = readers::alone(path, newest_log.as_deref()).filter(|_| !readable || is_root());
    // Other programs' logs have such names, too, but not an object on each line.
    let is_other = begin.flatten().is_some_and(|byte| byte != b'{');
    (logs > 0 && !is_other).then(|| LogFolder { path: path.to_owned(), logs, newest, readable, readers })
}

/// Why a folder that was told cannot be used as it is, if that shows already.
pub(super) fn trouble(path: &Path) -> Option<String> {
    let error = fs::read_dir(path).err()?;
    let who = readers::alone(path, None).map(|readers| format!("; {readers}")).unwrap_or_default();
    Some(format!("{error}{who}"))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn first_byte(mut file: fs::File) -> Option<u8> {
    let mut byte = [0];
    file.read_exact(&mut byte).ok().map(|()| byte[0])
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::host::Listening;
    use super::*;

    #[test]
    fn a_folder_counts_by_the_names_of_its_files_and_the_process_leads_to_it() {
        let root = TempDir::new().unwrap();
        let logs = root.path().join("logs");
        fs::create_dir(&logs).unwrap();
        fs::write(root.path().join("uvicorn.log"), "").unwrap();
        for name in ["run_run_1.log", "run_a_stream.jsonl", "builder_0f.log", "uvicorn.log", "run_b.log.gz"] {
            fs::write(logs.join(name), "").unwrap();
        }
        let process = Listening { folder: Some(root.path().to_owned()), ..Listening::default() };
        let by_folder = with_logs(Some(&Listener { port: 1, process: Some(process) }));
        let files = vec![logs.join("run_run_1.log")];
        let process = Listening { files, ..Listening::default() };
        let by_file = with_logs(Some(&Listener { port: 1, process: Some(process) }));
        fs::write(root.path().join("web_access.log"), "127.0.0.1 - GET /").unwrap();
        assert_eq!(look(root.path()), None, "another program's log");
        for found in [by_folder, by_file] {
            let [folder] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!((folder.path.as_path(), folder.logs), (logs.canonicalize().unwrap().as_path(), 3));
            assert!(folder.readable && folder.newest < Duration::from_hours(1));
        }
    }
}
