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

/// Who may enter this folder and read this log of it, without a log whoever may list the folder; `None` where everybody may,
/// and where that does not show.
pub(super) fn alone(folder: &Path, log: Option<&Path>) -> Option<Readers> {
    let folder = Rights::of(&fs::metadata(folder).ok()?);
    let (users, groups) = (fs::read_to_string(USERS), fs::read_to_string(GROUPS));
    let (users, groups) = (users.as_deref().unwrap_or_default(), groups.as_deref().unwrap_or_default());
    let belongs = |user, group| is_member(users, groups, user, group);
    let readers = match log.and_then(|log| fs::metadata(log).ok()) {
        Some(log) => Ids::of(&[(folder, ENTER), (Rights::of(&log), READ)], belongs),
        None => Ids::of(&[(folder, READ | ENTER)], belongs),
    };
    let readers = readers.filter(|readers| readers.user != UNKNOWN)?;
    Some(Readers {
        user: named(users, readers.user).unwrap_or_else(|| readers.user.to_string()),
        group: readers.group.map(|id| named(groups, id).unwrap_or_else(|| id.to_string())),
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

const READ: u32 = 0o4;
const ENTER: u32 = 0o1;
const ROOT: u32 = 0;

#[derive(Debug, Clone, Copy)]
struct Rights {
    mode: u32,
    user: u32,
    group: u32,
}

impl Rights {
    fn of(metadata: &Metadata) -> Self {
        Self { mode: metadata.mode(), user: metadata.uid(), group: metadata.gid() }
    }

    /// Whether this user has these rights: only one of the three sets counts, the first that speaks of the user.
    fn allow(self, user: u32, wanted: u32, belongs: impl Fn(u32, u32) -> bool) -> bool {
        let shift = match () {
            () if self.user == user => 6,
            () if belongs(user, self.group) => 3,
            () => 0,
        };
        user == ROOT || (self.mode >> shift) & wanted == wanted
    }

    /// Whether a group's members have these rights, as members of it or as anybody.
    fn allow_group(self, group: u32, wanted: u32) -> bool {
        let shift = if self.group == group { 3 } else { 0 };
        (self.mode >> shift) & wanted == wanted
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Ids {
    user: u32,
    group: Option<u32>,
}

impl Ids {
    /// Who has all these rights, of the files' owners and groups; `None` where everybody has.
    fn of(needed: &[(Rights, u32)], belongs: impl Fn(u32, u32) -> bool) -> Option<Self> {
        if needed.iter().all(|(rights, wanted)| rights.mode & wanted == *wanted) {
            return None;
        }
        // The log's before the folder's: it is the service's own user, where the folder was made by the system's.
        let owners = needed.iter().rev().map(|(rights, _)| rights.user);
        let may = |user: &u32| needed.iter().all(|(rights, wanted)| rights.allow(*user, *wanted, &belongs));
        let mut groups = needed.iter().rev().map(|(rights, _)| rights.group);
        let group =
            groups.find(|group| needed.iter().all(|(rights, wanted)| rights.allow_group(*group, *wanted)));
        Some(Self { user: owners.clone().find(may).unwrap_or(ROOT), group })
    }
}

/// Whether a user is in a group, by its own row or the group's.
fn is_member(users: &str, groups: &str, user: u32, group: u32) -> bool {
    let name = named(users, user);
    let (user, group) = (user.to_string(), group.to_string());
    let own =
        rows(users).any(|row| row.get(2) == Some(&user.as_str()) && row.get(3) == Some(&group.as_str()));
    let listed = |members: &&str| members.split(',').any(|member| Some(member) == name.as_deref());
    own || rows(groups).any(|row| row.get(2) == Some(&group.as_str()) && row.get(3).is_some_and(listed))
}

/// The name that stands for a number in a table.
fn named(table: &str, id: u32) -> Option<String> {
    let id = id.to_string();
    rows(table)
        .filter(|row| row.get(2) == Some(&id.as_str()))
        .find_map(|row| row.first().map(|name| (*name).to_owned()))
}

/// The rows of a table like `/etc/passwd`: name, password, number, and more, with colons between.
fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    table.lines().map(|line| line.split(':').collect())
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
    fn an_owner_who_is_shut_out_is_not_named() {
        const API: u32 = 998;
        const LOGS: u32 = 997;
        let of = |folder: (u32, u32, u32), log: (u32, u32, u32)| {
            let rights = |(mode, user, group)| Rights { mode, user, group };
            Ids::of(&[(rights(folder), ENTER), (rights(log), READ)], |user, group| {
                (user, group) == (API, LOGS)
            })
        };
        let only = |user, group| Some(Ids { user, group });
        assert_eq!(of((0o700, ROOT, ROOT), (0o644, API, LOGS)), only(ROOT, None));
        assert_eq!(of((0o755, ROOT, ROOT), (0o640, API, LOGS)), only(API, Some(LOGS)));
        assert_eq!(of((0o711, ROOT, ROOT), (0o644, API, LOGS)), None);
        assert_eq!(of((0o750, ROOT, LOGS), (0o600, API, ROOT)), only(API, None), "it enters by its group");
        assert_eq!(of((0o750, ROOT, LOGS), (0o644, API, ROOT)), only(API, Some(LOGS)));
        assert_eq!(of((0o700, 5, 5), (0o600, API, LOGS)), only(ROOT, None), "neither owner may do both");
        assert_eq!(
            of((0o070, API, LOGS), (0o644, API, LOGS)),
            only(ROOT, Some(LOGS)),
            "the owner's own rights count"
        );
    }

    #[test]
    fn members_are_those_of_either_table() {
        let users = "root:x:0:0::/:\napi:x:998:998::/:\n";
        let groups = "root:x:0:\nadm:x:4:syslog,api\napi:x:998:\n";
        let is = |user, group| is_member(users, groups, user, group);
        assert!(is(998, 998) && is(998, 4) && is(0, 0));
        assert!(!is(0, 4) && !is(998, 0) && !is(7, 4));
    }

    #[test]
    fn numbers_have_the_names_of_the_table() {
        let table = "root:x:0:0:root:/root:/bin/sh\n\napi:x:998:998::/:/bin/false\nsame:x:998:1::/:\n";
        assert_eq!(named(table, 998).as_deref(), Some("api"));
        assert_eq!((named(table, 1), named("odd", 0)), (None, None));
    }
}
