//! One client's stream from its second event to its end.
//!
//! Waits for news of the log and of the upstream, and sends the newest state, at most once a second. A client that takes
//! nothing holds its session at the channel: states in between are never made.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Fuse, FusedFuture};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::event::{comment, event};
use super::places::Place;
use crate::runlog::LogMark;
use crate::telemetry::{Metrics, StreamEvent};

/// At most one state is sent in this time.
const GAP: Duration = Duration::from_secs(1);

/// When a session does what.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long after an answer of the upstream it is asked again.
    pub upstream: Duration,
    /// After how much silence the client gets a sign of life.
    pub heartbeat: Duration,
}

/// What a stream says at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The JSON.
    pub data: String,
    /// How much of the log is in it, in bytes.
    pub offset: u64,
    /// Counts the upstream's answers that were different.
    pub answer: u64,
    /// The run's status, where it is the last that it will have.
    pub ended: Option<&'static str>,
}

/// What came of asking the upstream again.
#[derive(Debug)]
pub enum Asked<A> {
    /// An answer that can be shown.
    Answer(A),
    /// The caller may not see this run, or there is none: the upstream's status.
    Refused(u16),
    /// Not asked: nobody is to get notes any more.
    Disabled,
    /// Nothing that says otherwise than before.
    Failed,
}

/// Where one client's states come from.
pub trait Feed: Send + 'static {
    /// An answer of the upstream's.
    type Answer: Send + 'static;

    /// Asks the upstream again, as the client asked.
    fn ask(&self) -> BoxFuture<'static, Asked<Self::Answer>>;

    /// Takes an answer as the newest; whether it says something else than the one before.
    fn learn(&mut self, answer: Self::Answer) -> bool;

    /// The state now; `None` where none can be made at the moment.
    fn state(&mut self) -> impl Future<Output = Option<State>> + Send;
}

/// A stream that goes on.
#[derive(Debug)]
pub struct Session<F> {
    /// What it says.
    pub feed: F,
    /// News of the log.
    pub log: watch::Receiver<Option<LogMark>>,
    /// To the client.
    pub events: mpsc::Sender<Bytes>,
    /// When to do what.
    pub pace: Pace,
    /// Cancelled when the stream is to end so that the client connects again.
    pub end: CancellationToken,
    /// Where it is counted.
    pub metrics: Metrics,
    /// Its place among the others.
    pub place: Place,
}

impl State {
    /// The text of its event, and of the last one where the run has ended.
    pub fn text(&self) -> String {
        let id = self.offset.to_string();
        let status = event("status", Some(&id), &self.data);
        match self.ended {
            None => status,
            Some(word) => {
                let why = json!({ "reason": "run-ended", "status": word }).to_string();
                status + &event("end", Some(&self.last_id()), &why)
            }
        }
    }

    /// The id by which a client that comes again tells that it has seen the end.
    pub fn last_id(&self) -> String {
        format!("{}.end", self.offset)
    }

    /// Counts the events of its text.
    pub fn count(&self, metrics: &Metrics) {
        metrics.streams().sent(StreamEvent::Status);
        if self.ended.is_some() {
            metrics.streams().sent(StreamEvent::End);
        }
    }

    fn says_the_same(&self, other: &Self) -> bool {
        (self.offset, self.answer, self.ended) == (other.offset, other.answer, other.ended)
    }
}

impl<F: Feed> Session<F> {
    /// Goes on after `said`, until the run ends, the upstream refuses, the client leaves, or the stream is to end.
    pub async fn run(self, mut said: State) {
        let Self { mut feed, mut log, events, pace, end, metrics, place: _place } = self;
        let mut asking: Fuse<BoxFuture<'static, Asked<F::Answer>>> = Fuse::terminated();
        let now = Instant::now();
        let (mut ask_at, mut send_at, mut beat_at) = (now + pace.upstream, now + GAP, now + pace.heartbeat);
        let (mut changed, mut followed) = (false, true);
        loop {
            tokio::select! {
                biased;
                () = events.closed() => return,
                () = end.cancelled() => {
                    // Ends like a connection that was lost; an event would tell the client not to come back.
                    let _ = events.try_send(comment("gloss restarts").into());
                    return;
                }
                asked = &mut asking => {
                    ask_at = Instant::now() + pace.upstream;
                    match asked {
                        Asked::Answer(answer) => changed |= feed.learn(answer),
                        Asked::Refused(status) => {
                            let why = json!({ "reason": "upstream-refused", "upstream_status": status });
                            return break_up(&events, &why, &metrics);
                        }
                        Asked::Disabled => return break_up(&events, &json!({ "reason": "disabled" }), &metrics),
                        Asked::Failed => {}
                    }
                }
                () = sleep_until(ask_at), if asking.is_terminated() => asking = feed.ask().fuse(),
                news = log.changed(), if followed && !changed => (changed, followed) = (true, news.is_ok()),
                room = room_at(send_at, &events), if changed => {
                    let Some(room) = room else { return };
                    // Whatever changes from here on is news again.
                    log.borrow_and_update();
                    let state = feed.state().await;
                    let Some(state) = state else {
                        send_at = Instant::now() + GAP;
                        continue;
                    };
                    changed = false;
                    if state.says_the_same(&said) {
                        continue;
                    }
                    room.send(state.text().into());
                    state.count(&metrics);
                    if state.ended.is_some() {
                        return;
                    }
                    said = state;
                    send_at = Instant::now() + GAP;
                    beat_at = Instant::now() + pace.heartbeat;
                }
                () = sleep_until(beat_at) => {
                    // Without room for it, there is something on its way already.
                    if events.try_send(comment("still here").into()).is_ok() {
                        metrics.streams().sent(StreamEvent::Heartbeat);
                    }
                    beat_at = Instant::now() + pace.heartbeat;
                }
            }
        }
    }
}

/// Room for an event, not before `at`; `None` when the client has left.
async fn room_at(at: Instant, events: &mpsc::Sender<Bytes>) -> Option<mpsc::Permit<'_, Bytes>> {
    sleep_until(at).await;
    events.reserve().await.ok()
}

/// Tells a client why there is nothing more for it; one that takes nothing sees the end only.
fn break_up(events: &mpsc::Sender<Bytes>, why: &Value, metrics: &Metrics) {
    if events.try_send(event("end", None, &why.to_string()).into()).is_ok() {
        metrics.streams().sent(StreamEvent::End);
    }
}

#[cfg(test)]
mod tests;
