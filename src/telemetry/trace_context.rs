//! The trace that a caller says its request belongs to (W3C Trace Context). Pure.

use http::HeaderMap;

const TRACEPARENT: &str = "traceparent";

/// The trace id of `traceparent`, where that is one header of the known form: 32 hexadecimal digits in lower case.
pub fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let mut parts = value.to_str().ok()?.split('-');
    let version = parts.next().filter(|version| is_hex(version, 2) && *version != "ff")?;
    let trace = parts.next().filter(|trace| is_hex(trace, 32) && trace.contains(|digit| digit != '0'))?;
    let span = parts.next().filter(|span| is_hex(span, 16));
    let flags = parts.next().filter(|flags| is_hex(flags, 2));
    let is_whole = span.is_some() && flags.is_some() && (version != "00" || parts.next().is_none());
    is_whole.then_some(trace)
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_static(value));
        }
        trace_id(&headers).map(str::to_owned)
    }

    const WHOLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_id_is_taken_from_a_whole_header_only() {
        assert_eq!(of(&[WHOLE]).as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        assert!(of(&["01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"]).is_some());
        for other in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319\"-b7ad6b7169203331-01",
        ] {
            assert_eq!(of(&[other]), None, "{other}");
        }
        assert_eq!(of(&[WHOLE, WHOLE]), None);
    }
}
