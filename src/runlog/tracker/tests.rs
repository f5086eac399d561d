//! The tracker over a log in memory, whose every operation is counted and can be held up.

#![expect(clippy::disallowed_methods, reason = "paused time is read")]

use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::checkpoint::TAIL_BYTES;
use super::*;
use crate::runlog::{BoxFuture, LogIdentity, LogName, LogSource, OpenLog, Role, Template};

/// A log whose contents the test decides.
#[derive(Debug)]
struct Memory {
    state: StdMutex<State>,
    /// A permit for each operation that may go on.
    gate: Semaphore,
    reads: AtomicUsize,
    bytes_read: AtomicUsize,
    readers: AtomicUsize,
    most_readers: AtomicUsize,
}

#[derive(Debug, Clone)]
struct State {
    contents: Vec<u8>,
    identity: u64,
    stamp: u128,
}

#[derive(Debug)]
struct OpenMemory {
    memory: Arc<Memory>,
    found: State,
}

#[derive(Debug)]
struct MemorySource(Arc<Memory>);

impl LogSource for MemorySource {
    fn kind(&self) -> LogSourceKind {
        LogSourceKind::File
    }

    fn open<'a>(&'a self, name: &'a LogName) -> BoxFuture<'a, Result<Box<dyn OpenLog>, LogError>> {
        Box::pin(async move {
            if name.as_str() == "missing" {
                return Err(LogError::Missing);
            }
            let found = self.0.state.lock().unwrap().clone();
            Ok(Box::new(OpenMemory { memory: Arc::clone(&self.0), found }) as Box<dyn OpenLog>)
        })
    }
}

impl OpenLog for OpenMemory {
    fn identity(&self) -> LogIdentity {
        LogIdentity(0, self.found.identity)
    }

    fn length(&self) -> u64 {
        self.found.contents.len() as u64
    }

    fn stamp(&self) -> u128 {
        self.found.stamp
    }

    fn read_at(&self, offset: u64, max_bytes: usize) -> BoxFuture<'_, Result<Bytes, LogError>> {
        Box::pin(async move {
            let memory = &self.memory;
            let readers = memory.readers.fetch_add(1, Ordering::SeqCst) + 1;
            memory.most_readers.fetch_max(readers, Ordering::SeqCst);
            memory.gate.acquire().await.unwrap().forget();
            memory.readers.fetch_sub(1, Ordering::SeqCst);
            let offset = usize::try_from(offset).unwrap();
            let end = (offset + max_bytes).min(self.found.contents.len());
            let bytes = Bytes::copy_from_slice(&self.found.contents[offset.min(end)..end]);
            memory.reads.fetch_add(1, Ordering::SeqCst);
            memory.bytes_read.fetch_add(bytes.len(), Ordering::SeqCst);
            assert!(!bytes.starts_with(b"panic"), "for the test");
            Ok(bytes)
        })
    }
}

fn memory(contents: &[u8], permits: usize) -> Arc<Memory> {
    Arc::new(Memory {
        state: StdMutex::new(State { contents: contents.to_vec(), identity: 1, stamp: 1 }),
        gate: Semaphore::new(permits),
        reads: AtomicUsize::new(0),
        bytes_read: AtomicUsize::new(0),
        readers: AtomicUsize::new(0),
        most_readers: AtomicUsize::new(0),
    })
}

impl Memory {
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap();
        state.stamp += 1;
        change(&mut state);
    }

    /// Reads and bytes since the last call.
    fn spent(&self) -> (usize, usize) {
        (self.reads.swap(0, Ordering::SeqCst), self.bytes_read.swap(0, Ordering::SeqCst))
    }
}

fn tracker(memory: &Arc<Memory>, max_bytes_per_poll: u64) -> Tracker {
    let params = TrackerParams {
        limits: Limits::default(),
        prior: Prior::shipped(),
        max_bytes_per_poll,
        cache_bytes: 1 << 20,
        cache_idle: Duration::from_mins(1),
    };
    let templates = vec![Template::parse("{run_id}").unwrap()];
    let place = Place { source: Arc::new(MemorySource(Arc::clone(memory))), templates, role: Role::Leads };
    Tracker::start(vec![place], params, Metrics::new()).unwrap()
}

fn run(id: &str) -> RunFields {
    RunFields::of(RunId::new(id).unwrap())
}

async fn poll(tracker: &Tracker) -> CatchUp {
    tracker.catch_up(&run("a"), &CancellationToken::new(), &StorageWatch::default()).await
}

/// What the poll took from the cache, and how far the analysis is.
fn done(outcome: CatchUp) -> (CacheOutcome, u64) {
    match outcome {
        CatchUp::Done(snapshot) => (snapshot.cache, snapshot.analysis.offset()),
        other => panic!("expected an analysis, got {other:?}"),
    }
}

fn lines(count: usize) -> Vec<u8> {
    (0..count).flat_map(|n| format!("{{\"line\":{n:08}}}\n").into_bytes()).collect()
}

#[tokio::test]
async fn a_poll_of_an_unchanged_log_reads_nothing() {
    let memory = memory(&lines(100), 100);
    let tracker = tracker(&memory, u64::MAX);
    assert_eq!(done(poll(&tracker).await), (CacheOutcome::Miss, 1800));
    assert_eq!(memory.spent(), (1, 1800));
    assert_eq!(done(poll(&tracker).await), (CacheOutcome::Hit, 1800));
    assert_eq!(memory.spent(), (0, 0));
}

#[tokio::test]
async fn a_poll_after_growth_reads_what_was_appended_and_a_little_before_it() {
    let memory = memory(&lines(1000), 100);
    let tracker = tracker(&memory, u64::MAX);
    poll(&tracker).await;
    memory.spent();
    memory.change(|state| state.contents.extend(lines(10)));
    assert_eq!(done(poll(&tracker).await), (CacheOutcome::Incremental, 18_180));
    assert_eq!(memory.spent(), (2, 180 + TAIL_BYTES));
}

#[tokio::test]
async fn a_replaced_truncated_or_rewritten_log_is_begun_anew() {
    let memory = memory(&lines(100), 100);
    let tracker = tracker(&memory, u64::MAX);
    poll(&tracker).await;
    memory.change(|state| state.identity = 2);
    assert_eq!(
        done(poll(&tracker).await),
        (CacheOutcome::Miss, 1800),
        "replaced by another of the same length"
    );
    memory.change(|state| state.contents.truncate(180));
    assert_eq!(done(poll(&tracker).await), (CacheOutcome::Miss, 180), "truncated");
    memory.change(|state| state.contents = [b"rewritten\n".repeat(18), lines(5)].concat());
    assert_eq!(
        done(poll(&tracker).await),
        (CacheOutcome::Miss, 270),
        "truncated and grown past the old length"
    );
    memory.change(|state| state.contents[200..].fill(b'x'));
    assert_eq!(done(poll(&tracker).await), (CacheOutcome::Miss, 270), "rewritten in place, the same length");
}

/// A log whose head and end stay what they are while its middle changes.
fn with_middle(letter: u8) -> Vec<u8> {
    [lines(100), vec![letter; 100], lines(100)].concat()
}

#[tokio::test]
async fn a_log_rewritten_at_its_old_length_with_its_old_end_is_begun_anew_at_once() {
    let memory = memory(&[&b"one\n"[..], &lines(100)].concat(), 100);
    let tracker = tracker(&memory, u64::MAX);
    poll(&tracker).await;
    memory.change(|state| state.contents[..3].copy_from_slice(b"two"));
    assert_eq!(done(poll(&tracker).await), (CacheOutcome::Miss, 1804));
    assert_eq!(done(poll(&tracker).await), (CacheOutcome::Hit, 1804));
}

#[tokio::test]
async fn a_log_rewritten_in_its_middle_only_is_begun_anew_with_the_second_poll() {
    let memory = memory(&with_middle(b'a'), 100);
    let tracker = tracker(&memory, u64::MAX);
    poll(&tracker).await;
    memory.change(|state| state.contents = with_middle(b'b'));
    assert_eq!(done(poll(&tracker).await).0, CacheOutcome::Incremental, "it may be growing just now");
    assert_eq!(done(poll(&tracker).await).0, CacheOutcome::Miss, "it is not");
    assert_eq!(done(poll(&tracker).await).0, CacheOutcome::Hit);
}

#[tokio::test]
async fn a_log_seen_in_the_middle_of_a_write_is_not_read_twice() {
    let memory = memory(&lines(1000), 100);
    let tracker = tracker(&memory, u64::MAX);
    poll(&tracker).await;
    // The time of a write shows before its bytes do.
    memory.change(|_| {});
    poll(&tracker).await;
    memory.spent();
    memory.state.lock().unwrap().contents.extend(lines(10));
    assert_eq!(done(poll(&tracker).await), (CacheOutcome::Incremental, 18_180));
    assert_eq!(memory.spent(), (2, 180 + TAIL_BYTES));
    assert_eq!(done(poll(&tracker).await).0, CacheOutcome::Hit);
}

#[tokio::test]
async fn a_missing_and_an_empty_log_say_so_and_leave_nothing_behind() {
    let memory = memory(b"", 100);
    let tracker = tracker(&memory, u64::MAX);
    assert!(matches!(poll(&tracker).await, CatchUp::Empty));
    let missing =
        tracker.catch_up(&run("missing"), &CancellationToken::new(), &StorageWatch::default()).await;
    assert!(matches!(missing, CatchUp::Failed(LogError::Missing)));
    assert!(tracker.0.cache.get(&run("missing").run).is_none());
    assert_eq!(
        tracker.0.held.lock().unwrap().get(&run("missing").run).and_then(Weak::upgrade).map(drop),
        None
    );
}

#[tokio::test]
async fn a_poll_reads_no_more_than_its_share_and_the_next_goes_on() {
    let memory = memory(&lines(100), 100);
    let tracker = tracker(&memory, 1000);
    assert!(matches!(poll(&tracker).await, CatchUp::Behind));
    assert_eq!(memory.spent().1, 1000);
    assert_eq!(done(poll(&tracker).await), (CacheOutcome::Incremental, 1800));
    assert_eq!(memory.spent().1, 800 + TAIL_BYTES);
}

#[tokio::test]
async fn a_log_has_one_reader_however_many_ask_and_all_get_the_same() {
    let memory = memory(&lines(100), 0);
    let tracker = tracker(&memory, u64::MAX);
    let polls: Vec<_> = (0..20)
        .map(|_| {
            tokio::spawn({
                let tracker = tracker.clone();
                async move { poll(&tracker).await }
            })
        })
        .collect();
    while memory.readers.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    memory.gate.add_permits(100);
    for outcome in polls {
        assert_eq!(done(outcome.await.unwrap()).1, 1800);
    }
    assert_eq!(memory.most_readers.load(Ordering::SeqCst), 1);
    assert_eq!(memory.spent(), (1, 1800));
}

#[tokio::test]
async fn an_evicted_log_still_has_one_reader() {
    let memory = memory(&lines(100), 1);
    let tracker = tracker(&memory, u64::MAX);
    poll(&tracker).await;
    memory.change(|state| state.contents.extend(lines(1)));
    let reading = tokio::spawn({
        let tracker = tracker.clone();
        async move { poll(&tracker).await }
    });
    while memory.readers.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    tracker.0.cache.invalidate_all();
    tracker.0.cache.run_pending_tasks();
    let waiting = tokio::spawn({
        let tracker = tracker.clone();
        async move { poll(&tracker).await }
    });
    tokio::task::yield_now().await;
    memory.gate.add_permits(100);
    assert_eq!(done(reading.await.unwrap()), (CacheOutcome::Incremental, 1818));
    assert_eq!(done(waiting.await.unwrap()), (CacheOutcome::Hit, 1818));
    assert_eq!(memory.most_readers.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_waits_for_another_reader_can_stop_waiting_and_the_reader_goes_on() {
    let memory = memory(&lines(100), 0);
    let tracker = tracker(&memory, u64::MAX);
    let nobody_waits = CancellationToken::new();
    let watch = StorageWatch::default();
    let reading = tokio::spawn({
        let (tracker, nobody_waits, watch) = (tracker.clone(), nobody_waits.clone(), watch.clone());
        async move { tracker.catch_up(&run("a"), &nobody_waits, &watch).await }
    });
    while memory.readers.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    nobody_waits.cancel();
    let second = tracker.catch_up(&run("a"), &nobody_waits, &StorageWatch::default()).await;
    assert!(matches!(second, CatchUp::Abandoned));
    memory.gate.add_permits(1);
    assert_eq!(done(reading.await.unwrap()), (CacheOutcome::Miss, 1800));
}

#[tokio::test]
async fn after_a_panic_the_log_is_read_anew() {
    let memory = memory(b"panic", 100);
    let tracker = tracker(&memory, u64::MAX);
    let failed = tokio::spawn({
        let tracker = tracker.clone();
        async move { poll(&tracker).await }
    })
    .await;
    assert!(failed.unwrap_err().is_panic());
    memory.change(|state| state.contents = lines(1));
    assert_eq!(done(poll(&tracker).await), (CacheOutcome::Miss, 18));
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_hangs_is_told_from_one_that_is_not_asked() {
    let memory = memory(&lines(1), 0);
    let tracker = tracker(&memory, u64::MAX);
    let watch = StorageWatch::default();
    let reading = tokio::spawn({
        let (tracker, watch) = (tracker.clone(), watch.clone());
        async move { tracker.catch_up(&run("a"), &CancellationToken::new(), &watch).await }
    });
    tokio::time::advance(Duration::from_millis(1)).await;
    tokio::time::advance(Duration::from_millis(70)).await;
    assert!(watch.waiting(tokio::time::Instant::now()) >= Duration::from_millis(70));
    memory.gate.add_permits(1);
    done(reading.await.unwrap());
    assert_eq!(watch.waiting(tokio::time::Instant::now()), Duration::ZERO);
}

#[tokio::test]
async fn entries_that_nobody_holds_are_forgotten() {
    let memory = memory(b"", 0);
    let tracker = tracker(&memory, u64::MAX);
    for n in 0..10_000 {
        let id = run(&format!("r{n}"));
        tracker.catch_up(&id, &CancellationToken::new(), &StorageWatch::default()).await;
        tracker.0.cache.invalidate(&id.run);
        tracker.0.cache.run_pending_tasks();
    }
    assert!(tracker.0.held.lock().unwrap().len() < 1000);
}
