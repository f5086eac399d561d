//! Findings about the service: whether it answers, its route, its clock, its keep-alive. Pure.

use std::time::Duration;

use super::super::facts::{ConfigFacts, Facts, Idle, Service};
use super::super::report::Finding;

/// Differences of clocks up to this many seconds hurt nothing; a `Date` tells whole ones.
const CLOCK_TOLERANCE: i64 = 2;
/// How far before the service gloss has to drop a connection, so that no request meets the end.
const MARGIN: Duration = Duration::from_millis(200);

/// What can be said of the service.
pub(super) fn of(facts: &Facts) -> Vec<Finding> {
    let (Some(config), Some(asked)) = (&facts.config, &facts.service) else {
        return vec![Finding::skipped("service", "without a configuration it is not known where it is")];
    };
    let service = match asked {
        Ok(service) => service,
        Err(why) => {
            return vec![Finding::failed(
                "service",
                format!("nobody answers at {}: {why}", config.upstream),
                "is it running, and is upstream.url where it listens?",
            )];
        }
    };
    let mut findings = vec![answers(config, service), route(config, service), clock(service)];
    findings.extend(facts.idle.as_ref().map(|idle| keep_alive(config, idle)));
    findings
}

fn answers(config: &ConfigFacts, service: &Service) -> Finding {
    let took = service.took.as_secs_f64() * 1000.0;
    let what = format!("{} answers ({}), in {took:.0} ms", config.upstream, service.status);
    if service.status < 500 {
        return Finding::ok("service", what);
    }
    Finding::warning("service", what, "it is in trouble of its own: look at its log")
}

fn route(config: &ConfigFacts, service: &Service) -> Finding {
    let check = "route";
    let Some(paths) = &service.paths else {
        return Finding::skipped(check, "the service does not describe itself (route.openapi)");
    };
    let described = |route: &&String| paths.iter().any(|path| is_same(path, route));
    if let Some(route) = config.routes.iter().find(described) {
        return Finding::ok(check, format!("the service describes {route}"));
    }
    let alike: Vec<_> = paths.iter().filter(|path| path.ends_with("/status")).map(String::as_str).collect();
    let alike = if alike.is_empty() { "none that ends with /status".to_owned() } else { alike.join(", ") };
    Finding::warning(
        check,
        format!("the service does not describe {}", config.routes.join(", ")),
        format!(
            "set route.status to the route of a run's status, with {{run_id}} in it; it describes {alike}"
        ),
    )
}

/// Whether a described path is this route, whatever it calls its parameter.
fn is_same(path: &str, route: &str) -> bool {
    let is_parameter = |segment: &str| segment.starts_with('{') && segment.ends_with('}');
    let (path, route): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.split('/').collect());
    let mut pairs = path.iter().zip(&route);
    path.len() == route.len() && pairs.all(|(a, b)| a == b || (is_parameter(a) && is_parameter(b)))
}

fn clock(service: &Service) -> Finding {
    let check = "clocks";
    match service.clock_ahead {
        None => Finding::skipped(check, "the service's answers have no Date"),
        Some(ahead) if ahead.abs() <= CLOCK_TOLERANCE => {
            Finding::ok(check, "the service's clock and this host's agree")
        }
        Some(ahead) => Finding::warning(
            check,
            format!(
                "the service's clock is {} s {} this host's",
                ahead.abs(),
                if ahead > 0 { "ahead of" } else { "behind" }
            ),
            "set both by NTP: estimates, stalls and durations rest on the log's times and on gloss's clock",
        ),
    }
}

fn keep_alive(config: &ConfigFacts, idle: &Idle) -> Finding {
    let check = "keep-alive";
    let kept = config.idle_timeout;
    match idle {
        Idle::ClosedAfter(after) if *after < kept + MARGIN => {
            let better = (after.as_secs_f64() * 0.8).max(0.1);
            Finding::warning(
                check,
                format!(
                    "the service closes an idle connection after {}, and gloss keeps it for {}",
                    shown(*after),
                    shown(kept)
                ),
                format!(
                    "set upstream.idle_timeout = \"{:.0}ms\": a request that meets the end is sent again only where that is safe",
                    better * 1000.0
                ),
            )
        }
        Idle::ClosedAfter(after) => Finding::ok(
            check,
            format!(
                "the service closes an idle connection after {}, gloss before that, after {}",
                shown(*after),
                shown(kept)
            ),
        ),
        Idle::OpenAfter(after) => Finding::ok(
            check,
            format!(
                "the service keeps an idle connection for more than {}, gloss for {}",
                shown(*after),
                shown(kept)
            ),
        ),
        Idle::NotKept => Finding::ok(check, "the service closes each connection after its answer"),
        Idle::Unmeasured(why) => Finding::skipped(check, format!("not measured: {why}")),
    }
}

fn shown(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
