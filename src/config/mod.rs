//! The configuration: raw settings from four sources, then what is true of them.
//!
//! Flags beat `GLOSS_*` variables beat the file beat the defaults. What cannot be used is refused with key, value,
//! reason and hint; nothing is guessed.

mod change;
mod checks;
mod error;
mod layers;
mod logs;
mod raw;
mod rollout;
mod secret;
mod shown;
mod types;
mod upstream;

use std::collections::BTreeMap;
use std::fmt::Write;

use figment::value::Value;
use secrecy::SecretString;

use crate::telemetry::MASK;

pub use change::Change;
pub use error::ConfigError;
pub use layers::Sources;
pub use logs::SourceConfig;
pub use types::{
    AdminConfig, CacheConfig, Config, EnrichConfig, KeptRollout, ListenAddress, LogsConfig, ProxyConfig,
    ServerConfig, StreamConfig, TelemetryConfig, TracesConfig, UpstreamConfig,
};

/// A configuration that was accepted.
#[derive(Debug)]
pub struct Loaded {
    /// What is true.
    pub config: Config,
    /// What deserves a line on stderr: variables that are not gloss's.
    pub warnings: Vec<String>,
    settings: Vec<Setting>,
}

/// One key, for `gloss check` and for comparing.
#[derive(Debug, Clone)]
struct Setting {
    key: String,
    /// As it is shown.
    value: String,
    /// What it is, where it is not shown.
    secret: Option<SecretString>,
    origin: String,
}

/// Loads and checks a configuration.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let layered = layers::layer(sources)?;
    let values = layers::flatten(&layered.raw);
    let config = checks::check(&layered.raw).map_err(|mut error| {
        if let Some(origin) = layered.origins.get(&error.key) {
            error.value = format!("{} (from {origin})", error.value);
        }
        error
    })?;
    Ok(Loaded { config, warnings: layered.warnings, settings: settings(values, &layered.origins) })
}

/// What `admin.listen` says, whether the rest of the configuration is good or not; its default, where nothing can be read.
pub fn admin_listen(sources: &Sources) -> String {
    let layered = layers::layer(sources).map(|layered| layered.raw);
    layered.unwrap_or_default().admin.listen
}

fn settings(values: BTreeMap<String, Value>, origins: &BTreeMap<String, String>) -> Vec<Setting> {
    let setting = |(key, value): (String, Value)| {
        let origin = origins.get(&key).cloned().unwrap_or_default();
        let (value, secret) = match value {
            Value::String(_, text) if layers::is_secret(&key) && !text.is_empty() => {
                (format!("\"{MASK}\""), Some(SecretString::from(text)))
            }
            value => (shown::as_toml(&value), None),
        };
        Setting { key, value, secret, origin }
    };
    values.into_iter().map(setting).collect()
}

impl Loaded {
    /// Every key with its value and where it came from, as TOML that could be a file. Secrets are masked.
    pub fn describe(&self) -> String {
        // Writing to a String cannot fail.
        let mut text = String::new();
        let mut section = "";
        let (top, nested): (Vec<_>, Vec<_>) =
            self.settings.iter().partition(|setting| !setting.key.contains('.'));
        for setting in top.into_iter().chain(nested) {
            let (table, name) = setting.key.split_once('.').unwrap_or(("", &setting.key));
            if table != section {
                section = table;
                let _ = writeln!(text, "\n[{table}]");
            }
            let line = format!("{name} = {}", setting.value);
            let _ = writeln!(text, "{line:<48} # {}", setting.origin);
        }
        text
    }
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
