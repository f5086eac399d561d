//! Who may read a folder of logs, by its rights and a log's, in the names that this host has for users and groups.
//!
//! Not for whether this process may: trying tells that, access control lists included.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it looks at files")]

use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";
/// Whom the kernel shows for users that a namespace does not have, as in a unit with `PrivateUsers=`.
const UNKNOWN: u32 = 65534;

/// The only ones who may read some logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Readers {
    /// The owner's name, or number where it has none here.
    pub(super) user: String,
    /// The group's, where it may, too.
    pub(super) group: Option<String>,
}

/// Who may list this folder and read this log of it, without a log whoever may list the folder; `None` where everybody may,
/// and where that does not show.
pub(super) fn alone(folder: &Path, log: Option<&Path>) -> Option<Readers> {
    let folder = fs::metadata(folder).ok()?;
    let log = log.and_then(|log| fs::metadata(log).ok());
    let (users, groups) = (fs::read_to_string(USERS), fs::read_to_string(GROUPS));
    let name = |table: &std::io::Result<String>, id| table.as_deref().ok().and_then(|table| named(table, id));
    let readers = Ids::of(&folder, log.as_ref()).filter(|readers| readers.user != UNKNOWN)?;
    Some(Readers {
        user: name(&users, readers.user).unwrap_or_else(|| readers.user.to_string()),
        group: readers.group.map(|id| name(&groups, id).unwrap_or_else(|| id.to_string())),
    })
}

/// The name of the user that this process runs as, or its number where it has none here.
pub(super) fn this_user() -> String {
    let id = rustix::process::geteuid().as_raw();
    fs::read_to_string(USERS).ok().and_then(|users| named(&users, id)).unwrap_or_else(|| id.to_string())
}

impl fmt::Display for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(group) => write!(f, "only user {} and group {group} may read them", self.user),
            None => write!(f, "only user {} may read them", self.user),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Ids {
    user: u32,
    group: Option<u32>,
}

impl Ids {
    /// `None` where everybody may.
    fn of(folder: &Metadata, log: Option<&Metadata>) -> Option<Self> {
        let may = |listing: u32, reading: u32| {
            folder.mode() & listing == listing && log.is_none_or(|log| log.mode() & reading == reading)
        };
        let is_one_group = log.is_none_or(|log| log.gid() == folder.gid());
        let group = (may(0o050, 0o040) && is_one_group).then_some(folder.gid());
        (!may(0o005, 0o004)).then_some(Self { user: log.unwrap_or(folder).uid(), group })
    }
}

/// The name that stands for a number in a table like `/etc/passwd`: name, password, number, and more, with colons between.
fn named(table: &str, id: u32) -> Option<String> {
    let id = id.to_string();
    let rows = table.lines().map(|line| line.split(':').collect::<Vec<_>>());
    rows.filter(|row| row.get(2) == Some(&id.as_str()))
        .find_map(|row| row.first().map(|name| (*name).to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    fn with_modes(folder: u32, log: u32) -> Option<Readers> {
        let root = TempDir::new().unwrap();
        let file = root.path().join("run_run_1.log");
        fs::write(&file, "{}").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(log)).unwrap();
        fs::set_permissions(root.path(), Permissions::from_mode(folder)).unwrap();
        let readers = alone(root.path(), Some(&file));
        fs::set_permissions(root.path(), Permissions::from_mode(0o700)).unwrap();
        readers
    }

    #[test]
    fn the_rights_of_folder_and_log_together_say_who_may_read() {
        assert_eq!(with_modes(0o755, 0o644), None);
        let owner_and_group = with_modes(0o750, 0o644).unwrap();
        assert!(owner_and_group.group.is_some(), "{owner_and_group:?}");
        assert_eq!(with_modes(0o755, 0o640), Some(owner_and_group.clone()));
        assert!(owner_and_group.to_string().starts_with("only user "), "{owner_and_group}");
        for (folder, log) in [(0o755, 0o600), (0o700, 0o644)] {
            assert_eq!(with_modes(folder, log), Some(Readers { group: None, ..owner_and_group.clone() }));
        }
    }

    #[test]
    fn numbers_have_the_names_of_the_table() {
        let table = "root:x:0:0:root:/root:/bin/sh\n\napi:x:998:998::/:/bin/false\nsame:x:998:1::/:\n";
        assert_eq!(named(table, 998).as_deref(), Some("api"));
        assert_eq!((named(table, 1), named("odd", 0)), (None, None));
    }
}
