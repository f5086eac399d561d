//! Answers on their way down: the upstream's frames as they come, or what gloss puts in front of or instead of them.
//!
//! A body knows its exact size where it has one, so that hyper frames the message as the upstream did. One that breaks
//! off never looks complete.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::collected::Collected;
use super::held::{Held, HeldLimit};
use super::http1::{Answer, ConnectionError};
use super::pool::Lease;
use super::request_body::BodyError;

/// An answer's body on its way to the client. It is handed from layer to layer, so that what most answers do not have lies
/// elsewhere.
#[derive(Debug, Default)]
pub struct Body {
    /// What comes from the upstream.
    upstream: Option<UpstreamBody>,
    own: Option<Box<Own>>,
}

/// What gloss has to do with a body.
#[derive(Debug, Default)]
struct Own {
    /// What goes out before the upstream's frames, or instead of them.
    chunks: VecDeque<Bytes>,
    /// What gloss says itself, as it comes.
    live: Option<mpsc::Receiver<Bytes>>,
    /// How a body ends whose upstream part was read before.
    ending: Option<Ending>,
    /// Gets a copy of the upstream's frames when they have all passed.
    tee: Option<Tee>,
    /// Learns how it ended.
    watch: Option<Watch>,
    /// Its share of the memory that answers may hold, where it was read in advance.
    held: Option<Held>,
}

/// How handing over a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandedOver {
    /// All of it, so many bytes.
    Whole(u64),
    /// It broke off.
    Broken,
    /// It was dropped before its end: its client has left.
    Dropped,
}

/// Tells how a body ended, once.
struct Watch {
    bytes: u64,
    tell: Option<Box<dyn FnOnce(HandedOver) + Send + Sync>>,
}

#[derive(Debug)]
enum Ending {
    Trailers(HeaderMap),
    Broken {
        error: BodyError,
        /// Whether the server had a chance to send what came before.
        held_back: bool,
    },
}

/// What reading a whole body in advance came to. Each outcome can still be sent on as if nothing had happened.
#[derive(Debug)]
pub enum Gathered {
    /// All of it, its trailers, and its share of the memory that answers may hold.
    Whole(Bytes, Option<HeaderMap>, Held),
    /// More than was allowed: here it is again, the rest still to come.
    TooLarge(Body),
    /// All answers together would hold more than they may: here it is again, the rest still to come.
    NoRoom(Body),
    /// Not in time: here it is again, the rest still to come.
    Slow(Body),
    /// It broke off: what came, and then the failure.
    Broken(Body),
}

#[derive(Debug)]
struct UpstreamBody {
    source: Source,
    /// Gives the connection back to the pool when the body has ended.
    lease: Option<Lease>,
}

/// Where the upstream's frames come from.
#[derive(Debug)]
pub(super) enum Source {
    /// From the HTTP library.
    Library(Incoming),
    /// From the connection of the lease, as far as they are not there yet.
    Own(Answer),
}

#[derive(Debug)]
struct Tee {
    seen: Vec<Bytes>,
    bytes_left: usize,
    held: Held,
    passed: oneshot::Sender<Passed>,
}

/// A copy of what went through.
#[derive(Debug)]
pub enum Passed {
    /// All of it, and its share of the memory that answers may hold.
    Whole(Vec<Bytes>, Held),
    /// More than was to be copied.
    TooLarge,
    /// More than all copies together may hold.
    NoRoom,
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A body of these chunks, in order.
    pub fn from_chunks(chunks: impl IntoIterator<Item = Bytes>) -> Self {
        let chunks = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
        Self::of(Own { chunks, ..Own::default() })
    }

    /// A body of what is sent by `live`, as it comes; it ends when its sender does. A client that takes nothing leaves
    /// the channel full, and its sender waiting.
    pub fn live(live: mpsc::Receiver<Bytes>) -> Self {
        Self::of(Own { live: Some(live), ..Own::default() })
    }

    /// The upstream's body; the lease ends with it.
    pub(super) fn from_upstream(source: Source, lease: Option<Lease>) -> Self {
        let is_empty = source.is_end_stream();
        Self { upstream: (!is_empty).then_some(UpstreamBody { source, lease }), own: None }
    }

    fn of(own: Own) -> Self {
        Self { upstream: None, own: Some(Box::new(own)) }
    }

    fn own(&mut self) -> &mut Own {
        self.own.get_or_insert_default()
    }

    /// Puts back what was taken off the front of this body.
    #[must_use]
    pub fn with_front(mut self, front: Bytes) -> Self {
        if !front.is_empty() {
            self.own().chunks.push_front(front);
        }
        self
    }

    /// Ends with these trailers.
    #[must_use]
    pub fn with_trailers(mut self, trailers: Option<HeaderMap>) -> Self {
        if let Some(trailers) = trailers {
            self.own().ending = Some(Ending::Trailers(trailers));
        }
        self
    }

    /// Counts as held for as long as it lives.
    #[must_use]
    pub fn with_held(mut self, held: Held) -> Self {
        self.own().held = Some(held);
        self
    }

    /// Has `tell` called with how handing it over ends, on whatever thread that happens: it must not take long.
    #[must_use]
    pub fn watched(mut self, tell: impl FnOnce(HandedOver) + Send + Sync + 'static) -> Self {
        let mut watch = Watch { bytes: 0, tell: Some(Box::new(tell)) };
        if self.is_end_stream() {
            // Nobody is going to ask for it.
            watch.end(HandedOver::Whole(0));
        }
        self.own().watch = Some(watch);
        self
    }

    /// Reads the whole body, unless it is longer than `max_bytes`, takes until after `deadline`, or there is no room
    /// for it within `limit`.
    pub async fn gather(mut self, max_bytes: usize, deadline: Instant, limit: &HeldLimit) -> Gathered {
        let (mut seen, mut bytes_left, mut held) = (Collected::default(), max_bytes, limit.hold());
        let hint = self.size_hint();
        let expected = usize::try_from(hint.exact().unwrap_or_default()).unwrap_or(max_bytes).min(max_bytes);
        loop {
            let frame = match timeout_at(deadline, self.frame()).await {
                Err(_) => return Gathered::Slow(self.with_front(seen.into_bytes())),
                Ok(None) => return Gathered::Whole(seen.into_bytes(), None, held),
                Ok(Some(Err(error))) => {
                    let mut broken = Self::from_chunks([seen.into_bytes()]);
                    broken.own().ending = Some(Ending::Broken { error, held_back: false });
                    return Gathered::Broken(broken);
                }
                Ok(Some(Ok(frame))) => frame,
            };
            match frame.into_data() {
                Err(other) => return Gathered::Whole(seen.into_bytes(), other.into_trailers().ok(), held),
                Ok(data) => {
                    let (fits, has_room) = (bytes_left.checked_sub(data.len()), held.grow(data.len()));
                    seen.push(data, expected);
                    match fits {
                        Some(left) if has_room => bytes_left = left,
                        Some(_) => return Gathered::NoRoom(self.with_front(seen.into_bytes())),
                        None => return Gathered::TooLarge(self.with_front(seen.into_bytes())),
                    }
                }
            }
        }
    }

    /// Copies what passes, up to `max_bytes` and within `limit`, and hands it over when the body has ended well. The receiver gets
    /// nothing if the body breaks off or is dropped before its end.
    pub fn tee(mut self, max_bytes: usize, limit: &HeldLimit) -> (Self, oneshot::Receiver<Passed>) {
        let (passed, received) = oneshot::channel();
        self.own().tee = Some(Tee { seen: Vec::new(), bytes_left: max_bytes, held: limit.hold(), passed });
        (self, received)
    }

    /// Lets whoever watches or copies see what passes, and its end.
    fn observe(&mut self, frame: Option<&Result<Frame<Bytes>, BodyError>>) {
        if !self.own.as_ref().is_some_and(|own| own.tee.is_some() || own.watch.is_some()) {
            return;
        }
        // hyper does not poll again once it knows that the end was reached.
        let ends = self.is_end_stream();
        let own = self.own();
        match frame {
            Some(Ok(sent)) => {
                own.observe(Some(sent));
                if ends {
                    own.observe(None);
                }
            }
            Some(Err(_)) => {
                own.tee = None;
                own.watch.iter_mut().for_each(|watch| watch.end(HandedOver::Broken));
            }
            None => own.observe(None),
        }
    }

    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(upstream) = &mut self.upstream else { return Poll::Ready(None) };
        let frame = ready!(upstream.poll_frame(cx));
        if !matches!(&frame, Some(Ok(_))) || upstream.source.is_end_stream() {
            // Given back at once, not when the client's side gets round to dropping the body.
            upstream.lease = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)))
    }
}

impl Own {
    fn observe(&mut self, frame: Option<&Frame<Bytes>>) {
        if let Some(watch) = &mut self.watch {
            watch.see(frame);
        }
        let Some(mut tee) = self.tee.take() else { return };
        let Some(frame) = frame else {
            // The receiver may have gone; then nobody wants the copy.
            let _ = tee.passed.send(Passed::Whole(tee.seen, tee.held));
            return;
        };
        // Trailers pass by.
        let data = frame.data_ref().cloned().unwrap_or_default();
        let Some(left) = tee.bytes_left.checked_sub(data.len()) else {
            let _ = tee.passed.send(Passed::TooLarge);
            return;
        };
        if !tee.held.grow(data.len()) {
            let _ = tee.passed.send(Passed::NoRoom);
            return;
        }
        tee.bytes_left = left;
        tee.seen.push(data);
        self.tee = Some(tee);
    }

    fn poll_live(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(live) = &mut self.live else { return Poll::Ready(None) };
        let sent = ready!(live.poll_recv(cx));
        if sent.is_none() {
            self.live = None;
        }
        Poll::Ready(sent.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn poll_ending(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(match self.ending.take() {
            None => None,
            Some(Ending::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Some(Ending::Broken { error, held_back: false }) => {
                // A failure makes hyper forget what it has not sent yet, the head included: let it send that first.
                self.ending = Some(Ending::Broken { error, held_back: true });
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Ending::Broken { error, held_back: true }) => Some(Err(error)),
        })
    }
}

impl UpstreamBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ConnectionError>>> {
        match &mut self.source {
            Source::Own(answer) => answer.poll_frame(self.lease.as_mut().and_then(Lease::exchange), cx),
            Source::Library(incoming) => {
                Pin::new(incoming).poll_frame(cx).map(|frame| frame.map(|frame| Ok(frame?)))
            }
        }
    }
}

impl Source {
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Library(incoming) => incoming.is_end_stream(),
            Self::Own(answer) => answer.is_done(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Library(incoming) => incoming.size_hint(),
            Self::Own(answer) => answer.size_hint(),
        }
    }
}

impl Watch {
    fn see(&mut self, frame: Option<&Frame<Bytes>>) {
        match frame {
            Some(frame) => self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            None => self.end(HandedOver::Whole(self.bytes)),
        }
    }

    fn end(&mut self, how: HandedOver) {
        if let Some(tell) = self.tell.take() {
            tell(how);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end(HandedOver::Dropped);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let first = this.own.as_mut().and_then(|own| own.chunks.pop_front());
        let is_live = this.own.as_ref().is_some_and(|own| own.live.is_some());
        let frame = match first {
            Some(chunk) => Some(Ok(Frame::data(chunk))),
            None if is_live => ready!(this.own().poll_live(cx)),
            None => match ready!(this.poll_upstream(cx)) {
                Some(Err(error)) => {
                    this.upstream = None;
                    let own = this.own();
                    own.ending = Some(Ending::Broken { error, held_back: false });
                    ready!(own.poll_ending(cx))
                }
                None => match &mut this.own {
                    Some(own) => ready!(own.poll_ending(cx)),
                    None => None,
                },
                frame => frame,
            },
        };
        this.observe(frame.as_ref());
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let owes = |own: &Own| !own.chunks.is_empty() || own.live.is_some() || own.ending.is_some();
        !self.own.as_deref().is_some_and(owes)
            && self.upstream.as_ref().is_none_or(|upstream| upstream.source.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.upstream.as_ref().map_or(SizeHint::with_exact(0), |u| u.source.size_hint());
        let Some(own) = &self.own else { return rest };
        let front = own.chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        let mut hint = SizeHint::new();
        if own.live.is_some() || matches!(&own.ending, Some(Ending::Broken { .. })) {
            // Its size is not known, and one that breaks off must not look complete.
            return hint;
        }
        hint.set_lower(front.saturating_add(rest.lower()));
        // A body of known size is sent by its length, which leaves no room for trailers.
        if let Some(upper) = rest.upper().filter(|_| own.ending.is_none()) {
            hint.set_upper(front.saturating_add(upper));
        }
        hint
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from_chunks([Bytes::from(text)])
    }
}
