//! Between a connection and the stack: knows which requests are in flight, and tells the socket's watch how a request
//! to upgrade was answered.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::UPGRADE;
use http::{Method, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower::Service;

use super::state::{ConnectionState, InFlight};
use crate::prompt::{Prompt, prompt};
use crate::proxy::{ClientAddress, FromClient, Occupied};

/// The service of one connection.
#[derive(Debug, Clone)]
pub(super) struct ConnectionService<S> {
    inner: S,
    client: ClientAddress,
    place: Occupied,
    state: Arc<ConnectionState>,
}

impl<S> ConnectionService<S> {
    /// Answers the requests of `client` by `inner`. An upgraded connection goes on to take up its `place`.
    pub(super) fn new(inner: S, client: ClientAddress, place: Occupied, state: Arc<ConnectionState>) -> Self {
        Self { inner, client, place, state }
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for ConnectionService<S>
where
    S: Service<Request<FromClient>, Response = Response<B>, Error = Infallible> + Clone,
    B: Body,
{
    type Response = Response<Answer<B>>;
    type Error = Infallible;
    type Future = Answering<S>;

    fn call(&self, mut request: Request<Incoming>) -> Answering<S> {
        if request.headers().contains_key(UPGRADE) {
            request.extensions_mut().insert(self.place.clone());
        }
        let in_flight = Some(self.state.request());
        let knows_chunks = request.version() != Version::HTTP_10 || request.method() == Method::HEAD;
        let request = request.map(|incoming| FromClient::new(incoming, self.client));
        Answering { inner: prompt(&self.inner, request), knows_chunks, in_flight }
    }
}

pin_project! {
    /// A request being answered.
    pub(super) struct Answering<S: Service<Request<FromClient>>> {
        #[pin]
        inner: Prompt<S, Request<FromClient>>,
        // Whether a body of unknown length has an end of its own.
        knows_chunks: bool,
        in_flight: Option<InFlight>,
    }
}

impl<S, B> Future for Answering<S>
where
    S: Service<Request<FromClient>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    type Output = Result<Response<Answer<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        if let Some(in_flight) = this.in_flight.as_ref() {
            in_flight.answered(response.status() == StatusCode::SWITCHING_PROTOCOLS);
            in_flight.open_ended(!*this.knows_chunks && response.body().size_hint().exact().is_none());
        }
        let in_flight = this.in_flight.take();
        Poll::Ready(Ok(response.map(|inner| Answer { inner, in_flight })))
    }
}

pin_project! {
    /// An answer's body; its request is in flight until it has been handed over whole.
    pub(super) struct Answer<B> {
        #[pin]
        inner: B,
        in_flight: Option<InFlight>,
    }
}

impl<B: Body> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        // After a failure the connection must not end as if the answer had.
        let ended = match &frame {
            None => true,
            Some(Ok(_)) => this.inner.is_end_stream(),
            Some(Err(_)) => false,
        };
        if let Some(in_flight) = this.in_flight.as_ref().filter(|_| ended) {
            in_flight.open_ended(false);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
