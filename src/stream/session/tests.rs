//! Tests of one client's stream, in paused time: what is sent when, by a feed that a test tells what to say.

use std::sync::{Arc, Mutex};

use futures_util::future::{pending, ready};
use tokio::task::JoinHandle;

use super::super::Streams;
use super::super::event::{Event, EventReader};
use super::*;

/// What the feed says; shared with the test.
#[derive(Debug, Default)]
struct Script {
    state: Option<State>,
    /// What the upstream answers; `None` never comes.
    asked: Option<fn() -> Asked<State>>,
    asks: usize,
    states: usize,
}

#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Script>>);

impl Feed for Told {
    type Answer = State;

    fn ask(&self) -> BoxFuture<'static, Asked<State>> {
        let mut script = self.0.lock().unwrap();
        script.asks += 1;
        match script.asked {
            Some(asked) => Box::pin(ready(asked())),
            None => Box::pin(pending()),
        }
    }

    fn learn(&mut self, answer: State) -> bool {
        let mut script = self.0.lock().unwrap();
        script.state.replace(answer.clone()) != Some(answer)
    }

    async fn state(&mut self) -> Option<State> {
        let mut script = self.0.lock().unwrap();
        script.states += 1;
        script.state.clone()
    }
}

fn state(offset: u64) -> State {
    State { data: format!("{{\"at\":{offset}}}"), offset, answer: 0, ended: None }
}

fn completed() -> State {
    State { ended: Some("completed"), answer: 1, ..state(9) }
}

/// A session under test, and all that it is connected to.
struct Stage {
    told: Told,
    log: watch::Sender<Option<LogMark>>,
    events: mpsc::Receiver<Bytes>,
    end: CancellationToken,
    metrics: Metrics,
    task: JoinHandle<()>,
    began: Instant,
}

impl Stage {
    fn begin(asked: Option<fn() -> Asked<State>>) -> Self {
        let told = Told::default();
        told.0.lock().unwrap().asked = asked;
        let ((log, news), (sender, events)) = (watch::channel(None), mpsc::channel(1));
        let (end, metrics) = (CancellationToken::new(), Metrics::new());
        let session = Session {
            feed: told.clone(),
            log: news,
            events: sender,
            pace: Pace { upstream: Duration::from_secs(5), heartbeat: Duration::from_secs(15) },
            end: end.clone(),
            metrics: metrics.clone(),
            place: Streams::new(end.clone(), metrics.clone()).begin(1).unwrap(),
        };
        let task = tokio::spawn(session.run(state(0)));
        Self { told, log, events, end, metrics, task, began: Instant::now() }
    }

    /// The log has grown to this.
    fn grow(&self, offset: u64) {
        self.told.0.lock().unwrap().state = Some(state(offset));
        self.log.send_modify(|_| ());
    }

    /// What comes next, and how long after the beginning.
    async fn next(&mut self) -> (String, Duration) {
        let text = self.events.recv().await.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        (text.unwrap_or_default(), self.began.elapsed())
    }

    async fn next_event(&mut self) -> (Event, Duration) {
        let (text, at) = self.next().await;
        (EventReader::default().read(text.as_bytes()).remove(0), at)
    }
}

const MOMENT: Duration = Duration::from_millis(10);

#[tokio::test(start_paused = true)]
async fn growth_is_sent_at_most_once_a_second_and_then_the_newest() {
    let mut stage = Stage::begin(None);
    let mut seen = Vec::new();
    for offset in 1..=40 {
        stage.grow(offset);
        tokio::time::sleep(Duration::from_millis(100)).await;
        while let Ok(bytes) = stage.events.try_recv() {
            let event = EventReader::default().read(&bytes).remove(0);
            seen.push(event.id.unwrap().parse::<u64>().unwrap());
        }
    }
    assert!((3..=4).contains(&seen.len()), "4 s at one a second: {seen:?}");
    assert!(seen.iter().zip(seen.iter().skip(1)).all(|(one, next)| next - one >= 9), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn growth_after_a_silence_is_sent_at_once() {
    let mut stage = Stage::begin(None);
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.grow(7);
    let (event, at) = stage.next_event().await;
    assert_eq!((event.name.as_str(), event.id.as_deref()), ("status", Some("7")));
    assert_eq!(event.data, "{\"at\":7}");
    assert!(at < Duration::from_secs(3) + MOMENT, "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn what_says_the_same_as_before_is_not_sent() {
    let mut stage = Stage::begin(None);
    stage.grow(0);
    let (text, at) = stage.next().await;
    assert_eq!(text, comment("still here"));
    assert!(at >= Duration::from_secs(15), "{at:?}");
    assert_eq!(stage.told.0.lock().unwrap().states, 1);
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_heartbeats() {
    let mut stage = Stage::begin(None);
    for nth in 1..=3 {
        let (text, at) = stage.next().await;
        assert_eq!(text, comment("still here"));
        let due = Duration::from_secs(15) * nth;
        assert!((due..due + MOMENT).contains(&at), "{at:?}");
    }
    assert!(stage.metrics.text().contains("gloss_stream_events_total{event=\"heartbeat\"} 3"));
}

#[tokio::test(start_paused = true)]
async fn a_state_that_cannot_be_made_is_tried_again() {
    let mut stage = Stage::begin(None);
    stage.log.send_modify(|_| ());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(stage.events.try_recv().is_err());
    stage.told.0.lock().unwrap().state = Some(state(5));
    let (event, at) = stage.next_event().await;
    assert_eq!(event.id.as_deref(), Some("5"));
    assert!(at < Duration::from_secs(5), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_ended_ends_the_stream() {
    let mut stage = Stage::begin(Some(|| Asked::Answer(completed())));
    let (text, at) = stage.next().await;
    let events = EventReader::default().read(text.as_bytes());
    assert_eq!(events.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["status", "end"]);
    assert_eq!(events[1].id.as_deref(), Some("9.end"));
    assert_eq!(events[1].data, "{\"reason\":\"run-ended\",\"status\":\"completed\"}");
    assert!(at >= Duration::from_secs(5), "{at:?}");
    assert_eq!(stage.next().await.0, "");
    stage.task.await.unwrap();
    assert!(stage.metrics.text().contains("gloss_streams 0"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_stream_and_is_named() {
    let mut stage = Stage::begin(Some(|| Asked::Refused(403)));
    let (event, at) = stage.next_event().await;
    assert_eq!((event.name.as_str(), event.id), ("end", None));
    assert_eq!(event.data, "{\"reason\":\"upstream-refused\",\"upstream_status\":403}");
    assert!(at < Duration::from_secs(5) + MOMENT, "{at:?}");
    assert_eq!(stage.next().await.0, "");
}

#[tokio::test(start_paused = true)]
async fn other_failures_are_borne_and_the_upstream_is_asked_again() {
    let stage = Stage::begin(Some(|| Asked::Failed));
    tokio::time::sleep(Duration::from_secs(26)).await;
    assert_eq!(stage.told.0.lock().unwrap().asks, 5);
    assert!(!stage.task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_does_not_answer_holds_no_line_back() {
    let mut stage = Stage::begin(None);
    tokio::time::sleep(Duration::from_secs(7)).await;
    stage.grow(3);
    let (event, at) = stage.next_event().await;
    assert_eq!(event.id.as_deref(), Some("3"));
    assert!(at < Duration::from_secs(7) + MOMENT, "{at:?}");
    assert_eq!(stage.told.0.lock().unwrap().asks, 1, "one question at a time");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_gets_the_newest_in_the_end_and_costs_no_state() {
    let mut stage = Stage::begin(None);
    for offset in 1..=300 {
        stage.grow(offset);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(stage.told.0.lock().unwrap().states, 1, "only the one that fills the channel");
    let mut last = stage.next_event().await.0;
    while last.id.as_deref() != Some("300") {
        last = stage.next_event().await.0;
    }
    assert_eq!(stage.told.0.lock().unwrap().states, 2);
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_the_stream_without_a_last_event() {
    let mut stage = Stage::begin(None);
    stage.end.cancel();
    assert_eq!(stage.next().await.0, comment("gloss restarts"));
    assert_eq!(stage.next().await.0, "");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_ends_its_session() {
    let stage = Stage::begin(None);
    drop(stage.events);
    stage.task.await.unwrap();
    assert!(stage.metrics.text().contains("gloss_streams 0"));
}
