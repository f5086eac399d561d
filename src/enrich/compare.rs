//! Both answers in one, and how they compare, for callers who ask for that.
//!
//! The upstream is asked twice, one after the other, by the caller's own credentials: what differs between its two
//! answers is its own doing. The notes are added to the second, which is the one that the caller gets as `basic`. Where
//! there is nothing to compare, the caller gets the upstream's own answer, as a fallback.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use http::{HeaderValue, Response, header};
use tokio::time::Instant;

use super::again::Again;
use super::attempt::Attempt;
use super::eligible::check_head;
use super::exchange::{Enricher, Wanted};
use super::fallback::Fallback;
use super::notes::{Made, NotesFor};
use super::record::{BodyTime, Departing};
use super::respond;
use super::whole::Whole;
use crate::analysis::CacheOutcome;
use crate::comparison::{Compared, Difference, Pair, Received, Sides, Verdict, differences};
use crate::proxy::Body;
use crate::telemetry::{Answered, StageTimes};

/// Two answers of the upstream's own.
struct Both {
    first: Bytes,
    first_took: Duration,
    second: Whole,
    second_took: Duration,
}

/// The upstream's answer, and why it is all that there is.
type Instead = Box<(Response<Body>, Fallback)>;

impl Enricher {
    /// Both answers in one, or the upstream's own where that cannot be.
    pub(super) async fn compare(
        &self,
        response: Response<Body>,
        wanted: &Wanted<'_>,
        attempt: Result<Attempt, Fallback>,
        again: &Again,
    ) -> Departing {
        let both = self.ask_twice(response, wanted.started, again).await;
        let mut times = StageTimes { upstream: wanted.started.elapsed(), ..StageTimes::default() };
        let both = match both {
            Ok(both) => both,
            Err(instead) => return self.fall_back(instead.0, instead.1, &times),
        };
        let arrived = Instant::now();
        let refused = match self.answers.read(&both.second.body) {
            Err(_) => Some(Fallback::NotJson),
            Ok(answer) => self.denies(&answer).then_some(Fallback::DeniedWorkflow),
        };
        if let Some(fallback) = refused {
            return self.fall_back(both.second.into_response(), fallback, &times);
        }
        let made = match attempt {
            Ok(attempt) => {
                let from = NotesFor { asked: wanted.asked, arrived, own_logs: None };
                self.notes_for(&both.second.body, attempt, from, &mut times).await
            }
            Err(fallback) => Err(fallback),
        };
        times.enrich = arrived.elapsed();
        let text = self.composed(&both, &made, &times);
        let cache = made.as_ref().map_or(CacheOutcome::Miss, |made| made.notes.snapshot.cache);
        let mut whole = both.second;
        if !whole.held.grow(text.len()) {
            return self.fall_back(whole.into_response(), Fallback::Overload, &times);
        }
        self.count_outcome(made.as_ref().err().copied());
        self.metrics.stages(Answered::Enhanced, &times);
        if let Ok(made) = &made {
            self.params.comparison.useful(&made.usefulness);
        }
        let received = respond::Received::Both(wanted.rule, cache);
        let response = whole.into_enhanced(vec![text.into()], |headers, length| {
            respond::describe_enhanced(headers, length);
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            respond::label(headers, received, &times, &self.head);
        });
        Departing { response, received: Received::Compare, body: BodyTime::After(times.upstream) }
    }

    async fn ask_twice(
        &self,
        response: Response<Body>,
        started: Instant,
        again: &Again,
    ) -> Result<Both, Instead> {
        let first = self.whole(response).await?;
        let first_took = started.elapsed();
        let asked_again = Instant::now();
        let Ok(response) = again.ask().await else {
            return Err(Box::new((first.into_response(), Fallback::UpstreamStatus)));
        };
        let second = self.whole(response).await?;
        Ok(Both { first: first.body, first_took, second, second_took: asked_again.elapsed() })
    }

    async fn whole(&self, response: Response<Body>) -> Result<Whole, Instead> {
        match check_head(response.status(), response.headers(), self.params.max_body_bytes) {
            Ok(()) => self.gather(response).await,
            Err(fallback) => Err(Box::new((response, fallback))),
        }
    }

    /// The answer's text; what was found is counted.
    fn composed(&self, both: &Both, made: &Result<Made, Fallback>, times: &StageTimes) -> String {
        let second = &both.second.body;
        let noise = differences(&both.first, second);
        let enhanced = made.as_ref().map(|made| made.body.to_bytes());
        let verdict = Verdict::on(&Sides {
            basic: second,
            enhanced: enhanced.as_deref().map_err(|fallback| fallback.as_str()),
            upstream_differences: &noise,
            upstream_seconds: [both.first_took, both.second_took].map(|took| took.as_secs_f64()),
            added_seconds: times.enrich.as_secs_f64(),
        });
        let ratio = |took: Duration| took.as_secs_f64() / both.first_took.as_secs_f64().max(1e-6);
        self.count_pair(Pair::AA, ratio(both.second_took), noise);
        if let Ok(enhanced) = &enhanced {
            let is_same = verdict.identical == Some(true);
            let differing = if is_same { Vec::new() } else { differences(second, enhanced) };
            self.count_pair(Pair::AB, ratio(both.second_took + times.enrich), differing);
        }
        let enhanced = enhanced.as_deref().ok();
        verdict.answer(second, enhanced.and_then(|enhanced| std::str::from_utf8(enhanced).ok()))
    }

    fn count_pair(&self, pair: Pair, latency_ratio: f64, differences: Vec<Difference>) {
        self.params.comparison.compared(Compared { pair, latency_ratio, differences }, Utc::now());
    }
}
