//! Events for the operators' page: the list of runs, or one run, again whenever it changes.
//!
//! Driven by the followers of [`crate::stream`]: the list follows the runs on its page that go on, bounded in number. A
//! reader that takes nothing holds its stream at the channel: what lies in between is never made. A stream that fails
//! ends, and the page asks again.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::runs::{self, Cached, Document, List, Query};
use crate::analysis::Outcome;
use crate::proxy::Body;
use crate::run_id::RunId;
use crate::runlog::LogMark;
use crate::stream::event::{comment, event};

/// How often it is asked whether a list is still the same: nothing but the cache is asked.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// After so long a run without news is looked at again: it may have stalled, and its end may have moved.
const AGE: Duration = Duration::from_secs(2);
/// After so much silence the page gets a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// So many runs of a list are followed; the others change when their clients poll.
const MAX_FOLLOWED: usize = 20;

/// The way to one page.
#[derive(Debug)]
pub(super) struct Stream {
    events: mpsc::Sender<Bytes>,
    end: CancellationToken,
    said_at: Instant,
    _place: OwnedSemaphorePermit,
}

/// The page has left, or the stream is to end.
#[derive(Debug, Clone, Copy)]
struct Ended;

/// A stream, and the answer that it is the body of.
pub(super) fn open(place: OwnedSemaphorePermit, end: CancellationToken) -> (Stream, Response<Body>) {
    let (events, sent) = mpsc::channel(1);
    let mut answer = Response::new(Body::live(sent));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (Stream { events, end, said_at: Instant::now(), _place: place }, answer)
}

impl Stream {
    async fn say(&mut self, text: String) -> Result<(), Ended> {
        tokio::select! {
            biased;
            () = self.end.cancelled() => Err(Ended),
            sent = self.events.send(text.into()) => {
                self.said_at = Instant::now();
                sent.map_err(|_left| Ended)
            }
        }
    }

    async fn tell(&mut self, name: &str, what: &impl Serialize) -> Result<(), Ended> {
        let data = serde_json::to_string(what).expect("texts, numbers and lists of them always serialise");
        self.say(event(name, None, &data)).await
    }

    /// Waits, and gives a sign of life where that is due.
    async fn pause(&mut self, pause: impl Future<Output = ()>) -> Result<(), Ended> {
        tokio::select! {
            () = self.end.cancelled() => return Err(Ended),
            () = self.events.closed() => return Err(Ended),
            () = pause => {}
        }
        if self.said_at.elapsed() >= HEARTBEAT {
            self.say(comment("still here")).await?;
        }
        Ok(())
    }
}

/// Tells of a page of the list until its reader leaves.
pub(super) async fn list(mut stream: Stream, cached: Option<Cached>, query: Query) {
    let query = Arc::new(query);
    let mut followed = Followed::default();
    let mut said = String::new();
    loop {
        let Some(list) = runs::list(cached.as_ref(), Arc::clone(&query)).await else { return };
        let now = serde_json::to_string(&list).expect("texts, numbers and lists of them always serialise");
        if now != said {
            if stream.tell("runs", &runs::dated(&list)).await.is_err() {
                return;
            }
            said = now;
        }
        if let Some(cached) = &cached {
            followed.only(&list, cached);
        }
        if stream.pause(sleep(LOOK_EVERY)).await.is_err() {
            return;
        }
        if let Some(cached) = &cached {
            followed.catch_up(cached).await;
        }
    }
}

/// Tells of one run until its reader leaves.
pub(super) async fn run(mut stream: Stream, cached: Cached, run: RunId) {
    let mut news = cached.followers.follow(&run);
    let mut said: Option<String> = None;
    loop {
        let has_news = news.has_changed().unwrap_or(false);
        news.borrow_and_update();
        let Some(document) = cached.document(&run).await else { return };
        let gist = gist(&document);
        if has_news || said.as_ref() != Some(&gist) {
            if stream.tell("run", &document).await.is_err() {
                return;
            }
            said = Some(gist);
        }
        let news_or_age = async {
            let _ = timeout(AGE, news.changed()).await;
        };
        if stream.pause(news_or_age).await.is_err() {
            return;
        }
    }
}

/// What differs when a run without news is another than before.
fn gist(document: &Document) -> String {
    serde_json::to_string(&document.overview).expect("texts, numbers and lists of them always serialise")
}

/// The runs of a list whose logs are followed.
#[derive(Debug, Default)]
struct Followed(HashMap<RunId, watch::Receiver<Option<LogMark>>>);

impl Followed {
    /// Follows what goes on in this list, and nothing else.
    fn only(&mut self, list: &List, cached: &Cached) {
        let going_on = list.runs.iter().filter(|row| row.overview.outcome == Outcome::Running);
        let wanted: Vec<RunId> =
            going_on.filter_map(|row| RunId::new(&row.run_id)).take(MAX_FOLLOWED).collect();
        self.0.retain(|run, _| wanted.contains(run));
        for run in wanted {
            self.0.entry(run).or_insert_with_key(|run| cached.followers.follow(run));
        }
    }

    /// Reads on where a log has grown.
    async fn catch_up(&mut self, cached: &Cached) {
        for (run, news) in &mut self.0 {
            if news.has_changed().unwrap_or(false) {
                news.borrow_and_update();
                cached.catch_up(run).await;
            }
        }
    }
}
