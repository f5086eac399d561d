//! What a proxy may tell of the way that a message came: `Forwarded` (RFC 7239), the de-facto `X-Forwarded-*`, and `Via`
//! (RFC 9110, section 7.6.3). Pure: maps in, maps out.
//!
//! All of it is off unless switched on: what a client says of itself passes as it came, and whether to believe it is the
//! upstream's affair. Nothing in gloss decides by these headers.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Version, header};

use super::from_client::ClientAddress;
use super::headers::drop_headers;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// TLS for clients is terminated before gloss: this is what it is spoken to in.
const SCHEME: &str = "http";

/// What becomes of one family of forwarding headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Forwarding {
    /// They pass as they came.
    #[default]
    Off,
    /// What came is kept, and the client's address is added behind it: for a gloss behind proxies that can be trusted.
    Append,
    /// What came is thrown away, and only what gloss sees itself is told: for a gloss that strangers can reach.
    Set,
}

impl Forwarding {
    /// Reads `off`, `append` or `set`.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "off" => Some(Self::Off),
            "append" => Some(Self::Append),
            "set" => Some(Self::Set),
            _ => None,
        }
    }
}

/// What is told of the way that messages came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HopParams {
    /// `Forwarded`.
    pub forwarded: Forwarding,
    /// `X-Forwarded-For`, `-Proto` and `-Host`.
    pub x_forwarded: Forwarding,
    /// Whether `Via` names gloss, in requests and in answers.
    pub via: bool,
}

/// What gloss sees itself of where a request comes from.
#[derive(Debug)]
pub(super) struct Hop {
    client: Option<IpAddr>,
    host: Option<HeaderValue>,
    version: Version,
}

impl Hop {
    /// Looks at a request of `client` as it came; `None` when nothing is to be told.
    pub(super) fn of<B>(request: &Request<B>, client: ClientAddress, params: HopParams) -> Option<Self> {
        if params == HopParams::default() {
            return None;
        }
        let target = request.uri().authority().and_then(|target| HeaderValue::from_str(target.as_str()).ok());
        Some(Self {
            client: client.0.map(|address| address.ip().to_canonical()),
            host: target.or_else(|| request.headers().get(header::HOST).cloned()),
            version: request.version(),
        })
    }

    /// Tells it.
    pub(super) fn announce(&self, headers: &mut HeaderMap, params: HopParams) {
        match params.forwarded {
            Forwarding::Off => {}
            Forwarding::Append => extend(headers, header::FORWARDED, &self.forwarded()),
            Forwarding::Set => set(headers, header::FORWARDED, &self.forwarded()),
        }
        match params.x_forwarded {
            Forwarding::Off => {}
            Forwarding::Append => self.x_forwarded(headers),
            Forwarding::Set => {
                drop_headers(headers, |name| *name == X_REAL_IP || name.as_str().starts_with("x-forwarded-"));
                self.x_forwarded(headers);
            }
        }
        if params.via {
            via(headers, self.version);
        }
    }

    /// The address goes behind those before it; what the client asked for is only known to the first proxy.
    fn x_forwarded(&self, headers: &mut HeaderMap) {
        if let Some(client) = self.client {
            extend(headers, X_FORWARDED_FOR, &client.to_string());
        }
        headers.entry(X_FORWARDED_PROTO).or_insert(HeaderValue::from_static(SCHEME));
        if let Some(host) = &self.host {
            headers.entry(X_FORWARDED_HOST).or_insert_with(|| host.clone());
        }
    }

    fn forwarded(&self) -> String {
        let client = match self.client {
            None => "unknown".to_owned(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => format!("\"[{address}]\""),
        };
        let host = self.host.as_ref().and_then(|host| host.to_str().ok());
        let host = host.map(|host| format!(";host={}", quoted(host))).unwrap_or_default();
        format!("for={client}{host};proto={SCHEME}")
    }
}

/// Adds gloss to the proxies that a message has passed; `version` is that of the message as it came.
pub(super) fn via(headers: &mut HeaderMap, version: Version) {
    let received = match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2.0",
        Version::HTTP_3 => "3.0",
        _ => "1.1",
    };
    extend(headers, header::VIA, &format!("{received} gloss"));
}

/// Adds an element behind a list, as one line: not everybody reads a second one.
fn extend(headers: &mut HeaderMap, name: HeaderName, element: &str) {
    let mut line = Vec::new();
    for value in headers.get_all(&name) {
        line.extend_from_slice(value.as_bytes());
        line.extend_from_slice(b", ");
    }
    line.extend_from_slice(element.as_bytes());
    // Header values joined by text are a header value.
    if let Ok(line) = HeaderValue::from_bytes(&line) {
        headers.insert(name, line);
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    headers.insert(name, HeaderValue::from_str(text).expect("an authority and an address are ASCII"));
}

/// As a token where it is one, else as a quoted string.
fn quoted(text: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.chars().all(is_token) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {

    use super::*;

    const ALL: [(&str, &str); 6] = [
        ("forwarded", "for=198.51.100.7"),
        ("x-forwarded-for", "198.51.100.7"),
        ("x-forwarded-for", "10.0.0.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "443"),
        ("x-real-ip", "198.51.100.7"),
    ];

    /// What goes out of a request from `client` with these headers.
    fn announced(client: Option<&str>, came: &[(&str, &str)], params: HopParams) -> Vec<(String, String)> {
        let mut request = Request::get("/").header("host", "api.test:8880");
        for (name, value) in came {
            request = request.header(*name, *value);
        }
        let mut request = request.body(()).unwrap();
        let client = ClientAddress(client.map(|text| text.parse().unwrap()));
        if let Some(hop) = Hop::of(&request, client, params) {
            hop.announce(request.headers_mut(), params);
        }
        let pairs = request.headers().iter().filter(|(name, _)| *name != header::HOST);
        pairs.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    const fn both(forwarding: Forwarding) -> HopParams {
        HopParams { forwarded: forwarding, x_forwarded: forwarding, via: false }
    }

    #[test]
    fn switched_off_what_came_passes() {
        assert_eq!(announced(Some("192.0.2.1:5"), &ALL, both(Forwarding::Off)), owned(&ALL));
    }

    #[test]
    fn appending_adds_the_address_behind_what_came_and_believes_the_proxies_before() {
        let expected = [
            ("forwarded", "for=198.51.100.7, for=192.0.2.1;host=\"api.test:8880\";proto=http"),
            ("x-forwarded-for", "198.51.100.7, 10.0.0.9, 192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "443"),
            ("x-real-ip", "198.51.100.7"),
            ("x-forwarded-host", "api.test:8880"),
        ];
        assert_eq!(announced(Some("192.0.2.1:5"), &ALL, both(Forwarding::Append)), owned(&expected));
    }

    #[test]
    fn setting_leaves_nothing_of_what_the_client_said() {
        let expected = [
            ("forwarded", "for=192.0.2.1;host=\"api.test:8880\";proto=http"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "api.test:8880"),
        ];
        assert_eq!(announced(Some("192.0.2.1:5"), &ALL, both(Forwarding::Set)), owned(&expected));
        assert_eq!(announced(Some("192.0.2.1:5"), &[], both(Forwarding::Append)), owned(&expected));
    }

    #[test]
    fn addresses_are_written_as_each_header_wants_them() {
        let of = |client| announced(client, &[], both(Forwarding::Set));
        let six = of(Some("[2001:db8::1]:5"));
        assert_eq!(six[0].1, "for=\"[2001:db8::1]\";host=\"api.test:8880\";proto=http");
        assert_eq!(six[1].1, "2001:db8::1");
        assert_eq!(of(Some("[::ffff:192.0.2.1]:5"))[1].1, "192.0.2.1");
        let none = of(None);
        assert_eq!(none[0].1, "for=unknown;host=\"api.test:8880\";proto=http");
        assert_eq!(none[1].0, "x-forwarded-proto", "no address, no X-Forwarded-For");
    }

    #[test]
    fn via_names_the_version_that_the_message_came_in() {
        let params = HopParams { via: true, ..HopParams::default() };
        let came = [("via", "1.0 fred"), ("via", "1.1 edge")];
        assert_eq!(announced(None, &came, params), owned(&[("via", "1.0 fred, 1.1 edge, 1.1 gloss")]));
        let mut headers = HeaderMap::new();
        via(&mut headers, Version::HTTP_2);
        assert_eq!(headers["via"], "2.0 gloss");
    }

    #[test]
    fn what_is_no_token_is_quoted() {
        assert_eq!(quoted("api.test"), "api.test");
        assert_eq!(quoted("[::1]:80"), "\"[::1]:80\"");
        assert_eq!(quoted("a\"b\\"), "\"a\\\"b\\\\\"");
    }
}
