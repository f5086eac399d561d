//! The service's description of itself on its way to a client, with what enhanced answers add to it.
//!
//! Whatever fails, the client gets the upstream's own document; the outcome is counted.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{Method, Response, Uri};

use super::eligible::check_head;
use super::exchange::Enricher;
use super::fallback::Fallback;
use super::respond::describe_enhanced;
use super::whole::Whole;
use crate::openapi::{self, DescriptionParams, Unfit};
use crate::proxy::{Body, ProxyError};

/// Which documents are descriptions, and what is added to them.
#[derive(Debug, Clone)]
pub struct Descriptions {
    /// Where the service describes itself: paths, as requests spell them.
    pub paths: Vec<String>,
    /// What the addition depends on.
    pub params: DescriptionParams,
}

impl Enricher {
    /// Whether this asks for a description that gloss adds to. Not while the kill switch is off: then it adds nothing
    /// to any answer.
    pub(super) fn is_description(&self, method: &Method, uri: &Uri) -> bool {
        let Some(descriptions) = &self.params.descriptions else { return false };
        method == Method::GET
            && descriptions.paths.iter().any(|path| path == uri.path())
            && self.params.rollout.in_force().enabled
    }

    /// Waits for the description and adds to it.
    pub(super) async fn describe<F>(self: Arc<Self>, forwarded: F) -> Result<Response<Body>, ProxyError>
    where
        F: Future<Output = Result<Response<Body>, ProxyError>>,
    {
        let response = forwarded.await?;
        if let Err(fallback) = check_head(response.status(), response.headers(), self.params.max_body_bytes) {
            self.metrics.description(fallback.as_str());
            return Ok(response);
        }
        let whole = match self.gather(response).await {
            Ok(whole) => whole,
            Err(refused) => {
                self.metrics.description(refused.1.as_str());
                return Ok(refused.0);
            }
        };
        Ok(match self.described(&whole) {
            Ok(document) => {
                self.metrics.description("enhanced");
                whole.into_enhanced(vec![document.into()], describe_enhanced)
            }
            Err(outcome) => {
                self.metrics.description(outcome);
                whole.into_response()
            }
        })
    }

    fn described(&self, whole: &Whole) -> Result<String, &'static str> {
        let Some(descriptions) = &self.params.descriptions else { return Err(Unfit::NoStatusRoute.as_str()) };
        let describing = || openapi::describe(&whole.body, &descriptions.params);
        let described = catch_unwind(AssertUnwindSafe(describing));
        described.map_err(|_| Fallback::Panic.as_str())?.map_err(|unfit| {
            tracing::debug!(%unfit, "the service's description stays as it is");
            unfit.as_str()
        })
    }
}
