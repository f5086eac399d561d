//! Counts into the comparison: status requests once their answers have gone out, and what the notes brought.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::time::Duration;

use chrono::Utc;
use http::Response;
use tokio::time::Instant;

use super::again::Forwarded;
use super::exchange::Enricher;
use super::fallback::Fallback;
use super::merge::{Enhanced, Logs};
use crate::comparison::{
    Broken, Comparison, Difference, Exchange, Received, Sent, Usefulness, prove, prove_but_for_logs,
    prove_pieces,
};
use crate::proxy::{Body, HandedOver, ProxyError};
use crate::variant::Variant;

/// A request that will be counted.
#[derive(Debug)]
pub(super) struct Record {
    comparison: Comparison,
    decided: Variant,
    arrived: Instant,
    /// From when on it is the upstream's turn.
    forwarded: Instant,
}

/// An answer about to go out, and what has to be known of it to count it.
#[derive(Debug)]
pub(super) struct Departing {
    pub(super) response: Response<Body>,
    pub(super) received: Received,
    pub(super) body: BodyTime,
}

/// What an answer's body says about time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyTime {
    /// It comes from the upstream as it goes out: the upstream's time ends with it.
    Passing,
    /// The upstream's time, which was over before it went out.
    After(Duration),
    /// The same for a body that goes on as long as there is news: the head ends the request.
    Live(Duration),
}

impl Departing {
    /// The upstream's own answer as it comes.
    pub(super) fn passing(response: Response<Body>) -> Self {
        Self { response, received: Received::Basic, body: BodyTime::Passing }
    }
}

impl Record {
    /// Of a request that arrived at `arrived` and is forwarded now.
    pub(super) fn begin(comparison: Comparison, decided: Variant, arrived: Instant) -> Self {
        Self { comparison, decided, arrived, forwarded: Instant::now() }
    }

    /// Counts the answer when it has gone out, or that there is none.
    pub(super) fn count(self, answered: Result<Departing, ProxyError>) -> Forwarded {
        let Departing { response, received, body } = answered.inspect_err(|_| self.note(None, 0.0, 0))?;
        if response.status().is_server_error() {
            self.note(None, 0.0, 0);
            return Ok(response);
        }
        let own = self.forwarded.saturating_duration_since(self.arrived);
        if let BodyTime::Live(upstream) = body {
            self.note(Some((received, Sent::Whole)), upstream.as_secs_f64(), 0);
            return Ok(response);
        }
        Ok(response.map(|sent| {
            sent.watched(move |how| {
                let upstream = match body {
                    BodyTime::Passing => self.arrived.elapsed().saturating_sub(own),
                    BodyTime::After(upstream) | BodyTime::Live(upstream) => upstream,
                };
                let (sent, bytes) = match how {
                    HandedOver::Whole(bytes) => (Some((received, Sent::Whole)), bytes),
                    HandedOver::Dropped => (Some((received, Sent::Left)), 0),
                    HandedOver::Broken => (None, 0),
                };
                self.note(sent, upstream.as_secs_f64(), bytes);
            })
        }))
    }

    /// `None` is an error.
    fn note(&self, sent: Option<(Received, Sent)>, upstream_seconds: f64, body_bytes: u64) {
        let decided = match self.decided {
            Variant::Basic => Received::Basic,
            Variant::Enhanced => Received::Enhanced,
            Variant::Shadow => Received::Shadow,
            Variant::Compare => Received::Compare,
        };
        let (received, sent) = sent.unwrap_or((decided, Sent::Error));
        self.comparison.exchange(&Exchange {
            received,
            sent,
            upstream_seconds,
            total_seconds: self.arrived.elapsed().as_secs_f64(),
            body_bytes,
            is_plain: self.decided == Variant::Basic,
        });
    }
}

impl Enricher {
    /// Counts what became of a request that was to be enhanced.
    pub(super) fn count_outcome(&self, fallback: Option<Fallback>) {
        self.metrics.enrichment(fallback);
        self.params.comparison.outcome(fallback.map(Fallback::as_str), Utc::now());
    }

    /// Counts notes for nobody: what they would have brought, and how long the client would have waited for them.
    pub(super) fn count_shadow(&self, made: Result<(Usefulness, Duration), Fallback>) {
        self.metrics.shadow(made.as_ref().err().copied());
        if let Ok((usefulness, _)) = &made {
            self.params.comparison.useful(usefulness);
        }
        let would_add = made.map(|(_, took)| took.as_secs_f64());
        self.params.comparison.shadow(would_add.map_err(Fallback::as_str));
    }

    /// Checks, by other means than those that it was made by, that nothing was done to a body but adding `lists`, of
    /// which `members` says whether they are members.
    pub(super) fn prove(
        &self,
        basic: &[u8],
        enhanced: &Enhanced,
        logs: Logs,
        lists: &[&str],
        members: Result<(), Broken>,
    ) -> Result<(), Fallback> {
        let proof = if enhanced.is_plain {
            let Enhanced { front, added, back, .. } = enhanced;
            members.and_then(|()| prove_pieces(basic, front, added, back, lists))
        } else {
            // Something was left out: then the whole of it is looked at.
            let whole = enhanced.to_bytes();
            let proof = match logs {
                Logs::Keep => prove(basic, &whole),
                Logs::Null => prove_but_for_logs(basic, &whole),
            };
            proof.map(drop)
        };
        let example = proof.err().map(|broken| {
            tracing::error!(%broken, "an enhanced answer was not sent: it is not the upstream's with additions");
            Difference::of_bodies(&broken.to_string(), basic, &enhanced.to_bytes())
        });
        self.params.comparison.proof(example, Utc::now());
        proof.map_err(|_| Fallback::MergeCheck)
    }
}
