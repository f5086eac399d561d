//! An answer's body on its way to the client, counted. It passes as it is.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::Exchange;

pin_project! {
    /// A body whose exchange ends with it.
    #[derive(Debug)]
    pub struct ObservedBody<B> {
        #[pin]
        inner: B,
        exchange: Option<Exchange>,
    }
}

impl<B: Body> ObservedBody<B> {
    pub(super) fn new(inner: B, mut exchange: Option<Exchange>) -> Self {
        // Without a body nobody may ask for its end.
        if let Some(exchange) = exchange.as_mut().filter(|_| inner.is_end_stream()) {
            exchange.complete();
        }
        Self { inner, exchange }
    }
}

impl<B: Body> Body for ObservedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        if let Some(exchange) = this.exchange {
            match &frame {
                Some(Ok(frame)) => exchange.sent(frame.data_ref().map_or(0, Buf::remaining)),
                Some(Err(_)) => exchange.broke_off(),
                None => {}
            }
            // The server does not ask again once it knows that the end was reached.
            if frame.is_none() || (matches!(frame, Some(Ok(_))) && this.inner.is_end_stream()) {
                exchange.complete();
            }
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
