//! The only forms in which what a request asked for, or an address with credentials, reaches a log line or an error.
//!
//! A [`Target`] cannot be shown in full, by `Display` or `Debug`: of a query only the names are left, since any value may
//! be a key. Header values need no type of their own: those that carry credentials are marked sensitive where they come
//! in, which keeps them out of `Debug` for good.

use std::fmt::{self, Write};

use http::{Method, Request, Uri};

use super::http::KnownMethod;

/// What stands in for whatever must not be shown.
pub const MASK: &str = "***";

/// More of a path, or more parameters, than anybody would read.
const LONGEST_PATH: usize = 256;
const MOST_PARAMETERS: usize = 16;
const LONGEST_METHOD: usize = 32;

/// What a request asks for, without its secrets: method, path, and the names in its query.
#[derive(Clone)]
pub struct Target {
    method: Method,
    uri: Uri,
}

impl Target {
    /// The target of this request.
    pub fn of<B>(request: &Request<B>) -> Self {
        Self { method: request.method().clone(), uri: request.uri().clone() }
    }
}

impl Target {
    /// Its path, for a field of its own.
    pub fn path(&self) -> impl fmt::Display {
        fmt::from_fn(|f| show_path(self.uri.path(), f))
    }

    /// The names in its query, for a field of its own; `None` without a query.
    pub fn query_names(&self) -> Option<impl fmt::Display> {
        let query = self.uri.query()?;
        Some(fmt::from_fn(move |f| show_query(query, "", f)))
    }

    /// How it asks, where that is no known method: as it was written, cut where it is too long to be read.
    pub fn unknown_method(&self) -> Option<&str> {
        let method = self.method.as_str();
        let is_unknown = KnownMethod::of(&self.method) == KnownMethod::Other;
        // A method is ASCII.
        is_unknown.then(|| method.get(..LONGEST_METHOD).unwrap_or(method))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.method)?;
        show_path(self.uri.path(), f)?;
        self.uri.query().map_or(Ok(()), |query| show_query(query, "?", f))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A path, cut where it is too long to be read, without parameters after a semicolon.
fn show_path(path: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let end = path.char_indices().nth(LONGEST_PATH).map_or(path.len(), |(at, _)| at);
    for (n, segment) in path[..end].split('/').enumerate() {
        if n > 0 {
            f.write_char('/')?;
        }
        match segment.split_once(';') {
            Some((name, _)) => write!(f, "{name};{MASK}")?,
            None => f.write_str(segment)?,
        }
    }
    if end < path.len() { f.write_str("…") } else { Ok(()) }
}

/// The names of a query. A parameter without a value has no name either: it may be a key by itself.
fn show_query(query: &str, before: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (n, parameter) in query.split('&').take(MOST_PARAMETERS).enumerate() {
        f.write_str(if n == 0 { before } else { "&" })?;
        match parameter.split_once('=') {
            Some((name, _)) => write!(f, "{name}={MASK}")?,
            None if parameter.is_empty() => {}
            None => f.write_str(MASK)?,
        }
    }
    if query.split('&').nth(MOST_PARAMETERS).is_some() { f.write_str("&…") } else { Ok(()) }
}

/// A text that may be or hold a URL, with user name, password and query masked; any other text as it is.
pub fn without_credentials(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    // The last `@` ends them, whatever the password consists of.
    let (credentials, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, rest)| (MASK, rest));
    let at = if credentials.is_empty() { "" } else { "@" };
    let (place, query) =
        rest.split_once('?').map_or((rest, String::new()), |(place, _)| (place, format!("?{MASK}")));
    format!("{scheme}://{credentials}{at}{place}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(target: &str) -> String {
        let request = Request::get(target).body(()).unwrap();
        let target = Target::of(&request);
        assert_eq!(target.to_string(), format!("{target:?}"));
        target.to_string()
    }

    #[test]
    fn of_a_query_only_the_names_are_shown() {
        assert_eq!(
            shown("/a/b?x-api-key=s3cret&full=&s3cret&&a=b=s3cret"),
            "GET /a/b?x-api-key=***&full=***&***&&a=***"
        );
        assert_eq!(shown("/a"), "GET /a");
        assert_eq!(shown("/a?"), "GET /a?");
    }

    #[test]
    fn neither_authority_nor_parameters_of_the_path_are_shown() {
        assert_eq!(shown("http://me:s3cret@api/a;jsessionid=s3cret/b;x"), "GET /a;***/b;***");
    }

    #[test]
    fn a_target_of_any_length_is_a_line_of_bounded_length() {
        let long = format!("/{}?{}", "a".repeat(60_000), "b=1&".repeat(1000));
        assert!(shown(&long).len() < 400);
    }

    #[test]
    fn credentials_in_a_url_are_masked_whatever_they_consist_of() {
        for (text, shown) in [
            ("http://me:s3cret@api:80/", "http://***@api:80/"),
            ("http://me:s3@cr/et?@api", "http://***@api"),
            ("http://api/?key=s3cret", "http://api/?***"),
            ("string \"https://me:s3cret@host\"", "string \"https://***@host\""),
            ("/srv/logs@home", "/srv/logs@home"),
            ("http://api", "http://api"),
        ] {
            assert_eq!(without_credentials(text), shown);
        }
    }
}
