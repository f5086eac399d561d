//! The operators' listener: liveness, readiness, metrics, the runs in the cache, the comparison, the
//! rollout, which can be switched here, the schema of the added fields, and a page that shows all of it.
//!
//! Everything but `/livez` and `/readyz` is for those only whom [`Access`] lets in. The page's own files need no token,
//! since they hold no data: they are the same in every gloss of a version, and the page asks for the token itself. No GET
//! changes anything. Metrics and errors never show a value that a client sent.

mod access;
mod comparison;
mod live;
mod page;
mod rollout;
mod routes;
mod runs;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{Either, Full};
use serde::Serialize;
use tower::{BoxError, Service};

use self::access::Denied;
use crate::comparison::Comparison;
use crate::openapi::notes_schema;
use crate::proxy;
use crate::runlog::Tracker;
use crate::switch::RolloutSwitch;
use crate::telemetry::{Exposition, Metrics};

pub use self::access::Access;

use routes::Route;
pub use runs::RunPages;

/// Whole answers, and streams of events.
pub type AdminBody = Either<Full<Bytes>, proxy::Body>;

/// Whether clients may be sent here.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// The listener is up, or a drain has begun.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What operators are shown, and what they can change.
#[derive(Debug)]
pub struct AdminParams {
    /// What they have to show.
    pub access: Access,
    /// Whether clients may be sent here.
    pub readiness: Readiness,
    /// Where everything is counted.
    pub metrics: Metrics,
    /// The analyses; `None` where none are made, as in tests.
    pub tracker: Option<Tracker>,
    /// The rollout in force.
    pub rollout: RolloutSwitch,
    /// What the A/B measures.
    pub comparison: Comparison,
    /// The runs in the cache.
    pub runs: RunPages,
}

/// Answers operators' requests.
#[derive(Debug, Clone)]
pub struct Admin {
    params: Arc<AdminParams>,
}

impl Admin {
    /// A service that shows this process's state.
    pub fn new(params: AdminParams) -> Self {
        Self { params: Arc::new(params) }
    }
}

impl<B> Service<Request<B>> for Admin
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<AdminBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let params = Arc::clone(&self.params);
        Box::pin(async move {
            let mut response = params.answer(request).await;
            page::protect(response.headers_mut());
            Ok(response)
        })
    }
}

impl AdminParams {
    async fn answer<B>(&self, request: Request<B>) -> Response<AdminBody>
    where
        B: Body<Data: Send, Error: Into<BoxError>> + Send,
    {
        let (parts, body) = request.into_parts();
        let target = parts.uri.clone();
        let route = Route::of(target.path());
        if let Err(denied) = self.access.check(&parts)
            && !route.is_open_to(denied)
        {
            return turned_away(denied).map(Either::Left);
        }
        let request = Request::from_parts(parts, body);
        if route == Route::Rollout {
            return rollout::answer(&self.rollout, request).await.map(Either::Left);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return not_allowed("GET, HEAD").map(Either::Left);
        }
        let query = target.query().unwrap_or_default();
        let whole = match route {
            Route::RunsEvents => return self.runs.follow_all(query),
            Route::RunEvents(id) => return self.runs.follow_one(id),
            Route::Runs => self.runs.list(query).await,
            Route::Run(id) => self.runs.one(id).await,
            Route::Page(asset) => asset.answer(request.headers()),
            Route::Livez => text(StatusCode::OK, "alive\n"),
            Route::Readyz if self.readiness.get() => text(StatusCode::OK, "ready\n"),
            Route::Readyz => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            Route::Metrics => self.metrics(Exposition::wanted(request.headers())),
            Route::Comparison => comparison::answer(&self.comparison),
            Route::Schema => schema(),
            Route::Rollout | Route::Unknown => text(StatusCode::NOT_FOUND, routes::OVERVIEW),
        };
        whole.map(Either::Left)
    }

    fn metrics(&self, form: Exposition) -> Response<Full<Bytes>> {
        if let Some(tracker) = &self.tracker {
            tracker.tidy();
        }
        let mut response = text(StatusCode::OK, self.metrics.exposition(form));
        response.headers_mut().insert(header::CONTENT_TYPE, form.content_type());
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
        response
    }
}

/// What a caller gets who is not let in.
fn turned_away(denied: Denied) -> Response<Full<Bytes>> {
    match denied {
        Denied::Token => {
            let mut refused = text(StatusCode::UNAUTHORIZED, "Authorization: Bearer TOKEN is needed here\n");
            refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            refused
        }
        Denied::Host => text(
            StatusCode::MISDIRECTED_REQUEST,
            "without admin.token operators are answered at loopback names and addresses only, such as localhost; list \
             other names of this listener in admin.hosts\n",
        ),
        Denied::CrossSite => text(StatusCode::FORBIDDEN, "a page of another origin changes nothing here\n"),
    }
}

/// Another method than this path knows.
fn not_allowed(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} is answered here\n"));
    refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    refused
}

/// The JSON Schema of the added fields.
fn schema() -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::OK, notes_schema());
    let kind = HeaderValue::from_static("application/schema+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// JSON, ended by a line feed.
fn json_answer(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    let mut bytes = serde_json::to_vec(value).expect("texts, numbers and lists of them always serialise");
    bytes.push(b'\n');
    let mut response = text(status, bytes);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
