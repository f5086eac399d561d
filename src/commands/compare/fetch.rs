//! One answer for one run, with how long it took.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use tower::ServiceExt;

use crate::commands::gateway;
use crate::proxy::Forward;
use crate::run_id::RunId;
use crate::variant::Variant;

/// A caller of a gloss.
#[derive(Debug)]
pub(super) struct Caller {
    service: Forward,
    route: String,
    opt_in: HeaderName,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    /// `Gloss-Variant` and `Gloss-Reason`; `None` where they are missing.
    pub(super) labels: Option<(String, String)>,
    pub(super) body: Bytes,
    /// From asking to the last byte.
    pub(super) took: Duration,
}

impl Caller {
    /// Asks as it says, by the header `opt_in` for the variant.
    pub(super) fn of(asking: &gateway::Asking, opt_in: HeaderName) -> Result<Self> {
        let (service, route, headers) =
            (gateway::to(&asking.url)?, asking.route.clone(), asking.header.clone());
        Ok(Self { service, route, opt_in, headers })
    }

    /// The answer of this variant.
    ///
    /// # Errors
    /// In words: nobody answers, or the answer is not 200, or broke off.
    pub(super) async fn fetch(&self, run: &RunId, variant: Variant) -> Result<Fetched, String> {
        let request = self.request(run, variant)?;
        let began = Instant::now();
        let response = self.service.clone().oneshot(request).await.map_err(|error| gateway::why(&error))?;
        let (head, body) = response.into_parts();
        let whole = Limited::new(body, gateway::MAX_ANSWER_BYTES).collect().await;
        let took = began.elapsed();
        let body = whole.map_err(|error| format!("the answer broke off: {error}"))?.to_bytes();
        if head.status != StatusCode::OK {
            return Err(format!("the service answers {}{}", head.status, gateway::detail(&body)));
        }
        let label = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let labels = label("gloss-variant").zip(label("gloss-reason"));
        let labels = labels.map(|(variant, reason)| (variant.to_owned(), reason.to_owned()));
        Ok(Fetched { labels, body, took })
    }

    fn request(&self, run: &RunId, variant: Variant) -> Result<Request<Empty<Bytes>>, String> {
        let mut request = Request::new(Empty::new());
        let path = self.route.replace("{run_id}", run.as_str());
        *request.uri_mut() = path.parse::<Uri>().map_err(|error| format!("{path}: {error}"))?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static("gloss"));
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        // All alike, whatever the caller's own headers say.
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(&self.opt_in, HeaderValue::from_static(variant.as_str()));
        Ok(request)
    }
}
