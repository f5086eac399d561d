//! Watches of real folders, and of a kernel that refuses.

#![expect(clippy::disallowed_methods, reason = "the tests write the files that are watched")]

use std::fs::{OpenOptions, create_dir, read, remove_dir_all, remove_file, rename, write};
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use notify::WatcherKind;
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::run_id::RunId;
use crate::runlog::{Named, RunFields, Template};

const PATIENCE: Duration = Duration::from_secs(20);

/// The name of a run's log.
fn name(template: &str, run: &str) -> LogName {
    match Template::parse(template).unwrap().name(&RunFields::of(RunId::new(run).unwrap())) {
        Named::Exactly(name) => name,
        Named::Like(pattern) => panic!("{pattern:?}"),
    }
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        thread::yield_now();
    }
}

/// A watch that the kernel has granted.
fn watching(watches: &FolderWatches, name: &LogName) -> (Bell, Box<dyn LogWatch>) {
    let bell = Bell::default();
    let watch = watches.watch(name, &bell).unwrap();
    eventually("the folder is watched", || watch.tells());
    (bell, watch)
}

async fn rings(bell: &Bell, why: &str) {
    timeout(PATIENCE, bell.rung()).await.unwrap_or_else(|_| panic!("{why} is not told"));
}

fn append(path: &Path, line: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

/// How many folders the thread has been asked for and not given back.
fn folders(watches: &FolderWatches) -> usize {
    watches.0.state().folders.len()
}

#[tokio::test]
async fn whatever_happens_to_a_log_is_told_and_to_others_is_not() {
    let folder = TempDir::new().unwrap();
    let watches = FolderWatches::below(folder.path());
    let path = |file: &str| folder.path().join(file);
    append(&path("last.log"), "1\n");
    let (bell, _watch) = watching(&watches, &name("{run_id}.log", "a"));
    let (last, _last) = watching(&watches, &name("{run_id}.log", "last"));
    // Whether the log was told of; all of that has been heard once another log's only event, which comes after, has.
    let told = async || {
        append(&path("last.log"), "2\n");
        rings(&last, "the other log").await;
        bell.hush()
    };
    append(&path("a.log"), "1\n");
    assert!(told().await, "it comes");
    append(&path("a.log"), "2\n");
    assert!(told().await, "a line");
    rename(path("a.log"), path("a.log.1")).unwrap();
    assert!(told().await, "a rotation");
    append(&path("a.log.1"), "3\n");
    write(path("new"), "4\n").unwrap();
    assert!(!told().await, "other files");
    rename(path("new"), path("a.log")).unwrap();
    assert!(told().await, "a replacement");
    remove_file(path("a.log")).unwrap();
    assert!(told().await, "its end");
}

#[tokio::test]
async fn looking_at_a_log_is_no_change() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.log");
    write(&path, "1\n").unwrap();
    append(&folder.path().join("last.log"), "1\n");
    let watches = FolderWatches::below(folder.path());
    let (bell, _watch) = watching(&watches, &name("{run_id}.log", "a"));
    let (last, _last) = watching(&watches, &name("{run_id}.log", "last"));
    for _ in 0..10 {
        assert_eq!(read(&path).unwrap(), b"1\n");
    }
    append(&folder.path().join("last.log"), "1\n");
    rings(&last, "the other log").await;
    assert!(!bell.hush(), "a look would lead to the next one");
}

#[tokio::test]
async fn a_folder_that_is_moved_away_and_made_again_is_watched_again() {
    let keep = TempDir::new().unwrap();
    let root = keep.path().join("logs");
    create_dir(&root).unwrap();
    let watches = FolderWatches::below(&root);
    let (bell, watch) = watching(&watches, &name("{run_id}.log", "a"));
    for round in 0..3 {
        if round == 1 {
            remove_dir_all(&root).unwrap();
        } else {
            rename(&root, keep.path().join(round.to_string())).unwrap();
        }
        rings(&bell, "the folder's end").await;
        eventually("it is seen that it is gone", || !watch.tells());
        create_dir(&root).unwrap();
        watch.renew();
        eventually("the new one is watched", || watch.tells());
        bell.hush();
        append(&root.join("a.log"), "1\n");
        rings(&bell, "a line in the new one").await;
    }
}

#[tokio::test]
async fn a_folder_below_the_root_may_come_later() {
    let root = TempDir::new().unwrap();
    let watches = FolderWatches::below(root.path());
    let (bell, below) = (Bell::default(), name("{run_id}/log", "a"));
    let watch = watches.watch(&below, &bell).unwrap();
    // Where the root is watched, too, that tells of its coming.
    let (_other, _root) = watching(&watches, &name("{run_id}.log", "a"));
    assert!(!watch.tells());
    create_dir(root.path().join("a")).unwrap();
    eventually("it is watched", || watch.tells());
    bell.hush();
    append(&root.path().join("a/log"), "1\n");
    rings(&bell, "a line").await;
    drop(watch);
    assert_eq!(folders(&watches), 1);
}

#[tokio::test]
async fn thousands_of_logs_in_a_folder_cost_one_watch_and_none_costs_none() {
    let (folder, asked) = (TempDir::new().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&asked);
    let watches = FolderWatches::by(folder.path(), move |_| {
        Ok(Box::new(Fake { answer: || Ok(()), watched: Arc::clone(&counted) }))
    });
    for round in 1..=2 {
        let bell = Bell::default();
        let many: Vec<_> = (0..5000)
            .map(|n| watches.watch(&name("{run_id}.log", &format!("run_{n}")), &bell).unwrap())
            .collect();
        eventually("all are told of", || many.iter().all(|watch| watch.tells()));
        assert_eq!((folders(&watches), asked.load(Ordering::Relaxed)), (1, round));
        drop(many);
        // The counter's other owner makes watchers.
        eventually("no watcher is left", || {
            watches.0.state().keeper.is_none() && Arc::strong_count(&asked) == 2
        });
        assert_eq!(folders(&watches), 0);
    }
}

#[tokio::test]
async fn folders_past_the_most_are_not_told_of() {
    let (folder, asked) = (TempDir::new().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&asked);
    let watches = FolderWatches::by(folder.path(), move |_| {
        Ok(Box::new(Fake { answer: || Ok(()), watched: Arc::clone(&counted) }))
    });
    let bell = Bell::default();
    let many: Vec<_> = (0..MOST_FOLDERS + 10)
        .map(|n| watches.watch(&name("{run_id}/log", &format!("run_{n}")), &bell).unwrap())
        .collect();
    let told = || many.iter().filter(|watch| watch.tells()).count();
    eventually("as many as may be are watched", || told() == MOST_FOLDERS);
    eventually("the others are refused", || watches.0.state().told);
    assert_eq!((told(), asked.load(Ordering::Relaxed)), (MOST_FOLDERS, MOST_FOLDERS));
}

#[tokio::test]
async fn a_kernel_that_refuses_is_asked_again_only_when_there_is_reason_to() {
    let limits: [fn() -> notify::Result<()>; 3] = [
        || Err(notify::Error::new(ErrorKind::MaxFilesWatch)),
        || Err(notify::Error::io(rustix::io::Errno::MFILE.into())),
        || panic!("as a library does whose thread has died"),
    ];
    for answer in limits {
        let folder = TempDir::new().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let watches = FolderWatches::by(folder.path(), move |_| {
            Ok(Box::new(Fake { answer, watched: Arc::clone(&counted) }))
        });
        let bell = Bell::default();
        let watch = watches.watch(&name("{run_id}.log", "a"), &bell).unwrap();
        for asks in 1..=3 {
            eventually("it is refused", || {
                let state = watches.0.state();
                asked.load(Ordering::Relaxed) == asks
                    && state.folders.values().all(|folder| folder.standing == Standing::Refused)
            });
            assert!(!watch.tells() && watches.0.state().told);
            watch.renew();
        }
    }
}

/// A kernel that counts what it watches, or what it has refused.
#[derive(Debug)]
struct Fake {
    answer: fn() -> notify::Result<()>,
    watched: Arc<AtomicUsize>,
}

impl Watcher for Fake {
    fn new<F: notify::EventHandler>(_hear: F, _config: Config) -> notify::Result<Self> {
        Err(notify::Error::generic("made by hand"))
    }

    fn watch(&mut self, _path: &Path, _mode: RecursiveMode) -> notify::Result<()> {
        self.watched.fetch_add(1, Ordering::Relaxed);
        (self.answer)()
    }

    fn unwatch(&mut self, _path: &Path) -> notify::Result<()> {
        self.watched.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }

    fn kind() -> WatcherKind {
        WatcherKind::NullWatcher
    }
}
