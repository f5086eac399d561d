//! What a service has to be so that gloss can ask the upstream of its own accord: for live updates, a comparison, or all
//! who wait for the same answer.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use tower::Service;

use super::body::Body;
use super::error::ProxyError;

/// A service by which gloss can ask the upstream of its own accord.
pub trait AskAgain:
    Service<Request<Empty<Bytes>>, Response = Response<Body>, Error = ProxyError, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> AskAgain for S where
    S: Service<Request<Empty<Bytes>>, Response = Response<Body>, Error = ProxyError, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}
