//! Counts status requests into the comparison once their answers have gone out.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::time::Duration;

use http::Response;
use tokio::time::Instant;

use super::again::Forwarded;
use crate::comparison::{Comparison, Exchange, Received, Sent};
use crate::proxy::{Body, HandedOver};
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
    pub(super) fn count(self, answered: Result<Departing, crate::proxy::ProxyError>) -> Forwarded {
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
