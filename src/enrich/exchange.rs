//! One status request from decision to answer.
//!
//! Whatever fails in here is a fallback to the upstream's own bytes, labelled and counted.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, Response, Uri};
use tokio::time::Instant;

use super::again::{Again, Forwarded};
use super::answers::Answers;
use super::attempt::{Attempt, Readings, WhereTo};
use super::description::Descriptions;
use super::eligible::check_head;
use super::fallback::Fallback;
use super::kept::Kept;
use super::live::Caller;
use super::notes::{Made, NotesFor};
use super::record::{BodyTime, Departing, Record};
use super::respond::{HeadParams, Received, as_value, describe_enhanced, label, label_stale, vary};
use super::starts::Starts;
use crate::comparison::{self, Comparison};
use crate::proxy::{Body, HeldLimit};
use crate::rollout::{self, Decision, Rule};
use crate::route::{Router, StartRoute, StatusRequest};
use crate::runlog::{Processes, Tracker};
use crate::shield::Stale;
use crate::stream::{Followers, Pace, Streams};
use crate::switch::RolloutSwitch;
use crate::telemetry::{Answered, Metrics, StageTimes};
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

impl Plan {
    /// Begins to read the log, where it is needed; `is_answered` where the upstream's answer is there.
    fn begin(&mut self, is_answered: bool) {
        match self {
            // Whose client must not notice anything of it.
            Self::Shadow(Ok(attempt)) => attempt.begin(WhereTo::Apart, is_answered),
            Self::Enhance(Ok(attempt)) | Self::Stream(Ok(attempt), _) | Self::Compare(Ok(attempt), _) => {
                attempt.begin(WhereTo::Here, is_answered);
            }
            Self::Basic
            | Self::Refuse(_)
            | Self::Shadow(Err(_))
            | Self::Enhance(Err(_))
            | Self::Stream(Err(_), _)
            | Self::Compare(Err(_), _) => {}
        }
    }
}

/// What an enhanced answer is made by.
pub(super) struct Wanted<'a> {
    pub(super) asked: &'a StatusRequest,
    pub(super) rule: Rule,
    pub(super) started: Instant,
}

/// Gives each status request its answer.
#[derive(Debug)]
pub(super) struct Enricher {
    pub(super) params: EnrichParams,
    pub(super) head: HeadParams,
    pub(super) readings: Readings,
    pub(super) starts: Starts,
    /// `None` where processes are not looked at.
    pub(super) processes: Option<Arc<Processes>>,
    pub(super) answers: Answers,
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
            opt_in: as_value(&params.opt_in_header),
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
        Self {
            params,
            head,
            readings,
            starts,
            processes,
            answers: Answers::new(),
            held: limit,
            streams,
            followers,
            metrics,
        }
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

    /// Decides, and prepares to read the log where it will be needed. `again` is the request, able to be sent once more.
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
        let read = || self.readings.prepare(asked.run_id.as_ref());
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
        let Exchange { asked, decision, told, mut plan, started, record } = exchange;
        let mut forwarded = pin!(forwarded);
        // First the request goes out, and then it is the log's turn.
        let early = poll_fn(|cx| Poll::Ready(forwarded.as_mut().poll(cx))).await;
        plan.begin(early.is_ready());
        let answered = match early {
            Poll::Ready(answered) => answered,
            Poll::Pending => forwarded.await,
        };
        let response = match answered {
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
            // On the heap: what is rare and long must not make every answer's own future large.
            Plan::Stream(attempt, caller) => Box::pin(self.stream(response, &wanted, attempt, caller)).await,
            Plan::Compare(attempt, again) => Box::pin(self.compare(response, &wanted, attempt, &again)).await,
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
                let response = whole.into_enhanced(body.into_chunks(), |headers, length| {
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
}
