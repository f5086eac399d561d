//! What distinguishes a configuration from the one that is in force, and what of it cannot come into force.

use std::fmt;

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::{Loaded, Setting};

/// Keys that the process is bound to at its start. A name that ends in a dot stands for every key below it.
const FIXED: [&str; 9] = [
    "listen",
    "admin.listen",
    "proxy.preserve_header_case",
    "rollout.persist",
    "server.",
    "telemetry.log_format",
    "telemetry.otlp_endpoint",
    "telemetry.trace_propagate",
    "telemetry.trace_sample_ratio",
];

/// Whether the process is bound to this key at its start.
pub(super) fn is_fixed(key: &str) -> bool {
    FIXED.iter().any(|fixed| match fixed.strip_suffix('.') {
        Some(section) => key.split_once('.').is_some_and(|(table, _)| table == section),
        None => key == *fixed,
    })
}

/// A key with another value than before. Shown as `key = value`, secrets masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// Its value now, as TOML; a secret is masked.
    pub value: String,
}

impl Change {
    /// The first part of the key: the table of the file that it stands in.
    pub fn section(&self) -> &str {
        self.key.split('.').next().unwrap_or_default()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.key, self.value)
    }
}

impl Loaded {
    /// The keys whose values are not what they are in `other`, in alphabetical order. A prior whose file was written
    /// anew is among them.
    pub fn changes_since(&self, other: &Self) -> Vec<Change> {
        let prior_differs = self.config.prior != other.config.prior;
        let differs = |(new, old): &(&Setting, &Setting)| {
            !new.is_as(old) || (new.key == "analysis.prior" && prior_differs)
        };
        let pairs = self.settings.iter().zip(&other.settings);
        pairs.filter(differs).map(|(new, _)| new.change()).collect()
    }

    /// Gives the keys that a process cannot change the values that they have in `running`, and tells which those were.
    pub fn keep_what_is_fixed(&mut self, running: &Self) -> Vec<Change> {
        let mut waiting = Vec::new();
        let moved = |key: &str, loaded: &Self| loaded.setting(key) != running.setting(key);
        // Whether a listener needs a token depends on where it listens, so that all of it changes or nothing.
        let admin_moved = moved("admin.listen", self);
        for (new, old) in self.settings.iter_mut().zip(&running.settings) {
            if (is_fixed(&new.key) || (admin_moved && new.key.starts_with("admin."))) && !new.is_as(old) {
                waiting.push(new.change());
                *new = old.clone();
            }
        }
        self.config.listen = running.config.listen.clone();
        self.config.rollout_kept.clone_from(&running.config.rollout_kept);
        self.config.server = running.config.server;
        self.config.telemetry.log_format = running.config.telemetry.log_format;
        self.config.telemetry.traces.clone_from(&running.config.telemetry.traces);
        if admin_moved {
            self.config.admin.clone_from(&running.config.admin);
        }
        waiting
    }

    /// A number that is the same for the same values, so that replicas can be compared; 48 bits, which a metric holds
    /// exactly. Secrets have no part in it.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Sha256::new();
        for setting in &self.settings {
            hash.update(format!("{} = {}\n", setting.key, setting.value));
        }
        hash.finalize().iter().take(6).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|setting| setting.key == key).map(|setting| setting.value.as_str())
    }
}

impl Setting {
    /// Whether the value is the same, wherever it came from.
    fn is_as(&self, other: &Self) -> bool {
        let secret = |setting: &Self| setting.secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        self.value == other.value && secret(self) == secret(other)
    }

    fn change(&self) -> Change {
        Change { key: self.key.clone(), value: self.value.clone() }
    }
}
