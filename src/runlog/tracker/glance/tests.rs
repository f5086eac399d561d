//! Glances over a real folder: when they suffice, and that they never hide anything.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests write the files that are read, and read paused time"
)]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::time::advance;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::analysis::{Limits, LogSourceKind, Prior};
use crate::run_id::RunId;
use crate::runlog::tracker::{CatchUp, StorageWatch, Tracker, TrackerParams};
use crate::runlog::{BoxFuture, FileSource, LogError, LogSource, OpenLog, Place, Role, Template};
use crate::telemetry::Metrics;

/// A folder's source that counts how often something is opened.
#[derive(Debug)]
struct Counted {
    source: FileSource,
    opened: AtomicUsize,
}

impl LogSource for Counted {
    fn kind(&self) -> LogSourceKind {
        self.source.kind()
    }

    fn open<'a>(&'a self, name: &'a LogName) -> BoxFuture<'a, Result<Box<dyn OpenLog>, LogError>> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        self.source.open(name)
    }

    fn lookout(&self, name: &LogName) -> Option<Box<dyn Lookout>> {
        self.source.lookout(name)
    }
}

struct Folder {
    around: TempDir,
    source: Arc<Counted>,
    tracker: Tracker,
}

impl Folder {
    fn new() -> Self {
        let around = TempDir::new().unwrap();
        let source = FileSource::start(around.path().join("logs"), LogSourceKind::File).unwrap();
        let source = Arc::new(Counted { source, opened: AtomicUsize::new(0) });
        let tracker = tracker(Arc::clone(&source) as Arc<dyn LogSource>);
        fs::create_dir(around.path().join("logs")).unwrap();
        Self { around, source, tracker }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.around.path().join("logs").join(name)
    }

    /// What a poll comes to, and how many logs it tried to open.
    async fn poll(&self, run: &RunFields) -> (Result<u64, String>, usize) {
        self.source.opened.store(0, Ordering::SeqCst);
        (poll(&self.tracker, run).await, self.source.opened.load(Ordering::SeqCst))
    }
}

fn tracker(source: Arc<dyn LogSource>) -> Tracker {
    let params = TrackerParams {
        limits: Limits::default(),
        prior: Prior::shipped(),
        max_bytes_per_poll: u64::MAX,
        cache_bytes: 1 << 20,
        cache_idle: Duration::from_mins(1),
    };
    let templates = ["{run_id}.log", "{run_id}_stream.jsonl", "{workflow_name}_{claude_session_id}.log"];
    let templates = templates.iter().map(|text| Template::parse(text).unwrap()).collect();
    Tracker::start(vec![Place { source, templates, role: Role::Leads }], params, Metrics::new()).unwrap()
}

async fn poll_outcome(tracker: &Tracker, run: &RunFields) -> CatchUp {
    match tracker.unchanged(run) {
        Some(snapshot) => CatchUp::Done(snapshot),
        None => tracker.catch_up(run, &CancellationToken::new(), &StorageWatch::default()).await,
    }
}

async fn poll(tracker: &Tracker, run: &RunFields) -> Result<u64, String> {
    match poll_outcome(tracker, run).await {
        CatchUp::Done(snapshot) => {
            let lines = snapshot.analysis.lines_by_kind();
            Ok(lines.recognised + lines.unrecognised)
        }
        other => Err(format!("{other:?}")),
    }
}

fn run() -> RunFields {
    RunFields::of(RunId::new("a").unwrap())
}

fn line(number: usize) -> String {
    format!("{{\"line\":{number:08}}}\n")
}

#[tokio::test]
async fn an_unchanged_log_is_opened_by_no_second_poll() {
    let folder = Folder::new();
    fs::write(folder.path("a.log"), line(1)).unwrap();
    assert_eq!(folder.poll(&run()).await, (Ok(1), 2), "two of the names are known");
    assert_eq!(folder.poll(&run()).await, (Ok(1), 0));
    let answered = RunFields { answered: true, workflow: RunId::new("w"), ..run() };
    assert_eq!(folder.poll(&answered).await.1, 2, "more is known of the run");
    assert_eq!(folder.poll(&run()).await.1, 0);
    assert_eq!(folder.poll(&answered).await.1, 0);
    fs::write(folder.path("a_stream.jsonl"), line(2)).unwrap();
    assert_eq!(folder.poll(&run()).await, (Ok(2), 2), "a log of the other name");
    assert_eq!(folder.poll(&run()).await, (Ok(2), 0));
}

#[tokio::test]
async fn a_log_of_the_same_length_in_the_place_of_another_is_read() {
    let folder = Folder::new();
    let event = r#"{"timestamp":"2026-03-02T09:14:02Z","run_id":"a","event_type":"event","event_category":"other","data":{}}"#;
    let garbage = "x".repeat(event.len());
    let recognised = async || match poll_outcome(&folder.tracker, &run()).await {
        CatchUp::Done(snapshot) => snapshot.analysis.lines_by_kind().recognised,
        other => panic!("{other:?}"),
    };
    fs::write(folder.path("a.log"), format!("{event}\n")).unwrap();
    assert_eq!((recognised().await, recognised().await), (1, 1));
    fs::write(folder.path("new"), format!("{garbage}\n")).unwrap();
    fs::rename(folder.path("new"), folder.path("a.log")).unwrap();
    assert_eq!((recognised().await, recognised().await), (0, 0));
}

#[tokio::test]
async fn a_log_in_a_folder_of_its_own_is_opened_by_every_poll() {
    let folder = Folder::new();
    fs::create_dir(folder.path("a")).unwrap();
    fs::write(folder.path("a/log"), line(1)).unwrap();
    let source = Arc::clone(&folder.source) as Arc<dyn LogSource>;
    let templates = vec![Template::parse("{run_id}/log").unwrap()];
    let params = folder.tracker.0.params.clone();
    let place = Place { source, templates, role: Role::Leads };
    let tracker = Tracker::start(vec![place], params, Metrics::new()).unwrap();
    for _ in 0..3 {
        folder.source.opened.store(0, Ordering::SeqCst);
        assert_eq!(poll(&tracker, &run()).await, Ok(1));
        assert_eq!(folder.source.opened.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_thorough_look_is_made_again_after_a_while() {
    let folder = Folder::new();
    fs::write(folder.path("a.log"), line(1)).unwrap();
    assert_eq!(folder.poll(&run()).await.1, 2);
    advance(THOROUGH_AGAIN / 2).await;
    assert_eq!(folder.poll(&run()).await.1, 0);
    advance(THOROUGH_AGAIN / 2).await;
    assert_eq!(folder.poll(&run()).await.1, 2);
}

#[tokio::test]
async fn a_log_that_may_be_searched_for_in_an_earlier_place_is_looked_for_each_time() {
    let folder = Folder::new();
    fs::write(folder.path("a.log"), line(1)).unwrap();
    let empty = Folder::new();
    let place = |folder: &Folder, template: &str| Place {
        source: Arc::clone(&folder.source) as Arc<dyn LogSource>,
        templates: vec![Template::parse(template).unwrap()],
        role: Role::Leads,
    };
    let places =
        vec![place(&empty, "{workflow_name}_{claude_session_id}.log"), place(&folder, "{run_id}.log")];
    let params = folder.tracker.0.params.clone();
    let tracker = Tracker::start(places, params, Metrics::new()).unwrap();
    for _ in 0..3 {
        folder.source.opened.store(0, Ordering::SeqCst);
        assert_eq!(poll(&tracker, &run()).await, Ok(1));
        assert_eq!(folder.source.opened.load(Ordering::SeqCst), 1);
    }
}

/// What may happen to one of the logs, or to their folder.
#[derive(Debug, Clone)]
enum Event {
    Append(bool),
    Replace(bool, u8),
    Truncate(bool),
    Remove(bool),
    /// Its contents move to a name that a link leads to.
    Link(bool),
    MoveFolder,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => any::<bool>().prop_map(Event::Append),
        1 => (any::<bool>(), 0..4_u8).prop_map(|(log, lines)| Event::Replace(log, lines)),
        1 => any::<bool>().prop_map(Event::Truncate),
        1 => any::<bool>().prop_map(Event::Remove),
        1 => any::<bool>().prop_map(Event::Link),
        1 => Just(Event::MoveFolder),
    ]
}

impl Folder {
    fn happen(&self, number: usize, event: &Event) {
        let path = |other: bool| self.path(if other { "a_stream.jsonl" } else { "a.log" });
        let kept = |other: bool| fs::read_to_string(path(other)).unwrap_or_default();
        // Whatever cannot be done now does not happen.
        let _ = match event {
            Event::Append(log) => fs::write(path(*log), kept(*log) + &line(number)),
            Event::Replace(log, lines) => {
                let new = self.path("new");
                let lines: String = (0..usize::from(*lines)).map(|at| line(1000 * number + at)).collect();
                fs::write(&new, lines).and_then(|()| fs::rename(&new, path(*log)))
            }
            Event::Truncate(log) => fs::write(path(*log), ""),
            Event::Remove(log) => fs::remove_file(path(*log)),
            Event::Link(log) => {
                let real = self.path(&format!("real{number}"));
                fs::rename(path(*log), &real).and_then(|()| std::os::unix::fs::symlink(&real, path(*log)))
            }
            Event::MoveFolder => {
                let away = self.around.path().join(format!("away{number}"));
                fs::rename(self.path(""), away).and_then(|()| fs::create_dir(self.path("")))
            }
        };
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever happens to the logs, a tracker that has glanced says what one says that looks for the first time.
    #[test]
    fn a_glance_never_hides_anything(events in prop::collection::vec((event(), 0..3_usize), 1..12)) {
        runtime().block_on(async {
            let folder = Folder::new();
            for (number, (event, polls)) in events.iter().enumerate() {
                folder.happen(number, event);
                for _ in 0..*polls {
                    let fresh = tracker(Arc::clone(&folder.source) as Arc<dyn LogSource>);
                    let expected = poll(&fresh, &run()).await;
                    prop_assert_eq!(folder.poll(&run()).await.0, expected);
                }
            }
            Ok(())
        })?;
    }
}
