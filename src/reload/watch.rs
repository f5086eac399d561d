//! Notices that the configuration file has changed, by looking at its contents every second.
//!
//! Looking is what works everywhere: with a file that is rewritten, replaced by rename, or reached through the symbolic
//! links that Kubernetes swaps (the file itself never changes then), on network file systems and bind mounts, which
//! send no notifications, and where the system's watches are used up. It costs one read of a few kilobytes a second.
//! A change counts once two looks in a row have seen the same, so that a file which is being written is not taken half.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the configuration file")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// The time between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// What a look sees: a hash, since the contents may hold a secret; `None` where the file cannot be read.
type Sight = Option<[u8; 32]>;

/// A file whose contents are watched.
#[derive(Debug)]
pub struct FileWatch {
    path: PathBuf,
    settling: Settling,
}

impl FileWatch {
    /// What is in the file now is known already: to be called before the file is loaded, so that no change is missed.
    pub fn begin(path: &Path) -> Self {
        Self { settling: Settling::from(look(path)), path: path.to_owned() }
    }

    /// Takes what is in the file now for known.
    pub(super) async fn take_note(&mut self) {
        if let Some(sight) = self.look().await {
            self.settling = Settling::from(sight);
        }
    }

    /// Waits until the file holds something else than at the last time.
    ///
    /// # Cancel safety
    /// A future that is dropped forgets nothing that it has noticed.
    pub(super) async fn changed(&mut self) {
        loop {
            sleep(EVERY).await;
            if self.look().await.is_some_and(|sight| self.settling.sees(sight)) {
                return;
            }
        }
    }

    /// Looks on a thread where a storage that hangs holds up no other work; `None` when the look itself failed.
    async fn look(&self) -> Option<Sight> {
        let path = self.path.clone();
        spawn_blocking(move || look(&path)).await.ok()
    }
}

fn look(path: &Path) -> Sight {
    fs::read(path).ok().map(|contents| Sha256::digest(contents).into())
}

/// Tells contents that have changed and stay from those that are being written.
#[derive(Debug)]
struct Settling {
    /// What was there when a change was last told.
    known: Sight,
    /// What the last look saw.
    last: Sight,
}

impl Settling {
    fn from(sight: Sight) -> Self {
        Self { known: sight, last: sight }
    }

    /// Whether this look shows that the contents have changed for good.
    fn sees(&mut self, sight: Sight) -> bool {
        let settled = self.last == sight && self.known != sight;
        self.last = sight;
        if settled {
            self.known = sight;
        }
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Sight = Some([1; 32]);
    const TWO: Sight = Some([2; 32]);
    const THREE: Sight = Some([3; 32]);

    #[test]
    fn a_change_is_told_once_and_only_when_it_has_settled() {
        let mut settling = Settling::from(ONE);
        let told: Vec<_> =
            [ONE, TWO, THREE, THREE, THREE, THREE].into_iter().map(|seen| settling.sees(seen)).collect();
        assert_eq!(told, [false, false, false, true, false, false]);
    }

    #[test]
    fn a_file_that_is_gone_for_a_moment_has_not_changed() {
        let mut settling = Settling::from(ONE);
        assert!(![None, ONE, ONE].into_iter().any(|seen| settling.sees(seen)));
    }

    #[test]
    fn a_file_that_stays_away_has_changed_and_its_return_is_another_change() {
        let mut settling = Settling::from(ONE);
        let told: Vec<_> = [None, None, ONE, ONE].into_iter().map(|seen| settling.sees(seen)).collect();
        assert_eq!(told, [false, true, false, true]);
    }

    #[test]
    fn a_file_replaced_through_a_swapped_link_looks_different() {
        let folder = tempfile::TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (version, text) in [("v1", "a = 1"), ("v2", "a = 2")] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("gloss.toml"), text).unwrap();
        }
        std::os::unix::fs::symlink("v1", at("..data")).unwrap();
        std::os::unix::fs::symlink("..data/gloss.toml", at("gloss.toml")).unwrap();
        let before = look(&at("gloss.toml"));
        std::os::unix::fs::symlink("v2", at("new")).unwrap();
        fs::rename(at("new"), at("..data")).unwrap();
        assert!(before.is_some() && look(&at("gloss.toml")) != before);
    }
}
