//! Header rules of a proxy. Pure: maps in, maps out.
//!
//! What belongs to one connection only is dropped in both directions (RFC 9110, section 7.6.1), order kept otherwise.
//! A client cannot use `Connection` to take away a header that the upstream decides by.

use http::header::Entry;
use http::{HeaderMap, HeaderName, header};
use smallvec::SmallVec;

/// Dropped whether `Connection` names them or not. No constant, which would be made and dropped wherever it is used.
static HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// How long those names are, a bit for each length: most others differ in that already.
const HOP_BY_HOP_LENGTHS: u64 = 1 << 2 | 1 << 7 | 1 << 10 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19;

fn is_hop_by_hop(name: &HeaderName) -> bool {
    HOP_BY_HOP_LENGTHS & 1 << name.as_str().len().min(63) != 0 && HOP_BY_HOP.contains(name)
}

/// Cannot be named by `Connection`: what decides who the caller is, what the message is, and where it came from.
static PROTECTED: [HeaderName; 11] = [
    header::HOST,
    header::AUTHORIZATION,
    header::COOKIE,
    header::SET_COOKIE,
    HeaderName::from_static("x-api-key"),
    header::FORWARDED,
    header::VIA,
    header::TRAILER,
    header::CACHE_CONTROL,
    header::EXPECT,
    header::DATE,
];

/// Prefixes of protected names; `x-forwarded-` covers the de-facto family of `Forwarded`.
const PROTECTED_PREFIXES: [&str; 4] = ["content-", "x-forwarded-", "gloss", "x-real-ip"];

/// Which headers a head has that need a closer look; found by one pass, since most heads have none of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Present {
    /// How many `Host`.
    pub hosts: usize,
    /// How many `Content-Length`.
    pub lengths: usize,
    /// Any `Transfer-Encoding`.
    pub coding: bool,
    /// Any `Upgrade`.
    pub upgrade: bool,
    /// Anything that belongs to one connection, those two included.
    pub hop_by_hop: bool,
}

impl Present {
    /// Looks at a head.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut present = Self::default();
        for name in headers.iter().map(|(name, _)| name) {
            present.hosts += usize::from(*name == header::HOST);
            present.lengths += usize::from(*name == header::CONTENT_LENGTH);
            if is_hop_by_hop(name) {
                present.hop_by_hop = true;
                present.coding |= *name == header::TRANSFER_ENCODING;
                present.upgrade |= *name == header::UPGRADE;
            }
        }
        present
    }
}

/// Drops what belongs to one connection. `opt_in` is the configured name of the `Gloss` header, protected as well.
pub fn strip_hop_by_hop(headers: &mut HeaderMap, opt_in: &HeaderName) {
    let nominated = nominated(headers, opt_in);
    drop_headers(headers, |name| is_hop_by_hop(name) || nominated.contains(name));
}

/// Drops the headers whose names `drops` picks and keeps the others in their order.
pub fn drop_headers(headers: &mut HeaderMap, drops: impl Fn(&HeaderName) -> bool) {
    let Some(first) = headers.keys().position(&drops) else { return };
    // Removing one puts the last in its place. So all from the first that goes are taken off the end, one by one, and
    // those that stay are put back.
    let tail: SmallVec<[HeaderName; 8]> = headers.keys().skip(first).cloned().collect();
    if headers.keys_len() < headers.len() {
        return drop_of_many_values(headers, tail, drops);
    }
    let mut kept = SmallVec::<[_; 8]>::new();
    for name in tail.into_iter().rev() {
        match headers.remove(&name) {
            Some(value) if !drops(&name) => kept.push((name, value)),
            _ => {}
        }
    }
    for (name, value) in kept.into_iter().rev() {
        headers.append(name, value);
    }
}

/// The same where a name may have several values, which is rare and takes more.
fn drop_of_many_values(
    headers: &mut HeaderMap,
    tail: SmallVec<[HeaderName; 8]>,
    drops: impl Fn(&HeaderName) -> bool,
) {
    let mut kept = Vec::new();
    for name in tail.into_iter().rev() {
        let Entry::Occupied(entry) = headers.entry(&name) else { continue };
        if drops(&name) {
            entry.remove();
            continue;
        }
        let (_, values) = entry.remove_entry_mult();
        kept.push((name, values.collect::<Vec<_>>()));
    }
    for (name, values) in kept.into_iter().rev() {
        for value in values {
            headers.append(&name, value);
        }
    }
}

/// The names that `Connection` lists and that may be dropped for it.
fn nominated(headers: &HeaderMap, opt_in: &HeaderName) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let tokens = values.flat_map(|value| value.split(',')).map(str::trim);
    let names = tokens.filter(|token| !is_option(token)).filter_map(|token| token.parse().ok());
    names.filter(|name| !is_protected(name, opt_in)).collect()
}

/// Whether a token of `Connection` is one of those that are no names of other headers, or of such as go anyway.
fn is_option(token: &str) -> bool {
    ["keep-alive", "close", "upgrade", "te"].iter().any(|option| token.eq_ignore_ascii_case(option))
}

fn is_protected(name: &HeaderName, opt_in: &HeaderName) -> bool {
    PROTECTED.contains(name)
        || name == opt_in
        || PROTECTED_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
}

/// Joins the cookies of an HTTP/2 request into one header, as HTTP/1 wants them (RFC 9113, section 8.2.3).
pub fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> =
        headers.get_all(header::COOKIE).iter().map(http::HeaderValue::as_bytes).collect();
    if cookies.len() < 2 {
        return;
    }
    // Header values joined by text are a header value.
    if let Ok(mut joined) = http::HeaderValue::from_bytes(&cookies.join(&b"; "[..])) {
        // It is a new value, which nobody has marked yet.
        joined.set_sensitive(true);
        headers.insert(header::COOKIE, joined);
    }
}

/// Whether a message is framed in the one way that can be passed on: by its length, or by exactly one `chunked`.
///
/// Another coding would arrive as if it had been the body's own bytes.
pub fn has_plain_framing(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(only), None) => only.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

/// Whether a message has one length at most; one that was told twice is told once from here on.
///
/// HTTP/1 requests have been looked at before, see [`framing`](crate::server::framing); here it is for HTTP/2.
pub fn has_one_length(headers: &mut HeaderMap) -> bool {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(length) = lengths.next().cloned() else { return true };
    let others: Vec<_> = lengths.collect();
    if others.iter().any(|other| **other != length) {
        return false;
    }
    if !others.is_empty() {
        headers.insert(header::CONTENT_LENGTH, length);
    }
    true
}

/// Whether `Host` is an authority: a name or address with an optional port, and nothing else.
pub fn is_authority(host: &http::HeaderValue) -> bool {
    if is_plain_authority(host.as_bytes()) {
        return true;
    }
    host.to_str().is_ok_and(|text| {
        !text.is_empty() && !text.contains('@') && text.parse::<http::uri::Authority>().is_ok()
    })
}

/// Whether it is a name or an IPv4 address, with a port or without: what nearly every `Host` is.
fn is_plain_authority(host: &[u8]) -> bool {
    let name =
        host.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')).count();
    let is_port = |port: &[u8]| matches!(port.len(), 1..=5) && port.iter().all(u8::is_ascii_digit);
    name > 0 && host[name..].strip_prefix(b":").map_or(name == host.len(), is_port)
}

/// The protocol that a message asks to switch to: `Upgrade`, where `Connection` names it.
///
/// `h2c` is none: a tunnel would hide requests from every rule here (the name is dropped, the request passes).
pub fn upgrade_protocol(headers: &HeaderMap) -> Option<http::HeaderValue> {
    let mut tokens = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named =
        tokens.any(|value| value.split(',').any(|token| token.trim().eq_ignore_ascii_case("upgrade")));
    let protocol = headers.get(header::UPGRADE).filter(|_| named)?;
    let h2c = protocol.to_str().is_ok_and(|text| {
        text.split(',')
            .any(|name| name.trim().get(..3).is_some_and(|start| start.eq_ignore_ascii_case("h2c")))
    });
    (!h2c).then(|| protocol.clone())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn stripped(pairs: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
        let mut headers = map(pairs);
        strip_hop_by_hop(&mut headers, &HeaderName::from_static("x-margin"));
        headers.iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn what_belongs_to_the_connection_is_dropped_and_the_order_stays() {
        let left = stripped(&[
            ("host", "a"),
            ("connection", "keep-alive, x-hop"),
            ("x-one", "1"),
            ("keep-alive", "timeout=5"),
            ("x-hop", "gone"),
            ("x-two", "2"),
            ("x-one", "again"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
        ]);
        assert_eq!(left, owned(&[("host", "a"), ("x-one", "1"), ("x-one", "again"), ("x-two", "2")]));
    }

    #[test]
    fn headers_that_come_once_keep_their_order_wherever_one_is_dropped() {
        let names = ["a", "user-agent", "b", "content-length", "c"];
        let all: Vec<_> = names.map(|name| (name, name)).into();
        for at in 0..=all.len() {
            let mut with = all.clone();
            with.insert(at, ("connection", "keep-alive"));
            with.insert(at, ("te", "trailers"));
            assert_eq!(stripped(&with), owned(&all), "at {at}");
        }
    }

    #[test]
    fn headers_with_many_values_stay_where_they_were() {
        let came = [
            ("a", "1"),
            ("connection", "close"),
            ("b", "1"),
            ("set-cookie", "x"),
            ("set-cookie", "y"),
            ("te", "trailers"),
            ("set-cookie", "z"),
            ("c", "1"),
        ];
        let stays = [
            ("a", "1"),
            ("b", "1"),
            ("set-cookie", "x"),
            ("set-cookie", "y"),
            ("set-cookie", "z"),
            ("c", "1"),
        ];
        assert_eq!(stripped(&came), owned(&stays));
    }

    #[test]
    fn what_needs_a_closer_look_is_found() {
        assert_eq!(Present::of(&map(&[("accept", "*/*"), ("x-y", "z")])), Present::default());
        let all = map(&[
            ("host", "a"),
            ("content-length", "1"),
            ("host", "b"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "x"),
        ]);
        let expected = Present { hosts: 2, lengths: 1, coding: true, upgrade: true, hop_by_hop: true };
        assert_eq!(Present::of(&all), expected);
        for name in &HOP_BY_HOP {
            let mut headers = HeaderMap::new();
            headers.insert(name.clone(), HeaderValue::from_static("x"));
            assert!(Present::of(&headers).hop_by_hop, "{headers:?}");
        }
    }

    #[test]
    fn connection_cannot_take_away_what_the_upstream_decides_by() {
        let kept = [
            ("host", "a"),
            ("x-api-key", "k"),
            ("authorization", "b"),
            ("cookie", "c"),
            ("content-length", "0"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-margin", "enhanced"),
            ("gloss-version", "1"),
        ];
        let all = "host, x-api-key, Authorization, cookie, content-length, x-forwarded-for, x-margin, gloss-version";
        let with_connection: Vec<_> = kept.iter().copied().chain([("connection", all)]).collect();
        assert_eq!(stripped(&with_connection), owned(&kept));
    }

    #[test]
    fn cookies_that_http_2_has_split_are_joined() {
        let mut headers = map(&[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2; c=3")]);
        join_cookies(&mut headers);
        assert_eq!(headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
        assert!(!format!("{headers:?}").contains("a=1"), "{headers:?}");
    }

    #[test]
    fn only_one_plain_chunked_can_be_passed_on() {
        assert!(has_plain_framing(&map(&[("content-length", "3")])));
        assert!(has_plain_framing(&map(&[("transfer-encoding", " Chunked")])));
        for odd in ["gzip, chunked", "chunked, chunked", "identity", "xchunked", "chunked,", ""] {
            let mut headers = HeaderMap::new();
            headers.insert("transfer-encoding", HeaderValue::from_str(odd).unwrap());
            assert!(!has_plain_framing(&headers), "{odd:?}");
        }
        let twice = map(&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")]);
        assert!(!has_plain_framing(&twice));
    }

    #[test]
    fn a_length_that_was_told_twice_is_told_once() {
        let mut twice = map(&[("content-length", "5"), ("x", "y"), ("content-length", "5")]);
        assert!(has_one_length(&mut twice));
        assert_eq!(twice.get_all("content-length").iter().collect::<Vec<_>>(), ["5"]);
        assert!(!has_one_length(&mut map(&[("content-length", "5"), ("content-length", "6")])));
        assert!(has_one_length(&mut map(&[("content-length", "5")])) && has_one_length(&mut map(&[])));
    }

    #[test]
    fn a_host_is_a_name_or_address_with_an_optional_port() {
        for good in ["a", "api.example:8000", "127.0.0.1:1", "[::1]:80"] {
            assert!(is_authority(&HeaderValue::from_str(good).unwrap()), "{good}");
        }
        for bad in ["", "a b", "a/b", "user@a", "a b/..@", "http://a", "a:b:c"] {
            assert!(!is_authority(&HeaderValue::from_str(bad).unwrap()), "{bad:?}");
        }
    }

    #[test]
    fn an_upgrade_needs_both_headers_and_h2c_is_none() {
        let both = map(&[("connection", "Keep-Alive, Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(upgrade_protocol(&both).unwrap(), "websocket");
        assert_eq!(upgrade_protocol(&map(&[("upgrade", "websocket")])), None);
        assert_eq!(upgrade_protocol(&map(&[("connection", "upgrade")])), None);
        assert_eq!(upgrade_protocol(&map(&[("connection", "upgrade"), ("upgrade", "H2C")])), None);
    }
}
