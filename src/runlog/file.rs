//! Run logs as files in a folder which others may write to.
//!
//! Opening never leaves the folder, by `..` or by symbolic link, never blocks on a FIFO, and takes regular files only.
//! All IO happens on the source's own threads, but for the look from outside of [`local`](super::local). What fails is a
//! [`LogError`]; nothing is retried here.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "its tests write logs"))]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use super::folder_watches::FolderWatches;
use super::local::{self, FileLookout, Way};
use super::threads::{JobFailure, WorkThreads};
use super::{
    Bell, BoxFuture, LogError, LogIdentity, LogName, LogSource, LogWatch, Lookout, NamePattern, OpenLog,
    Sight, folder,
};
use crate::analysis::LogSourceKind;

/// Threads of one source, and how many jobs may wait for them. A network or user-space file system may hang in any
/// operation, and a local disk may, too, so that nothing is opened or read elsewhere; as many are stuck at most.
pub(super) const IO_THREADS: usize = 4;
const IO_QUEUE: usize = 1024;
/// What is said of what must not be read.
const NO_FILE: &str = "it is not a regular file";
const OUTSIDE: &str = "it lies outside its root";
const LINK: &str = "it is a symbolic link";

/// A folder of run logs.
#[derive(Debug)]
pub struct FileSource {
    root: Arc<Path>,
    kind: LogSourceKind,
    threads: WorkThreads,
    watches: FolderWatches,
    way: Arc<Way>,
}

impl FileSource {
    /// Starts the threads of a folder of logs, which need not exist yet. `kind` is what its files are called.
    pub fn start(root: PathBuf, kind: LogSourceKind) -> io::Result<Self> {
        let threads = WorkThreads::start("log-io", IO_THREADS, IO_QUEUE)?;
        Ok(Self {
            watches: FolderWatches::below(&root),
            root: root.into(),
            kind,
            threads,
            way: Arc::default(),
        })
    }
}

impl LogSource for FileSource {
    fn kind(&self) -> LogSourceKind {
        self.kind
    }

    fn open<'a>(&'a self, name: &'a LogName) -> BoxFuture<'a, Result<Box<dyn OpenLog>, LogError>> {
        Box::pin(async move {
            let (root, way, name) = (Arc::clone(&self.root), Arc::clone(&self.way), name.clone());
            let finding = move || {
                let found = find(&root, &name)?;
                let sight = found.sight.filter(|_| way.is_local(&root));
                Ok(Found { sight, ..found })
            };
            let found = on(&self.threads, finding).await?;
            Ok(Box::new(OpenFile { found: Arc::new(found), threads: self.threads.clone() })
                as Box<dyn OpenLog>)
        })
    }

    fn lookout(&self, name: &LogName) -> Option<Box<dyn Lookout>> {
        Some(Box::new(FileLookout::of(&self.root, name)?))
    }

    fn search<'a>(
        &'a self,
        pattern: &'a NamePattern,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<LogName>, LogError>> {
        let (root, pattern) = (Arc::clone(&self.root), pattern.clone());
        Box::pin(on(&self.threads, move || folder::search(&root, &pattern, most)))
    }

    fn watch(&self, name: &LogName, bell: &Bell) -> Option<Box<dyn LogWatch>> {
        self.watches.watch(name, bell)
    }
}

#[derive(Debug)]
struct Found {
    file: File,
    identity: LogIdentity,
    length: u64,
    stamp: u128,
    sight: Option<Sight>,
}

#[derive(Debug)]
struct OpenFile {
    found: Arc<Found>,
    threads: WorkThreads,
}

impl OpenLog for OpenFile {
    fn identity(&self) -> LogIdentity {
        self.found.identity
    }

    fn length(&self) -> u64 {
        self.found.length
    }

    fn stamp(&self) -> u128 {
        self.found.stamp
    }

    fn sight(&self) -> Option<Sight> {
        self.found.sight
    }

    fn read_at(&self, offset: u64, max_bytes: usize) -> BoxFuture<'_, Result<Bytes, LogError>> {
        let found = Arc::clone(&self.found);
        Box::pin(on(&self.threads, move || {
            let left = usize::try_from(found.length.saturating_sub(offset)).unwrap_or(usize::MAX);
            let mut buffer = vec![0; left.min(max_bytes)];
            let filled = fill(&found.file, &mut buffer, offset).map_err(|error| unreadable(&error))?;
            buffer.truncate(filled);
            Ok(Bytes::from(buffer))
        }))
    }
}

/// Runs a job that may hang.
async fn on<T: Send + 'static>(
    threads: &WorkThreads,
    job: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    threads.run(job).await.unwrap_or_else(|failure| {
        Err(match failure {
            JobFailure::Full => LogError::Stuck,
            JobFailure::Panicked(_) => LogError::Unreadable("reading it failed unexpectedly".into()),
        })
    })
}

/// Reads until the buffer is full or the file ends (it may have been truncated since it was found).
fn fill(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn find(root: &Path, name: &LogName) -> Result<Found, LogError> {
    let root = openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(refusal)?;
    open_regular(&root, Path::new(name.as_str()))
}

fn open_regular(root: &OwnedFd, path: &Path) -> Result<Found, LogError> {
    // O_NONBLOCK: opening a FIFO must not wait for its writer. It means nothing to regular files.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let opened = match openat2(
        root,
        path,
        flags,
        Mode::empty(),
        ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
    ) {
        // Kernels before 5.6 lack the call, and some sandboxes refuse it.
        Err(Errno::NOSYS | Errno::PERM) => open_without_links(root, path, flags),
        other => other,
    };
    let file = File::from(opened.map_err(refusal)?);
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(LogError::Unreadable(NO_FILE.into()));
    }
    let (identity, length) = (LogIdentity(metadata.dev(), metadata.ino()), metadata.len());
    let changed = stamp(metadata.ctime(), metadata.ctime_nsec());
    Ok(Found {
        identity,
        length,
        stamp: stamp(metadata.mtime(), metadata.mtime_nsec()),
        sight: local::lies_locally(&file).then_some(Sight { identity, length, changed }),
        file,
    })
}

/// Follows the path component by component and refuses every symbolic link: stricter than the kernel's own resolution
/// beneath a root, which allows links that stay inside, but as safe.
fn open_without_links(root: &OwnedFd, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut folder: Option<OwnedFd> = None;
    let mut components = path.components().peekable();
    while let Some(component) = components.next() {
        let here = folder.as_ref().unwrap_or(root).as_fd();
        if components.peek().is_none() {
            return openat(here, component.as_os_str(), flags | OFlags::NOFOLLOW, Mode::empty());
        }
        let inner = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        folder = Some(openat(here, component.as_os_str(), inner, Mode::empty())?);
    }
    Err(Errno::NOENT)
}

pub(super) fn stamp(seconds: i64, nanoseconds: i64) -> u128 {
    (u128::from(seconds.cast_unsigned()) << 64) | u128::from(nanoseconds.cast_unsigned())
}

pub(super) fn refusal(errno: Errno) -> LogError {
    match errno {
        Errno::NOENT | Errno::NOTDIR => LogError::Missing,
        Errno::XDEV => LogError::Unreadable(OUTSIDE.into()),
        Errno::LOOP => LogError::Unreadable(LINK.into()),
        Errno::NXIO => LogError::Unreadable(NO_FILE.into()),
        other => unreadable(&other.into()),
    }
}

fn unreadable(error: &io::Error) -> LogError {
    LogError::Unreadable(error.to_string())
}

impl LogError {
    /// Whether this process has not the right to read a log that is there.
    pub fn is_denied(&self) -> bool {
        let denied = [Errno::ACCESS, Errno::PERM].map(|errno| unreadable(&errno.into()));
        denied.contains(self)
    }

    /// Whether something else than a file has the log's name: a folder, a pipe.
    pub fn is_no_file(&self) -> bool {
        self.says(NO_FILE)
    }

    /// Whether the log is a link that is not followed.
    pub fn is_link(&self) -> bool {
        self.says(OUTSIDE) || self.says(LINK)
    }

    fn says(&self, what: &str) -> bool {
        matches!(self, Self::Unreadable(why) if why == what)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use tempfile::TempDir;

    use super::*;
    use crate::run_id::RunId;
    use crate::runlog::{Named, RunFields, Template};

    fn folder() -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let root = folder.path().join("logs");
        std::fs::create_dir(&root).unwrap();
        (folder, root)
    }

    fn name() -> LogName {
        let run = RunFields::of(RunId::new("a").unwrap());
        match Template::parse("run_{run_id}.log").unwrap().name(&run) {
            Named::Exactly(name) => name,
            Named::Like(pattern) => panic!("{pattern:?}"),
        }
    }

    fn look(root: &Path) -> Result<u64, LogError> {
        find(root, &name()).map(|found| found.length)
    }

    fn refused(root: &Path) -> LogError {
        look(root).unwrap_err()
    }

    #[test]
    fn a_regular_file_is_found_and_its_absence_is_told() {
        let (_keep, root) = folder();
        assert_eq!(look(&root), Err(LogError::Missing));
        std::fs::write(root.join("run_a.log"), b"12345").unwrap();
        assert_eq!(look(&root), Ok(5));
        assert_eq!(look(&root.join("nowhere")), Err(LogError::Missing));
    }

    #[test]
    fn directories_and_fifos_are_refused_without_waiting() {
        let (_keep, root) = folder();
        let path = root.join("run_a.log");
        std::fs::create_dir(&path).unwrap();
        assert!(refused(&root).is_no_file(), "{:?}", refused(&root));
        std::fs::remove_dir(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(refused(&root).is_no_file(), "{:?}", refused(&root));
    }

    #[test]
    fn a_symbolic_link_cannot_lead_out_of_the_folder() {
        let (keep, root) = folder();
        std::fs::write(keep.path().join("secret"), b"secret").unwrap();
        let path = root.join("run_a.log");
        for target in ["../secret", keep.path().join("secret").to_str().unwrap(), "/etc/passwd"] {
            symlink(target, &path).unwrap();
            assert!(refused(&root).is_link(), "{target}: {:?}", refused(&root));
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn the_fallback_for_old_kernels_refuses_every_link() {
        let (keep, root) = folder();
        std::fs::write(root.join("real.log"), b"real").unwrap();
        symlink("real.log", root.join("link.log")).unwrap();
        symlink(keep.path(), root.join("sub")).unwrap();
        let opened = openat(CWD, &root, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        let open = |path: &str| open_without_links(&opened, Path::new(path), OFlags::RDONLY).map(drop);
        assert_eq!(open("real.log"), Ok(()));
        assert_eq!(open("link.log"), Err(Errno::LOOP));
        assert!(open("sub/logs/real.log").is_err());
    }

    #[test]
    fn a_file_without_permission_is_refused() {
        let (_keep, root) = folder();
        let path = root.join("run_a.log");
        std::fs::write(&path, b"x").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
        // Root may read everything; for anybody else this is a refusal.
        match look(&root) {
            Ok(1) => assert_eq!(rustix::process::geteuid().as_raw(), 0),
            Err(LogError::Unreadable(why)) => assert!(why.contains("ermission"), "{why}"),
            other => panic!("{other:?}"),
        }
        for (errno, is_denied) in [(Errno::ACCESS, true), (Errno::LOOP, false), (Errno::IO, false)] {
            assert_eq!(refusal(errno).is_denied(), is_denied, "{errno}");
        }
    }

    #[test]
    fn a_lookout_sees_a_log_as_opening_it_did_until_anything_changes() {
        let (_keep, root) = folder();
        let path = root.join("run_a.log");
        let lookout = FileSource::start(root.clone(), LogSourceKind::File).unwrap().lookout(&name()).unwrap();
        assert_eq!(lookout.see(), None);
        let write = || std::fs::write(&path, b"12345").unwrap();
        let forbid = || std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
        let link = || {
            std::fs::rename(&path, root.join("real.log")).unwrap();
            symlink("real.log", &path).unwrap();
        };
        write();
        // Within a tick of the file system's clock a change does not show in the times.
        let changes: [&dyn Fn(); 3] = [&write, &forbid, &link];
        for change in changes {
            let sight = find(&root, &name()).unwrap().sight.expect("the folder of a test is local");
            assert_eq!(lookout.see(), Some(sight));
            let has_changed = || {
                change();
                lookout.see() != Some(sight)
            };
            assert!((0..1_000_000).any(|_| has_changed()));
        }
    }

    #[tokio::test]
    async fn a_read_stops_at_the_length_that_was_found() {
        let (_keep, root) = folder();
        let path = root.join("run_a.log");
        std::fs::write(&path, b"0123456789").unwrap();
        let source = FileSource::start(root, LogSourceKind::File).unwrap();
        let log = source.open(&name()).await.unwrap();
        std::fs::write(&path, b"0123456789abc").unwrap();
        assert_eq!(&log.read_at(4, 100).await.unwrap()[..], b"456789");
        assert_eq!(&log.read_at(4, 3).await.unwrap()[..], b"456");
        assert!(log.read_at(10, 100).await.unwrap().is_empty());
    }
}
