//! Whom a deny or an allow rule matches. Pure: headers, query and address of a request in, yes or no out.
//!
//! Headers are what callers say of themselves: a rule by header is for callers who can be believed, or behind a gateway
//! that sets it. An API key is known by its SHA-256 only, so that the configuration holds no credential.

// From `core`, where addresses are plain values: `std::net` is also sockets.
use core::net::IpAddr;
use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

/// Carries the upstream's key, as a header and as a parameter of the query.
const API_KEY: &str = "x-api-key";

/// The SHA-256 of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Reads 64 hexadecimal digits, as `printf %s "$KEY" | sha256sum` prints them.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
        let (pairs, rest) = digits.as_chunks::<2>();
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        bytes.try_into().ok().filter(|_| rest.is_empty()).map(Self)
    }

    /// That of a key.
    pub fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What one rule looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessRule {
    /// A header that is there, or that has this value on one of its lines.
    Header(HeaderName, Option<HeaderValue>),
    /// An API key that is presented: `x-api-key` as a header or in the query, or `Authorization`, with or without its
    /// scheme.
    Key(KeyHash),
    /// The address that the connection comes from; a socket in the file system has none.
    Client(IpNet),
    /// The run's workflow, which the request does not tell: see
    /// [`Rollout::denies_workflow`](super::Rollout::denies_workflow).
    Workflow(String),
}

impl AccessRule {
    /// The headers that it looks at.
    pub(super) fn headers(&self) -> Vec<HeaderName> {
        match self {
            Self::Header(name, _) => vec![name.clone()],
            Self::Key(_) => vec![HeaderName::from_static(API_KEY), header::AUTHORIZATION],
            Self::Client(_) | Self::Workflow(_) => Vec::new(),
        }
    }
}

/// What rules can look at of a request.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'r> {
    /// Its headers.
    pub headers: &'r HeaderMap,
    /// Its query, as it came; may be empty.
    pub query: &'r str,
    /// The other end of its connection.
    pub address: Option<IpAddr>,
}

/// Whether one of the rules matches.
pub(super) fn any_matches(rules: &[AccessRule], caller: &Caller<'_>) -> bool {
    let hashes =
        if rules.iter().any(|rule| matches!(rule, AccessRule::Key(_))) { caller.keys() } else { Vec::new() };
    rules.iter().any(|rule| match rule {
        AccessRule::Header(name, None) => caller.headers.contains_key(name),
        AccessRule::Header(name, Some(value)) => caller.headers.get_all(name).iter().any(|v| v == value),
        AccessRule::Key(hash) => hashes.contains(hash),
        AccessRule::Client(network) => {
            caller.address.is_some_and(|address| network.contains(&address.to_canonical()))
        }
        AccessRule::Workflow(_) => false,
    })
}

impl Caller<'_> {
    /// The hashes of every key that it presents, wherever the upstream may look for one.
    fn keys(&self) -> Vec<KeyHash> {
        let mut keys: Vec<KeyHash> =
            self.headers.get_all(API_KEY).iter().map(|value| KeyHash::of(value.as_bytes())).collect();
        for value in self.headers.get_all(header::AUTHORIZATION) {
            keys.push(KeyHash::of(value.as_bytes()));
            let scheme = value.as_bytes().iter().position(|byte| *byte == b' ');
            keys.extend(scheme.map(|end| KeyHash::of(value.as_bytes()[end..].trim_ascii_start())));
        }
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let in_query = pairs.filter(|(name, _)| decoded(name) == API_KEY.as_bytes());
        keys.extend(in_query.map(|(_, value)| KeyHash::of(&decoded(value))));
        keys
    }
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(&text.replace('+', " ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(rule: AccessRule, headers: &[(&'static str, &'static str)], query: &str, from: &str) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let caller = Caller { headers: &map, query, address: from.parse().ok() };
        any_matches(&[rule], &caller)
    }

    #[test]
    fn a_header_rule_looks_at_every_line_of_the_header() {
        let team = HeaderName::from_static("x-team");
        let is_a = || AccessRule::Header(team.clone(), Some(HeaderValue::from_static("a")));
        assert!(matches(is_a(), &[("x-team", "b"), ("x-team", "a")], "", ""));
        assert!(!matches(is_a(), &[("x-team", "A")], "", ""), "values are compared to the letter");
        assert!(!matches(is_a(), &[("x-other", "a")], "", ""));
        assert!(matches(AccessRule::Header(team.clone(), None), &[("x-team", "")], "", ""));
        assert!(!matches(AccessRule::Header(team, None), &[], "", ""));
    }

    #[test]
    fn a_key_is_found_wherever_the_upstream_may_look_for_it() {
        let k1 = || AccessRule::Key(KeyHash::of(b"k 1"));
        assert!(matches(k1(), &[("x-api-key", "k 1")], "", ""));
        assert!(matches(k1(), &[("authorization", "k 1")], "", ""));
        assert!(matches(k1(), &[("authorization", "Bearer k 1")], "", ""));
        assert!(matches(k1(), &[], "a=b&x-api-key=k%201", ""));
        assert!(matches(k1(), &[], "x%2Dapi-key=k+1", ""));
        assert!(matches(k1(), &[("x-api-key", "other")], "x-api-key=k+1", ""));
        assert!(!matches(k1(), &[("x-api-key", "k 2"), ("x-other", "k 1")], "key=k+1", ""));
    }

    #[test]
    fn a_hash_is_64_hexadecimal_digits() {
        // printf %s hello | sha256sum
        let known = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        assert_eq!(KeyHash::from_hex(known), Some(KeyHash::of(b"hello")));
        assert_eq!(KeyHash::of(b"hello").to_string(), known);
        assert_eq!(KeyHash::from_hex(&known.to_uppercase()), Some(KeyHash::of(b"hello")));
        for bad in ["", "2cf2", &known[1..], &format!("{known}0"), &known.replace('2', "x"), "hello"] {
            assert_eq!(KeyHash::from_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_client_is_known_by_the_address_of_its_connection() {
        let ten = || AccessRule::Client("10.0.0.0/8".parse().unwrap());
        assert!(matches(ten(), &[], "", "10.255.0.1"));
        assert!(matches(ten(), &[], "", "::ffff:10.0.0.1"), "an IPv4 address as IPv6 sockets write it");
        assert!(!matches(ten(), &[("x-forwarded-for", "10.0.0.1")], "", "192.0.2.1"));
        assert!(!matches(ten(), &[], "", "no address"));
        let six = AccessRule::Client("2001:db8::/32".parse().unwrap());
        assert!(matches(six, &[], "", "2001:db8:1::1"));
    }

    #[test]
    fn a_workflow_is_not_in_the_request() {
        assert!(!matches(AccessRule::Workflow("test".into()), &[("workflow", "test")], "workflow=test", ""));
    }
}
