//! One answer for one run, with how long it took.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::commands::gateway;
use crate::proxy::Forward;
use crate::run_id::RunId;
use crate::variant::Variant;

/// A caller of a gloss.
#[derive(Debug)]
pub(in crate::commands) struct Caller {
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
    pub(in crate::commands) fn of(asking: &gateway::Asking, opt_in: HeaderName) -> Result<Self> {
        let (service, route, headers) =
            (gateway::to(&asking.url)?, asking.route.clone(), asking.header.clone());
        Ok(Self { service, route, opt_in, headers })
    }

    /// The answer of this variant, whatever its status.
    ///
    /// # Errors
    /// In words: nobody answers, or the answer broke off.
    pub(in crate::commands) async fn ask(
        &self,
        run: &RunId,
        variant: Variant,
    ) -> Result<gateway::Answer, String> {
        let own = [header::ACCEPT, header::ACCEPT_ENCODING, self.opt_in.clone()];
        let given = self.headers.iter().filter(|(name, _)| !own.contains(name));
        let mut headers: Vec<_> = given.cloned().collect();
        // All alike, whatever the caller's own headers say.
        let values = ["application/json", "identity", variant.as_str()].map(HeaderValue::from_static);
        headers.extend(own.into_iter().zip(values));
        gateway::get(&self.service, &self.route.replace("{run_id}", run.as_str()), &headers).await
    }

    /// The answer of this variant.
    ///
    /// # Errors
    /// In words: nobody answers, or the answer is not 200, or broke off.
    pub(super) async fn fetch(&self, run: &RunId, variant: Variant) -> Result<Fetched, String> {
        let answer = self.ask(run, variant).await?;
        if answer.status != StatusCode::OK {
            return Err(gateway::refusal(answer.status, &answer.headers, &answer.body));
        }
        let labels = answer.header("gloss-variant").zip(answer.header("gloss-reason"));
        let labels = labels.map(|(variant, reason)| (variant.to_owned(), reason.to_owned()));
        Ok(Fetched { labels, body: answer.body, took: answer.took })
    }
}
