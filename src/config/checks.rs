//! From what was said to what is true: every value is read into its type, or refused.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
use http::uri::Authority;
use secrecy::SecretString;

use super::error::ConfigError;
use super::raw::{self, Raw};
use super::types::{
    AdminConfig, CacheConfig, Config, EnrichConfig, ListenAddress, ServerConfig, ShieldConfig, StreamConfig,
    TelemetryConfig, TracesConfig,
};
use super::{logs, rollout, upstream};
use crate::analysis::Prior;
use crate::proxy::{TlsParams, Upstream, UpstreamError, UpstreamUrlError};
use crate::route::{StartRoute, StatusRoute};
use crate::shield::rules::Lifetime;
use crate::telemetry::{LogFormat, without_credentials};

/// Checks everything.
pub(super) fn check(raw: &Raw) -> Result<Config, ConfigError> {
    let secret_headers = secret_headers(&raw.secrets.headers)?;
    Ok(Config {
        listen: listen("listen", &raw.listen)?,
        upstream: upstream::check(&raw.upstream)?,
        proxy: upstream::check_proxy(&raw.proxy)?,
        routes: routes(&raw.route.status)?,
        start_routes: start_routes(&raw.route.start)?,
        descriptions: descriptions(&raw.route.openapi)?,
        opt_in_header: header("gloss.header", &raw.gloss.header)?,
        expose_headers: raw.gloss.expose_headers,
        rollout: rollout::check(&raw.rollout, &secret_headers)?,
        rollout_kept: rollout::kept(&raw.rollout.persist)?,
        enrich: enrich(&raw.enrich)?,
        stream: StreamConfig {
            upstream_interval: duration("stream.upstream_interval", &raw.stream.upstream_interval)?,
            heartbeat: duration("stream.heartbeat", &raw.stream.heartbeat)?,
            max: count("stream.max", raw.stream.max, 1..=1_000_000)?,
        },
        compare: raw.compare.enabled,
        shield: shield(&raw.shield, &secret_headers)?,
        logs: logs::check(&raw.logs)?,
        prior: prior(&raw.analysis.prior)?,
        process_check: process_check(&raw.analysis.process_check)?,
        cache: CacheConfig {
            max_bytes: size("cache.max_bytes", &raw.cache.max_bytes)?,
            idle: duration("cache.idle", &raw.cache.idle)?,
        },
        admin: admin(&raw.admin)?,
        server: ServerConfig {
            header_timeout: duration("server.header_timeout", &raw.server.header_timeout)?,
            body_timeout: duration("server.body_timeout", &raw.server.body_timeout)?,
            body_min_rate: rate("server.body_min_rate", &raw.server.body_min_rate)?,
            idle_timeout: duration("server.idle_timeout", &raw.server.idle_timeout)?,
            write_timeout: duration("server.write_timeout", &raw.server.write_timeout)?,
            max_header_bytes: header_bytes("server.max_header_bytes", &raw.server.max_header_bytes)?,
            max_headers: count("server.max_headers", raw.server.max_headers, 1..=10_000)?,
            max_connections: count("server.max_connections", raw.server.max_connections, 1..=1_000_000)?,
        },
        drain_timeout: duration("drain.timeout", &raw.drain.timeout)?,
        telemetry: telemetry(&raw.telemetry)?,
        secret_headers,
    })
}

pub(super) fn refuse(key: &str, value: &str, reason: impl fmt::Display, hint: &str) -> ConfigError {
    ConfigError {
        key: key.to_owned(),
        // Whatever it was meant to be, it may hold credentials.
        value: without_credentials(value),
        reason: reason.to_string(),
        hint: hint.to_owned(),
    }
}

fn routes(templates: &[String]) -> Result<Vec<StatusRoute>, ConfigError> {
    let parse = |text: &String| {
        StatusRoute::parse(text)
            .map_err(|reason| refuse("route.status", text, reason, "write it like /run/{run_id}/status"))
    };
    templates.iter().map(parse).collect()
}

fn start_routes(templates: &[String]) -> Result<Vec<StartRoute>, ConfigError> {
    let parse = |text: &String| {
        StartRoute::parse(text)
            .map_err(|reason| refuse("route.start", text, reason, "write it like /run/{workflow_name}"))
    };
    templates.iter().map(parse).collect()
}

fn process_check(word: &str) -> Result<bool, ConfigError> {
    match word {
        "auto" => Ok(true),
        "off" => Ok(false),
        _ => Err(refuse("analysis.process_check", word, "it is neither 'auto' nor 'off'", "use auto or off")),
    }
}

/// Headers that carry credentials by every standard, or in the service behind, and those that were named.
fn secret_headers(named: &[String]) -> Result<Arc<[HeaderName]>, ConfigError> {
    let known =
        [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE, HeaderName::from_static("x-api-key")];
    let named = named.iter().map(|name| header("secrets.headers", name));
    known.into_iter().map(Ok).chain(named).collect()
}

pub(super) fn header(key: &str, name: &str) -> Result<HeaderName, ConfigError> {
    name.parse().map_err(|_| {
        refuse(key, name, "it is not a header name", "letters, digits and dashes, such as Gloss")
    })
}

fn descriptions(paths: &[String]) -> Result<Vec<String>, ConfigError> {
    let relative = paths.iter().find(|path| !path.starts_with('/') || path.contains(['?', '#']));
    match relative {
        Some(path) => {
            Err(refuse("route.openapi", path, "it is not an absolute path", "such as /openapi.json"))
        }
        None => Ok(paths.to_vec()),
    }
}

/// Nothing is shared where there is no time to live.
fn shield(raw: &raw::Shield, secrets: &[HeaderName]) -> Result<Option<ShieldConfig>, ConfigError> {
    let ttl = unless_off("shield.ttl", &raw.ttl)?;
    let stale_if_error = unless_off("shield.stale_if_error", &raw.stale_if_error)?.unwrap_or_default();
    let max_bytes = size("shield.max_bytes", &raw.max_bytes)?;
    let named = raw.ignore_headers.iter().map(|name| header("shield.ignore_headers", name));
    let ignore_headers = named.collect::<Result<Vec<_>, _>>()?;
    if let Some(secret) = ignore_headers.iter().find(|name| secrets.contains(name)) {
        return Err(refuse(
            "shield.ignore_headers",
            secret.as_str(),
            "it carries credentials, and callers with different ones must not share answers",
            "name headers that do not matter to the upstream, such as a request id",
        ));
    }
    let lifetime = |ttl| Lifetime { ttl, stale_if_error };
    Ok(ttl.map(|ttl| ShieldConfig { lifetime: lifetime(ttl), max_bytes, ignore_headers }))
}

fn unless_off(key: &str, text: &str) -> Result<Option<Duration>, ConfigError> {
    if text == "off" { Ok(None) } else { duration(key, text).map(Some) }
}

fn enrich(raw: &raw::Enrich) -> Result<EnrichConfig, ConfigError> {
    Ok(EnrichConfig {
        budget: duration("enrich.budget", &raw.budget)?,
        max_body_bytes: memory("enrich.max_body_bytes", &raw.max_body_bytes)?,
        max_held_bytes: memory("enrich.max_held_bytes", &raw.max_held_bytes)?,
        body_timeout: duration("enrich.body_timeout", &raw.body_timeout)?,
        max_concurrent: count("enrich.max_concurrent", raw.max_concurrent, 1..=100_000)?,
        failed: raw.failed,
        compat_fields: raw.compat_fields,
        openapi: raw.openapi,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the prior is a file beside the configuration, read once at the start"
)]
fn prior(path: &str) -> Result<Arc<Prior>, ConfigError> {
    if path.is_empty() {
        return Ok(Prior::shipped());
    }
    let hint = "make one by gloss fit DIR --out FILE, or leave it empty for the one built in";
    let text = std::fs::read_to_string(path)
        .map_err(|error| refuse("analysis.prior", path, format!("it cannot be read: {error}"), hint))?;
    Prior::parse(&text).map(Arc::new).map_err(|error| refuse("analysis.prior", path, error, hint))
}

fn admin(raw: &raw::Admin) -> Result<Option<AdminConfig>, ConfigError> {
    if raw.listen == "off" {
        return Ok(None);
    }
    let listen = address("admin.listen", &raw.listen)?;
    if !listen.ip().is_loopback() && raw.token.is_empty() {
        let reason = "outside loopback the admin listener needs a token";
        return Err(refuse(
            "admin.listen",
            &raw.listen,
            reason,
            "set admin.token, or listen on 127.0.0.1, or 'off'",
        ));
    }
    let token = (!raw.token.is_empty()).then(|| SecretString::from(raw.token.reveal()));
    Ok(Some(AdminConfig { listen, token, hosts: admin_hosts(raw)? }))
}

/// The names that were listed, and the one by which the listener itself is configured.
fn admin_hosts(raw: &raw::Admin) -> Result<Vec<String>, ConfigError> {
    let host = |text: &str| {
        let authority = text.parse::<Authority>().ok();
        let host = authority.filter(|authority| authority.host() == text && !text.is_empty())?;
        Some(host.host().trim_start_matches('[').trim_end_matches(']').to_lowercase())
    };
    let listed = raw.hosts.iter().map(|text| {
        host(text).ok_or_else(|| {
            let hint = "without scheme, port or path, such as gloss.internal or [2001:db8::1]";
            refuse("admin.hosts", text, "it is not the name or address of a host", hint)
        })
    });
    let own = raw.listen.rsplit_once(':').and_then(|(name, _)| host(name));
    listed.chain(own.map(Ok)).collect()
}

fn telemetry(raw: &raw::Telemetry) -> Result<TelemetryConfig, ConfigError> {
    if tracing_subscriber::EnvFilter::try_new(&raw.log_level).is_err() {
        let hint = "use error, warn, info, debug or trace, or directives such as gloss=debug";
        return Err(refuse("telemetry.log_level", &raw.log_level, "it is not a level", hint));
    }
    let log_format = match raw.log_format.as_str() {
        "text" => LogFormat::Text,
        "json" => LogFormat::Json,
        other => return Err(refuse("telemetry.log_format", other, "it is not a format", "use text or json")),
    };
    let access_log = match raw.access_log.as_str() {
        "on" => true,
        "off" => false,
        other => return Err(refuse("telemetry.access_log", other, "it is not a switch", "use on or off")),
    };
    Ok(TelemetryConfig { log_level: raw.log_level.clone(), log_format, access_log, traces: traces(raw)? })
}

fn traces(raw: &raw::Telemetry) -> Result<Option<TracesConfig>, ConfigError> {
    let sample_ratio = raw.trace_sample_ratio;
    if !(0.0..=1.0).contains(&sample_ratio) {
        let value = sample_ratio.to_string();
        return Err(refuse(
            "telemetry.trace_sample_ratio",
            &value,
            "it is no share",
            "use a number from 0 to 1",
        ));
    }
    if raw.otlp_endpoint.is_empty() {
        return Ok(None);
    }
    let hint = "write it as http://HOST:4318 or https://HOST; /v1/traces is added";
    let refused = |reason: String| refuse("telemetry.otlp_endpoint", &raw.otlp_endpoint, reason, hint);
    let collector = match Upstream::parse(&raw.otlp_endpoint, &TlsParams::default()) {
        Ok(_) if raw.otlp_endpoint.starts_with("unix:") => {
            return Err(refused("it is not a URL of HTTP".to_owned()));
        }
        Ok(collector) => collector,
        // That message is about callers of the upstream.
        Err(UpstreamError::Url(UpstreamUrlError::Credentials)) => {
            return Err(refused(
                "credentials do not belong into it: set OTEL_EXPORTER_OTLP_HEADERS".to_owned(),
            ));
        }
        Err(UpstreamError::Url(UpstreamUrlError::Path)) => {
            return Err(refused("it has a path or a query".to_owned()));
        }
        Err(error) => return Err(refused(error.to_string())),
    };
    let endpoint = raw.otlp_endpoint.trim_end_matches('/').to_owned();
    Ok(Some(TracesConfig { endpoint, collector, sample_ratio, propagate: raw.trace_propagate }))
}

fn listen(key: &str, text: &str) -> Result<ListenAddress, ConfigError> {
    let Some(path) = text.strip_prefix("unix:") else { return address(key, text).map(ListenAddress::Tcp) };
    // unix:///run/gloss.sock is the same as unix:/run/gloss.sock.
    let path = path.strip_prefix("//").unwrap_or(path);
    // What a socket address has room for, its terminating NUL aside.
    if path.is_empty() || path.contains('\0') || path.len() > 107 {
        let hint = "write it as unix:PATH, such as unix:/run/gloss/gloss.sock";
        return Err(refuse(key, text, "a socket's path has 1 to 107 bytes", hint));
    }
    Ok(ListenAddress::Unix(PathBuf::from(path)))
}

fn address(key: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    let resolved = text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    resolved.ok_or_else(|| {
        refuse(
            key,
            text,
            "it is not an address that can be listened on",
            "write it as HOST:PORT, such as 127.0.0.1:8880",
        )
    })
}

/// Longer makes no sense, and clocks overflow some time after it.
const LONGEST: Duration = Duration::from_hours(24 * 365);

pub(super) fn duration(key: &str, text: &str) -> Result<Duration, ConfigError> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration > LONGEST => {
            Err(refuse(key, text, "it is more than a year", "such as 100ms, 5s or 2m"))
        }
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) => Err(refuse(key, text, "it has to be longer than nothing", "such as 100ms, 5s or 2m")),
        Err(error) => {
            Err(refuse(key, text, format!("it is not a duration: {error}"), "such as 100ms, 5s or 2m"))
        }
    }
}

pub(super) fn count(key: &str, number: usize, allowed: RangeInclusive<usize>) -> Result<usize, ConfigError> {
    if allowed.contains(&number) {
        return Ok(number);
    }
    let reason = format!("it has to be between {} and {}", allowed.start(), allowed.end());
    Err(refuse(key, &number.to_string(), reason, "config/gloss.toml has every key with its default"))
}

pub(super) fn size(key: &str, text: &str) -> Result<u64, ConfigError> {
    match text.parse::<ByteSize>() {
        Ok(size) if size.as_u64() > 0 => Ok(size.as_u64()),
        Ok(_) => Err(refuse(key, text, "it has to be more than nothing", "such as 64MiB or 1GB")),
        Err(error) => Err(refuse(key, text, format!("it is not a size: {error}"), "such as 64MiB or 1GB")),
    }
}

/// So many bytes a second; none at all for no limit.
fn rate(key: &str, text: &str) -> Result<u64, ConfigError> {
    text.parse::<ByteSize>()
        .map(|size| size.as_u64())
        .map_err(|error| refuse(key, text, format!("it is not a size: {error}"), "such as 500B, 4KiB or 0"))
}

pub(super) fn memory(key: &str, text: &str) -> Result<usize, ConfigError> {
    usize::try_from(size(key, text)?)
        .map_err(|_| refuse(key, text, "it is more than this machine can address", "less"))
}

fn header_bytes(key: &str, text: &str) -> Result<usize, ConfigError> {
    let bytes = memory(key, text)?;
    // What the HTTP library needs at least for its buffer.
    if bytes < 8192 {
        Err(refuse(key, text, "it has to be at least 8KiB", "such as 64KiB"))
    } else {
        Ok(bytes)
    }
}
