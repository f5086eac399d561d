//! `GET /api/comparison`: what the A/B measures, as one JSON object. Nothing of it can be changed here.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use bytes::Bytes;
use chrono::Utc;
use http::Response;
use http::StatusCode;
use http_body_util::Full;

use super::json_answer;
use crate::comparison::Comparison;

/// Tells all of it, as of now.
pub(super) fn answer(comparison: &Comparison) -> Response<Full<Bytes>> {
    json_answer(StatusCode::OK, &comparison.report(Utc::now()))
}
