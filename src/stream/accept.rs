//! Whether a caller asks for events instead of one answer. Pure.

use http::{HeaderMap, header};

/// Whether `Accept` names `text/event-stream`, and JSON not before it. A wildcard asks for nothing in particular.
pub fn wants_events(headers: &HeaderMap) -> bool {
    let events = weight_of(headers, "text/event-stream");
    events > 0.0 && events >= weight_of(headers, "application/json")
}

/// How much this type is wanted, 0 (not at all, or not named) to 1 (RFC 9110, section 12.5.1).
fn weight_of(headers: &HeaderMap, named: &str) -> f64 {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(','));
    ranges.filter_map(|range| weight(range, named)).fold(0.0, f64::max)
}

fn weight(range: &str, named: &str) -> Option<f64> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(named) {
        return None;
    }
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    // A weight that is no number is none.
    Some(weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn wants(accept: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, HeaderValue::from_static(value));
        }
        wants_events(&headers)
    }

    #[test]
    fn events_have_to_be_asked_for_by_name() {
        for yes in [
            "text/event-stream",
            "Text/Event-Stream; charset=utf-8",
            "application/json;q=0.5, text/event-stream",
            "application/json, text/event-stream",
            "*/*;q=0.1,text/event-stream;q=0.2",
        ] {
            assert!(wants(&[yes]), "{yes}");
        }
        for no in [
            "",
            "*/*",
            "text/*",
            "application/json",
            "text/event-stream;q=0",
            "text/event-stream;q=none",
            "application/json, text/event-stream;q=0.9",
            "text/event-streams",
        ] {
            assert!(!wants(&[no]), "{no}");
        }
        assert!(!wants(&[]));
        assert!(wants(&["text/html", "text/event-stream"]));
    }
}
