//! `GET /api/runs` and `GET /api/runs/{run_id}`: the runs whose analyses are in the cache.
//!
//! Whoever holds the operators' token sees the runs that clients asked for; no log is read for a list, and for one run
//! only what was appended.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use http::{Response, StatusCode};
use http_body_util::{Either, Full};
use serde::{Serialize, Serializer};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::live::{self, Stream};
use super::{AdminBody, json_answer, text};
use crate::analysis::{Additions, Beside, Context, Detail, Overview, Timestamp};
use crate::run_id::RunId;
use crate::runlog::{CatchUp, Listed, RunFields, Saying, Snapshot, StorageWatch, Tracker};
use crate::stream::Followers;

mod query;

use query::Counts;
pub(super) use query::Query;

/// So many streams may be open at a time; operators are few, and each page has one.
const MAX_STREAMS: usize = 64;

/// For so long one run's log is waited for; what was read before is shown after that.
const PATIENCE: Duration = Duration::from_secs(2);

/// What answers for the runs in the cache; a clone shares it.
#[derive(Debug, Clone)]
pub struct RunPages {
    cached: Option<Cached>,
    places: Arc<Semaphore>,
    end: CancellationToken,
}

/// The analyses, and what tells of their logs' growth.
#[derive(Debug, Clone)]
pub(super) struct Cached {
    pub(super) tracker: Tracker,
    pub(super) followers: Followers,
}

/// One page of the list.
#[derive(Debug, Serialize)]
pub(super) struct List {
    /// How many runs fit the search, on all pages and whatever their state.
    counts: Counts,
    /// How many fit the whole query.
    total: usize,
    pub(super) runs: Vec<Row>,
}

/// One run of the list.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) run_id: String,
    workflow: Option<String>,
    #[serde(flatten, serialize_with = "shared")]
    pub(super) overview: Arc<Overview>,
}

fn shared<S: Serializer>(overview: &Arc<Overview>, serializer: S) -> Result<S::Ok, S::Error> {
    overview.serialize(serializer)
}

/// Everything of one run.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    run_id: String,
    workflow: Option<String>,
    as_of: Timestamp,
    pub(super) overview: Overview,
    #[serde(flatten)]
    additions: Additions,
}

impl RunPages {
    /// Pages over the analyses of `tracker`; streams end when `end` is cancelled.
    pub fn new(tracker: Option<Tracker>, end: CancellationToken) -> Self {
        let cached = tracker.map(|tracker| Cached { followers: Followers::new(tracker.clone()), tracker });
        Self { cached, places: Arc::new(Semaphore::new(MAX_STREAMS)), end }
    }

    /// One page of the list.
    pub(super) async fn list(&self, query: &str) -> Response<Full<Bytes>> {
        let query = match Query::read(query) {
            Ok(query) => query,
            Err(refused) => return json_answer(StatusCode::BAD_REQUEST, &json!({ "detail": refused })),
        };
        match list(self.cached.as_ref(), Arc::new(query)).await {
            Some(list) => json_answer(StatusCode::OK, &dated(&list)),
            None => text(StatusCode::INTERNAL_SERVER_ERROR, "the list could not be made\n"),
        }
    }

    /// One run.
    pub(super) async fn one(&self, segment: &str) -> Response<Full<Bytes>> {
        let Some((cached, run)) = self.find(segment) else { return no_such_run() };
        match cached.document(&run).await {
            Some(document) => json_answer(StatusCode::OK, &document),
            None => no_such_run(),
        }
    }

    /// One page of the list, again whenever it changes.
    pub(super) fn follow_all(&self, query: &str) -> Response<AdminBody> {
        match Query::read(query) {
            Ok(query) => self.follow(move |stream, cached| live::list(stream, cached, query)),
            Err(refused) => {
                json_answer(StatusCode::BAD_REQUEST, &json!({ "detail": refused })).map(Either::Left)
            }
        }
    }

    /// One run, again whenever it changes.
    pub(super) fn follow_one(&self, segment: &str) -> Response<AdminBody> {
        match self.find(segment) {
            Some((cached, run)) => self.follow(move |stream, _| live::run(stream, cached, run)),
            None => no_such_run().map(Either::Left),
        }
    }

    fn follow<F>(&self, begin: impl FnOnce(Stream, Option<Cached>) -> F) -> Response<AdminBody>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return text(StatusCode::SERVICE_UNAVAILABLE, "too many streams are open\n").map(Either::Left);
        };
        let (stream, answer) = live::open(place, self.end.clone());
        tokio::spawn(begin(stream, self.cached.clone()));
        answer.map(Either::Right)
    }

    fn find(&self, segment: &str) -> Option<(Cached, RunId)> {
        let (cached, run) = (self.cached.clone()?, RunId::from_segment(segment)?);
        cached.tracker.holds(&run).then_some((cached, run))
    }
}

impl Cached {
    /// What is true of a run now, or where its log does not answer, what was when it was read last.
    pub(super) async fn document(&self, run: &RunId) -> Option<Document> {
        let snapshot = match self.catch_up(run).await {
            Some(snapshot) => snapshot,
            None => timeout(PATIENCE, self.tracker.latest(run, Utc::now())).await.ok()??,
        };
        let told = snapshot.told.last();
        let context = context(&snapshot, told.as_ref());
        let overview = snapshot.analysis.overview(&context);
        let as_of = Timestamp::to_millisecond(snapshot.as_of);
        let additions = snapshot.report(context).await;
        let workflow = told.and_then(|told| told.workflow);
        Some(Document { run_id: run.to_string(), workflow, as_of, overview, additions })
    }

    /// Reads on in a run's log; what takes too long goes on by itself.
    pub(super) async fn catch_up(&self, run: &RunId) -> Option<Snapshot> {
        let (tracker, run) = (self.tracker.clone(), RunFields::of(run.clone()));
        let nobody_waits = CancellationToken::new();
        let waiting = nobody_waits.clone().drop_guard();
        let reading =
            tokio::spawn(
                async move { tracker.catch_up(&run, &nobody_waits, &StorageWatch::default()).await },
            );
        let caught_up = timeout(PATIENCE, reading).await;
        drop(waiting);
        match caught_up {
            Ok(Ok(CatchUp::Done(snapshot))) => Some(snapshot),
            Ok(Ok(CatchUp::Empty | CatchUp::Behind | CatchUp::Failed(_) | CatchUp::Abandoned) | Err(_))
            | Err(_) => None,
        }
    }
}

/// One page of the list; `None` where an analysis panicked.
pub(super) async fn list(cached: Option<&Cached>, query: Arc<Query>) -> Option<List> {
    let tracker = cached.map(|cached| cached.tracker.clone());
    // Takes time where many runs have changed.
    let listing = spawn_blocking(move || {
        let runs = tracker.map(|tracker| tracker.runs(Utc::now())).unwrap_or_default();
        page(runs, &query)
    });
    listing.await.ok()
}

fn page(runs: Vec<Listed>, query: &Query) -> List {
    let mut found: Vec<Row> = runs.into_iter().map(Row::from).filter(|row| query.finds(row)).collect();
    let counts = Counts::of(&found);
    found.retain(|row| query.wants(row));
    // The id decides between runs that moved at the same time, so that no run is on two pages.
    found.sort_by(|a, b| {
        (b.overview.progress.last_event_at, &a.run_id).cmp(&(a.overview.progress.last_event_at, &b.run_id))
    });
    let total = found.len();
    let runs = found.into_iter().skip(query.offset).take(query.limit).collect();
    List { counts, total, runs }
}

impl From<Listed> for Row {
    fn from(listed: Listed) -> Self {
        let workflow = listed.told.and_then(|told| told.workflow);
        Self { run_id: listed.run.to_string(), workflow, overview: listed.overview }
    }
}

/// The list with the time at which it was true.
pub(super) fn dated(list: &List) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Dated<'l> {
        as_of: Timestamp,
        #[serde(flatten)]
        list: &'l List,
    }
    Dated { as_of: Timestamp::to_millisecond(Utc::now()), list }
}

fn context(snapshot: &Snapshot, told: Option<&Saying>) -> Context {
    Context {
        now: snapshot.as_of,
        status: told.and_then(Saying::last_status),
        max_turns: told.and_then(|told| told.max_turns),
        detail: Detail::Full,
        compat_fields: false,
        source: snapshot.source,
        cache: snapshot.cache,
        beside: Beside::default(),
    }
}

fn no_such_run() -> Response<Full<Bytes>> {
    json_answer(StatusCode::NOT_FOUND, &json!({ "detail": "no analysis of this run is in the cache" }))
}
