//! Which of the sample's routes a request means, and how its query reads. Pure.
//!
//! Follows Starlette and FastAPI where the answer shows it: paths are decoded before they are matched, a trailing
//! slash redirects, of repeated parameters the last counts, and booleans have a dozen spellings.

use http::Method;
use percent_encoding::percent_decode_str;

const RUN: &str = "/api/v1/workflows/claude-code/run/";

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// The status of the run with this id.
    Status(String),
    /// Another run of the workflow with this name.
    Start(String),
    /// Is the service well?
    Health,
    /// The description of the service.
    OpenApi,
    /// The path is one slash too long; without it, it would be one of the others.
    TrailingSlash,
    /// The path is known, the method is not; this one would be.
    NotAllowed(Method),
    /// None of the above.
    Unknown,
}

/// Finds the route of `path`, still percent-encoded and without its query.
pub(super) fn route(method: &Method, path: &str) -> Route {
    let path = percent_decode_str(path).decode_utf8_lossy();
    match by_path(&path) {
        Some((route, allowed)) if allowed == method => route,
        Some((_, allowed)) => Route::NotAllowed(allowed),
        None => match path.strip_suffix('/') {
            Some(shorter) if by_path(shorter).is_some() => Route::TrailingSlash,
            Some(_) | None => Route::Unknown,
        },
    }
}

fn by_path(path: &str) -> Option<(Route, Method)> {
    match path {
        "/health" => return Some((Route::Health, Method::GET)),
        "/openapi.json" => return Some((Route::OpenApi, Method::GET)),
        _ => {}
    }
    let segments: Vec<&str> = path.strip_prefix(RUN)?.split('/').collect();
    match segments[..] {
        [workflow] if !workflow.is_empty() => Some((Route::Start(workflow.to_owned()), Method::POST)),
        [run_id, "status"] if !run_id.is_empty() => Some((Route::Status(run_id.to_owned()), Method::GET)),
        _ => None,
    }
}

/// The last value of the parameter `name` in a query; `None` where it does not occur.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .rfind(|(key, _)| decoded(key) == name)
        .map(|(_, value)| decoded(value))
}

/// Reads a boolean as pydantic does; `None` for anything that is not one.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_route_by_its_own_method_only() {
        let base = "/api/v1/workflows/claude-code/run";
        for (method, path, expected) in [
            (Method::GET, format!("{base}/run_1/status"), Route::Status("run_1".to_owned())),
            (Method::GET, format!("{base}/run%5f1/status"), Route::Status("run_1".to_owned())),
            (Method::HEAD, format!("{base}/run_1/status"), Route::NotAllowed(Method::GET)),
            (Method::POST, format!("{base}/run_1/status"), Route::NotAllowed(Method::GET)),
            (Method::GET, format!("{base}/run_1/status/"), Route::TrailingSlash),
            (Method::GET, format!("{base}/run_1/status//"), Route::Unknown),
            (Method::GET, format!("{base}//status"), Route::Unknown),
            (Method::POST, format!("{base}/fix"), Route::Start("fix".to_owned())),
            (Method::GET, format!("{base}/fix"), Route::NotAllowed(Method::POST)),
            (Method::GET, format!("{base}/"), Route::Unknown),
            (Method::GET, format!("{base}/a%2Fb/status"), Route::Unknown),
            (Method::GET, "/health".to_owned(), Route::Health),
            (Method::GET, "/health/".to_owned(), Route::TrailingSlash),
            (Method::GET, "/openapi.json".to_owned(), Route::OpenApi),
            (Method::GET, "/".to_owned(), Route::Unknown),
        ] {
            assert_eq!(route(&method, &path), expected, "{method} {path}");
        }
    }

    #[test]
    fn of_repeated_parameters_the_last_counts() {
        assert_eq!(parameter("debug=1&x=2&debug=0", "debug").as_deref(), Some("0"));
        assert_eq!(parameter("x%2Dapi%2Dkey=a+b%21", "x-api-key").as_deref(), Some("a b!"));
        assert_eq!(parameter("debug", "debug").as_deref(), Some(""));
        assert_eq!(parameter("debugger=1", "debug"), None);
    }

    #[test]
    fn booleans_have_a_dozen_spellings_and_no_more() {
        assert_eq!(["1", "TRUE", "t", "Yes", "y", "on"].map(boolean), [Some(true); 6]);
        assert_eq!(["0", "False", "f", "NO", "n", "off"].map(boolean), [Some(false); 6]);
        assert_eq!(["", "2", "maybe", " true"].map(boolean), [None; 4]);
    }
}
