//! One status request from decision to answer.
//!
//! Whatever fails in here is a fallback to the upstream's own bytes, labelled and counted.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::response::Parts;
use http::{HeaderMap, HeaderName, Method, Response, Uri};
use tokio::time::{Instant, timeout_at};

use super::again::{Again, Forwarded};
use super::answer::Answer;
use super::attempt::{Attempt, Notes, OwnLogs, Readings, Times, Told};
use super::description::Descriptions;
use super::eligible::check_head;
use super::fallback::Fallback;
use super::findings;
use super::kept::Kept;
use super::live::Caller;
use super::merge::{Logs, merge};
use super::record::{BodyTime, Departing, Record};
use super::respond::{HeadParams, Received, describe_enhanced, label, label_stale, vary};
use super::starts::Starts;
use crate::analysis::{self, Beside, Detail, LogSourceKind, RunStatus};
use crate::comparison::{self, Comparison, Usefulness};
use crate::proxy::{Body, Gathered, Held, HeldLimit, Passed};
use crate::rollout::{self, Decision, Rule};
use crate::route::{Router, StartRoute, StatusRequest, Wishes};
use crate::run_id::RunId;
use crate::runlog::{BodyText, Processes, Tracker};
use crate::shield::Stale;
use crate::stream::{Followers, Pace, Streams};
use crate::switch::RolloutSwitch;
use crate::telemetry::{self, Answered, Metrics, StageTimes};
use crate::variant::Variant;

/// What the enrichment depends on.
#[derive(Debug, Clone)]
pub struct EnrichParams {
    /// Recognises status requests.
    pub router: Router,
    /// By which runs are started.
    pub start_routes: Vec<StartRoute>,
    /// Whether runs' processes are looked at.
    pub process_check: bool,
    /// Decides on them, by what is in force at the time.
    pub rollout: RolloutSwitch,
    /// Where what the A/B measures is counted.
    pub comparison: Comparison,
    /// The name of the opt-in header.
    pub opt_in_header: HeaderName,
    /// Whether scripts of other origins may read the `Gloss-*` headers.
    pub expose_headers: bool,
    /// How long a client may wait for notes after the upstream's answer has arrived.
    pub budget: Duration,
    /// The longest body of the upstream that is read in advance, in bytes.
    pub max_body_bytes: usize,
    /// How much of answers may be held in memory, all requests together, in bytes.
    pub max_held_bytes: usize,
    /// How long reading it may take.
    pub body_timeout: Duration,
    /// From when on a storage operation counts as hanging.
    pub storage_patience: Duration,
    /// Whether the answer's own logs are read where no log gives anything.
    pub own_logs: bool,
    /// How many logs may be read at the same time.
    pub max_concurrent: usize,
    /// What the configuration before has left.
    pub kept: Kept,
    /// Whether runs that ended badly get notes.
    pub failed: bool,
    /// Whether the names that one published client looks for are added, too.
    pub compat_fields: bool,
    /// When live updates do what.
    pub pace: Pace,
    /// How many streams of live updates there may be.
    pub max_streams: usize,
    /// Whether answers of the upstream may be shared, which their `Cache-Status` then tells.
    pub is_shielded: bool,
    /// What is added to the service's description of itself; `None` leaves that as it is.
    pub descriptions: Option<Descriptions>,
}

/// One status request on its way.
#[derive(Debug)]
pub(super) struct Exchange {
    asked: StatusRequest,
    decision: Decision,
    /// What a basic answer is labelled with; nothing, as long as nobody asked for anything.
    told: Option<Rule>,
    plan: Plan,
    started: Instant,
    record: Record,
}

impl Exchange {
    /// Whether the answer is going to be rewritten, so that the upstream has to be asked for all of it.
    pub(super) fn is_to_be_rewritten(&self) -> bool {
        match self.plan {
            Plan::Enhance(_) | Plan::Stream(..) | Plan::Compare(..) => true,
            Plan::Basic | Plan::Refuse(_) | Plan::Shadow(_) => false,
        }
    }

    /// Whether there can be live updates instead of one answer.
    pub(super) fn can_go_on(&self) -> bool {
        matches!(self.plan, Plan::Enhance(_))
    }

    /// Answers with live updates instead of one answer, where there can be any.
    pub(super) fn go_on_for(mut self, caller: Caller) -> Self {
        if let Plan::Enhance(attempt) = self.plan {
            self.plan = Plan::Stream(attempt, caller);
        }
        self
    }
}

/// What is going to be done for it. The log is read from now on, beside the upstream's call.
#[derive(Debug)]
enum Plan {
    Basic,
    Refuse(Fallback),
    Shadow(Result<Attempt, Fallback>),
    Enhance(Result<Attempt, Fallback>),
    Stream(Result<Attempt, Fallback>, Caller),
    /// With the means to ask the upstream once more.
    Compare(Result<Attempt, Fallback>, Again),
}

/// What an enhanced answer is made by.
pub(super) struct Wanted<'a> {
    pub(super) asked: &'a StatusRequest,
    pub(super) rule: Rule,
    pub(super) started: Instant,
}

/// What notes are wanted for.
pub(super) struct NotesFor<'a> {
    pub(super) asked: &'a StatusRequest,
    /// When the answer was there.
    pub(super) arrived: Instant,
    /// The answer's own logs, where they stand in it no more.
    pub(super) own_logs: Option<OwnLogs>,
}

/// An answer of the upstream's that was read whole.
pub(super) struct Whole {
    pub(super) parts: Parts,
    pub(super) body: Bytes,
    trailers: Option<HeaderMap>,
    pub(super) held: Held,
}

/// An enhanced body, and what it was made from.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) body: String,
    pub(super) notes: Notes,
    pub(super) usefulness: Usefulness,
}

impl Whole {
    /// The upstream's answer again, as if nothing had happened.
    pub(super) fn into_response(self) -> Response<Body> {
        let body = Body::from_chunks([self.body]).with_trailers(self.trailers).with_held(self.held);
        Response::from_parts(self.parts, body)
    }

    /// Another body in the place of the upstream's, and a head that fits it.
    pub(super) fn into_enhanced(
        self,
        body: String,
        describe: impl FnOnce(&mut HeaderMap, usize),
    ) -> Response<Body> {
        let Self { mut parts, trailers, held, .. } = self;
        describe(&mut parts.headers, body.len());
        Response::from_parts(parts, Body::from(body).with_trailers(trailers).with_held(held))
    }
}

/// Gives each status request its answer.
#[derive(Debug)]
pub(super) struct Enricher {
    pub(super) params: EnrichParams,
    pub(super) head: HeadParams,
    pub(super) readings: Readings,
    pub(super) starts: Starts,
    /// `None` where processes are not looked at.
    processes: Option<Arc<Processes>>,
    pub(super) held: HeldLimit,
    pub(super) streams: Streams,
    /// `None` where none are made, as in tests.
    pub(super) followers: Option<Followers>,
    pub(super) metrics: Metrics,
}

impl Enricher {
    pub(super) fn new(
        params: EnrichParams,
        tracker: Option<Tracker>,
        streams: Streams,
        metrics: Metrics,
    ) -> Self {
        let head = HeadParams {
            opt_in: params.opt_in_header.clone(),
            expose: params.expose_headers,
            is_shielded: params.is_shielded,
        };
        let Kept { slots, turn_limits, processes } = params.kept.clone();
        slots.allow(params.max_concurrent);
        let followers = tracker.clone().map(Followers::new);
        let readings = Readings { tracker, slots, own_logs: params.own_logs };
        let limit = HeldLimit::new(params.max_held_bytes, metrics.clone());
        let starts = Starts::new(params.start_routes.clone(), turn_limits);
        let processes = params.process_check.then_some(processes);
        Self { params, head, readings, starts, processes, held: limit, streams, followers, metrics }
    }

    /// The status request that this is, if it is one.
    pub(super) fn status_request(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<StatusRequest> {
        self.params.router.status_request(method, uri, headers)
    }

    /// Decides, and begins to read the log where it will be needed. `again` is the request, able to be sent once more.
    pub(super) fn begin(
        &self,
        asked: StatusRequest,
        caller: &rollout::Caller<'_>,
        again: impl FnOnce() -> Again,
    ) -> Exchange {
        let arrived = Instant::now();
        let rollout = self.params.rollout.in_force();
        let decision = rollout.decide(&asked.wishes, &asked.name, caller);
        let is_told = decision.rule != Rule::Default || rollout.is_configured();
        self.metrics.decision(decision);
        let read = || self.readings.begin(asked.run_id.as_ref());
        let plan = match decision.variant {
            Variant::Basic => Plan::Basic,
            Variant::Enhanced | Variant::Compare if asked.wishes.unknown_version => {
                Plan::Refuse(Fallback::Version)
            }
            Variant::Enhanced => Plan::Enhance(read()),
            Variant::Shadow => Plan::Shadow(read()),
            Variant::Compare => Plan::Compare(read(), again()),
        };
        let told = is_told.then_some(decision.rule);
        let record = Record::begin(self.params.comparison.clone(), decision.variant, arrived);
        Exchange { asked, decision, told, plan, started: Instant::now(), record }
    }

    /// Waits for the upstream's answer, makes the client's of it, and has it counted.
    pub(super) async fn answer<F>(self: Arc<Self>, exchange: Exchange, forwarded: F) -> Forwarded
    where
        F: Future<Output = Forwarded>,
    {
        let Exchange { asked, decision, told, plan, started, record } = exchange;
        let response = match forwarded.await {
            Ok(response) => response,
            Err(error) => return record.count(Err(error)),
        };
        let times = StageTimes { upstream: started.elapsed(), ..StageTimes::default() };
        let wanted = Wanted { asked: &asked, rule: decision.rule, started };
        let is_stale = response.extensions().get::<Stale>().is_some();
        let varies_by = self.params.rollout.in_force().varies_by();
        let mut departing = match plan {
            Plan::Basic => Departing::passing(self.basic(response, told, &times)),
            Plan::Refuse(fallback) => self.fall_back(response, fallback, &times),
            Plan::Shadow(attempt) => {
                let response = Arc::clone(&self).shadow(response, asked, attempt);
                let response = self.basic(response, told, &times);
                Departing { received: comparison::Received::Shadow, ..Departing::passing(response) }
            }
            Plan::Enhance(attempt) => self.enhance(response, &wanted, attempt).await,
            Plan::Stream(attempt, caller) => self.stream(response, &wanted, attempt, caller).await,
            Plan::Compare(attempt, again) => self.compare(response, &wanted, attempt, &again).await,
        };
        vary(departing.response.headers_mut(), &varies_by);
        if is_stale {
            label_stale(departing.response.headers_mut());
        }
        record.count(Ok(departing))
    }

    /// The upstream's answer, labelled with the rule that gave it, if it is to be labelled.
    fn basic(&self, mut response: Response<Body>, rule: Option<Rule>, times: &StageTimes) -> Response<Body> {
        self.metrics.stages(Answered::Basic, times);
        if let Some(rule) = rule {
            label(response.headers_mut(), Received::Basic(rule), times, &self.head);
        }
        response
    }

    /// The upstream's answer instead of the enhanced one.
    pub(super) fn fall_back(
        &self,
        mut response: Response<Body>,
        fallback: Fallback,
        times: &StageTimes,
    ) -> Departing {
        self.count_outcome(Some(fallback));
        self.metrics.stages(Answered::FellBack, times);
        label(response.headers_mut(), Received::FellBack(fallback), times, &self.head);
        let departing = Departing::passing(response);
        // Once gloss has taken time of its own, the upstream's is over.
        if times.enrich.is_zero() {
            departing
        } else {
            Departing { body: BodyTime::After(times.upstream), ..departing }
        }
    }

    async fn enhance(
        &self,
        response: Response<Body>,
        wanted: &Wanted<'_>,
        attempt: Result<Attempt, Fallback>,
    ) -> Departing {
        let mut times = StageTimes { upstream: wanted.started.elapsed(), ..StageTimes::default() };
        let eligible = check_head(response.status(), response.headers(), self.params.max_body_bytes);
        let attempt = match eligible.and(attempt) {
            Ok(attempt) => attempt,
            Err(fallback) => return self.fall_back(response, fallback, &times),
        };
        let whole = self.gather(response).await;
        times.upstream = wanted.started.elapsed();
        let arrived = Instant::now();
        let whole = match whole {
            Ok(whole) => whole,
            Err(refused) => return self.fall_back(refused.0, refused.1, &times),
        };
        let from = NotesFor { asked: wanted.asked, arrived, own_logs: None };
        let enhanced = self.notes_for(&whole.body, attempt, from, &mut times).await;
        times.enrich = arrived.elapsed();
        match enhanced {
            Ok(Made { body, notes, usefulness }) => {
                self.count_outcome(None);
                self.metrics.stages(Answered::Enhanced, &times);
                self.params.comparison.useful(&usefulness);
                let received = Received::Enhanced(wanted.rule, notes.snapshot.cache);
                let response = whole.into_enhanced(body, |headers, length| {
                    describe_enhanced(headers, length);
                    label(headers, received, &times, &self.head);
                });
                Departing {
                    response,
                    received: comparison::Received::Enhanced,
                    body: BodyTime::After(times.upstream),
                }
            }
            Err(fallback) => self.fall_back(whole.into_response(), fallback, &times),
        }
    }

    /// Reads an answer whole, or gives it back with the reason why that cannot be.
    pub(super) async fn gather(
        &self,
        response: Response<Body>,
    ) -> Result<Whole, Box<(Response<Body>, Fallback)>> {
        let (parts, body) = response.into_parts();
        let deadline = Instant::now() + self.params.body_timeout;
        let (body, fallback) = match body.gather(self.params.max_body_bytes, deadline, &self.held).await {
            Gathered::Whole(chunks, trailers, held) => {
                return Ok(Whole { parts, body: joined(chunks), trailers, held });
            }
            Gathered::NoRoom(body) => (body, Fallback::Overload),
            Gathered::TooLarge(body) => (body, Fallback::TooLarge),
            Gathered::Slow(body) => (body, Fallback::Deadline),
            Gathered::Broken(body) => (body, Fallback::NotJson),
        };
        Err(Box::new((Response::from_parts(parts, body), fallback)))
    }

    /// Lets the answer pass and makes notes for nobody, to see how it would have ended.
    fn shadow(
        self: Arc<Self>,
        response: Response<Body>,
        asked: StatusRequest,
        attempt: Result<Attempt, Fallback>,
    ) -> Response<Body> {
        let eligible = check_head(response.status(), response.headers(), self.params.max_body_bytes);
        let attempt = match eligible.and(attempt) {
            Ok(attempt) => attempt,
            Err(fallback) => {
                self.count_shadow(Err(fallback));
                return response;
            }
        };
        let (parts, body) = response.into_parts();
        let (body, passed) = body.tee(self.params.max_body_bytes, &self.held);
        tokio::spawn(async move {
            // Held until the notes are made.
            let (whole, _held) = match passed.await {
                Ok(Passed::Whole(chunks, held)) => (joined(chunks), held),
                Ok(Passed::NoRoom) => return self.count_shadow(Err(Fallback::Overload)),
                Ok(Passed::TooLarge) => return self.count_shadow(Err(Fallback::TooLarge)),
                Err(_) => return self.metrics.shadow_abandoned(),
            };
            let (times, arrived) = (&mut StageTimes::default(), Instant::now());
            let from = NotesFor { asked: &asked, arrived, own_logs: None };
            let made = self.notes_for(&whole, attempt, from, times).await;
            let took = arrived.elapsed();
            self.count_shadow(made.map(|made| (made.usefulness, took)));
        });
        Response::from_parts(parts, body)
    }

    /// The enhanced body, and what it was made from. What it tells of the run's end is kept, for the comparison.
    pub(super) async fn notes_for(
        &self,
        body: &Bytes,
        attempt: Attempt,
        from: NotesFor<'_>,
        times: &mut StageTimes,
    ) -> Result<Made, Fallback> {
        let NotesFor { asked, arrived, own_logs } = from;
        let wishes = &asked.wishes;
        let answer = Answer::read(body).map_err(|_| Fallback::NotJson)?;
        if self.denies(&answer) {
            return Err(Fallback::DeniedWorkflow);
        }
        let status = self.status(answer.status.as_deref()).ok_or(Fallback::Status)?;
        let deadline = arrived + self.params.budget;
        let own_logs = own_logs.unwrap_or_else(|| own_logs_of(body, &answer));
        let notes = attempt.notes(self.times(arrived), told_by(&answer, own_logs)).await?;
        times.logs = notes.took;
        let span = telemetry::stage("analyse");
        notes.snapshot.told.learn(status, answer.max_turns, answer.workflow.as_deref());
        let mut context = self.context(status, answer.max_turns, &notes, wishes);
        context.beside = self.beside(&answer, status, &notes);
        let reporting = notes.snapshot.report(context);
        let reported = timeout_at(deadline, AssertUnwindSafe(reporting).catch_unwind()).await;
        let additions = reported.map_err(|_| Fallback::Deadline)?.map_err(|_| Fallback::Panic)?;
        drop(span);
        let span = telemetry::stage("merge");
        let logs = if wishes.include_logs == Some(false) { Logs::Null } else { Logs::Keep };
        let merged = merge(&answer, &additions.members(), logs).map_err(|_| Fallback::MergeCheck)?;
        drop(span);
        self.prove(body, &merged, logs)?;
        self.keep_course(asked, status, &additions, &notes);
        let usefulness = findings::usefulness(&answer, status, &additions);
        Ok(Made { body: merged, notes, usefulness })
    }

    /// Whether a deny rule names the run's workflow, which was not known when it was decided.
    pub(super) fn denies(&self, answer: &Answer<'_>) -> bool {
        answer.workflow.as_deref().is_some_and(|name| self.params.rollout.in_force().denies_workflow(name))
    }

    fn times(&self, answered: Instant) -> Times {
        let EnrichParams { budget, storage_patience, .. } = self.params;
        Times { answered, budget, storage_patience }
    }

    /// The status, where it is one that gets notes.
    fn status(&self, word: Option<&str>) -> Option<RunStatus> {
        let status = RunStatus::from_word(word?)?;
        let ended_badly = match status {
            RunStatus::Running | RunStatus::Completed => false,
            RunStatus::Failed | RunStatus::Timeout | RunStatus::Killed => true,
        };
        (!ended_badly || self.params.failed).then_some(status)
    }

    fn context(
        &self,
        status: RunStatus,
        max_turns: Option<u64>,
        notes: &Notes,
        wishes: &Wishes,
    ) -> analysis::Context {
        let without_steps = wishes.include_steps == Some(false);
        analysis::Context {
            now: notes.snapshot.as_of,
            status: Some(status),
            max_turns,
            detail: if without_steps { Detail::WithoutSteps } else { Detail::Full },
            compat_fields: self.params.compat_fields,
            source: notes.snapshot.source,
            cache: notes.snapshot.cache,
            beside: Beside::default(),
        }
    }

    /// What was seen of the run beside its log. Only a log on this host names a process of this host.
    fn beside(&self, answer: &Answer<'_>, status: RunStatus, notes: &Notes) -> Beside {
        let snapshot = &notes.snapshot;
        let is_here = status == RunStatus::Running && snapshot.source == LogSourceKind::File;
        let processes = self.processes.as_ref().filter(|_| is_here);
        let alive = processes.and_then(|processes| processes.alive(snapshot.analysis.process()?));
        let run = answer.run.as_deref().and_then(RunId::new);
        let max_turns = run.and_then(|run| self.starts.max_turns(&run));
        // While a run goes on, its log says more.
        let has_ended = status != RunStatus::Running;
        let (turns, cost_usd) = (answer.turns.filter(|_| has_ended), answer.cost_usd.filter(|_| has_ended));
        Beside { max_turns, alive, turns, cost_usd }
    }
}

/// What an answer tells of where logs are.
fn told_by(answer: &Answer<'_>, own_logs: OwnLogs) -> Told {
    let id = |text: &Option<String>| text.as_deref().and_then(RunId::new);
    Told {
        workflow: id(&answer.workflow),
        session: id(&answer.session),
        claude_session: id(&answer.claude_session),
        own_logs,
    }
}

/// The logs in an answer, unread.
pub(super) fn own_logs_of(body: &Bytes, answer: &Answer<'_>) -> OwnLogs {
    let text = answer.logs.clone().map(|place| OwnLogs::Text(BodyText::new(body.clone(), place)));
    text.unwrap_or(OwnLogs::Nothing)
}

/// The body in one piece; without a copy where it came in one.
pub(super) fn joined(mut chunks: Vec<Bytes>) -> Bytes {
    if let [whole] = chunks.as_mut_slice() {
        return std::mem::take(whole);
    }
    let mut joined = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    for chunk in chunks {
        joined.extend_from_slice(&chunk);
    }
    joined.freeze()
}
