//! The two forms in which scrapers read metrics: `OpenMetrics`, and Prometheus's older text format. Pure.

use std::fmt::Write;

use http::{HeaderMap, HeaderValue, header};

/// A form of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
    /// Prometheus's text format 0.0.4: what everything reads, people included.
    Text,
}

impl Exposition {
    /// The form that `Accept` asks for; the older one, unless `OpenMetrics` is named and no less wanted.
    pub fn wanted(headers: &HeaderMap) -> Self {
        let accept = headers.get_all(header::ACCEPT);
        let ranges =
            || accept.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let best = |named: &str| ranges().filter_map(|range| weight(range, named)).fold(0.0, f64::max);
        let open_metrics = best("application/openmetrics-text");
        if open_metrics > 0.0 && open_metrics >= best("text/plain") { Self::OpenMetrics } else { Self::Text }
    }

    /// What `Content-Type` says of it.
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        })
    }

    /// `open_metrics`, whole and as the library writes it, in this form.
    pub(super) fn of(self, open_metrics: String) -> String {
        match self {
            Self::OpenMetrics => open_metrics,
            Self::Text => older(&open_metrics),
        }
    }
}

/// How much a range of `Accept` wants what is named, where it names it, in a version that gloss writes.
fn weight(range: &str, named: &str) -> Option<f64> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(named) {
        return None;
    }
    let parameter = |name: &str| range.split(';').find_map(|part| part.trim().strip_prefix(name));
    if !matches!(parameter("version="), None | Some("1.0.0" | "0.0.4")) {
        return None;
    }
    // A weight that is no number is none.
    Some(parameter("q=").map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
}

/// In the older format a metric is called as its samples are, and there are neither units nor infos nor an end.
fn older(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len() + 1024);
    let mut help = None;
    for line in open_metrics.lines() {
        // Writing to a String cannot fail.
        let _ = if let Some(described) = line.strip_prefix("# HELP ") {
            help = described.split_once(' ');
            Ok(())
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|typed| typed.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                _ => ("", kind),
            };
            let help = help.take().map_or("", |(_, help)| help);
            writeln!(text, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}")
        } else if line.starts_with('#') {
            Ok(())
        } else {
            writeln!(text, "{line}")
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accept: &'static str) -> Exposition {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        Exposition::wanted(&headers)
    }

    #[test]
    fn a_scraper_gets_the_form_that_it_asks_for() {
        for newer in [
            "application/openmetrics-text",
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "text/plain;version=0.0.4, Application/OpenMetrics-Text; version=1.0.0",
        ] {
            assert_eq!(wanted(newer), Exposition::OpenMetrics, "{newer}");
        }
        for older in [
            "",
            "*/*",
            "text/plain",
            "text/html,*/*;q=0.8",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;q=0.4,text/plain;version=0.0.4;q=0.5",
            "application/openmetrics-text;q=0",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        ] {
            assert_eq!(wanted(older), Exposition::Text, "{older}");
        }
        assert_eq!(Exposition::wanted(&HeaderMap::new()), Exposition::Text);
    }

    #[test]
    fn in_the_older_format_a_metric_is_called_as_its_samples_are() {
        let newer = "# HELP a Things, so \"far\".\n# TYPE a counter\na_total{of=\"# x\"} 1\n\
                     # HELP build What.\n# TYPE build info\nbuild_info{version=\"1\"} 1\n\
                     # HELP b_seconds Time.\n# TYPE b_seconds histogram\n# UNIT b_seconds seconds\n\
                     b_seconds_sum 0.5\nb_seconds_count 1\nb_seconds_bucket{le=\"+Inf\"} 1\n# EOF\n";
        let older = "# HELP a_total Things, so \"far\".\n# TYPE a_total counter\na_total{of=\"# x\"} 1\n\
                     # HELP build_info What.\n# TYPE build_info gauge\nbuild_info{version=\"1\"} 1\n\
                     # HELP b_seconds Time.\n# TYPE b_seconds histogram\n\
                     b_seconds_sum 0.5\nb_seconds_count 1\nb_seconds_bucket{le=\"+Inf\"} 1\n";
        assert_eq!(Exposition::Text.of(newer.to_owned()), older);
        assert_eq!(Exposition::OpenMetrics.of(newer.to_owned()), newer);
    }
}
