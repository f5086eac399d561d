//! Takes the body of an answer out of the bytes that come. Pure.

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Frame, SizeHint};

use super::MAX_HEADERS;
use super::error::ConnectionError;
use crate::chunked::{Chunks, Misplaced, Part};

/// The extensions of all chunks, and the trailers, may have so many bytes each.
const MAX_ASIDE: usize = 16 * 1024;

/// How a body ends, and how much of it is still to come.
#[derive(Debug)]
pub(super) enum Decoder {
    /// After so many bytes, at least one.
    Length(u64),
    /// As it says itself.
    Chunked(Box<Chunked>),
    /// With the connection.
    UntilEnd,
    /// It has ended.
    Done,
}

#[derive(Debug)]
pub(super) struct Chunked {
    chunks: Chunks,
    extension_bytes: usize,
    trailers: Vec<u8>,
}

impl Decoder {
    pub(super) fn length(bytes: u64) -> Self {
        if bytes == 0 { Self::Done } else { Self::Length(bytes) }
    }

    pub(super) fn chunked() -> Self {
        let (extension_bytes, trailers) = (0, Vec::new());
        Self::Chunked(Box::new(Chunked { chunks: Chunks::default(), extension_bytes, trailers }))
    }

    /// Takes the next piece off what has come; `None` where more has to come first, or nothing does.
    ///
    /// # Errors
    /// When what came is no such body.
    pub(super) fn next(&mut self, came: &mut Bytes) -> Result<Option<Frame<Bytes>>, ConnectionError> {
        match self {
            Self::Length(left) if !came.is_empty() => {
                let data = came.split_to(at_most(*left, came.len()));
                *self = Self::length(*left - data.len() as u64);
                Ok(Some(Frame::data(data)))
            }
            Self::UntilEnd if !came.is_empty() => Ok(Some(Frame::data(std::mem::take(came)))),
            Self::Chunked(chunked) => match chunked.next(came)? {
                Next::More => Ok(None),
                Next::Data(data) => Ok(Some(Frame::data(data))),
                Next::End(trailers) => {
                    *self = Self::Done;
                    Ok(trailers.map(Frame::trailers))
                }
            },
            Self::Length(_) | Self::UntilEnd | Self::Done => Ok(None),
        }
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// When that is not the body's end.
    pub(super) fn connection_ended(&mut self) -> Result<(), ConnectionError> {
        match self {
            Self::UntilEnd | Self::Done => {
                *self = Self::Done;
                Ok(())
            }
            Self::Length(_) | Self::Chunked(_) => Err(ConnectionError::Ended),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// What of the body is still to be taken.
    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Length(left) => SizeHint::with_exact(*left),
            Self::Done => SizeHint::with_exact(0),
            Self::Chunked(_) | Self::UntilEnd => SizeHint::default(),
        }
    }
}

enum Next {
    More,
    Data(Bytes),
    End(Option<HeaderMap>),
}

impl Chunked {
    fn next(&mut self, came: &mut Bytes) -> Result<Next, ConnectionError> {
        let mut taken = 0;
        while let Some(&byte) = came.get(taken) {
            let left = self.chunks.data_left();
            if left > 0 {
                came.advance(taken);
                let data = came.split_to(at_most(left, came.len()));
                self.chunks.took(data.len() as u64);
                return Ok(Next::Data(data));
            }
            taken += 1;
            let part = match self.chunks.byte(byte) {
                // What is wrong with a trailer is seen when all are there.
                Err(Misplaced::LineFeed) if self.chunks.is_in_trailer() => Part::Trailer,
                part => part.map_err(|_| ConnectionError::Body)?,
            };
            match part {
                Part::Framing => {}
                Part::Extension => self.extension_bytes += 1,
                Part::Trailer => self.trailers.push(byte),
                Part::End => {
                    came.advance(taken);
                    return self.trailers().map(Next::End);
                }
            }
            if self.extension_bytes >= MAX_ASIDE || self.trailers.len() >= MAX_ASIDE {
                return Err(ConnectionError::Body);
            }
        }
        came.clear();
        Ok(Next::More)
    }

    fn trailers(&mut self) -> Result<Option<HeaderMap>, ConnectionError> {
        if self.trailers.is_empty() {
            return Ok(None);
        }
        self.trailers.extend_from_slice(b"\r\n");
        let mut room = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
        let Ok(httparse::Status::Complete((_, found))) = httparse::parse_headers(&self.trailers, &mut room)
        else {
            return Err(ConnectionError::Body);
        };
        let mut trailers = HeaderMap::with_capacity(found.len());
        for header in found {
            let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| ConnectionError::Body)?;
            trailers.append(name, HeaderValue::from_bytes(header.value).map_err(|_| ConnectionError::Body)?);
        }
        Ok(Some(trailers))
    }
}

fn at_most(left: u64, bytes: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(bytes)
}
