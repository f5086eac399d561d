//! What gloss writes into the heads of status requests and answers. Pure.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::fallback::Fallback;
use crate::analysis::CacheOutcome;
use crate::proxy::headers::drop_headers;
use crate::rollout::Rule;
use crate::route::written;
use crate::telemetry::StageTimes;

const VARIANT: HeaderName = HeaderName::from_static("gloss-variant");
const REASON: HeaderName = HeaderName::from_static("gloss-reason");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// By which nginx and others are told not to collect an answer before they pass it on.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Ask for a part of the answer, or for none if it has not changed: both would be about another body than the client
/// gets.
const CONDITIONS: [HeaderName; 6] = [
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
];

/// Describe the upstream's bytes, and so not the enhanced ones.
const DESCRIPTIONS: [HeaderName; 7] = [
    header::ETAG,
    header::LAST_MODIFIED,
    header::ACCEPT_RANGES,
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("content-md5"),
];

/// What a client received, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// The enhanced answer.
    Enhanced(Rule, CacheOutcome),
    /// Both in one.
    Both(Rule, CacheOutcome),
    /// The basic answer, as decided.
    Basic(Rule),
    /// The basic answer, because the other one failed.
    FellBack(Fallback),
}

/// Names in these heads that an operator can choose.
#[derive(Debug, Clone)]
pub(super) struct HeadParams {
    /// The opt-in header, which the answer varies by, as a value.
    pub(super) opt_in: HeaderValue,
    /// Whether scripts of other origins may read the `Gloss-*` headers.
    pub(super) expose: bool,
    /// Whether `Cache-Status` is there already, since answers of the upstream may be shared.
    pub(super) is_shielded: bool,
}

/// Asks the upstream for the whole answer, uncompressed.
pub(super) fn ask_for_whole_answer(headers: &mut HeaderMap) {
    drop_headers(headers, |name| CONDITIONS.contains(name));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

/// Makes the head fit an enhanced body of `length` bytes.
pub(super) fn describe_enhanced(headers: &mut HeaderMap, length: usize) {
    drop_headers(headers, |name| DESCRIPTIONS.contains(name));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
}

/// Makes the head fit a stream of events. Proxies in between must neither keep nor hold back what comes.
pub(super) fn describe_stream(headers: &mut HeaderMap) {
    drop_headers(headers, |name| DESCRIPTIONS.contains(name) || *name == header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    headers.append(header::VARY, HeaderValue::from_static("Accept"));
}

/// Adds what tells the client which answer this is.
pub(super) fn label(headers: &mut HeaderMap, received: Received, times: &StageTimes, params: &HeadParams) {
    let (variant, reason) = match received {
        Received::Enhanced(rule, _) => ("enhanced", rule.as_str()),
        Received::Both(rule, _) => ("compare", rule.as_str()),
        Received::Basic(rule) => ("basic", rule.as_str()),
        Received::FellBack(fallback) => ("basic", fallback.as_str()),
    };
    headers.insert(VARIANT, HeaderValue::from_static(variant));
    headers.insert(REASON, HeaderValue::from_static(reason));
    headers.append(header::VARY, params.opt_in.clone());
    headers.append(SERVER_TIMING, server_timing(times));
    let cached =
        matches!(received, Received::Enhanced(_, CacheOutcome::Hit) | Received::Both(_, CacheOutcome::Hit));
    if !params.is_shielded {
        let cache_status = if cached { "gloss; hit" } else { "gloss; fwd=miss" };
        headers.append(CACHE_STATUS, HeaderValue::from_static(cache_status));
    }
    if params.expose {
        let exposed = HeaderValue::from_static("Gloss-Variant, Gloss-Reason");
        headers.append(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Says that the answer depends on these headers of the request, too.
pub(super) fn vary(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.append(header::VARY, as_value(name));
    }
}

/// A header's name where names are listed.
pub(super) fn as_value(name: &HeaderName) -> HeaderValue {
    HeaderValue::from_str(&written(name)).expect("a header name is a header value")
}

/// Says that the answer is an older one, since the upstream fails.
pub(super) fn label_stale(headers: &mut HeaderMap) {
    headers.insert(REASON, HeaderValue::from_static("stale"));
}

/// Durations in milliseconds, as the Server Timing specification wants them.
fn server_timing(times: &StageTimes) -> HeaderValue {
    let mut text = Vec::with_capacity(80);
    for (stage, took) in
        [("upstream;dur=", times.upstream), (", logs;dur=", times.logs), (", enrich;dur=", times.enrich)]
    {
        text.extend_from_slice(stage.as_bytes());
        push_milliseconds(&mut text, took);
    }
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("digits and tokens are a header value")
}

/// To the hundredth, without the machinery of formatting: every status answer has three.
fn push_milliseconds(text: &mut Vec<u8>, took: Duration) {
    let hundredths = (took.as_nanos() + 5000) / 10_000;
    let (whole, part) = (hundredths / 100, hundredths % 100);
    text.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    text.push(b'.');
    if part < 10 {
        text.push(b'0');
    }
    text.extend_from_slice(itoa::Buffer::new().format(part).as_bytes());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn params(expose: bool) -> HeadParams {
        HeadParams { opt_in: HeaderValue::from_static("X-Gloss"), expose, is_shielded: false }
    }

    fn value<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
        headers.get(name).unwrap().to_str().unwrap()
    }

    #[test]
    fn the_client_is_told_what_it_received_and_what_it_took() {
        let mut headers = HeaderMap::new();
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        let times = StageTimes {
            upstream: Duration::from_micros(12_340),
            logs: Duration::from_millis(2),
            enrich: Duration::ZERO,
        };
        label(&mut headers, Received::Enhanced(Rule::Header, CacheOutcome::Hit), &times, &params(false));
        assert_eq!(value(&headers, "gloss-variant"), "enhanced");
        assert_eq!(value(&headers, "gloss-reason"), "header");
        assert_eq!(value(&headers, "server-timing"), "upstream;dur=12.34, logs;dur=2.00, enrich;dur=0.00");
        assert_eq!(value(&headers, "cache-status"), "gloss; hit");
        assert_eq!(headers.get_all(header::VARY).iter().collect::<Vec<_>>(), ["Origin", "X-Gloss"]);
        assert!(!headers.contains_key(header::ACCESS_CONTROL_EXPOSE_HEADERS));
    }

    #[test]
    fn a_fallback_names_its_reason() {
        let mut headers = HeaderMap::new();
        label(&mut headers, Received::FellBack(Fallback::NoLog), &StageTimes::default(), &params(true));
        assert_eq!((value(&headers, "gloss-variant"), value(&headers, "gloss-reason")), ("basic", "no-log"));
        assert_eq!(value(&headers, "cache-status"), "gloss; fwd=miss");
        assert_eq!(value(&headers, "access-control-expose-headers"), "Gloss-Variant, Gloss-Reason");
    }

    #[test]
    fn what_described_the_upstreams_bytes_is_gone_and_the_rest_stays_in_order() {
        let mut headers = HeaderMap::new();
        for (name, text) in [
            ("date", "d"),
            ("etag", "\"1\""),
            ("content-length", "5"),
            ("accept-ranges", "bytes"),
            ("set-cookie", "a"),
        ] {
            headers.append(name, HeaderValue::from_static(text));
        }
        describe_enhanced(&mut headers, 77);
        let left: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(left, [("date", "d"), ("content-length", "77"), ("set-cookie", "a")]);
    }

    #[test]
    fn the_upstream_is_asked_for_the_whole_answer() {
        let mut headers = HeaderMap::new();
        for (name, text) in [
            ("host", "h"),
            ("if-none-match", "*"),
            ("accept-encoding", "gzip"),
            ("range", "bytes=0-1"),
            ("x", "1"),
        ] {
            headers.append(name, HeaderValue::from_static(text));
        }
        ask_for_whole_answer(&mut headers);
        let left: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(left, [("host", "h"), ("accept-encoding", "identity"), ("x", "1")]);
    }
}
