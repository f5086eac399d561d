//! Files that the run changed, as far as the tools that change files succeeded.
//!
//! What shell commands change is not counted: the log does not say.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::bounded::head;

/// More distinct files than this are not told apart.
const MAX_FILES: usize = 5000;
const MAX_PATH_BYTES: usize = 1024;

/// The changed files, in the order of their first change.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    places: HashMap<String, usize>,
    changes: Vec<(Change, u64)>,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Created,
    /// It was there before.
    Modified,
}

impl Files {
    /// Notes a successful edit. A file that this run created stays created.
    pub(super) fn edited(&mut self, path: &str, change: Change) {
        let path = head(path, MAX_PATH_BYTES);
        if let Some(place) = self.places.get(path) {
            self.changes[*place].1 += 1;
        } else if self.changes.len() < MAX_FILES {
            self.places.insert(path.to_owned(), self.changes.len());
            self.changes.push((change, 1));
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.changes.len() as u64
    }

    /// Path, change and number of edits, in the order of the first change.
    pub(super) fn list(&self) -> Vec<(&str, Change, u64)> {
        let mut listed: Vec<(usize, &str)> =
            self.places.iter().map(|(path, place)| (*place, path.as_str())).collect();
        listed.sort_unstable();
        listed.into_iter().map(|(place, path)| (path, self.changes[place].0, self.changes[place].1)).collect()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let paths: usize = self.places.keys().map(String::capacity).sum();
        let entry = size_of::<(String, usize)>() + 1;
        paths + self.places.capacity() * entry * 8 / 7 + self.changes.capacity() * size_of::<(Change, u64)>()
    }
}
