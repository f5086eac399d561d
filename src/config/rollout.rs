//! Checks the keys of `[rollout]`, and reads what an earlier life of the process kept of it.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use serde_json::Value;

use super::checks::{header, refuse};
use super::error::ConfigError;
use super::raw;
use super::types::KeptRollout;
use crate::rollout::{AccessRule, KeyHash, OptIn, Overrides, Percent, Rollout};
use crate::telemetry::MASK;
use crate::variant::Variant;

/// Headers in `secret` cannot stand in a rule: their values would be credentials.
pub(super) fn check(raw: &raw::Rollout, secret: &[HeaderName]) -> Result<Rollout, ConfigError> {
    let percent = Percent::new(raw.percent).ok_or_else(|| {
        refuse(
            "rollout.percent",
            &raw.percent.to_string(),
            "it has to be between 0 and 100",
            "0.5 is half a percent",
        )
    })?;
    let default = Variant::from_word(&raw.default).ok_or_else(|| {
        refuse("rollout.default", &raw.default, "it is not a variant", "use basic, enhanced or shadow")
    })?;
    let opt_in = OptIn::from_word(&raw.opt_in).ok_or_else(|| {
        refuse("rollout.opt_in", &raw.opt_in, "it does not say whose", "use anyone, rules or nobody")
    })?;
    let rules = |key: &str, rules: &[raw::AccessRule]| {
        rules.iter().map(|one| rule(key, one, secret)).collect::<Result<Vec<_>, _>>()
    };
    let allow = rules("rollout.allow", &raw.allow)?;
    if let Some(AccessRule::Workflow(name)) = allow.iter().find(|r| matches!(r, AccessRule::Workflow(_))) {
        let reason = "a request does not tell its workflow, so that none can be chosen by it";
        return Err(refuse("rollout.allow", name, reason, "use header, api_key_sha256 or client"));
    }
    let deny = rules("rollout.deny", &raw.deny)?;
    Ok(Rollout { enabled: raw.enabled, deny, allow, opt_in, percent, default, salt: raw.salt.clone() })
}

fn rule(key: &str, raw: &raw::AccessRule, secret: &[HeaderName]) -> Result<AccessRule, ConfigError> {
    let raw::AccessRule { header, value, api_key_sha256, client, workflow } = raw;
    match (header, value, api_key_sha256, client, workflow) {
        (Some(name), value, None, None, None) => by_header(key, name, value.as_deref(), secret),
        (None, None, Some(hash), None, None) => {
            let hint = "64 hexadecimal digits, as printf %s \"$KEY\" | sha256sum prints them";
            // Not shown: it may be the key itself.
            let hash = KeyHash::from_hex(hash.reveal());
            hash.map(AccessRule::Key).ok_or_else(|| refuse(key, MASK, "it is not a SHA-256", hint))
        }
        (None, None, None, Some(text), None) => network(key, text).map(AccessRule::Client),
        (None, None, None, None, Some(name)) if !name.is_empty() => Ok(AccessRule::Workflow(name.clone())),
        _ => {
            let given = [
                header.as_ref().map(|_| "header"),
                value.as_ref().map(|_| "value"),
                api_key_sha256.as_ref().map(|_| "api_key_sha256"),
                client.as_ref().map(|_| "client"),
                workflow.as_ref().map(|_| "workflow"),
            ];
            let given = given.into_iter().flatten().collect::<Vec<_>>().join(", ");
            let hint = "such as { header = \"x-team\", value = \"a\" } or { client = \"10.0.0.0/8\" }";
            Err(refuse(
                key,
                &given,
                "a rule has one of header, api_key_sha256, client and workflow; value only beside header",
                hint,
            ))
        }
    }
}

fn by_header(
    key: &str,
    name: &str,
    value: Option<&str>,
    secret: &[HeaderName],
) -> Result<AccessRule, ConfigError> {
    let name = header(key, name)?;
    if value.is_some() && secret.contains(&name) {
        let hint = "use { api_key_sha256 = \"…\" }, the SHA-256 of the key";
        return Err(refuse(key, name.as_str(), "the value of this header is a credential", hint));
    }
    let value = value.map(|value| {
        HeaderValue::from_str(value).map_err(|_| {
            refuse(key, value, "it cannot be the value of a header", "printable ASCII, as callers send it")
        })
    });
    Ok(AccessRule::Header(name, value.transpose()?))
}

/// `10.0.0.0/8`, or one address.
fn network(key: &str, text: &str) -> Result<IpNet, ConfigError> {
    let one = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(one).ok_or_else(|| {
        refuse(
            key,
            text,
            "it is neither an address nor a network",
            "such as 192.0.2.1, 10.0.0.0/8 or fd00::/8",
        )
    })
}

/// What the file of this name keeps; without a name, nothing is kept.
#[expect(clippy::disallowed_methods, reason = "the file is read once at the start, as the configuration is")]
pub(super) fn kept(path: &str) -> Result<Option<KeptRollout>, ConfigError> {
    if path.is_empty() {
        return Ok(None);
    }
    let file = PathBuf::from(path);
    let hint = "correct or remove the file; gloss writes it when the rollout is set at run time";
    let refused = |reason: String| refuse("rollout.persist", path, reason, hint);
    let overrides = match std::fs::read_to_string(&file) {
        Ok(text) => {
            let fields = serde_json::from_str::<Value>(&text)
                .map_err(|error| refused(format!("what it keeps is no JSON: {error}")))?;
            Overrides::default()
                .change(&fields)
                .map_err(|error| refused(format!("what it keeps cannot be used: {error}")))?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && has_folder(&file) => Overrides::default(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(refuse("rollout.persist", path, "its folder is not there", "make the folder"));
        }
        Err(error) => return Err(refused(format!("it cannot be read: {error}"))),
    };
    Ok(Some(KeptRollout { file, overrides }))
}

fn has_folder(file: &Path) -> bool {
    file.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir())
}
