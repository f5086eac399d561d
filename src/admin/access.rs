//! Who is let in to the operators' listener, and from where.
//!
//! With a token, whoever presents it. Without one the listener is on loopback, and everybody who gets there is let in:
//! but a page of the web gets there, too, through the browser of somebody on this machine. Its own name may be made to
//! lead here (DNS rebinding), so that the browser takes this listener for the page's own; what gives it away is the
//! name in `Host`. So only names are answered that lead here by right. And whatever changes something is not done for a
//! page of another origin, where the browser says that it is one (`Sec-Fetch-Site`, Fetch Metadata Request Headers).
//! Decides only; it never shows a value that a client sent.

use std::net::IpAddr;

use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// Says whose page it is that asks (no page at all: `none`, or nothing).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What callers have to show.
#[derive(Debug, Clone)]
pub struct Access {
    /// What they have to present; `None` lets everybody in who asks by a name that leads here.
    pub token: Option<SecretString>,
    /// Names and addresses that lead here, beside those of loopback; lower case, without a port.
    pub hosts: Vec<String>,
}

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// The token is missing or wrong.
    Token,
    /// It asks for another host.
    Host,
    /// A page of another origin wants to change something.
    CrossSite,
}

impl Access {
    /// Whether this request may be answered.
    pub(super) fn check(&self, request: &Parts) -> Result<(), Denied> {
        match &self.token {
            Some(token) if !presents(token, &request.headers) => return Err(Denied::Token),
            None if !self.is_asked_for(request) => return Err(Denied::Host),
            Some(_) | None => {}
        }
        let changes = !matches!(request.method, Method::GET | Method::HEAD);
        if changes && is_of_another_origin(&request.headers) { Err(Denied::CrossSite) } else { Ok(()) }
    }

    /// Whether every name that the request goes by leads here. One without any is no browser's.
    fn is_asked_for(&self, request: &Parts) -> bool {
        let target = request.uri.authority().is_none_or(|target| self.leads_here(target));
        target
            && request.headers.get_all(header::HOST).iter().all(|host| {
                let host = Authority::try_from(host.as_bytes());
                host.is_ok_and(|host| self.leads_here(&host))
            })
    }

    fn leads_here(&self, authority: &Authority) -> bool {
        let host = authority.host().trim_end_matches('.');
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_loopback = bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
        // No name server is asked for these (RFC 6761, section 6.3).
        let is_localhost = host.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"));
        is_loopback || is_localhost || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(bare))
    }
}

/// Whether the caller presents the token, compared in a time that does not depend on where they differ.
fn presents(token: &SecretString, headers: &HeaderMap) -> bool {
    let presented = headers.get(header::AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
    let presented = presented.strip_prefix(b"Bearer ").unwrap_or_default();
    presented.ct_eq(token.expose_secret().as_bytes()).into()
}

fn is_of_another_origin(headers: &HeaderMap) -> bool {
    let sites = headers.get_all(SEC_FETCH_SITE);
    sites.iter().any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn open() -> Access {
        Access { token: None, hosts: vec!["gloss.internal".into(), "2001:db8::1".into()] }
    }

    fn asked(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<(), Denied> {
        asked_of(&open(), method, target, headers)
    }

    fn asked_of(access: &Access, method: &str, target: &str, headers: &[(&str, &str)]) -> Result<(), Denied> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        access.check(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn names_that_lead_here_by_right_are_answered_whatever_their_port() {
        for host in [
            "localhost",
            "LOCALHOST:1",
            "localhost.:8881",
            "app.localhost:8881",
            "127.0.0.1",
            "127.1.2.3:8881",
            "[::1]:8881",
            "[::ffff:127.0.0.1]",
            "Gloss.Internal:443",
            "[2001:db8::1]:80",
        ] {
            assert_eq!(asked("GET", "/metrics", &[("host", host)]), Ok(()), "{host}");
            assert_eq!(asked("GET", &format!("http://{host}/metrics"), &[]), Ok(()), "{host}");
        }
        assert_eq!(asked("GET", "/metrics", &[]), Ok(()));
    }

    #[test]
    fn other_names_are_not_answered() {
        for host in [
            "evil.example",
            "localhost.evil.example:8881",
            "127.0.0.1.evil.example",
            "notlocalhost",
            "gloss.internal.evil.example",
            "10.0.0.1",
            "0.0.0.0:8881",
            "[::]:8881",
            "",
            "a b",
        ] {
            assert_eq!(asked("GET", "/metrics", &[("host", host)]), Err(Denied::Host), "{host}");
        }
        let both = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(asked("GET", "/", &both), Err(Denied::Host));
        assert_eq!(asked("GET", "http://evil.example/", &[("host", "localhost")]), Err(Denied::Host));
    }

    #[test]
    fn whoever_has_the_token_may_use_any_name() {
        let guarded = Access { token: Some("s3cret".into()), hosts: Vec::new() };
        let with = |authorization| {
            asked_of(&guarded, "GET", "/", &[("host", "any.example"), ("authorization", authorization)])
        };
        assert_eq!(with("Bearer s3cret"), Ok(()));
        assert_eq!(with("Bearer s3cre"), Err(Denied::Token));
    }

    #[test]
    fn a_page_elsewhere_changes_nothing_and_may_read_what_its_browser_lets_it() {
        for (site, changes) in [
            ("cross-site", Err(Denied::CrossSite)),
            ("same-site", Err(Denied::CrossSite)),
            ("same-origin", Ok(())),
            ("none", Ok(())),
        ] {
            let headers = [("host", "localhost"), ("sec-fetch-site", site)];
            assert_eq!(asked("POST", "/api/rollout", &headers), changes, "{site}");
            assert_eq!(asked("GET", "/api/rollout", &headers), Ok(()), "{site}");
        }
    }
}
