//! Logs on file systems of this machine, which may be looked at from outside, on the thread of whoever asks.
//!
//! Anything else may hang in any operation and is left to the threads of [`file`](super::file).

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::ffi::CString;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, StatFs, fstatfs, statat, statfs};
use rustix::io::Errno;

use super::file::stamp;
use super::{LogIdentity, LogName, Lookout, Sight};

/// A way is looked at again after so long.
const WAY_AGAIN: Duration = Duration::from_secs(5);
/// The file systems that answer from memory for what was open just now (`man 2 statfs`): ext2 to ext4, XFS, Btrfs, F2FS,
/// ZFS, bcachefs, tmpfs, ramfs, overlay.
const LOCAL_FILE_SYSTEMS: [u64; 9] = [
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0xF2F5_2010,
    0x2FC1_2FC1,
    0xCA45_1A4E,
    0x0102_1994,
    0x8584_58F6,
    0x794C_7630,
];

/// The way to a folder, as it was when somebody looked.
#[derive(Debug, Default)]
pub(super) struct Way(Mutex<Option<(Instant, bool)>>);

impl Way {
    /// Whether nothing that may hang lies on it.
    pub(super) fn is_local(&self, root: &Path) -> bool {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, is_local)) = known.filter(|(at, _)| at.elapsed() < WAY_AGAIN) {
            return is_local;
        }
        let is_local = is_reached_locally(root);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), is_local));
        is_local
    }
}

/// The look from outside at one file.
#[derive(Debug)]
pub(super) struct FileLookout(CString);

impl FileLookout {
    /// Only for what lies in the root itself: whoever may write there could make a folder below it lead to a file system
    /// that hangs.
    pub(super) fn of(root: &Path, name: &LogName) -> Option<Self> {
        if name.as_str().contains('/') {
            return None;
        }
        CString::new(root.join(name.as_str()).into_os_string().into_vec()).ok().map(Self)
    }
}

impl Lookout for FileLookout {
    fn see(&self) -> Option<Sight> {
        // A link in the log's place has an identity of its own, which is never that of an opened log.
        let status = statat(CWD, &self.0, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(Sight {
            identity: LogIdentity(status.st_dev, status.st_ino),
            length: u64::try_from(status.st_size).ok()?,
            changed: stamp(status.st_ctime, i64::try_from(status.st_ctime_nsec).ok()?),
        })
    }
}

/// Whether a file lies where a look at it cannot hang.
pub(super) fn lies_locally(file: impl AsFd) -> bool {
    is_local(fstatfs(file))
}

fn is_local(system: Result<StatFs, Errno>) -> bool {
    system.is_ok_and(|system| {
        u64::try_from(system.f_type).is_ok_and(|magic| LOCAL_FILE_SYSTEMS.contains(&magic))
    })
}

/// Whether nothing that may hang lies on the way to a folder, by links neither.
fn is_reached_locally(root: &Path) -> bool {
    let Ok(real) = root.canonicalize() else { return false };
    let ways = [root, &real];
    let folders = ways.iter().flat_map(|way| way.ancestors()).filter(|folder| !folder.as_os_str().is_empty());
    folders.into_iter().all(|folder| is_local(statfs(folder)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    fn folder() -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let root = folder.path().join("logs");
        std::fs::create_dir(&root).unwrap();
        (folder, root)
    }

    #[test]
    fn a_way_over_another_file_system_is_not_local_by_links_neither() {
        let (_keep, root) = folder();
        assert!(is_reached_locally(&root));
        let link = root.join("link");
        symlink("/proc/self", &link).unwrap();
        for other in [&link, &root.join("gone"), Path::new("/proc/self/fd")] {
            assert!(!is_reached_locally(other), "{other:?}");
        }
        let way = Way::default();
        assert!(!way.is_local(&link) && !way.is_local(&root), "it is remembered for a while");
    }
}
