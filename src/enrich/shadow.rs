//! Notes for nobody, beside an answer that passes: only how it would have ended is recorded.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::sync::Arc;

use http::Response;
use tokio::time::Instant;

use super::attempt::Attempt;
use super::eligible::check_head;
use super::exchange::Enricher;
use super::fallback::Fallback;
use super::notes::NotesFor;
use super::whole::joined;
use crate::proxy::{Body, Passed};
use crate::route::StatusRequest;
use crate::telemetry::StageTimes;

impl Enricher {
    /// Lets the answer pass and makes notes for nobody, to see how it would have ended.
    pub(super) fn shadow(
        self: Arc<Self>,
        response: Response<Body>,
        asked: StatusRequest,
        attempt: Result<Attempt, Fallback>,
    ) -> Response<Body> {
        let eligible = check_head(response.status(), response.headers(), self.params.max_body_bytes);
        let attempt = match eligible.and(attempt) {
            Ok(attempt) => attempt,
            Err(fallback) => {
                self.count_shadow(Err(fallback));
                return response;
            }
        };
        let (parts, body) = response.into_parts();
        let (body, passed) = body.tee(self.params.max_body_bytes, &self.held);
        tokio::spawn(async move {
            // Held until the notes are made.
            let (whole, _held) = match passed.await {
                Ok(Passed::Whole(chunks, held)) => (joined(chunks), held),
                Ok(Passed::NoRoom) => return self.count_shadow(Err(Fallback::Overload)),
                Ok(Passed::TooLarge) => return self.count_shadow(Err(Fallback::TooLarge)),
                Err(_) => return self.metrics.shadow_abandoned(),
            };
            let (times, arrived) = (&mut StageTimes::default(), Instant::now());
            let from = NotesFor { asked: &asked, arrived, own_logs: None };
            let made = self.notes_for(&whole, attempt, from, times).await;
            let took = arrived.elapsed();
            self.count_shadow(made.map(|made| (made.usefulness, took)));
        });
        Response::from_parts(parts, body)
    }
}
