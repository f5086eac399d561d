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
use crate::runlog::{LogName, RunFields, Sight};

/// A thorough look is made as often at least: what is local may have become a mount of something that hangs.
const THOROUGH_AGAIN: Duration = Duration::from_secs(15);
/// What is known of a run comes in two forms: before the upstream has answered, and after.
const MOST_LOOKS: usize = 2;

/// Thorough looks at the same logs, by what was known of the run.
#[derive(Debug, Default)]
pub(super) struct Looks(Vec<Look>);

#[derive(Debug)]
struct Look {
    run: RunFields,
    at: Instant,
    /// By place, what was to be seen of each name that the run's logs may have.
    seen: Vec<(usize, LogName, Option<Sight>)>,
}

impl Shared {
    /// Whether all is as it was when somebody last looked thoroughly for the logs of this very run.
    pub(super) fn is_as_last_seen(&self, known: &Checkpoint, run: &RunFields) -> bool {
        let is_recent = |look: &&Look| look.run == *run && look.at.elapsed() < THOROUGH_AGAIN;
        known.looks.0.iter().find(is_recent).is_some_and(|look| {
            look.seen.iter().all(|(place, name, sight)| self.places[*place].source.glance(name) == *sight)
        })
    }

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
        let Some(seen) = asked.map(|(place, name)| seen(place, name, found)).collect() else { return };
        let looks = &mut checkpoint.looks.0;
        if looks.len() == MOST_LOOKS {
            looks.remove(0);
        }
        looks.push(Look { run: run.clone(), at: Instant::now(), seen });
    }
}

impl Looks {
    /// How much memory is held, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let look = |look: &Look| size_of_val(look.seen.as_slice()) + size_of::<Look>();
        self.0.iter().map(look).sum()
    }
}

/// What a thorough look has shown of a name; nothing where a glance could not show it.
fn seen(place: usize, name: LogName, found: &[Found]) -> Option<(usize, LogName, Option<Sight>)> {
    let mut logs = found.iter().filter(|log| log.place == place);
    if let Some(there) = logs.clone().find(|log| log.name == name) {
        return Some((place, name, Some(there.log.sight()?)));
    }
    let is_near = |log: &Found| folder(&log.name) == folder(&name) && log.log.sight().is_some();
    logs.any(is_near).then_some((place, name, None))
}

fn folder(name: &LogName) -> &str {
    name.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests;
