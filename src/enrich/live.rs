//! An enhanced answer that is sent again whenever it changes.
//!
//! Each stream has its own caller, by whose credentials the upstream is asked again, and its own answer. The first
//! answer decides whether there is a stream; what fails later leaves what was said before.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::again::Again;
use super::attempt::{Attempt, Notes, OwnLogs};
use super::eligible::check_head;
use super::exchange::{Enricher, Wanted};
use super::fallback::Fallback;
use super::merge::{Logs, merge};
use super::notes::{Made, NotesFor, own_logs_of};
use super::record::{BodyTime, Departing};
use super::respond::{Received, describe_stream, label};
use super::whole::Whole;
use crate::analysis::{CacheOutcome, RunStatus};
use crate::comparison;
use crate::proxy::{AskAgain, Body, FromClient, Held};
use crate::route::StatusRequest;
use crate::run_id::RunId;
use crate::stream::event::{comment, retry};
use crate::stream::{Asked, Feed, Session, State};
use crate::telemetry::{Answered, StageTimes};

/// How long a client should wait before it connects again: long enough for a restart to be seen by a load balancer.
const RETRY: Duration = Duration::from_secs(2);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Who asked for live updates, able to ask again.
#[derive(Debug)]
pub(super) struct Caller {
    again: Again,
    last_event_id: Option<HeaderValue>,
}

impl Caller {
    /// The sender of `request`; asks again by `service`, with the same target, headers and address, for JSON.
    pub(super) fn of(request: &Request<FromClient>, service: impl AskAgain) -> Self {
        let last_event_id = request.headers().get(LAST_EVENT_ID).cloned();
        Self { again: Again::of(request, service, &[header::ACCEPT]), last_event_id }
    }

    fn has_seen(&self, id: &str) -> bool {
        self.last_event_id.as_ref().is_some_and(|seen| seen == id)
    }
}

/// What the upstream said last, without its logs.
#[derive(Debug)]
struct Known {
    basic: Bytes,
    phase: Phase,
    /// What its logs say, where they are to stand in for a log.
    own: Option<Notes>,
    _held: Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The run waits for its turn: there is nothing to add yet.
    Pending,
    /// It goes on, or its status is not known.
    Open,
    /// Its status is the last that it will have.
    Ended(&'static str),
}

impl Known {
    async fn of(whole: &Bytes, enricher: &Enricher, run: Option<&RunId>) -> Result<Self, Fallback> {
        let answer = enricher.answers.read(whole).map_err(|_| Fallback::NotJson)?;
        let basic = merge(whole, &answer, &[], Logs::Null);
        enricher.prove(whole, &basic, Logs::Null, &[], Ok(()))?;
        let basic = basic.to_bytes();
        let mut held = enricher.held.hold();
        if !held.grow(basic.len()) {
            return Err(Fallback::Overload);
        }
        let phase = Phase::of(answer.status.as_deref());
        let own = match own_logs_of(whole, &answer) {
            OwnLogs::Text(logs) if enricher.params.own_logs => {
                let deadline = Instant::now() + enricher.params.budget;
                enricher.readings.of_own_logs(run, logs, deadline).await.ok()
            }
            OwnLogs::Text(_) | OwnLogs::Read(_) | OwnLogs::Nothing => None,
        };
        Ok(Self { basic, phase, own, _held: held })
    }

    /// Whether it says something else than `other`.
    fn differs(&self, other: &Self) -> bool {
        let offset = |known: &Self| known.own.as_ref().map(|notes| notes.snapshot.analysis.offset());
        let newest =
            |known: &Self| known.own.as_ref().and_then(|notes| notes.snapshot.analysis.last_event_at());
        self.basic != other.basic || offset(self) != offset(other) || newest(self) != newest(other)
    }
}

impl Phase {
    fn of(word: Option<&str>) -> Self {
        if word == Some("pending") {
            return Self::Pending;
        }
        match word.and_then(RunStatus::from_word) {
            Some(RunStatus::Completed) => Self::Ended("completed"),
            Some(RunStatus::Failed) => Self::Ended("failed"),
            Some(RunStatus::Timeout) => Self::Ended("timeout"),
            Some(RunStatus::Killed) => Self::Ended("killed"),
            Some(RunStatus::Running) | None => Self::Open,
        }
    }

    fn last_word(self) -> Option<&'static str> {
        match self {
            Self::Ended(word) => Some(word),
            Self::Pending | Self::Open => None,
        }
    }
}

/// What is told of the first state, beside the state itself.
#[derive(Debug)]
struct First {
    /// How much of the log had to be read for it.
    cache: CacheOutcome,
    /// What its notes brought; `None` where it has none yet.
    usefulness: Option<comparison::Usefulness>,
}

/// One stream's own answer and notes.
#[derive(Debug)]
struct Live {
    enricher: Arc<Enricher>,
    asked: StatusRequest,
    caller: Caller,
    known: Known,
    /// Counts the answers that were different.
    answer: u64,
    /// How much of the log was in the notes last; `None` before there were any.
    noted: Option<u64>,
}

impl Live {
    fn show(&self, data: String) -> State {
        let ended = self.known.phase.last_word();
        State { data, offset: self.noted.unwrap_or(0), answer: self.answer, ended }
    }

    fn basic(&self) -> State {
        self.show(String::from_utf8_lossy(&self.known.basic).into_owned())
    }

    /// The state, and what is told of it where it is the first.
    async fn noted(&mut self, attempt: Attempt, times: &mut StageTimes) -> Result<(State, First), Fallback> {
        if self.known.phase == Phase::Pending {
            return Ok((self.basic(), First { cache: CacheOutcome::Miss, usefulness: None }));
        }
        let own = self.known.own.clone().map_or(OwnLogs::Nothing, |notes| OwnLogs::Read(Box::new(notes)));
        let from = NotesFor { asked: &self.asked, arrived: Instant::now(), own_logs: Some(own) };
        let made = self.enricher.notes_for(&self.known.basic, attempt, from, times).await?;
        let Made { body, notes, usefulness } = made;
        self.noted = Some(notes.snapshot.analysis.offset());
        let text = String::from_utf8(body.to_bytes().into()).map_err(|_| Fallback::MergeCheck)?;
        Ok((self.show(text), First { cache: notes.snapshot.cache, usefulness: Some(usefulness) }))
    }
}

impl Feed for Live {
    type Answer = Known;

    fn ask(&self) -> BoxFuture<'static, Asked<Known>> {
        if !self.enricher.params.rollout.in_force().enabled {
            return Box::pin(async { Asked::Disabled });
        }
        let (forwarded, enricher) = (self.caller.again.ask(), Arc::clone(&self.enricher));
        let run = self.asked.run_id.clone();
        Box::pin(async move {
            let Ok(response) = forwarded.await else { return Asked::Failed };
            if matches!(
                response.status(),
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND
            ) {
                return Asked::Refused(response.status().as_u16());
            }
            let max_body_bytes = enricher.params.max_body_bytes;
            if check_head(response.status(), response.headers(), max_body_bytes).is_err() {
                return Asked::Failed;
            }
            let Ok(Whole { body, .. }) = enricher.gather(response).await else { return Asked::Failed };
            Known::of(&body, &enricher, run.as_ref()).await.map_or(Asked::Failed, Asked::Answer)
        })
    }

    fn learn(&mut self, answer: Known) -> bool {
        let differs = answer.differs(&self.known);
        self.known = answer;
        self.answer += u64::from(differs);
        differs
    }

    async fn state(&mut self) -> Option<State> {
        let attempt = self.enricher.readings.prepare(self.asked.run_id.as_ref());
        let noted = match attempt {
            Ok(attempt) => self.noted(attempt, &mut StageTimes::default()).await,
            Err(fallback) => Err(fallback),
        };
        match noted {
            Ok((state, _)) => Some(state),
            // Notes that were there do not go again, unless there is nothing to wait for.
            Err(_) if self.noted.is_none() || self.known.phase.last_word().is_some() => Some(self.basic()),
            Err(_) => None,
        }
    }
}

impl Enricher {
    /// Live updates, or the upstream's own answer where there cannot be any.
    pub(super) async fn stream(
        self: Arc<Self>,
        response: Response<Body>,
        wanted: &Wanted<'_>,
        attempt: Result<Attempt, Fallback>,
        caller: Caller,
    ) -> Departing {
        let mut times = StageTimes { upstream: wanted.started.elapsed(), ..StageTimes::default() };
        let eligible = check_head(response.status(), response.headers(), self.params.max_body_bytes);
        let place = self.streams.begin(self.params.max_streams).ok_or(Fallback::Overload);
        let (attempt, place) = match eligible.and(attempt).and_then(|attempt| Ok((attempt, place?))) {
            Ok(ready) => ready,
            Err(fallback) => return self.fall_back(response, fallback, &times),
        };
        let whole = match self.gather(response).await {
            Ok(whole) => whole,
            Err(refused) => return self.fall_back(refused.0, refused.1, &times),
        };
        times.upstream = wanted.started.elapsed();
        let arrived = Instant::now();
        let began = self.begin_stream(&whole, wanted.asked, attempt, caller, &mut times).await;
        times.enrich = arrived.elapsed();
        let (live, state, noted) = match began {
            Ok(began) => began,
            Err(fallback) => return self.fall_back(whole.into_response(), fallback, &times),
        };
        let mut head = whole.parts;
        self.count_outcome(None);
        self.metrics.stages(Answered::Enhanced, &times);
        noted.usefulness.iter().for_each(|usefulness| self.params.comparison.useful(usefulness));
        describe_stream(&mut head.headers);
        label(&mut head.headers, Received::Enhanced(wanted.rule, noted.cache), &times, &self.head);
        let departing = |response| Departing {
            response,
            received: comparison::Received::Enhanced,
            body: BodyTime::Live(times.upstream),
        };
        if state.ended.is_some() && live.caller.has_seen(&state.last_id()) {
            // By which a browser is told not to come again.
            head.status = StatusCode::NO_CONTENT;
            head.headers.remove(header::CONTENT_TYPE);
            return departing(Response::from_parts(head, Body::empty()));
        }
        let (events, sent) = mpsc::channel(1);
        let seen = state.ended.is_none() && live.caller.has_seen(&state.offset.to_string());
        let first = if seen { comment("nothing new") } else { state.text() };
        // The channel is empty, and its other end is here.
        let _ = events.try_send((retry(RETRY) + &first).into());
        if !seen {
            state.count(&self.metrics);
        }
        if let (None, Some(followers), Some(run)) = (state.ended, &self.followers, &wanted.asked.run_id) {
            let session = Session {
                log: followers.follow(run),
                feed: live,
                events,
                pace: self.params.pace,
                end: self.streams.end(),
                metrics: self.metrics.clone(),
                place,
            };
            tokio::spawn(session.run(state));
        }
        departing(Response::from_parts(head, Body::live(sent)))
    }

    /// What the stream says first.
    async fn begin_stream(
        self: &Arc<Self>,
        whole: &Whole,
        asked: &StatusRequest,
        attempt: Attempt,
        caller: Caller,
        times: &mut StageTimes,
    ) -> Result<(Live, State, First), Fallback> {
        let known = Known::of(&whole.body, self, asked.run_id.as_ref()).await?;
        let mut asked = asked.clone();
        asked.wishes.include_logs = Some(false);
        let enricher = Arc::clone(self);
        let mut live = Live { enricher, asked, caller, known, answer: 0, noted: None };
        let (state, noted) = live.noted(attempt, times).await?;
        Ok((live, state, noted))
    }
}
