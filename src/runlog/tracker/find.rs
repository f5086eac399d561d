//! Finds the logs of one run: by their names where these are known, else by searching, and then by what was found before.
//!
//! Of the places that lead, the first that has the run counts, with all that is there. A search is made only once the
//! upstream has answered, since its answer may tell the name, only where nothing was found by name, and at most once a
//! second for each run. What it finds counts if its entries name the run; the match is kept, and looked for by its name
//! from then on.

use futures_util::future::join_all;
use tokio::time::Instant;

use super::Shared;
use super::matches::Matches;
use super::watch::StorageWatch;
use crate::analysis::{LogSourceKind, PartRole};
use crate::run_id::RunId;
use crate::runlog::{LogError, LogName, Named, OpenLog, Place, Role, RunFields, Template};

/// So many files of names that fit are looked into, newest first.
const MOST_CANDIDATES: usize = 64;
/// A file that names the run does so in its first or its last bytes.
const LOOKED_AT_BYTES: usize = 64 * 1024;
/// A log that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: usize,
    pub(super) kind: LogSourceKind,
    pub(super) name: LogName,
    pub(super) role: PartRole,
    pub(super) log: Box<dyn OpenLog>,
}

impl Shared {
    /// The logs of a run: those that lead, then those that fill. Empty ones count for nothing; where all are, the list
    /// is empty.
    ///
    /// # Errors
    /// The first place's reason why there is none, unless that one merely has not got it.
    pub(super) async fn find(
        &self,
        run: &RunFields,
        matches: &mut Matches,
        watch: &StorageWatch,
    ) -> Result<Vec<Found>, LogError> {
        self.metrics.log_lookup();
        matches.learn_fields(run);
        let run = &matches.complete(run);
        let mut reason = None;
        let mut found = Vec::new();
        for (number, place) in self.of_role(Role::Leads) {
            match self.find_in(number, place, run, matches, watch).await {
                Ok(logs) if logs.iter().any(|found| found.log.length() > 0) => {
                    found = logs;
                    break;
                }
                // Nothing in it yet, which is more than nothing at all.
                Ok(logs) if !logs.is_empty() => reason = reason.or(Some(None)),
                Ok(_) | Err(LogError::Missing) => {}
                Err(error) => reason = reason.or(Some(Some(error))),
            }
        }
        for (number, place) in self.of_role(Role::Fills) {
            // What only fills may be missing or out of reach; it is not tried at every look then.
            let left_out = matches.left_out(number, Instant::now());
            let logs = match left_out {
                Some(error) => Err(error),
                None => self.find_in(number, place, run, matches, watch).await,
            };
            match logs {
                Ok(logs) => found.extend(logs),
                Err(LogError::Missing) => {}
                Err(error) => {
                    matches.leave_out(number, error.clone(), Instant::now());
                    reason = reason.or(Some(Some(error)));
                }
            }
        }
        found.retain(|found| found.log.length() > 0);
        match reason {
            _ if !found.is_empty() => Ok(found),
            Some(None) => Ok(found),
            Some(Some(error)) => Err(error),
            None => Err(LogError::Missing),
        }
    }

    /// The logs, by place and name, whose changes may lead to something else than `found`.
    pub(super) fn asked(&self, run: &RunFields, matches: &Matches, found: &[Found]) -> Vec<(usize, LogName)> {
        let run = &matches.complete(run);
        let templates = self.counting(found).flat_map(|(number, place)| {
            place.templates.iter().enumerate().map(move |(t, template)| (number, t, template))
        });
        templates
            .filter_map(|(number, t, template)| Some((number, matches.name(number, t, template, run)?)))
            .collect()
    }

    /// The places that may lead to something else than `found`: not those behind the one that has the run.
    pub(super) fn counting(&self, found: &[Found]) -> impl Iterator<Item = (usize, &Place)> {
        let leads = |found: &&Found| self.places[found.place].role == Role::Leads;
        let last = found.iter().find(leads).map_or(usize::MAX, |found| found.place);
        let places = self.places.iter().enumerate();
        places.filter(move |(number, place)| place.role == Role::Fills || *number <= last)
    }

    /// Whether any log only adds to others.
    pub(super) fn can_fill(&self) -> bool {
        self.of_role(Role::Fills).next().is_some()
    }

    /// Whether a log may be found once more is known of the run than its id.
    pub(super) fn gains_by(&self, run: &RunFields) -> bool {
        let known = RunFields::of(run.run.clone());
        let differs = |template: &Template| match template.name(run) {
            Named::Exactly(_) => template.name(run) != template.name(&known),
            Named::Like(_) => true,
        };
        self.places.iter().flat_map(|place| &place.templates).any(differs)
    }

    fn of_role(&self, role: Role) -> impl Iterator<Item = (usize, &Place)> {
        self.places.iter().enumerate().filter(move |(_, place)| place.role == role)
    }

    async fn find_in(
        &self,
        number: usize,
        place: &Place,
        run: &RunFields,
        matches: &mut Matches,
        watch: &StorageWatch,
    ) -> Result<Vec<Found>, LogError> {
        if !place.source.answers() {
            return Err(LogError::Stuck);
        }
        let templates = place.templates.iter().enumerate();
        let named: Vec<(&Template, LogName)> = templates
            .filter_map(|(t, template)| Some((template, matches.name(number, t, template, run)?)))
            .collect();
        let opening = named.into_iter().map(|(template, name)| async move {
            let opened = place.source.open(&name).await;
            opened.map(|log| Found::new(number, place, template, run, (name, log)))
        });
        let (mut found, mut failed) = (Vec::new(), None);
        for opened in watch.during(join_all(opening)).await {
            match opened {
                Ok(log) => found.push(log),
                Err(LogError::Missing) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let may_search = match place.role {
            Role::Leads => run.answered,
            Role::Fills => run.claude_session.is_some(),
        };
        if found.is_empty() && may_search {
            match self.search(number, place, run, matches, watch).await {
                Ok(logs) => found = logs,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    /// Looks for names of which parts are not known; each template's first log that is the run's counts.
    async fn search(
        &self,
        number: usize,
        place: &Place,
        run: &RunFields,
        matches: &mut Matches,
        watch: &StorageWatch,
    ) -> Result<Vec<Found>, LogError> {
        let mut found = Vec::new();
        let patterns: Vec<_> = place
            .templates
            .iter()
            .enumerate()
            .filter_map(|(t, template)| match template.name(run) {
                Named::Like(pattern) => Some((t, template, pattern)),
                Named::Exactly(_) => None,
            })
            .collect();
        if patterns.is_empty() || !matches.may_search(number, Instant::now()) {
            return Ok(found);
        }
        for (t, template, pattern) in patterns {
            let names = watch.during(place.source.search(&pattern, MOST_CANDIDATES)).await?;
            for name in names {
                let Ok(log) = watch.during(place.source.open(&name)).await else { continue };
                if place.role == Role::Leads && !watch.during(names_run(&*log, &run.run)).await? {
                    continue;
                }
                matches.learn(number, t, name.clone());
                found.push(Found::new(number, place, template, run, (name, log)));
                break;
            }
        }
        Ok(found)
    }
}

impl Found {
    fn new(
        number: usize,
        place: &Place,
        template: &Template,
        run: &RunFields,
        (name, log): (LogName, Box<dyn OpenLog>),
    ) -> Self {
        let role = match place.role {
            Role::Fills => PartRole::Transcript,
            Role::Leads if template.has_run_id() => PartRole::Run,
            Role::Leads => PartRole::Session { run: run.run.as_str().to_owned() },
        };
        Self { place: number, kind: place.source.kind(), name, role, log }
    }

    /// Whether it says something without others.
    pub(super) fn leads(&self) -> bool {
        self.role != PartRole::Transcript
    }
}

/// Whether entries of the log name the run, in one of the ways in which JSON is written.
async fn names_run(log: &dyn OpenLog, run: &RunId) -> Result<bool, LogError> {
    let needles = [format!("\"run_id\": \"{run}\""), format!("\"run_id\":\"{run}\"")];
    let names = |bytes: &[u8]| needles.iter().any(|it| memchr::memmem::find(bytes, it.as_bytes()).is_some());
    let head = log.read_at(0, LOOKED_AT_BYTES).await?;
    if names(&head) || log.length() <= head.len() as u64 {
        return Ok(names(&head));
    }
    let tail = log.length().saturating_sub(LOOKED_AT_BYTES as u64);
    Ok(names(&log.read_at(tail, LOOKED_AT_BYTES).await?))
}
