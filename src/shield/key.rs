//! Which requests are the same, as far as the upstream's answer goes. Pure.

// From `core`, where addresses are plain values: `std::net` is also sockets.
use core::net::IpAddr;

use http::{HeaderMap, HeaderName, Method, Uri, header};
use sha2::{Digest, Sha256};

/// What a request is known by: a hash of all that could matter to the answer, so that no credential is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

/// Headers that are of the connection, of tracing, or gloss's own; an answer that varies by one of them all the same says so
/// in `Vary` and is not kept.
static IGNORED: [HeaderName; 14] = [
    header::CONNECTION,
    header::TE,
    header::UPGRADE_INSECURE_REQUESTS,
    header::USER_AGENT,
    header::REFERER,
    header::DNT,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("priority"),
    HeaderName::from_static("gloss-version"),
    HeaderName::from_static("last-event-id"),
];

/// Which headers do not distinguish requests.
#[derive(Debug, Clone)]
pub struct IgnoredHeaders(Vec<HeaderName>);

impl IgnoredHeaders {
    /// Those that never do, the opt-in header, and those that an operator names.
    pub fn new(opt_in: HeaderName, named: impl IntoIterator<Item = HeaderName>) -> Self {
        Self(IGNORED.iter().cloned().chain([opt_in]).chain(named).collect())
    }

    /// Whether this is one of them.
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.0.contains(name)
    }
}

impl Key {
    /// That of a request. `address` is the caller's, where the upstream is told of it.
    pub fn of(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        address: Option<IpAddr>,
        ignored: &IgnoredHeaders,
    ) -> Self {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            // With its length, so that no two lists of parts are the same text.
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(method.as_str().as_bytes());
        part(uri.authority().map_or("", |authority| authority.as_str()).as_bytes());
        part(uri.path().as_bytes());
        part(uri.query().map_or("", |query| query).as_bytes());
        part(if uri.query().is_some() { b"?" } else { b"" });
        part(address.map_or_else(String::new, |address| address.to_string()).as_bytes());
        for (name, value) in headers.iter().filter(|(name, _)| !ignored.contains(name)) {
            part(name.as_str().as_bytes());
            part(value.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn key(target: &str, headers: &[(&'static str, &'static str)]) -> Key {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let ignored = IgnoredHeaders::new(HeaderName::from_static("gloss"), []);
        Key::of(&Method::GET, &target.parse().unwrap(), &map, None, &ignored)
    }

    #[test]
    fn the_same_request_has_the_same_key_whatever_does_not_matter() {
        let plain = key("/run/1", &[("x-api-key", "a")]);
        let traced =
            [("x-api-key", "a"), ("traceparent", "00-1"), ("gloss", "enhanced"), ("user-agent", "b")];
        assert_eq!(key("/run/1", &traced), plain);
    }

    #[test]
    fn requests_that_differ_in_anything_else_have_different_keys() {
        let all = [
            key("/run/1", &[]),
            key("/run/2", &[]),
            key("/run/1?", &[]),
            key("/run/1?a=1", &[]),
            key("/run/1", &[("x-api-key", "a")]),
            key("/run/1", &[("x-api-key", "b")]),
            key("/run/1", &[("x-api-key", "a"), ("x-api-key", "b")]),
            key("/run/1", &[("x-team", "a")]),
            key("/run/1", &[("cookie", "a")]),
            key("/run/1", &[("authorization", "a")]),
            key("/run/1", &[("accept", "*/*")]),
            key("http://other.test/run/1", &[]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all.iter().skip(at + 1).all(|other| other != one), "{at}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(key("/r", &[("x-a", "bx-cd")]), key("/r", &[("x-a", "b"), ("x-c", "d")]));
    }
}
