//! Requests on their way up: the client's frames as they come, watched from outside.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use thiserror::Error;

use super::deadline::Deadline;
use super::error::ProxyError;

/// Why a body broke off.
#[derive(Debug, Error)]
pub enum BodyError {
    /// The connection which it came from failed, or its framing did.
    #[error("the body broke off: {0}")]
    Hyper(#[from] hyper::Error),
    /// Nothing came for so long.
    #[error("the body stalled for {0:?}")]
    Stalled(Duration),
}

/// A request's body on its way to the upstream.
#[derive(Debug)]
pub enum RequestBody {
    /// There is none.
    Empty,
    /// What gloss says of its own accord.
    Own(Full<Bytes>),
    /// The client's, frame by frame, watched.
    Client(ClientBody),
}

/// A body that a client sends.
#[derive(Debug)]
pub struct ClientBody {
    incoming: Incoming,
    upload: Upload,
    patience: Duration,
    waiting: Deadline,
}

/// Watches a client's body on its way up, from outside.
#[derive(Debug, Clone, Default)]
pub struct Upload(Arc<UploadState>);

#[derive(Debug, Default)]
struct UploadState {
    failure: OnceLock<ClientFailure>,
    frames: AtomicU64,
}

/// What the client's side did wrong.
#[derive(Debug, Clone, Copy)]
enum ClientFailure {
    Broken,
    Stalled(Duration),
}

impl Upload {
    /// How the client's side failed, if it did, so that the failure is not blamed on the upstream.
    pub fn failure(&self) -> Option<ProxyError> {
        self.0.failure.get().map(|failure| match failure {
            ClientFailure::Broken => ProxyError::ClientBody,
            ClientFailure::Stalled(patience) => ProxyError::ClientStalled(*patience),
        })
    }

    /// How many frames have passed: while it rises, an answer cannot be overdue.
    pub fn frames(&self) -> u64 {
        self.0.frames.load(Ordering::Relaxed)
    }

    fn failed(&self, failure: ClientFailure) {
        // The first one counts.
        let _ = self.0.failure.set(failure);
    }
}

impl RequestBody {
    /// Wraps what the client sends, which may pause for as long as `patience`.
    pub fn new(incoming: Incoming, upload: Upload, patience: Duration) -> Self {
        if incoming.is_end_stream() {
            return Self::Empty;
        }
        Self::Client(ClientBody { incoming, upload, patience, waiting: Deadline::default() })
    }
}

impl ClientBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) else {
            return self.waiting.poll_missed(cx, self.patience).map(|()| {
                self.upload.failed(ClientFailure::Stalled(self.patience));
                Some(Err(BodyError::Stalled(self.patience)))
            });
        };
        self.waiting.met();
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => {
                self.upload.0.frames.fetch_add(1, Ordering::Relaxed);
                Ok(frame)
            }
            Err(error) => {
                self.upload.failed(ClientFailure::Broken);
                Err(error.into())
            }
        }))
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::Client(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Own(body) => body.is_end_stream(),
            Self::Client(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Own(body) => body.size_hint(),
            Self::Client(body) => body.incoming.size_hint(),
        }
    }
}
