//! Heads of HTTP/1: those of requests written, those of answers read. Pure.

use std::io::Write;
use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use httparse::{Header, ParserConfig, Status};
use memchr::memchr_iter;

use super::MAX_HEADERS;
use super::decoder::Decoder;
use super::error::ConnectionError;

/// So many headers are read without setting memory aside for them.
const FEW_HEADERS: usize = 64;

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) response: Response<()>,
    /// What the answer calls its status, where that is not the usual phrase.
    pub(super) reason: Option<Bytes>,
    pub(super) body: Decoder,
    /// Whether the connection may serve another request after the body.
    pub(super) keeps_alive: bool,
    /// How many bytes the head is long.
    pub(super) bytes: usize,
}

impl Head {
    /// Whether the answer proper is still to come.
    pub(super) fn is_interim(&self) -> bool {
        let status = self.response.status();
        status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
    }
}

/// Appends the head of a request without a body to `out`.
pub(super) fn write<B>(request: &Request<B>, out: &mut Vec<u8>) {
    out.reserve(64 + 48 * request.headers().len());
    out.extend_from_slice(request.method().as_str().as_bytes());
    out.push(b' ');
    match (request.uri().authority(), request.uri().path_and_query()) {
        (None, Some(target)) if target.as_str().starts_with(['/', '*']) => {
            out.extend_from_slice(target.as_str().as_bytes());
        }
        // A query alone, for one, is shown with a path before it. Writing to a vector never fails.
        _ => drop(write!(out, "{}", request.uri())),
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in request.headers() {
        // Of a body that is not there.
        if *name == TRANSFER_ENCODING {
            continue;
        }
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a head that was not complete may end within `bytes`, of which it had the first `seen`.
pub(super) fn may_end(bytes: &[u8], seen: usize) -> bool {
    let from = seen.saturating_sub(3);
    memchr_iter(b'\n', &bytes[from..]).any(|at| {
        let next = &bytes[from + at + 1..];
        next.starts_with(b"\n") || next.starts_with(b"\r\n")
    })
}

/// Reads the head of the answer to a request, which was one for the head only or not. `None` where it is not complete.
///
/// # Errors
/// When it is none.
pub(super) fn read(came: &Bytes, head_only: bool) -> Result<Option<Head>, ConnectionError> {
    let few = read_within(came, &mut [const { MaybeUninit::uninit() }; FEW_HEADERS]);
    let read = match few {
        Err(httparse::Error::TooManyHeaders) => {
            read_within(came, &mut vec![MaybeUninit::uninit(); MAX_HEADERS])
        }
        read => read,
    };
    let Some(mut head) = read.map_err(malformed)? else { return Ok(None) };
    let framing = Framing::of(head.response.headers());
    head.body = framing.body(&head.response, head_only)?;
    // What follows a switch of protocols is no HTTP, and nothing follows a body that ends with the connection.
    let switches = head.response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let is_last = switches || matches!(head.body, Decoder::UntilEnd);
    head.keeps_alive = !is_last && framing.keeps_alive(&head.response);
    Ok(Some(head))
}

fn malformed(error: httparse::Error) -> ConnectionError {
    match error {
        httparse::Error::TooManyHeaders => ConnectionError::LargeHead,
        httparse::Error::HeaderName => ConnectionError::Head("a header's name"),
        httparse::Error::HeaderValue => ConnectionError::Head("a header's value"),
        httparse::Error::Status => ConnectionError::Head("the status"),
        httparse::Error::Version => ConnectionError::Head("the version"),
        httparse::Error::NewLine => ConnectionError::Head("the end of a line"),
        httparse::Error::Token => ConnectionError::Head("a word"),
    }
}

/// Reads a head that has no more headers than there is room for.
fn read_within<'b>(
    bytes: &'b Bytes,
    room: &mut [MaybeUninit<Header<'b>>],
) -> Result<Option<Head>, httparse::Error> {
    let mut parsed = httparse::Response::new(&mut []);
    let config = ParserConfig::default();
    let Status::Complete(length) = config.parse_response_with_uninit_headers(&mut parsed, bytes, room)?
    else {
        return Ok(None);
    };
    let status =
        StatusCode::from_u16(parsed.code.unwrap_or_default()).map_err(|_| httparse::Error::Status)?;
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let reason = parsed.reason.filter(|reason| Some(*reason) != status.canonical_reason());
    let headers = headers(bytes, parsed.headers)?;
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.version_mut() = version;
    *response.headers_mut() = headers;
    let reason = reason.map(|reason| Bytes::copy_from_slice(reason.as_bytes()));
    Ok(Some(Head { response, reason, body: Decoder::Done, keeps_alive: false, bytes: length }))
}

/// The values stay where they were read.
fn headers(bytes: &Bytes, parsed: &[Header<'_>]) -> Result<HeaderMap, httparse::Error> {
    let mut headers = HeaderMap::with_capacity(parsed.len());
    for header in parsed {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| httparse::Error::HeaderName)?;
        // A slice of nothing may lie anywhere.
        let value = if header.value.is_empty() { Bytes::new() } else { bytes.slice_ref(header.value) };
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| httparse::Error::HeaderValue)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Which of the headers that tell of a body's end, and the connection's, are there: few answers have more than one, and to
/// look for a header takes longer than to pass by all.
#[derive(Debug, Default)]
struct Framing {
    connection: bool,
    coding: bool,
    length: bool,
}

impl Framing {
    fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for name in headers.keys() {
            found.connection |= *name == CONNECTION;
            found.coding |= *name == TRANSFER_ENCODING;
            found.length |= *name == CONTENT_LENGTH;
        }
        found
    }

    fn keeps_alive(&self, response: &Response<()>) -> bool {
        let says = |word| response.headers().get_all(CONNECTION).iter().any(|value| has_word(value, word));
        let by_itself = response.version() == Version::HTTP_11;
        if self.connection { !says("close") && (by_itself || says("keep-alive")) } else { by_itself }
    }

    /// How the body ends (RFC 9112, section 6.3).
    fn body(&self, response: &Response<()>, head_only: bool) -> Result<Decoder, ConnectionError> {
        let status = response.status();
        let has_none = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if has_none || status.is_informational() || head_only {
            return Ok(Decoder::Done);
        }
        if self.coding {
            if response.version() == Version::HTTP_10 {
                return Err(ConnectionError::Head("a Transfer-Encoding in HTTP/1.0"));
            }
            let is_chunked = is_chunked(response.headers());
            return Ok(if is_chunked { Decoder::chunked() } else { Decoder::UntilEnd });
        }
        if self.length {
            let length = length(response.headers());
            return length.map(Decoder::length).ok_or(ConnectionError::Head("the Content-Length"));
        }
        Ok(Decoder::UntilEnd)
    }
}

fn has_word(list: &HeaderValue, word: &str) -> bool {
    list.to_str().is_ok_and(|list| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(word)))
}

/// Whether that is the last coding.
fn is_chunked(headers: &HeaderMap) -> bool {
    let last = headers.get_all(TRANSFER_ENCODING).iter().next_back();
    let last = last.and_then(|codings| codings.to_str().ok()).and_then(|codings| codings.rsplit(',').next());
    last.is_some_and(|coding| coding.trim().eq_ignore_ascii_case("chunked"))
}

/// The length that all headers of the name agree on.
fn length(headers: &HeaderMap) -> Option<u64> {
    let mut agreed = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for length in value.to_str().ok()?.split(',') {
            let digits = length.trim();
            // A number could also begin with a sign.
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let length: u64 = is_number.then(|| digits.parse().ok()).flatten()?;
            if agreed.is_some_and(|agreed| agreed != length) {
                return None;
            }
            agreed = Some(length);
        }
    }
    agreed
}
