//! Requests on their way up: the client's frames as they come, for as long as the client keeps them coming.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use thiserror::Error;
use tokio::time::Instant;

use super::deadline::Deadline;
use super::http1::ConnectionError;
use super::upload::{ClientFailure, Upload};

/// Why a body broke off.
#[derive(Debug, Error)]
pub enum BodyError {
    /// The connection which it came from failed, or its framing did.
    #[error("the body broke off: {0}")]
    Connection(#[from] ConnectionError),
    /// Nothing came for so long.
    #[error("the body stalled for {0:?}")]
    Stalled(Duration),
    /// Fewer bytes a second came than this.
    #[error("the body came at less than {0} bytes a second")]
    Slow(u64),
}

/// How long a client may take for a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyPatience {
    /// How long it may pause.
    pub pause: Duration,
    /// How many bytes it has to bring for each second that it is waited for, in addition to the time of one pause; 0 for
    /// as few as it likes. Does not count while an answer streams beside the body, since then the two may converse.
    pub min_rate: u64,
}

/// A request's body on its way to the upstream; most have none. One of the library's connections keeps places for 32
/// requests, so that it pays to be small.
#[derive(Debug, Default)]
pub struct RequestBody(Option<Box<Content>>);

#[derive(Debug)]
enum Content {
    /// What gloss says of its own accord.
    Own(Full<Bytes>),
    /// The client's, frame by frame, watched.
    Client(ClientBody),
}

/// A body that a client sends.
#[derive(Debug)]
struct ClientBody {
    incoming: Incoming,
    upload: Upload,
    patience: BodyPatience,
    waiting: Deadline,
    /// Since when the client is waited for now.
    since: Option<Instant>,
    /// How long it was waited for before.
    waited: Duration,
    /// How much it has brought.
    bytes: u64,
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

impl RequestBody {
    /// No body.
    pub fn empty() -> Self {
        Self(None)
    }

    /// What gloss says of its own accord.
    pub fn own(body: Full<Bytes>) -> Self {
        Self(Some(Box::new(Content::Own(body))))
    }

    /// Wraps what the client sends, which `overheard` gets a copy of.
    pub fn new(
        incoming: Incoming,
        upload: Upload,
        patience: BodyPatience,
        overheard: Option<Overheard>,
    ) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        upload.begins();
        let (waiting, since) = (Deadline::default(), None);
        let (waited, bytes) = (Duration::ZERO, 0);
        let body = ClientBody { incoming, upload, patience, waiting, since, waited, bytes, overheard };
        Self(Some(Box::new(Content::Client(body))))
    }
}

impl ClientBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) else {
            self.upload.waits_for_client();
            return self.poll_late(cx).map(|error| Some(Err(error)));
        };
        self.waiting.met();
        self.waited += self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.upload.moved();
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => {
                if let Some(overheard) = &self.overheard {
                    overheard.hear(&frame);
                }
                self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                Ok(frame)
            }
            Err(error) => {
                self.upload.failed(ClientFailure::Broken);
                Err(ConnectionError::from(error).into())
            }
        }))
    }

    /// Ready when the client has taken too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        let BodyPatience { pause, min_rate } = self.patience;
        let since = *self.since.get_or_insert_with(Instant::now);
        loop {
            ready!(self.waiting.poll_missed(cx, pause.min(self.allowance())));
            let paused = since.elapsed();
            if paused >= pause {
                self.upload.failed(ClientFailure::Stalled(pause));
                return Poll::Ready(BodyError::Stalled(pause));
            }
            if !self.upload.is_answering() {
                self.upload.failed(ClientFailure::Slow(min_rate));
                return Poll::Ready(BodyError::Slow(min_rate));
            }
            self.waiting.extend(pause.saturating_sub(paused));
        }
    }

    /// How long the client may be waited for this time, as far as the rate goes.
    fn allowance(&self) -> Duration {
        let Some(earned) = self.bytes.checked_div(self.patience.min_rate) else { return Duration::MAX };
        self.patience.pause.saturating_add(Duration::from_secs(earned)).saturating_sub(self.waited)
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        self.upload.ends();
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut().0.as_deref_mut() {
            None => Poll::Ready(None),
            Some(Content::Own(body)) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Some(Content::Client(body)) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.0.as_deref() {
            None => true,
            Some(Content::Own(body)) => body.is_end_stream(),
            Some(Content::Client(body)) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.as_deref() {
            None => SizeHint::with_exact(0),
            Some(Content::Own(body)) => body.size_hint(),
            Some(Content::Client(body)) => body.incoming.size_hint(),
        }
    }
}
