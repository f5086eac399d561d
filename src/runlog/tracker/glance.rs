//! Whether a look from outside is enough to know that the logs of a run are as they were read, and no others.
//!
//! It is where a thorough look not long ago found logs in each place that counts, and every name that was not there
//! belongs in a folder in which there was one: then each name is asked about by one system call. Not for storages that
//! are far away, nor where a search may find what no name tells.

use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::checkpoint::Checkpoint;
use super::find::Found;
use super::matches::Matches;
use crate::runlog::{LogName, Lookout, RunFields, Sight};

/// A thorough look is made as often at least: what is local may have become a mount of something that hangs.
const THOROUGH_AGAIN: Duration = Duration::from_secs(15);
/// What is known of a run comes in two forms: before the upstream has answered, and after.
const MOST_LOOKS: usize = 2;
/// What the memory of one name takes, its path included.
const LOOKOUT_BYTES: usize = 256;

/// Thorough looks at the same logs, by what was known of the run.
#[derive(Debug, Default)]
pub(super) struct Looks(Vec<Look>);

#[derive(Debug)]
struct Look {
    run: RunFields,
    at: Instant,
    /// What was to be seen of each name that the run's logs may have.
    seen: Vec<(Box<dyn Lookout>, Option<Sight>)>,
}

impl Looks {
    /// Whether all is as it was when somebody last looked thoroughly for the logs of this very run.
    pub(super) fn still_hold(&self, run: &RunFields) -> bool {
        let is_recent = |look: &&Look| look.run == *run && look.at.elapsed() < THOROUGH_AGAIN;
        let look = self.0.iter().find(is_recent);
        look.is_some_and(|look| look.seen.iter().all(|(lookout, sight)| lookout.see() == *sight))
    }

    /// How much memory is held, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let look = |look: &Look| size_of::<Look>() + look.seen.len() * LOOKOUT_BYTES;
        self.0.iter().map(look).sum()
    }
}

impl Shared {
    /// Notes a thorough look that found these logs, read to their ends.
    pub(super) fn note_look(
        &self,
        checkpoint: &mut Checkpoint,
        run: &RunFields,
        matches: &Matches,
        found: &[Found],
    ) {
        checkpoint.looks.0.retain(|look| look.run != *run);
        let has_logs = |(place, _): (usize, _)| found.iter().any(|log| log.place == place);
        if !checkpoint.is_up_with(found) || !self.counting(found).all(has_logs) {
            return;
        }
        let asked = self.asked(run, matches, found).into_iter();
        let Some(seen) = asked.map(|(place, name)| self.seen(place, &name, found)).collect() else { return };
        let looks = &mut checkpoint.looks.0;
        if looks.len() == MOST_LOOKS {
            looks.remove(0);
        }
        looks.push(Look { run: run.clone(), at: Instant::now(), seen });
    }

    /// What a thorough look has shown of a name; nothing where a glance could not show it.
    fn seen(
        &self,
        place: usize,
        name: &LogName,
        found: &[Found],
    ) -> Option<(Box<dyn Lookout>, Option<Sight>)> {
        let mut logs = found.iter().filter(|log| log.place == place);
        let there = logs.clone().find(|log| log.name == *name);
        let sight = there.map(|there| there.log.sight());
        let is_near = |log: &Found| folder(&log.name) == folder(name) && log.log.sight().is_some();
        if sight.is_some_and(|sight| sight.is_none()) || !logs.any(is_near) {
            return None;
        }
        Some((self.places[place].source.lookout(name)?, sight.flatten()))
    }
}

fn folder(name: &LogName) -> &str {
    name.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests;
