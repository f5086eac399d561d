//! The upstream's answer read whole, so that it can be added to or sent on as if nothing had happened.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http::{HeaderMap, Response};
use tokio::time::Instant;

use super::exchange::Enricher;
use super::fallback::Fallback;
use crate::proxy::{Body, Gathered, Held};

/// An answer of the upstream's that was read whole.
pub(super) struct Whole {
    pub(super) parts: Parts,
    pub(super) body: Bytes,
    trailers: Option<HeaderMap>,
    pub(super) held: Held,
}

impl Whole {
    /// The upstream's answer again, as if nothing had happened.
    pub(super) fn into_response(self) -> Response<Body> {
        let body = Body::from_chunks([self.body]).with_trailers(self.trailers).with_held(self.held);
        Response::from_parts(self.parts, body)
    }

    /// Another body in the place of the upstream's, and a head that fits it.
    pub(super) fn into_enhanced(
        self,
        chunks: Vec<Bytes>,
        describe: impl FnOnce(&mut HeaderMap, usize),
    ) -> Response<Body> {
        let Self { mut parts, trailers, held, .. } = self;
        describe(&mut parts.headers, chunks.iter().map(Bytes::len).sum());
        let body = Body::from_chunks(chunks).with_trailers(trailers).with_held(held);
        Response::from_parts(parts, body)
    }
}

impl Enricher {
    /// Reads an answer whole, or gives it back with the reason why that cannot be.
    pub(super) async fn gather(
        &self,
        response: Response<Body>,
    ) -> Result<Whole, Box<(Response<Body>, Fallback)>> {
        let (parts, body) = response.into_parts();
        let deadline = Instant::now() + self.params.body_timeout;
        let (body, fallback) = match body.gather(self.params.max_body_bytes, deadline, &self.held).await {
            Gathered::Whole(body, trailers, held) => return Ok(Whole { parts, body, trailers, held }),
            Gathered::NoRoom(body) => (body, Fallback::Overload),
            Gathered::TooLarge(body) => (body, Fallback::TooLarge),
            Gathered::Slow(body) => (body, Fallback::Deadline),
            Gathered::Broken(body) => (body, Fallback::NotJson),
        };
        Err(Box::new((Response::from_parts(parts, body), fallback)))
    }
}

/// The body in one piece; without a copy where it came in one.
pub(super) fn joined(mut chunks: Vec<Bytes>) -> Bytes {
    if let [whole] = chunks.as_mut_slice() {
        return std::mem::take(whole);
    }
    let mut joined = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    for chunk in chunks {
        joined.extend_from_slice(&chunk);
    }
    joined.freeze()
}
