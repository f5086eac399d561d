//! Looks in a folder for files whose names are known in part only.
//!
//! Not for opening what is found: that is done by name, as safely as ever. Folders that cannot be listed hold nothing.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use super::file::refusal;
use super::{LogError, LogName, NamePattern};

/// So many entries are looked at, all folders together; the rest is not seen.
const MOST_ENTRIES: usize = 100_000;

/// The names that fit, those written to last first, at most `most`. Symbolic links are not followed.
pub(super) fn search(root: &Path, pattern: &NamePattern, most: usize) -> Result<Vec<LogName>, LogError> {
    let root = match openat(CWD, root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        // What is in it may still be opened by name.
        Err(Errno::ACCESS) => return Ok(Vec::new()),
        opened => opened.map_err(refusal)?,
    };
    let mut search = Search { pattern, left: MOST_ENTRIES, found: Vec::new() };
    search.folder(&root, 0, "");
    // By name where two were written at the same time, so that replicas agree.
    search.found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    Ok(search.found.into_iter().take(most).map(|(_, name)| name).collect())
}

struct Search<'p> {
    pattern: &'p NamePattern,
    left: usize,
    /// With the time of the last write, in seconds and nanoseconds.
    found: Vec<((i64, u64), LogName)>,
}

impl Search<'_> {
    fn folder(&mut self, folder: &OwnedFd, level: usize, path: &str) {
        if let Some(known) = self.pattern.component(level) {
            return self.entry(folder, level, path, &known);
        }
        let Ok(entries) = Dir::read_from(folder) else { return };
        for entry in entries.flatten() {
            let Some(left) = self.left.checked_sub(1) else { return };
            self.left = left;
            let name = entry.file_name().to_str().ok();
            if let Some(name) = name.filter(|name| self.pattern.fits(level, name)) {
                self.entry(folder, level, path, name);
            }
        }
    }

    fn entry(&mut self, folder: &OwnedFd, level: usize, path: &str, name: &str) {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        if level + 1 < self.pattern.depth() {
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            if let Ok(inner) = openat(folder.as_fd(), name, flags, Mode::empty()) {
                self.folder(&inner, level + 1, &path);
            }
            return;
        }
        let Ok(status) = statat(folder.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW) else { return };
        if FileType::from_raw_mode(status.st_mode) == FileType::RegularFile
            && let Some(name) = self.pattern.accept(&path)
        {
            self.found.push(((status.st_mtime, status.st_mtime_nsec), name));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests write the files that are found")]

    use std::fs::{File, create_dir};
    use std::os::unix::fs::symlink;
    use std::time::{Duration, SystemTime};

    use tempfile::TempDir;

    use super::*;
    use crate::run_id::RunId;
    use crate::runlog::{Named, RunFields, Template};

    fn pattern(template: &Template, session: Option<&str>) -> NamePattern {
        let run = RunId::new("r").unwrap();
        let fields = RunFields { claude_session: session.and_then(RunId::new), ..RunFields::of(run) };
        match template.name(&fields) {
            Named::Like(pattern) => pattern,
            Named::Exactly(name) => panic!("{name} is known"),
        }
    }

    fn found(root: &Path, pattern: &NamePattern, most: usize) -> Vec<String> {
        search(root, pattern, most).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_that_fit_are_found_newest_first_and_nothing_else_is() {
        let folder = TempDir::new().unwrap();
        for (name, age) in [("w_a.log", 30), ("w_b.log", 10), ("x_c.log", 20), ("w_d.log.1", 0), ("run_r", 0)]
        {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        }
        create_dir(folder.path().join("w_folder.log")).unwrap();
        symlink("w_a.log", folder.path().join("w_link.log")).unwrap();
        let pattern = pattern(&Template::parse("{workflow_name}_{claude_session_id}.log").unwrap(), None);
        assert_eq!(found(folder.path(), &pattern, 9), ["w_b.log", "x_c.log", "w_a.log"]);
        assert_eq!(found(folder.path(), &pattern, 1), ["w_b.log"]);
        assert_eq!(search(&folder.path().join("gone"), &pattern, 9), Err(LogError::Missing));
    }

    #[test]
    fn a_file_of_a_known_name_is_found_in_whichever_folder_it_is() {
        let folder = TempDir::new().unwrap();
        for project in ["-srv-api", "-srv-web"] {
            create_dir(folder.path().join(project)).unwrap();
        }
        File::create(folder.path().join("-srv-web/s1.jsonl")).unwrap();
        File::create(folder.path().join("-srv-web/s2.jsonl")).unwrap();
        symlink("-srv-web", folder.path().join("-srv-link")).unwrap();
        let pattern = pattern(&Template::transcripts(), Some("s1"));
        assert_eq!(found(folder.path(), &pattern, 9), ["-srv-web/s1.jsonl"]);
    }
}
