//! Which requests are status requests, and what they ask for. Pure: path, query and header values in, wishes out.

use http::{HeaderMap, HeaderName, Method, Uri};
use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::run_id::RunId;
use crate::variant::Variant;

/// The version of the added fields that this gloss writes.
pub const FIELDS_VERSION: &str = "1";

/// The route of a run's status, as the service has it.
pub const DEFAULT_STATUS_ROUTE: &str = "/api/v1/workflows/claude-code/run/{run_id}/status";

const VERSION_HEADER: HeaderName = HeaderName::from_static("gloss-version");

/// A path with one `{run_id}` segment, such as `/api/v1/workflows/claude-code/run/{run_id}/status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRoute {
    before: String,
    after: String,
}

/// Why a text is no route template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RouteError {
    /// It is not absolute.
    #[error("a route starts with '/'")]
    NotAbsolute,
    /// `{run_id}` is missing, repeated, or only a part of its segment.
    #[error("a route has exactly one segment that is '{{run_id}}'")]
    RunIdSegment,
    /// The same of `{workflow_name}`.
    #[error("a route that starts runs has exactly one segment that is '{{workflow_name}}'")]
    WorkflowSegment,
}

impl StatusRoute {
    /// Reads a template.
    pub fn parse(template: &str) -> Result<Self, RouteError> {
        if !template.starts_with('/') {
            return Err(RouteError::NotAbsolute);
        }
        let (before, after) = template.split_once("{run_id}").ok_or(RouteError::RunIdSegment)?;
        let whole_segment = before.ends_with('/') && (after.is_empty() || after.starts_with('/'));
        if !whole_segment || before.contains(['{', '}']) || after.contains(['{', '}']) {
            return Err(RouteError::RunIdSegment);
        }
        Ok(Self { before: before.to_owned(), after: after.to_owned() })
    }

    /// The template that it was read from.
    pub fn template(&self) -> String {
        format!("{}{{run_id}}{}", self.before, self.after)
    }

    /// The run id's segment of `path`, still encoded, where the path is this route.
    ///
    /// A path that the upstream would only reach by a redirect (a trailing slash) or by decoding is not the route:
    /// when in doubt, a request passes untouched.
    pub fn run_segment<'p>(&self, path: &'p str) -> Option<&'p str> {
        let segment = path.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        (!segment.is_empty() && !segment.contains('/')).then_some(segment)
    }
}

/// A path with one `{workflow_name}` segment, by POST to which a run is started, such as
/// `/api/v1/workflows/claude-code/run/{workflow_name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRoute(StatusRoute);

impl StartRoute {
    /// Reads a template.
    pub fn parse(template: &str) -> Result<Self, RouteError> {
        if template.contains("{run_id}") {
            return Err(RouteError::WorkflowSegment);
        }
        let named = template.replacen("{workflow_name}", "{run_id}", 1);
        let route = StatusRoute::parse(&named).map_err(|error| match error {
            RouteError::RunIdSegment => RouteError::WorkflowSegment,
            other => other,
        })?;
        Ok(Self(route))
    }

    /// Whether this request starts a run.
    pub fn is_for(&self, method: &Method, uri: &Uri) -> bool {
        method == Method::POST && self.0.run_segment(uri.path()).is_some()
    }
}

/// A request for the status of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRequest {
    /// What the percentage is worked out from: the run id, or where it is no legal one, its segment of the path.
    pub name: String,
    /// The run id, where it is one that a log may be looked for.
    pub run_id: Option<RunId>,
    /// What the caller asks for.
    pub wishes: Wishes,
}

/// What a caller asks for, in the query and in headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The header `Gloss`, where its value is a known variant.
    pub variant: Option<Variant>,
    /// `enhanced=` in the query.
    pub enhanced: Option<bool>,
    /// `include_steps=` in the query.
    pub include_steps: Option<bool>,
    /// `include_logs=` in the query.
    pub include_logs: Option<bool>,
    /// The header `Gloss-Version` names a version that this gloss does not write.
    pub unknown_version: bool,
}

/// Recognises status requests.
#[derive(Debug, Clone)]
pub struct Router {
    routes: Vec<StatusRoute>,
    header: HeaderName,
    compare: bool,
}

impl Router {
    /// A router for these templates; `header` is the name of the opt-in header (`gloss` unless configured).
    pub fn new(routes: Vec<StatusRoute>, header: HeaderName) -> Self {
        Self { routes, header, compare: false }
    }

    /// Whether callers may ask for both answers in one; otherwise `compare` is a value that is not known.
    #[must_use]
    pub fn with_compare(self, compare: bool) -> Self {
        Self { compare, ..self }
    }

    /// The status request that this is; `None` for every other method and path.
    pub fn status_request(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<StatusRequest> {
        if method != Method::GET {
            return None;
        }
        let segment = self.routes.iter().find_map(|route| route.run_segment(uri.path()))?;
        let mut wishes = Wishes::from_query(uri.query().unwrap_or_default());
        wishes.variant = last_value(headers, &self.header)
            .and_then(Variant::from_wish)
            .filter(|variant| self.compare || *variant != Variant::Compare);
        wishes.unknown_version =
            last_value(headers, &VERSION_HEADER).is_some_and(|version| version != FIELDS_VERSION);
        let run_id = RunId::from_segment(segment);
        let name = run_id.as_ref().map_or(segment, RunId::as_str).to_owned();
        Some(StatusRequest { name, run_id, wishes })
    }
}

fn last_value<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let value = headers.get_all(name).iter().next_back()?;
    Some(value.to_str().unwrap_or("not ASCII").trim())
}

impl Wishes {
    /// Reads the three parameters that gloss knows; of repeated ones the last counts.
    pub fn from_query(query: &str) -> Self {
        let mut wishes = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let wish = match decoded(name).as_str() {
                "enhanced" => &mut wishes.enhanced,
                "include_steps" => &mut wishes.include_steps,
                "include_logs" => &mut wishes.include_logs,
                _ => continue,
            };
            *wish = boolean(&decoded(value));
        }
        wishes
    }
}

/// A header's name as people write it: `gloss` as `Gloss`, `x-gloss` as `X-Gloss`.
pub fn written(name: &HeaderName) -> String {
    let mut at_start = true;
    let letters = name.as_str().chars().map(|letter| {
        let written = if at_start { letter.to_ascii_uppercase() } else { letter };
        at_start = letter == '-';
        written
    });
    letters.collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Reads a boolean as FastAPI does; anything else says nothing.
fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "on" | "yes" | "y" => Some(true),
        "0" | "false" | "f" | "off" | "no" | "n" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = DEFAULT_STATUS_ROUTE;

    fn router() -> Router {
        Router::new(vec![StatusRoute::parse(TEMPLATE).unwrap()], HeaderName::from_static("gloss"))
    }

    fn ask(method: &Method, target: &str, headers: &[(&'static str, &'static str)]) -> Option<StatusRequest> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, http::HeaderValue::from_static(value));
        }
        router().status_request(method, &target.parse().unwrap(), &map)
    }

    fn wishes(query: &str) -> Wishes {
        Wishes::from_query(query)
    }

    #[test]
    fn the_status_route_is_recognised_and_nothing_near_it() {
        let path = "/api/v1/workflows/claude-code/run/run_1/status";
        assert_eq!(ask(&Method::GET, path, &[]).unwrap().run_id.unwrap().as_str(), "run_1");
        for other in [
            "/api/v1/workflows/claude-code/run/run_1/status/",
            "/api/v1/workflows/claude-code/run//status",
            "/api/v1/workflows/claude-code/run/a/b/status",
            "/api/v1/workflows/claude-code/run/run_1",
            "/api/v1/workflows/claude-code/run/status",
            "//api/v1/workflows/claude-code/run/run_1/status",
        ] {
            assert!(ask(&Method::GET, other, &[]).is_none(), "{other}");
        }
    }

    #[test]
    fn only_get_is_ever_a_status_request() {
        for method in &[Method::HEAD, Method::POST, Method::OPTIONS, Method::PUT] {
            assert!(ask(method, "/api/v1/workflows/claude-code/run/run_1/status", &[]).is_none());
        }
    }

    #[test]
    fn an_illegal_run_id_is_still_a_status_request_but_has_no_log() {
        let request =
            ask(&Method::GET, "/api/v1/workflows/claude-code/run/..%2f..%2fetc/status", &[]).unwrap();
        assert_eq!((request.run_id, request.name.as_str()), (None, "..%2f..%2fetc"));
        let encoded = ask(&Method::GET, "/api/v1/workflows/claude-code/run/%72un_1/status", &[]).unwrap();
        assert_eq!(encoded.name, "run_1", "the bucket is that of the id, however it is written");
    }

    #[test]
    fn booleans_are_read_as_fastapi_reads_them() {
        for yes in ["1", "true", "True", "TRUE", "on", "yes", "t", "y", "%74rue"] {
            assert_eq!(wishes(&format!("enhanced={yes}")).enhanced, Some(true), "{yes}");
        }
        for no in ["0", "false", "False", "off", "no", "f", "n"] {
            assert_eq!(wishes(&format!("enhanced={no}")).enhanced, Some(false), "{no}");
        }
        for neither in ["", "2", "maybe", "+true", "truee"] {
            assert_eq!(wishes(&format!("enhanced={neither}")).enhanced, None, "{neither}");
        }
        assert_eq!(wishes("enhanced").enhanced, None);
    }

    #[test]
    fn of_repeated_parameters_the_last_counts() {
        assert_eq!(wishes("enhanced=true&x=1&enhanced=false").enhanced, Some(false));
        assert_eq!(wishes("enhanced=true&enhanced=maybe").enhanced, None);
        assert_eq!(wishes("include%5Fsteps=1&include_logs=0").include_steps, Some(true));
    }

    #[test]
    fn the_opt_in_header_is_read_and_unknown_values_are_ignored() {
        let path = "/api/v1/workflows/claude-code/run/run_1/status";
        let variant = |headers: &[_]| ask(&Method::GET, path, headers).unwrap().wishes.variant;
        assert_eq!(variant(&[("gloss", "enhanced")]), Some(Variant::Enhanced));
        assert_eq!(variant(&[("gloss", "basic"), ("gloss", " Shadow ")]), Some(Variant::Shadow));
        assert_eq!(variant(&[("gloss", "better")]), None);
        assert_eq!(variant(&[]), None);
    }

    #[test]
    fn both_in_one_can_be_asked_for_where_that_is_switched_on() {
        let path = "/api/v1/workflows/claude-code/run/run_1/status".parse().unwrap();
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("gloss"),
            http::HeaderValue::from_static("Compare"),
        )]);
        let variant =
            |router: Router| router.status_request(&Method::GET, &path, &headers).unwrap().wishes.variant;
        assert_eq!(variant(router()), None);
        assert_eq!(variant(router().with_compare(true)), Some(Variant::Compare));
    }

    #[test]
    fn a_version_that_is_not_known_is_noticed() {
        let path = "/api/v1/workflows/claude-code/run/run_1/status";
        let unknown = |headers: &[_]| ask(&Method::GET, path, headers).unwrap().wishes.unknown_version;
        assert!(!unknown(&[]));
        assert!(!unknown(&[("gloss-version", "1")]));
        assert!(unknown(&[("gloss-version", "2")]));
        assert!(unknown(&[("gloss-version", "")]));
    }

    #[test]
    fn a_run_is_started_by_post_to_its_workflow() {
        let route = StartRoute::parse("/api/v1/workflows/claude-code/run/{workflow_name}").unwrap();
        let starts = |method, path: &str| route.is_for(&method, &path.parse().unwrap());
        assert!(starts(Method::POST, "/api/v1/workflows/claude-code/run/fix?x=1"));
        assert!(!starts(Method::GET, "/api/v1/workflows/claude-code/run/fix"));
        assert!(!starts(Method::POST, "/api/v1/workflows/claude-code/run/run_1/status"));
        assert!(!starts(Method::POST, "/api/v1/workflows/claude-code/run/"));
        for bad in ["/run", "/run/{run_id}", "/run/x{workflow_name}", "/{workflow_name}/{run_id}"] {
            assert_eq!(StartRoute::parse(bad), Err(RouteError::WorkflowSegment), "{bad}");
        }
        assert_eq!(StartRoute::parse("run/{workflow_name}"), Err(RouteError::NotAbsolute));
    }

    #[test]
    fn templates_need_one_whole_run_id_segment() {
        assert!(StatusRoute::parse("/v2/runs/{run_id}").is_ok());
        assert_eq!(StatusRoute::parse("runs/{run_id}"), Err(RouteError::NotAbsolute));
        for bad in ["/runs", "/runs/x{run_id}", "/runs/{run_id}x", "/{run_id}/{run_id}", "/{a}/{run_id}"] {
            assert_eq!(StatusRoute::parse(bad), Err(RouteError::RunIdSegment), "{bad}");
        }
    }
}
