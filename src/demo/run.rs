//! The runs that the sample knows, and how far each has come.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::entry::Identity;
use super::script::{Outcome, SampleRun, Stage, runs};

/// How many runs beyond the bundled ones are kept; starting another forgets the oldest.
const STARTED_RUNS_KEPT: usize = 32;
/// The service notices the end of a run a little after the last line was logged.
const END_NOTICED_AFTER: TimeDelta = TimeDelta::milliseconds(5);

/// One run: a recording, played under a name of its own.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) sample: &'static SampleRun,
    pub(super) identity: Identity,
    pub(super) max_turns: i64,
    pub(super) log: PathBuf,
    /// Cancelled when nothing of the run will be played any more: it has made room for another, or its log cannot be
    /// written.
    pub(super) given_up: CancellationToken,
    progress: watch::Sender<Progress>,
}

/// With what a run is started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    /// Which recording to play.
    pub(super) sample: &'static SampleRun,
    /// The most turns that the caller allows; only repeated, the recording keeps its own.
    pub(super) max_turns: i64,
    /// Characters in the caller's message.
    pub(super) input_length: usize,
}

/// What the service keeps of a run beside its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) started_at: DateTime<Utc>,
    pub(super) responded: Option<(DateTime<Utc>, String)>,
    pub(super) ended: Option<(DateTime<Utc>, Outcome)>,
}

impl Run {
    fn new(order: Order, run_id: String, seed: &str, log_dir: &Path) -> Self {
        let Order { sample, max_turns, input_length } = order;
        let log = log_dir.join(format!("run_{run_id}.log"));
        let identity = Identity {
            session_id: uuid(&format!("{seed}/{run_id}/session")),
            claude_session_id: uuid(&format!("{seed}/{run_id}/claude")),
            workflow: sample.workflow.to_owned(),
            run_id,
            input_length,
        };
        let given_up = CancellationToken::new();
        Self { sample, identity, max_turns, log, given_up, progress: watch::Sender::default() }
    }

    /// How far the run has come.
    pub(super) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Notes that the run has come to `stage` at the time `at`.
    pub(super) fn reach(&self, stage: &Stage, at: DateTime<Utc>) {
        self.progress.send_modify(|progress| match stage {
            Stage::Begun => *progress = Progress { started_at: at, ..Progress::default() },
            Stage::Responded(text) => progress.responded = Some((at, text.clone())),
            Stage::Working => {}
            Stage::Ended(outcome) => progress.ended = Some((at + END_NOTICED_AFTER, *outcome)),
        });
    }

    /// Waits for Claude's first text.
    pub(super) async fn first_response(&self) -> Progress {
        let mut progress = self.progress.subscribe();
        let reached = progress.wait_for(|progress| progress.responded.is_some()).await;
        reached.expect("the sender lives in the run, which is borrowed").clone()
    }
}

/// All runs by id.
#[derive(Debug)]
pub(super) struct Runs {
    log_dir: PathBuf,
    /// Makes the ids of this start of the sample differ from those of another.
    seed: String,
    table: RwLock<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_id: HashMap<String, Arc<Run>>,
    started: VecDeque<String>,
    started_ever: u64,
}

impl Runs {
    /// The bundled runs, none of them played yet.
    pub(super) fn bundled(log_dir: &Path, now: DateTime<Utc>) -> Self {
        let seed = now.timestamp_micros().to_string();
        let by_id = runs()
            .iter()
            .map(|sample| {
                let order = Order { sample, max_turns: sample.max_turns, input_length: sample.shows.len() };
                let run = Run::new(order, sample.id.to_owned(), &seed, log_dir);
                (sample.id.to_owned(), Arc::new(run))
            })
            .collect();
        let table = Table { by_id, ..Table::default() };
        Self { log_dir: log_dir.to_owned(), seed, table: RwLock::new(table) }
    }

    /// The run with this id.
    pub(super) fn get(&self, run_id: &str) -> Option<Arc<Run>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).by_id.get(run_id).cloned()
    }

    /// Another run under a new id, and the run that had to make room for it, if any.
    pub(super) fn add(&self, order: Order) -> (Arc<Run>, Option<Arc<Run>>) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.started_ever += 1;
        let digits = hex(&format!("{}/{}", self.seed, table.started_ever), 6);
        let run = Arc::new(Run::new(order, format!("run_{digits}"), &self.seed, &self.log_dir));
        table.by_id.insert(run.identity.run_id.clone(), Arc::clone(&run));
        table.started.push_back(run.identity.run_id.clone());
        let forgotten =
            if table.started.len() > STARTED_RUNS_KEPT { table.started.pop_front() } else { None };
        let forgotten = forgotten.and_then(|id| table.by_id.remove(&id));
        if let Some(run) = &forgotten {
            run.given_up.cancel();
        }
        (run, forgotten)
    }
}

fn hex(text: &str, bytes: usize) -> String {
    let mut digits = String::new();
    for byte in Sha256::digest(text).iter().take(bytes) {
        write!(digits, "{byte:02x}").expect("writing into a String cannot fail");
    }
    digits
}

/// A name in the form of a version 4 UUID, always the same for the same text.
fn uuid(text: &str) -> String {
    let digits = hex(text, 16);
    format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundled() -> Runs {
        Runs::bundled(Path::new("/nowhere"), DateTime::from_timestamp(1_700_000_000, 0).unwrap())
    }

    fn order() -> Order {
        Order { sample: &runs()[0], max_turns: 30, input_length: 4 }
    }

    #[test]
    fn a_started_run_has_an_id_of_its_own_and_its_log_is_named_after_it() {
        let known = bundled();
        let (first, _) = known.add(order());
        let (second, _) = known.add(order());
        assert_ne!(first.identity.run_id, second.identity.run_id);
        assert_ne!(first.identity.claude_session_id, second.identity.claude_session_id);
        assert_eq!(first.identity.run_id.len(), "run_".len() + 12);
        assert_eq!(first.log, Path::new(&format!("/nowhere/run_{}.log", first.identity.run_id)));
        assert!(known.get(&first.identity.run_id).is_some());
    }

    #[test]
    fn the_oldest_started_run_makes_room_and_the_bundled_ones_stay() {
        let known = bundled();
        let (first, _) = known.add(order());
        let forgotten: Vec<_> = (0..STARTED_RUNS_KEPT).filter_map(|_| known.add(order()).1).collect();
        assert_eq!(forgotten.len(), 1);
        assert_eq!(forgotten[0].identity.run_id, first.identity.run_id);
        assert!(first.given_up.is_cancelled());
        assert!(known.get(&first.identity.run_id).is_none());
        assert!(runs().iter().all(|sample| known.get(sample.id).is_some()));
    }

    #[test]
    fn beginning_again_forgets_the_end() {
        let run = bundled().get(runs()[0].id).unwrap();
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        run.reach(&Stage::Begun, at);
        run.reach(&Stage::Responded("Hello".to_owned()), at);
        run.reach(&Stage::Ended(Outcome::Completed), at);
        assert!(run.progress().ended.is_some());
        run.reach(&Stage::Begun, at + TimeDelta::seconds(9));
        assert_eq!(
            run.progress(),
            Progress { started_at: at + TimeDelta::seconds(9), ..Progress::default() }
        );
    }
}
