//! What may be shared, what may be kept, and for how long. Pure.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode, header};

use super::key::IgnoredHeaders;

/// Requests with one of these are about more than the answer that is kept.
static ASKING_FOR_MORE: [HeaderName; 8] = [
    header::RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::UPGRADE,
    header::EXPECT,
];

/// Whether a request without a body may be given an answer that the upstream gave to another. Not where its caller says so
/// (`Cache-Control: no-cache`, `no-store` or `max-age=0`, `Pragma: no-cache`).
pub fn may_share(headers: &HeaderMap) -> bool {
    let asks_for_more = ASKING_FOR_MORE.iter().any(|name| headers.contains_key(name));
    let wants_it_fresh = ["no-cache", "no-store", "max-age=0"]
        .iter()
        .any(|directive| has_directive(headers, &header::CACHE_CONTROL, directive))
        || has_directive(headers, &header::PRAGMA, "no-cache");
    !asks_for_more && !wants_it_fresh
}

/// Whether an answer may be given to others who ask the same: not one that is not to be kept, makes its caller somebody
/// else, depends on something that does not distinguish requests, or has no end to wait for.
pub fn may_be_given_again(headers: &HeaderMap, ignored: &IgnoredHeaders) -> bool {
    let varies = values(headers, &header::VARY)
        .all(|name| name != "*" && name.parse::<HeaderName>().is_ok_and(|name| !ignored.contains(&name)));
    let is_private = headers.contains_key(header::SET_COOKIE)
        || headers.contains_key(header::CONTENT_RANGE)
        || has_directive(headers, &header::CACHE_CONTROL, "no-store");
    let is_stream = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"text/event-stream"));
    varies && !is_private && !is_stream
}

/// What an answer of the upstream means for one that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It takes its place.
    Replaces,
    /// The upstream fails: what was kept may go on for a while, where that is wanted.
    Fails,
    /// The upstream says something else now, such as that the caller may not see the run.
    Ends,
}

impl Verdict {
    /// That of an answer with this status.
    pub fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::OK => Self::Replaces,
            _ if status.is_server_error() => Self::Fails,
            _ => Self::Ends,
        }
    }
}

/// For how long answers are given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// As if the upstream had been asked.
    pub ttl: Duration,
    /// After that, where the upstream fails.
    pub stale_if_error: Duration,
}

/// How an answer of some age may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// As it is.
    Fresh,
    /// As it is, and the upstream is asked for the next one.
    Aging,
    /// If the upstream fails.
    Stale,
    /// Not at all.
    Over,
}

impl Lifetime {
    /// How an answer may be used that came so long ago.
    pub fn freshness(&self, age: Duration) -> Freshness {
        if age < self.ttl / 2 {
            Freshness::Fresh
        } else if age < self.ttl {
            Freshness::Aging
        } else if age < self.whole() {
            Freshness::Stale
        } else {
            Freshness::Over
        }
    }

    /// After how long an answer is of no use.
    pub fn whole(&self) -> Duration {
        self.ttl.saturating_add(self.stale_if_error)
    }
}

fn has_directive(headers: &HeaderMap, name: &HeaderName, directive: &str) -> bool {
    values(headers, name).any(|value| value.eq_ignore_ascii_case(directive))
}

/// The members of a list in all lines of a header; one that is no text is `*`, which stands for the worst.
fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("*"));
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn a_plain_poll_may_be_shared_and_one_that_wants_more_may_not() {
        assert!(may_share(&headers(&[("x-api-key", "a"), ("cache-control", "max-age=60")])));
        for (name, value) in [
            ("cache-control", "x, No-Cache"),
            ("cache-control", "no-store"),
            ("cache-control", "max-age=0"),
            ("pragma", "no-cache"),
            ("range", "bytes=0-1"),
            ("if-none-match", "\"1\""),
            ("upgrade", "websocket"),
            ("expect", "100-continue"),
        ] {
            assert!(!may_share(&headers(&[(name, value)])), "{name}: {value}");
        }
    }

    #[test]
    fn an_answer_is_given_again_unless_it_is_its_callers_own() {
        let ignored = IgnoredHeaders::new(HeaderName::from_static("gloss"), []);
        let given = |pairs: &[_]| may_be_given_again(&headers(pairs), &ignored);
        assert!(given(&[]));
        assert!(given(&[("vary", "Origin, Accept-Encoding"), ("cache-control", "private, max-age=1")]));
        for pair in [
            ("vary", "*"),
            ("vary", "Origin, User-Agent"),
            ("vary", "Gloss"),
            ("set-cookie", "a=b"),
            ("content-range", "bytes 0-1/2"),
            ("cache-control", "private, no-store"),
            ("content-type", "Text/Event-Stream; charset=utf-8"),
        ] {
            assert!(!given(&[pair]), "{pair:?}");
        }
    }

    #[test]
    fn answers_age_in_steps_and_none_is_used_after_its_time() {
        let lifetime = Lifetime { ttl: Duration::from_secs(2), stale_if_error: Duration::from_secs(10) };
        let at = |seconds| lifetime.freshness(Duration::from_secs_f64(seconds));
        assert_eq!(
            [at(0.0), at(0.99), at(1.0), at(1.99)],
            [Freshness::Fresh, Freshness::Fresh, Freshness::Aging, Freshness::Aging]
        );
        assert_eq!([at(2.0), at(11.9), at(12.0)], [Freshness::Stale, Freshness::Stale, Freshness::Over]);
        let strict = Lifetime { stale_if_error: Duration::ZERO, ..lifetime };
        assert_eq!(strict.freshness(Duration::from_secs(2)), Freshness::Over);
    }

    #[test]
    fn only_a_200_replaces_and_only_a_failure_leaves_what_was_kept() {
        let of = |status| Verdict::of(StatusCode::from_u16(status).unwrap());
        assert_eq!(of(200), Verdict::Replaces);
        assert_eq!([of(500), of(503)], [Verdict::Fails; 2]);
        assert_eq!([of(401), of(403), of(404), of(206), of(302), of(429)], [Verdict::Ends; 6]);
    }
}
