//! Requests on their way up: the client's frames as they come, watched from outside.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
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
    overheard: Option<Overheard>,
}

/// A copy of a request's body, made as it passes; put into the request's extensions by whoever wants one. Whoever holds
/// a clone has the same copy.
#[derive(Debug, Clone)]
pub struct Overheard(Arc<Mutex<Copied>>);

#[derive(Debug)]
struct Copied {
    bytes: Vec<u8>,
    most: usize,
}

impl Overheard {
    /// Of bodies up to `max_bytes`; of a longer one nothing is kept.
    pub fn new(max_bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Copied { bytes: Vec::new(), most: max_bytes })))
    }

    /// What has passed so far.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).bytes)
    }

    fn hear(&self, frame: &Frame<Bytes>) {
        let Some(data) = frame.data_ref() else { return };
        let mut copied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if copied.bytes.len() + data.len() > copied.most {
            *copied = Copied { bytes: Vec::new(), most: 0 };
        } else {
            copied.bytes.extend_from_slice(data);
        }
    }
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
    pub fn new(incoming: Incoming, upload: Upload, patience: Duration, overheard: Option<Overheard>) -> Self {
        if incoming.is_end_stream() {
            return Self::Empty;
        }
        Self::Client(ClientBody { incoming, upload, patience, waiting: Deadline::default(), overheard })
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
                if let Some(overheard) = &self.overheard {
                    overheard.hear(&frame);
                }
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
            Self::Client(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Client(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Client(body) => body.incoming.size_hint(),
        }
    }
}
