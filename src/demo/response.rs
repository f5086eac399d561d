//! Answers as FastAPI words them and uvicorn sends them. Pure.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONTENT_LENGTH, CONTENT_TYPE, DATE,
    HOST, LOCATION, ORIGIN, SERVER,
};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body as _;
use http_body_util::Full;

use super::python::{Separators, dumps};
use super::value::Value;

/// An answer with its whole body.
pub(super) type Answer = Response<Full<Bytes>>;

/// Adds the headers that let a page of another origin read the answer, where the request comes from one.
pub(super) fn allow_browsers(head: &Parts, answer: &mut Answer) {
    if head.headers.contains_key(ORIGIN) {
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

/// Puts the headers in the order in which uvicorn sends them. (Where there is no body, hyper moves the length to
/// the end.)
pub(super) fn in_order(mut answer: Answer, now: DateTime<Utc>) -> Answer {
    let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let length = answer.body().size_hint().exact().unwrap_or_default();
    let mut others = std::mem::take(answer.headers_mut());
    let allow = others.remove(ALLOW);
    let headers = answer.headers_mut();
    headers.insert(DATE, HeaderValue::try_from(date).expect("a date is plain ASCII"));
    headers.insert(SERVER, HeaderValue::from_static("uvicorn"));
    // The real service names `allow` before the length and everything else after it.
    headers.extend(allow.map(|allow| (ALLOW, allow)));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.extend(others);
    answer
}

/// The way to the same place without the trailing slash, on the host that the caller named.
pub(super) fn redirect(head: &Parts) -> Answer {
    let host = head.headers.get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
    let path = head.uri.path().trim_end_matches('/');
    let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("http://{}{path}{query}", host.unwrap_or_default());
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(location) = HeaderValue::try_from(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// The route is known, but only by the method `allowed`.
pub(super) fn not_allowed(allowed: &Method) -> Answer {
    let mut answer = detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    let allowed = HeaderValue::from_str(allowed.as_str()).expect("a method is a token");
    answer.headers_mut().insert(ALLOW, allowed);
    answer
}

/// The parameter `debug` is none of the spellings of a boolean.
pub(super) fn not_a_boolean(text: &str) -> Answer {
    let message = "Input should be a valid boolean, unable to interpret input";
    invalid("bool_parsing", &["query", "debug"], message, text.into())
}

/// A validation error in pydantic's form.
pub(super) fn invalid(kind: &str, place: &[&str], message: &str, input: Value) -> Answer {
    let error = Value::dict([
        ("type", kind.into()),
        ("loc", place.to_vec().into()),
        ("msg", message.into()),
        ("input", input),
    ]);
    let body = Value::dict([("detail", Value::List(vec![error]))]);
    json(StatusCode::UNPROCESSABLE_ENTITY, dumps(&body, Separators::Compact))
}

/// An error in FastAPI's form.
pub(super) fn detail(status: StatusCode, text: &str) -> Answer {
    json(status, dumps(&Value::dict([("detail", text.into())]), Separators::Compact))
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: String) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
