//! Header rules of a proxy. Pure: maps in, maps out.
//!
//! What belongs to one connection only is dropped in both directions (RFC 9110, section 7.6.1), order kept otherwise.
//! A client cannot use `Connection` to take away a header that the upstream decides by.

use http::{HeaderMap, HeaderName, header};

/// Dropped whether `Connection` names them or not.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Cannot be named by `Connection`: what decides who the caller is, what the message is, and where it came from.
const PROTECTED: [HeaderName; 11] = [
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

/// Drops what belongs to one connection. `opt_in` is the configured name of the `Gloss` header, protected as well.
pub fn strip_hop_by_hop(headers: &mut HeaderMap, opt_in: &HeaderName) {
    let nominated = nominated(headers, opt_in);
    drop_headers(headers, |name| HOP_BY_HOP.contains(name) || nominated.contains(name));
}

/// Drops the headers whose names `drops` picks and keeps the others in their order.
pub fn drop_headers(headers: &mut HeaderMap, drops: impl Fn(&HeaderName) -> bool) {
    if !headers.keys().any(&drops) {
        return;
    }
    // `HeaderMap::remove` reorders the rest: build the map anew.
    let mut kept = HeaderMap::with_capacity(headers.keys_len());
    let mut current = None;
    for (name, value) in std::mem::take(headers) {
        // A name is given with its first value only.
        current = name.or(current);
        if let Some(name) = current.as_ref().filter(|name| !drops(name)) {
            kept.append(name.clone(), value);
        }
    }
    *headers = kept;
}

/// The names that `Connection` lists and that may be dropped for it.
fn nominated(headers: &HeaderMap, opt_in: &HeaderName) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).filter_map(|token| token.trim().parse().ok());
    names.filter(|name| !is_protected(name, opt_in)).collect()
}

fn is_protected(name: &HeaderName, opt_in: &HeaderName) -> bool {
    PROTECTED.contains(name)
        || name == opt_in
        || PROTECTED_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
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
    fn an_upgrade_needs_both_headers_and_h2c_is_none() {
        let both = map(&[("connection", "Keep-Alive, Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(upgrade_protocol(&both).unwrap(), "websocket");
        assert_eq!(upgrade_protocol(&map(&[("upgrade", "websocket")])), None);
        assert_eq!(upgrade_protocol(&map(&[("connection", "upgrade")])), None);
        assert_eq!(upgrade_protocol(&map(&[("connection", "upgrade"), ("upgrade", "H2C")])), None);
    }
}
