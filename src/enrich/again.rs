//! The upstream asked again of gloss's own accord, on behalf of a caller and by its credentials.

use std::fmt;

use futures_util::future::BoxFuture;
use http::{HeaderName, Request, Response, header};
use http_body_util::Empty;
use hyper::upgrade::OnUpgrade;
use tower::ServiceExt;

use super::respond::ask_for_whole_answer;
use crate::proxy::headers::drop_headers;
use crate::proxy::{AskAgain, Body, FromClient, ProxyError};

/// Belong to the first request's body or connection.
static ONCE: [HeaderName; 5] =
    [header::UPGRADE, header::CONTENT_LENGTH, header::CONTENT_TYPE, header::CONTENT_ENCODING, header::EXPECT];

pub(super) type Forwarded = Result<Response<Body>, ProxyError>;

/// A caller's request that can be sent again, as often as is wanted.
pub(super) struct Again(Box<dyn Fn() -> BoxFuture<'static, Forwarded> + Send + Sync>);

impl Again {
    /// `request` again, by `service`: with the same target, address and headers but for those in `dropped`, for the whole
    /// answer, uncompressed.
    pub(super) fn of(request: &Request<FromClient>, service: impl AskAgain, dropped: &[HeaderName]) -> Self {
        let mut again = Request::new(());
        *again.uri_mut() = request.uri().clone();
        *again.version_mut() = request.version();
        *again.headers_mut() = request.headers().clone();
        *again.extensions_mut() = request.extensions().clone();
        again.extensions_mut().insert(request.body().client());
        // Keeps the client's connection from being closed.
        again.extensions_mut().remove::<OnUpgrade>();
        drop_headers(again.headers_mut(), |name| ONCE.contains(name) || dropped.contains(name));
        ask_for_whole_answer(again.headers_mut());
        Self(Box::new(move || {
            let request = again.clone().map(|()| Empty::new());
            Box::pin(service.clone().oneshot(request))
        }))
    }

    /// Asks.
    pub(super) fn ask(&self) -> BoxFuture<'static, Forwarded> {
        (self.0)()
    }
}

impl fmt::Debug for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Again").finish_non_exhaustive()
    }
}
