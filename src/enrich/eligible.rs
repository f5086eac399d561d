//! Whether notes may be added to an answer, by its head. Pure.

use http::{HeaderMap, StatusCode, header};

use super::fallback::Fallback;

/// Checks the head of the upstream's answer.
///
/// # Errors
/// The reason why the answer has to stay as it is. `max_body_bytes` is held against the announced length only; the
/// reader of the body holds it against the real one.
pub fn check_head(status: StatusCode, headers: &HeaderMap, max_body_bytes: usize) -> Result<(), Fallback> {
    if status != StatusCode::OK {
        return Err(Fallback::UpstreamStatus);
    }
    if is_encoded(headers) {
        return Err(Fallback::Encoded);
    }
    if forbids_transformation(headers) {
        return Err(Fallback::NoTransform);
    }
    if !is_json(headers) {
        return Err(Fallback::NotJson);
    }
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > max_body_bytes as u64) {
        return Err(Fallback::TooLarge);
    }
    Ok(())
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn forbids_transformation(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|directive| directive.trim().eq_ignore_ascii_case("no-transform"))
}

/// `application/json` or a `+json` type, in UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    if value == "application/json" {
        return true;
    }
    let value = value.to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let json =
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    let other_charset = parts.any(|parameter| {
        let charset = parameter.strip_prefix("charset=").map(|charset| charset.trim_matches('"'));
        charset.is_some_and(|charset| !matches!(charset, "utf-8" | "utf8" | "us-ascii"))
    });
    json && !other_charset
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(status: u16, pairs: &[(&'static str, &'static str)]) -> Result<(), Fallback> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        check_head(StatusCode::from_u16(status).unwrap(), &headers, 1000)
    }

    #[test]
    fn a_plain_json_answer_is_eligible() {
        for json in
            ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/x+json"]
        {
            assert_eq!(check(200, &[("content-type", json)]), Ok(()), "{json}");
        }
        assert_eq!(
            check(200, &[("content-type", "application/json"), ("content-encoding", "identity")]),
            Ok(())
        );
        assert_eq!(check(200, &[("content-type", "application/json"), ("content-length", "1000")]), Ok(()));
    }

    #[test]
    fn everything_else_has_its_reason() {
        let json = ("content-type", "application/json");
        assert_eq!(check(404, &[json]), Err(Fallback::UpstreamStatus));
        assert_eq!(check(206, &[json]), Err(Fallback::UpstreamStatus));
        assert_eq!(check(200, &[]), Err(Fallback::NotJson));
        assert_eq!(check(200, &[("content-type", "text/html")]), Err(Fallback::NotJson));
        assert_eq!(
            check(200, &[("content-type", "application/json; charset=latin-1")]),
            Err(Fallback::NotJson)
        );
        assert_eq!(check(200, &[json, ("content-encoding", "gzip")]), Err(Fallback::Encoded));
        assert_eq!(
            check(200, &[json, ("cache-control", "no-store, No-Transform")]),
            Err(Fallback::NoTransform)
        );
        assert_eq!(check(200, &[json, ("content-length", "1001")]), Err(Fallback::TooLarge));
    }
}
