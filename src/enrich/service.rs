//! The tower layer around forwarding: recognises status requests, decides, and gives each its answer.
//!
//! Requests for anything else pass without a look at them. An error of the inner service is handed on; whatever fails
//! in here is a fallback to the upstream's own bytes.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, Request, Response};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::answer::Answer;
use super::attempt::{Attempt, Notes, Readings};
use super::eligible::check_head;
use super::fallback::Fallback;
use super::merge::{Logs, merge};
use super::respond::{HeadParams, Received, ask_for_whole_answer, describe_enhanced, label};
use crate::analysis::{self, Detail, RunStatus};
use crate::proxy::{Body, Gathered, ProxyError};
use crate::rollout::{Decision, Rollout, Rule, Variant};
use crate::route::{Router, StatusRequest, Wishes};
use crate::runlog::Tracker;
use crate::telemetry::{Metrics, StageTimes};

/// What the enrichment depends on.
#[derive(Debug, Clone)]
pub struct EnrichParams {
    /// Recognises status requests.
    pub router: Router,
    /// Decides on them.
    pub rollout: Rollout,
    /// The name of the opt-in header.
    pub opt_in_header: HeaderName,
    /// Whether scripts of other origins may read the `Gloss-*` headers.
    pub expose_headers: bool,
    /// How long a client may wait for notes after the upstream's answer has arrived.
    pub budget: Duration,
    /// The longest body of the upstream that is read in advance, in bytes.
    pub max_body_bytes: usize,
    /// How long reading it may take.
    pub body_timeout: Duration,
    /// From when on a storage operation counts as hanging.
    pub storage_patience: Duration,
    /// How many logs may be read at the same time.
    pub max_concurrent: usize,
    /// Whether runs that ended badly get notes.
    pub failed: bool,
    /// Whether the names that one published client looks for are added, too.
    pub compat_fields: bool,
}

/// Puts an [`Enrich`] around a service.
#[derive(Debug, Clone)]
pub struct EnrichLayer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    params: EnrichParams,
    head: HeadParams,
    readings: Readings,
    metrics: Metrics,
}

impl EnrichLayer {
    /// Notes are made from the logs of `tracker`.
    pub fn new(params: EnrichParams, tracker: Option<Tracker>, metrics: Metrics) -> Self {
        let head = HeadParams { opt_in: params.opt_in_header.clone(), expose: params.expose_headers };
        let slots = Arc::new(Semaphore::new(params.max_concurrent));
        let readings = Readings { tracker, slots };
        Self { shared: Arc::new(Shared { params, head, readings, metrics }) }
    }
}

impl<S> Layer<S> for EnrichLayer {
    type Service = Enrich<S>;

    fn layer(&self, inner: S) -> Enrich<S> {
        Enrich { inner, shared: Arc::clone(&self.shared) }
    }
}

/// Adds notes to the status answers of the inner service.
#[derive(Debug, Clone)]
pub struct Enrich<S> {
    inner: S,
    shared: Arc<Shared>,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<S> Service<Request<Incoming>> for Enrich<S>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = ProxyError>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = ProxyError;
    type Future = EnrichFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        let params = &self.shared.params;
        let asked = params.router.status_request(request.method(), request.uri(), request.headers());
        let Some(asked) = asked else { return EnrichFuture::Passing { forwarded: self.inner.call(request) } };
        let decision = params.rollout.decide(&asked.wishes, &asked.segment);
        let plan = self.shared.plan(decision, &asked);
        if let Plan::Enhance(_) = &plan {
            ask_for_whole_answer(request.headers_mut());
        }
        let exchange = Exchange { asked, decision, started: Instant::now() };
        let forwarded = self.inner.call(request);
        EnrichFuture::Status { answer: Box::pin(Arc::clone(&self.shared).answer(exchange, plan, forwarded)) }
    }
}

pin_project_lite::pin_project! {
    /// The answer of an [`Enrich`].
    #[project = EnrichFutureProjection]
    pub enum EnrichFuture<F> {
        /// Not a status request: what the inner service says.
        Passing {
            #[pin]
            forwarded: F,
        },
        /// A status request.
        Status {
            answer: BoxFuture<Result<Response<Body>, ProxyError>>,
        },
    }
}

impl<F> Future for EnrichFuture<F>
where
    F: Future<Output = Result<Response<Body>, ProxyError>>,
{
    type Output = Result<Response<Body>, ProxyError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            EnrichFutureProjection::Passing { forwarded } => forwarded.poll(cx),
            EnrichFutureProjection::Status { answer } => answer.as_mut().poll(cx),
        }
    }
}

/// One status request on its way.
#[derive(Debug)]
struct Exchange {
    asked: StatusRequest,
    decision: Decision,
    started: Instant,
}

/// What is going to be done for it. The log is read from now on, beside the upstream's call.
enum Plan {
    Basic,
    Refuse(Fallback),
    Shadow(Result<Attempt, Fallback>),
    Enhance(Result<Attempt, Fallback>),
}

impl Shared {
    fn plan(&self, decision: Decision, asked: &StatusRequest) -> Plan {
        self.metrics.decision(decision);
        let begin = || self.readings.begin(asked.run_id.as_ref());
        match decision.variant {
            Variant::Basic => Plan::Basic,
            Variant::Enhanced if asked.wishes.unknown_version => Plan::Refuse(Fallback::Version),
            Variant::Enhanced => Plan::Enhance(begin()),
            Variant::Shadow => Plan::Shadow(begin()),
        }
    }

    async fn answer<F>(
        self: Arc<Self>,
        exchange: Exchange,
        plan: Plan,
        forwarded: F,
    ) -> Result<Response<Body>, ProxyError>
    where
        F: Future<Output = Result<Response<Body>, ProxyError>>,
    {
        let response = forwarded.await?;
        let times = StageTimes { upstream: exchange.started.elapsed(), ..StageTimes::default() };
        Ok(match plan {
            Plan::Basic => self.basic(response, &exchange, &times),
            Plan::Refuse(fallback) => self.fall_back(response, fallback, &times),
            Plan::Shadow(attempt) => {
                let response = Arc::clone(&self).shadow(response, &exchange, attempt);
                self.basic(response, &exchange, &times)
            }
            Plan::Enhance(attempt) => self.enhance(response, &exchange, attempt).await,
        })
    }

    /// The upstream's answer, labelled unless nobody asked for anything.
    fn basic(&self, mut response: Response<Body>, exchange: &Exchange, times: &StageTimes) -> Response<Body> {
        let rule = exchange.decision.rule;
        if rule != Rule::Default || self.params.rollout.is_configured() {
            label(response.headers_mut(), Received::Basic(rule), times, &self.head);
        }
        response
    }

    /// The upstream's answer instead of the enhanced one.
    fn fall_back(
        &self,
        mut response: Response<Body>,
        fallback: Fallback,
        times: &StageTimes,
    ) -> Response<Body> {
        self.metrics.enrichment(Some(fallback));
        self.metrics.stages(times);
        label(response.headers_mut(), Received::FellBack(fallback), times, &self.head);
        response
    }

    async fn enhance(
        &self,
        response: Response<Body>,
        exchange: &Exchange,
        attempt: Result<Attempt, Fallback>,
    ) -> Response<Body> {
        let mut times = StageTimes { upstream: exchange.started.elapsed(), ..StageTimes::default() };
        let eligible = check_head(response.status(), response.headers(), self.params.max_body_bytes);
        let attempt = match eligible.and(attempt) {
            Ok(attempt) => attempt,
            Err(fallback) => return self.fall_back(response, fallback, &times),
        };
        let (mut parts, body) = response.into_parts();
        let gathered =
            body.gather(self.params.max_body_bytes, Instant::now() + self.params.body_timeout).await;
        times.upstream = exchange.started.elapsed();
        let arrived = Instant::now();
        let (chunks, trailers) = match gathered {
            Gathered::Whole(chunks, trailers) => (chunks, trailers),
            Gathered::TooLarge(body) => {
                return self.fall_back(Response::from_parts(parts, body), Fallback::TooLarge, &times);
            }
            Gathered::Slow(body) => {
                return self.fall_back(Response::from_parts(parts, body), Fallback::Deadline, &times);
            }
            Gathered::Broken(body) => {
                return self.fall_back(Response::from_parts(parts, body), Fallback::NotJson, &times);
            }
        };
        let enhanced =
            self.notes_for(&joined(&chunks), attempt, &exchange.asked.wishes, arrived, &mut times).await;
        times.enrich = arrived.elapsed();
        match enhanced {
            Ok((body, notes)) => {
                self.metrics.enrichment(None);
                self.metrics.stages(&times);
                describe_enhanced(&mut parts.headers, body.len());
                let received = Received::Enhanced(exchange.decision.rule, notes.snapshot.cache);
                label(&mut parts.headers, received, &times, &self.head);
                Response::from_parts(parts, Body::from(body).with_trailers(trailers))
            }
            Err(fallback) => {
                let body = Body::from_chunks(chunks).with_trailers(trailers);
                self.fall_back(Response::from_parts(parts, body), fallback, &times)
            }
        }
    }

    /// Lets the answer pass and makes notes for nobody, to see how it would have ended.
    fn shadow(
        self: Arc<Self>,
        response: Response<Body>,
        exchange: &Exchange,
        attempt: Result<Attempt, Fallback>,
    ) -> Response<Body> {
        let eligible = check_head(response.status(), response.headers(), self.params.max_body_bytes);
        let attempt = match eligible.and(attempt) {
            Ok(attempt) => attempt,
            Err(fallback) => {
                self.metrics.shadow(Some(fallback));
                return response;
            }
        };
        let (parts, body) = response.into_parts();
        let (body, passed) = body.tee(self.params.max_body_bytes);
        let wishes = exchange.asked.wishes.clone();
        tokio::spawn(async move {
            // Too long, broken off, or the client left.
            let Ok(chunks) = passed.await else { return self.metrics.shadow(Some(Fallback::TooLarge)) };
            let times = &mut StageTimes::default();
            let made = self.notes_for(&joined(&chunks), attempt, &wishes, Instant::now(), times).await;
            self.metrics.shadow(made.err());
        });
        Response::from_parts(parts, body)
    }

    /// The enhanced body, and what it was made from.
    async fn notes_for(
        &self,
        body: &Bytes,
        attempt: Attempt,
        wishes: &Wishes,
        arrived: Instant,
        times: &mut StageTimes,
    ) -> Result<(String, Notes), Fallback> {
        let answer = Answer::read(body).map_err(|_| Fallback::NotJson)?;
        let status = self.status(answer.status.as_deref()).ok_or(Fallback::Status)?;
        let notes =
            attempt.notes(arrived, arrived + self.params.budget, self.params.storage_patience).await?;
        times.logs = notes.took;
        let enhanced = catch_unwind(AssertUnwindSafe(|| self.render(&answer, status, &notes, wishes)));
        let body = enhanced.map_err(|_| Fallback::Panic)??;
        Ok((body, notes))
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

    fn render(
        &self,
        answer: &Answer<'_>,
        status: RunStatus,
        notes: &Notes,
        wishes: &Wishes,
    ) -> Result<String, Fallback> {
        let without_steps = wishes.include_steps == Some(false);
        let context = analysis::Context {
            now: notes.snapshot.as_of,
            status: Some(status),
            max_turns: answer.max_turns,
            detail: if without_steps { Detail::WithoutSteps } else { Detail::Full },
            compat_fields: self.params.compat_fields,
            source: notes.snapshot.source,
            cache: notes.snapshot.cache,
        };
        let additions = notes.snapshot.analysis.report(&context);
        let logs = if wishes.include_logs == Some(false) { Logs::Null } else { Logs::Keep };
        merge(answer, &additions.members(), logs).map_err(|_| Fallback::MergeCheck)
    }
}

/// The body in one piece; without a copy where it came in one.
fn joined(chunks: &[Bytes]) -> Bytes {
    match chunks {
        [whole] => whole.clone(),
        several => {
            let mut joined = BytesMut::with_capacity(several.iter().map(Bytes::len).sum());
            for chunk in several {
                joined.extend_from_slice(chunk);
            }
            joined.freeze()
        }
    }
}
