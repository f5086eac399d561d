//! What passes by when a run is started: the turn limit of the request, under the run id of the answer.
//!
//! Both pass as they come. A copy is made of what is short enough and JSON, and only an answer of success counts: ids are
//! the upstream's to give. Whatever is odd about either leaves nothing remembered. The run's timeout passes, too, and is
//! left alone: a replica that has not seen it would judge the same run otherwise.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response, header};
use moka::sync::Cache;
use serde::Deserialize;

use super::exchange::Enricher;
use super::whole::joined;
use crate::proxy::{Body, Overheard, Passed, ProxyError};
use crate::route::StartRoute;
use crate::run_id::RunId;

/// Requests hold a prompt, which may be long; answers a few fields.
const REQUEST_BYTES: usize = 256 * 1024;
const ANSWER_BYTES: usize = 64 * 1024;
/// Some 100 bytes each.
const REMEMBERED: u64 = 20_000;
/// Longer than any run.
const KEPT: Duration = Duration::from_hours(24);

/// Overhears how runs are started.
#[derive(Debug)]
pub(super) struct Starts {
    routes: Vec<StartRoute>,
    max_turns: TurnLimits,
}

/// Turn limits of runs that were started here; a clone has the same.
#[derive(Debug, Clone)]
pub(super) struct TurnLimits(Cache<RunId, u64>);

#[derive(Deserialize)]
struct Asked {
    max_turns: u64,
}

#[derive(Deserialize)]
struct Accepted {
    run_id: String,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(REMEMBERED).time_to_live(KEPT).build())
    }
}

impl Starts {
    pub(super) fn new(routes: Vec<StartRoute>, max_turns: TurnLimits) -> Self {
        Self { routes, max_turns }
    }

    /// Has the body of this request copied as it passes, where it starts a run.
    pub(super) fn overhear<B>(&self, request: &mut Request<B>) -> Option<Overheard> {
        let starts = self.routes.iter().any(|route| route.is_for(request.method(), request.uri()));
        if !starts || !is_plain_json(request.headers()) {
            return None;
        }
        let overheard = Overheard::new(REQUEST_BYTES);
        request.extensions_mut().insert(overheard.clone());
        Some(overheard)
    }

    /// The turn limit that a run was started with, if that passed here.
    pub(super) fn max_turns(&self, run: &RunId) -> Option<u64> {
        self.max_turns.0.get(run)
    }

    fn remember(&self, max_turns: u64, answer: &[u8]) {
        let accepted = serde_json::from_slice::<Accepted>(answer).ok();
        if let Some(run) = accepted.and_then(|accepted| RunId::new(&accepted.run_id)) {
            self.max_turns.0.insert(run, max_turns);
        }
    }
}

impl Enricher {
    /// The upstream's answer, untouched; what it says is remembered when all of it has passed.
    pub(super) async fn started<F>(
        self: Arc<Self>,
        overheard: Overheard,
        forwarded: F,
    ) -> Result<Response<Body>, ProxyError>
    where
        F: Future<Output = Result<Response<Body>, ProxyError>>,
    {
        let response = forwarded.await?;
        let is_told = response.status().is_success() && is_plain_json(response.headers());
        let asked = is_told.then(|| serde_json::from_slice::<Asked>(&overheard.take()).ok()).flatten();
        let Some(Asked { max_turns }) = asked else { return Ok(response) };
        let (parts, body) = response.into_parts();
        let (body, passed) = body.tee(ANSWER_BYTES, &self.held);
        tokio::spawn(async move {
            if let Ok(Passed::Whole(chunks, _held)) = passed.await {
                self.starts.remember(max_turns, &joined(chunks));
            }
        });
        Ok(Response::from_parts(parts, body))
    }
}

fn is_plain_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json") && !headers.contains_key(header::CONTENT_ENCODING)
}
