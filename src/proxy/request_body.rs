//! Requests on their way up: the client's frames as they come, watched from outside.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use thiserror::Error;

use super::progress::Progress;

/// Why a body broke off.
#[derive(Debug, Error)]
pub enum BodyError {
    /// The connection which it came from failed, or its framing did.
    #[error("the body broke off: {0}")]
    Hyper(#[from] hyper::Error),
}

/// A request's body on its way to the upstream.
#[derive(Debug)]
pub enum RequestBody {
    /// There is none.
    Empty,
    /// The client's, frame by frame, watched.
    Client(Incoming, Upload),
}

/// Watches a client's body on its way up, from outside.
#[derive(Debug, Clone, Default)]
pub struct Upload(Arc<UploadState>);

#[derive(Debug, Default)]
struct UploadState {
    failed: AtomicBool,
    frames: AtomicU64,
    /// Is told when all of it has come.
    progress: Option<Progress>,
}

impl Upload {
    /// The body of a request on the connection whose progress this is, if anybody follows that.
    pub fn on(progress: Option<Progress>) -> Self {
        Self(Arc::new(UploadState { progress, ..UploadState::default() }))
    }

    fn ended(&self) {
        if let Some(progress) = &self.0.progress {
            progress.received();
        }
    }

    /// Whether the client's side failed, so that the failure is not blamed on the upstream.
    pub fn failed(&self) -> bool {
        self.0.failed.load(Ordering::Acquire)
    }

    /// How many frames have passed: while it rises, an answer cannot be overdue.
    pub fn frames(&self) -> u64 {
        self.0.frames.load(Ordering::Relaxed)
    }
}

impl RequestBody {
    /// Wraps what the client sends.
    pub fn new(incoming: Incoming, upload: Upload) -> Self {
        if incoming.is_end_stream() { Self::Empty } else { Self::Client(incoming, upload) }
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
            Self::Client(incoming, upload) => {
                Poll::Ready(match ready!(Pin::new(&mut *incoming).poll_frame(cx)) {
                    Some(Err(error)) => {
                        upload.0.failed.store(true, Ordering::Release);
                        Some(Err(error.into()))
                    }
                    Some(Ok(frame)) => {
                        upload.0.frames.fetch_add(1, Ordering::Relaxed);
                        if incoming.is_end_stream() {
                            // It may not be polled again.
                            upload.ended();
                        }
                        Some(Ok(frame))
                    }
                    None => {
                        upload.ended();
                        None
                    }
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Client(incoming, _) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Client(incoming, _) => incoming.size_hint(),
        }
    }
}
