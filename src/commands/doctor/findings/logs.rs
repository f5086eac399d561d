//! Findings about a run's log: whether it is there, may be read, and what its times say. Pure.

use super::super::facts::{Facts, FoundLog, Hindrance, Notes, Place, PlaceState};
use super::super::report::Finding;
use super::{NO_RUN, counted};

const CHECK: &str = "log";
/// How far a log's last event and its last write may lie apart, in seconds, before a clock or a time zone is to blame.
const APART: i64 = 120;

/// What can be said of the logs.
pub(super) fn of(facts: &Facts) -> Vec<Finding> {
    let Some(config) = &facts.config else {
        return vec![match (&facts.gloss.1, &facts.run) {
            (Some(Ok(told)), Some(_)) if told.notes.is_some() => Finding::ok(CHECK, "gloss reads it"),
            _ => Finding::skipped(CHECK, "without a configuration it is not known where logs are"),
        }];
    };
    let user = &config.user;
    let lost = facts.places.iter().filter(|place| place.found.is_none());
    let mut findings: Vec<_> =
        lost.filter_map(|place| closed(place, user, gloss_reads_a_file(facts))).collect();
    let is_told = !findings.is_empty();
    findings.extend(found(facts, user, is_told));
    let logs = facts.places.iter().filter_map(|place| place.found.as_ref());
    findings.extend(logs.filter_map(times));
    findings
}

/// What gloss's own answer says of the log.
fn notes(facts: &Facts) -> Option<&Notes> {
    facts.gloss.1.as_ref()?.as_ref().ok()?.notes.as_ref()
}

/// Whether gloss reads what this process, as another user, may not.
fn gloss_reads_a_file(facts: &Facts) -> bool {
    notes(facts).is_some_and(|notes| notes.log_source == "file")
}

/// A folder that is of no use, at least to this process.
fn closed(place: &Place, user: &str, gloss_reads: bool) -> Option<Finding> {
    let PlaceState::Closed(why, hindrance) = &place.state else { return None };
    let what = format!("{}: {why}{}", place.name, asked_as(user, *hindrance));
    if gloss_reads {
        return Some(Finding::warning(
            CHECK,
            what,
            "run this as the user that gloss runs as, which reads a log",
        ));
    }
    let todo = match hindrance {
        Hindrance::Rights => format!(
            "correct logs.sources, mount the folder here, or let gloss's user read it: its group (SupplementaryGroups= \
             of the unit), or `setfacl -R -m u:USER:rX {}`; run this as the user that gloss runs as",
            place.name
        ),
        Hindrance::NoFile | Hindrance::Link | Hindrance::Other => {
            "correct logs.sources, or mount the folder here; run this where gloss runs".to_owned()
        }
    };
    Some(Finding::failed(CHECK, what, todo))
}

/// As whom it was tried, where that matters.
fn asked_as(user: &str, hindrance: Hindrance) -> String {
    match hindrance {
        Hindrance::Rights => format!(" (asked as user {user})"),
        Hindrance::NoFile | Hindrance::Link | Hindrance::Other => String::new(),
    }
}

/// What to do about a log that is there and cannot be read.
fn to_read_it(hindrance: Hindrance) -> &'static str {
    match hindrance {
        Hindrance::Rights => {
            "let gloss's user read it (its group, or `setfacl -m u:USER:r`), and have the service write new ones so \
             (umask, `setfacl -d`)"
        }
        Hindrance::NoFile => "remove what is there instead of the log",
        Hindrance::Link => {
            "links that lead out of the folder are not followed: mount the folder that the log is in and name it in \
             logs.sources, or put the file there instead of the link"
        }
        Hindrance::Other => "the storage of the logs is in trouble: look at its host's log",
    }
}

/// Whether the run's log is there; nothing, where it is told already that its folder is closed.
fn found(facts: &Facts, user: &str, is_told: bool) -> Option<Finding> {
    let Some(run) = &facts.run else { return folders(facts, is_told) };
    let found = facts.places.iter().find_map(|place| Some((place, place.found.as_ref()?)));
    if let Some((place, log)) = found {
        return Some(Finding::ok(CHECK, format!("{}/{}, {} bytes", place.name, log.name, log.bytes)));
    }
    let open = facts.places.iter().filter(|place| matches!(place.state, PlaceState::Folder { .. }));
    let looked: Vec<_> = open.filter(|place| !place.tried.is_empty()).collect();
    let unreadable = looked.iter().find_map(|place| Some((place, place.unreadable.as_ref()?)));
    if let Some((place, (why, hindrance))) = unreadable.filter(|_| !gloss_reads_a_file(facts)) {
        let what = format!("{}/{why}{}", place.name, asked_as(user, *hindrance));
        return Some(Finding::failed(CHECK, what, to_read_it(*hindrance)));
    }
    if let Some(notes) = notes(facts) {
        let what =
            format!("gloss reads it, by {}; user {user} finds none in a folder here", notes.log_source);
        return Some(Finding::ok(CHECK, what));
    }
    if looked.is_empty() {
        let nowhere = Finding::skipped(CHECK, "no folder of this host is among logs.sources");
        return (!is_told).then_some(nowhere);
    }
    let tried: Vec<_> =
        looked.iter().map(|place| format!("{} ({})", place.name, place.tried.join(", "))).collect();
    let what = format!("no log of {run} in {}", tried.join("; "));
    Some(Finding::failed(CHECK, what, what_is_there(&looked)))
}

/// What to do where a folder has no log of the run, by what it has instead.
fn what_is_there(looked: &[&Place]) -> String {
    let like: usize = looked.iter().map(|place| place.state.logs()).sum();
    let others: Vec<_> = looked.iter().flat_map(|place| place.state.others()).collect();
    match (like, others.as_slice()) {
        (1.., _) => {
            let others = counted(like as u64, "log");
            format!("{others} of other runs there: has this one begun to write, and is its id right?")
        }
        (0, []) => {
            "the folder is empty: does the service write its logs elsewhere? `gloss init` looks for it"
                .to_owned()
        }
        (0, others) => format!(
            "nothing there is named as a log; if {} are logs, add their form to logs.templates",
            others.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Without a run: whether there are logs at all.
fn folders(facts: &Facts, is_told: bool) -> Option<Finding> {
    let open = facts.places.iter().filter(|place| matches!(place.state, PlaceState::Folder { .. }));
    let open: Vec<_> = open.collect();
    let Some(place) = open.first() else { return (!is_told).then(|| Finding::skipped(CHECK, NO_RUN)) };
    let like: usize = open.iter().map(|place| place.state.logs()).sum();
    if like == 0 {
        let what = format!("{} has no log of any run", place.name);
        return Some(Finding::warning(CHECK, what, what_is_there(&open)));
    }
    Some(Finding::ok(CHECK, format!("{} of runs in {}", counted(like as u64, "log"), place.name)))
}

/// Whether the writer's clock and this host's agree.
fn times(log: &FoundLog) -> Option<Finding> {
    let (written, told) = (log.modified?, log.last_event?);
    let apart = (told - written).num_seconds();
    if apart.abs() <= APART {
        return None;
    }
    let (how, todo) = if apart > 0 {
        (
            "ahead of",
            "the writer's clock is wrong, or it writes local time as UTC: notes take such times as they are",
        )
    } else {
        (
            "behind",
            "the writer's clock or time zone is wrong, or the file was copied since: stalls and estimates rest on it",
        )
    };
    let what = format!("{}: its last event is {} s {how} its last write", log.name, apart.abs());
    Some(Finding::warning("log times", what, todo))
}

impl PlaceState {
    fn logs(&self) -> usize {
        match self {
            Self::Folder { like_logs, .. } => *like_logs,
            Self::Closed(..) | Self::Remote | Self::Body => 0,
        }
    }

    fn others(&self) -> &[String] {
        match self {
            Self::Folder { others, .. } => others,
            Self::Closed(..) | Self::Remote | Self::Body => &[],
        }
    }
}
