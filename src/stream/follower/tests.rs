//! The follower over a log in memory, in paused time: when it looks, and why.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;

use super::*;
use crate::analysis::{Limits, LogSourceKind, Prior};
use crate::runlog::{
    Bell, BoxFuture, LogError, LogIdentity, LogName, LogSource, LogWatch, OpenLog, Place, Role, Template,
    TrackerParams,
};
use crate::telemetry::Metrics;

/// A storage with one log, whose looks are counted and which tells of changes as the test decides.
#[derive(Debug, Default)]
struct Storage {
    length: AtomicU64,
    looks: AtomicUsize,
    can_tell: bool,
    tells: AtomicBool,
    renewals: AtomicUsize,
    watches: Mutex<Vec<Bell>>,
    dropped: AtomicUsize,
}

#[derive(Debug)]
struct Source(Arc<Storage>);

#[derive(Debug)]
struct Found(u64);

#[derive(Debug)]
struct Watching(Arc<Storage>);

impl LogSource for Source {
    fn kind(&self) -> LogSourceKind {
        LogSourceKind::File
    }

    fn open<'a>(&'a self, _name: &'a LogName) -> BoxFuture<'a, Result<Box<dyn OpenLog>, LogError>> {
        self.0.looks.fetch_add(1, Ordering::Relaxed);
        let length = self.0.length.load(Ordering::Relaxed);
        Box::pin(async move { Ok(Box::new(Found(length)) as Box<dyn OpenLog>) })
    }

    fn watch(&self, _name: &LogName, bell: &Bell) -> Option<Box<dyn LogWatch>> {
        self.0.can_tell.then(|| {
            self.0.watches.lock().unwrap().push(bell.clone());
            Box::new(Watching(Arc::clone(&self.0))) as Box<dyn LogWatch>
        })
    }
}

impl OpenLog for Found {
    fn identity(&self) -> LogIdentity {
        LogIdentity(0, 0)
    }

    fn length(&self) -> u64 {
        self.0
    }

    fn stamp(&self) -> u128 {
        0
    }

    fn read_at(&self, _offset: u64, _max_bytes: usize) -> BoxFuture<'_, Result<Bytes, LogError>> {
        Box::pin(async { Ok(Bytes::new()) })
    }
}

impl LogWatch for Watching {
    fn tells(&self) -> bool {
        self.0.tells.load(Ordering::Relaxed)
    }

    fn renew(&self) {
        self.0.renewals.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Storage {
    fn that_tells(can_tell: bool) -> Arc<Self> {
        let storage = Self { can_tell, tells: AtomicBool::new(can_tell), ..Self::default() };
        storage.length.store(1, Ordering::Relaxed);
        Arc::new(storage)
    }

    fn grow(&self) {
        self.length.fetch_add(1, Ordering::Relaxed);
    }

    fn ring(&self) {
        self.watches.lock().unwrap().iter().for_each(Bell::ring);
    }

    fn looks(&self) -> usize {
        self.looks.load(Ordering::Relaxed)
    }

    /// How many looks there are within this time.
    async fn looks_within(&self, time: Duration) -> usize {
        let before = self.looks();
        sleep(time).await;
        self.looks() - before
    }
}

/// Follows the log of the storage, which has been looked at and is watched.
async fn following(storage: &Arc<Storage>) -> watch::Receiver<Option<LogMark>> {
    let templates = vec![Template::parse("{run_id}").unwrap()];
    let source = Arc::new(Source(Arc::clone(storage)));
    let params = TrackerParams {
        limits: Limits::default(),
        prior: Prior::shipped(),
        max_bytes_per_poll: 1 << 20,
        cache_bytes: 1 << 20,
        cache_idle: Duration::from_mins(1),
    };
    let places = vec![Place { source, templates, role: Role::Leads }];
    let tracker = Tracker::start(places, params, Metrics::new()).unwrap();
    let mut news = Followers::new(tracker).follow(&RunId::new("run_1").unwrap());
    news.changed().await.unwrap();
    // The second look is the first that is told of.
    sleep(UNTOLD + Duration::from_millis(1)).await;
    news
}

/// How long it takes until a change shows.
async fn shown_after(news: &mut watch::Receiver<Option<LogMark>>, change: impl FnOnce()) -> Duration {
    news.borrow_and_update();
    let began = Instant::now();
    change();
    news.changed().await.unwrap();
    began.elapsed()
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_log_that_is_told_of_is_looked_at_a_third_as_often_and_shown_sooner() {
    let storage = Storage::that_tells(true);
    let mut news = following(&storage).await;
    assert_eq!(storage.looks_within(MINUTE).await, 80);
    for _ in 0..10 {
        sleep(MINUTE).await;
        let took = shown_after(&mut news, || {
            storage.grow();
            storage.ring();
        })
        .await;
        assert!(took <= UNTOLD + SETTLE, "{took:?}");
    }
    assert_eq!(storage.renewals.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_log_of_which_nothing_tells_is_looked_at_four_times_a_second() {
    let storage = Storage::that_tells(false);
    let mut news = following(&storage).await;
    assert_eq!(storage.looks_within(MINUTE).await, 240);
    let took = shown_after(&mut news, || storage.grow()).await;
    assert!(took <= UNTOLD, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_rings_costs_no_more_looks_than_asking_would() {
    let storage = Storage::that_tells(true);
    let _news = following(&storage).await;
    let before = storage.looks();
    for _ in 0..10_000 {
        storage.grow();
        storage.ring();
        sleep(Duration::from_millis(1)).await;
    }
    let looks = storage.looks() - before;
    assert!((30..=41).contains(&looks), "{looks} in ten seconds");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_not_told_shows_within_a_second_and_the_next_ones_sooner() {
    let storage = Storage::that_tells(true);
    let mut news = following(&storage).await;
    let took = shown_after(&mut news, || storage.grow()).await;
    assert!(took <= TOLD, "{took:?}");
    sleep(MINUTE).await;
    assert_eq!(storage.renewals.load(Ordering::Relaxed), 1, "the watch is renewed");
    assert_eq!(storage.looks_within(MINUTE).await, 240);
    let took = shown_after(&mut news, || storage.grow()).await;
    assert!(took <= UNTOLD, "{took:?}");
    // Until something is told after all.
    shown_after(&mut news, || {
        storage.grow();
        storage.ring();
    })
    .await;
    sleep(MINUTE).await;
    assert_eq!(storage.looks_within(MINUTE).await, 80);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_told_late_is_no_reason_for_doubt() {
    let storage = Storage::that_tells(true);
    let mut news = following(&storage).await;
    for _ in 0..10 {
        shown_after(&mut news, || storage.grow()).await;
        storage.ring();
        sleep(MINUTE).await;
    }
    assert_eq!(storage.renewals.load(Ordering::Relaxed), 0);
    assert_eq!(storage.looks_within(MINUTE).await, 80);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_cannot_be_kept_counts_for_nothing() {
    let storage = Storage::that_tells(true);
    storage.tells.store(false, Ordering::Relaxed);
    let _news = following(&storage).await;
    assert_eq!(storage.looks_within(MINUTE).await, 240);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_watched_or_looked_at_once_nobody_listens() {
    let storage = Storage::that_tells(true);
    let news = following(&storage).await;
    assert_eq!(storage.dropped.load(Ordering::Relaxed), 0);
    drop(news);
    assert_eq!(storage.looks_within(MINUTE).await, 0);
    assert_eq!(storage.dropped.load(Ordering::Relaxed), 1);
}
