//! What the configuration file may say: every key, its default, nothing checked yet.
//!
//! Durations, sizes and addresses are texts here, so that a value that makes no sense can be reported with its key and
//! a hint. Unknown keys are refused.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::secret::SecretText;
use crate::route::DEFAULT_STATUS_ROUTE;

/// The whole file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) listen: String,
    pub(super) upstream: Upstream,
    pub(super) proxy: Proxy,
    pub(super) route: Route,
    pub(super) gloss: Gloss,
    pub(super) rollout: Rollout,
    pub(super) enrich: Enrich,
    pub(super) stream: Stream,
    pub(super) shield: Shield,
    pub(super) compare: Compare,
    pub(super) logs: Logs,
    pub(super) analysis: Analysis,
    pub(super) cache: Cache,
    pub(super) admin: Admin,
    pub(super) server: Server,
    pub(super) drain: Drain,
    pub(super) telemetry: Telemetry,
    pub(super) secrets: Secrets,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upstream {
    pub(super) url: String,
    pub(super) connect_timeout: String,
    pub(super) response_timeout: String,
    pub(super) idle_timeout: String,
    pub(super) max_idle: usize,
    pub(super) tls: UpstreamTls,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpstreamTls {
    pub(super) ca_file: String,
    pub(super) server_name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proxy {
    pub(super) rewrite_host: bool,
    pub(super) forwarded: String,
    pub(super) x_forwarded: String,
    pub(super) via: bool,
    pub(super) preserve_header_case: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    pub(super) status: Vec<String>,
    pub(super) start: Vec<String>,
    pub(super) openapi: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gloss {
    pub(super) header: String,
    pub(super) expose_headers: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollout {
    pub(super) enabled: bool,
    pub(super) percent: f64,
    pub(super) default: String,
    pub(super) salt: String,
    pub(super) deny: Vec<AccessRule>,
    pub(super) allow: Vec<AccessRule>,
    pub(super) opt_in: String,
    pub(super) persist: String,
}

/// One of them is given; `value` only beside `header`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) header: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) api_key_sha256: Option<SecretText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) workflow: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Enrich {
    pub(super) budget: String,
    pub(super) max_body_bytes: String,
    pub(super) max_held_bytes: String,
    pub(super) body_timeout: String,
    pub(super) max_concurrent: usize,
    pub(super) failed: bool,
    pub(super) compat_fields: bool,
    pub(super) openapi: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stream {
    pub(super) upstream_interval: String,
    pub(super) heartbeat: String,
    pub(super) max: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compare {
    pub(super) enabled: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shield {
    pub(super) ttl: String,
    pub(super) stale_if_error: String,
    pub(super) max_bytes: String,
    pub(super) ignore_headers: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Logs {
    pub(super) sources: Vec<LogSource>,
    pub(super) templates: Vec<String>,
    pub(super) timeout: String,
    pub(super) max_line_bytes: String,
    pub(super) max_bytes_per_poll: String,
}

/// A place where logs are: by its name, or with more to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum LogSource {
    Short(String),
    Table(LogTable),
}

/// Either `url`, with `templates` if need be, or `transcripts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogTable {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) transcripts: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) templates: Option<Vec<String>>,
}

impl fmt::Display for LogSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(text) => f.write_str(text),
            Self::Table(LogTable { url, transcripts, .. }) => {
                let named = [url, transcripts].into_iter().flatten().cloned().collect::<Vec<_>>();
                f.write_str(&named.join(", "))
            }
        }
    }
}

/// By hand, because serde's own way with alternatives cannot say what is wrong with either.
impl<'de> Deserialize<'de> for LogSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = LogSource;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a table")
            }
            fn visit_str<E>(self, text: &str) -> Result<LogSource, E> {
                Ok(LogSource::Short(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LogSource, A::Error> {
                LogTable::deserialize(MapAccessDeserializer::new(map)).map(LogSource::Table)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Analysis {
    pub(super) prior: String,
    pub(super) process_check: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cache {
    pub(super) max_bytes: String,
    pub(super) idle: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Admin {
    pub(super) listen: String,
    pub(super) token: SecretText,
    pub(super) hosts: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) header_timeout: String,
    pub(super) body_timeout: String,
    pub(super) body_min_rate: String,
    pub(super) idle_timeout: String,
    pub(super) write_timeout: String,
    pub(super) max_header_bytes: String,
    pub(super) max_headers: usize,
    pub(super) max_connections: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drain {
    pub(super) timeout: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Telemetry {
    pub(super) log_level: String,
    pub(super) log_format: String,
    pub(super) access_log: String,
    pub(super) otlp_endpoint: String,
    pub(super) trace_sample_ratio: f64,
    pub(super) trace_propagate: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secrets {
    pub(super) headers: Vec<String>,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8880".into(),
            upstream: Upstream {
                url: String::new(),
                connect_timeout: "5s".into(),
                response_timeout: "5m".into(),
                idle_timeout: "4s".into(),
                max_idle: 256,
                tls: UpstreamTls { ca_file: String::new(), server_name: String::new() },
            },
            proxy: Proxy {
                rewrite_host: false,
                forwarded: "off".into(),
                x_forwarded: "off".into(),
                via: false,
                preserve_header_case: false,
            },
            route: Route {
                status: vec![DEFAULT_STATUS_ROUTE.into()],
                start: vec!["/api/v1/workflows/claude-code/run/{workflow_name}".into()],
                openapi: vec!["/openapi.json".into()],
            },
            gloss: Gloss { header: "Gloss".into(), expose_headers: false },
            rollout: Rollout {
                enabled: true,
                percent: 0.0,
                default: "basic".into(),
                salt: "gloss".into(),
                deny: Vec::new(),
                allow: Vec::new(),
                opt_in: "anyone".into(),
                persist: String::new(),
            },
            enrich: Enrich {
                budget: "100ms".into(),
                max_body_bytes: "16MiB".into(),
                max_held_bytes: "256MiB".into(),
                body_timeout: "10s".into(),
                max_concurrent: 256,
                failed: true,
                compat_fields: false,
                openapi: false,
            },
            stream: Stream { upstream_interval: "5s".into(), heartbeat: "15s".into(), max: 1000 },
            compare: Compare { enabled: false },
            shield: Shield {
                ttl: "off".into(),
                stale_if_error: "off".into(),
                max_bytes: "64MiB".into(),
                ignore_headers: Vec::new(),
            },
            logs: Logs {
                sources: Vec::new(),
                templates: vec![
                    "run_{run_id}.log".into(),
                    "run_{run_id}_stream.jsonl".into(),
                    "{workflow_name}_{claude_session_id}.log".into(),
                ],
                timeout: "50ms".into(),
                max_line_bytes: "16MiB".into(),
                max_bytes_per_poll: "1GiB".into(),
            },
            analysis: Analysis { prior: String::new(), process_check: "auto".into() },
            cache: Cache { max_bytes: "64MiB".into(), idle: "1h".into() },
            admin: Admin { listen: "127.0.0.1:8881".into(), token: SecretText::default(), hosts: Vec::new() },
            server: Server {
                header_timeout: "30s".into(),
                body_timeout: "60s".into(),
                body_min_rate: "500B".into(),
                idle_timeout: "75s".into(),
                write_timeout: "5m".into(),
                max_header_bytes: "64KiB".into(),
                max_headers: 256,
                max_connections: 10_000,
            },
            drain: Drain { timeout: "25s".into() },
            telemetry: Telemetry {
                log_level: "info".into(),
                log_format: "text".into(),
                access_log: "off".into(),
                otlp_endpoint: String::new(),
                trace_sample_ratio: 1.0,
                trace_propagate: false,
            },
            secrets: Secrets { headers: Vec::new() },
        }
    }
}
