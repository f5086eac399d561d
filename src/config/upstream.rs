//! Checks what is said of the upstream and of forwarding to it.
//!
//! For an `https://` upstream the certificates that are trusted are read here, so that a file that is no good is refused
//! with its key.

use std::path::PathBuf;

use super::checks::{count, duration, refuse};
use super::error::ConfigError;
use super::raw;
use super::types::{ProxyConfig, UpstreamConfig};
use crate::proxy::{
    Forwarding, HopParams, TlsParams, TlsSetupError, Upstream, UpstreamError, UpstreamUrlError,
};

/// How an upstream is written.
const URL_HINT: &str = "write it as http://HOST:PORT, https://HOST:PORT or unix:/path/to.sock";

/// Checks the section `upstream`.
pub(super) fn check(raw: &raw::Upstream) -> Result<UpstreamConfig, ConfigError> {
    Ok(UpstreamConfig {
        url: upstream(raw)?,
        connect_timeout: duration("upstream.connect_timeout", &raw.connect_timeout)?,
        response_timeout: duration("upstream.response_timeout", &raw.response_timeout)?,
        idle_timeout: duration("upstream.idle_timeout", &raw.idle_timeout)?,
        max_idle: count("upstream.max_idle", raw.max_idle, 0..=100_000)?,
    })
}

fn upstream(raw: &raw::Upstream) -> Result<Upstream, ConfigError> {
    if raw.url.is_empty() {
        let hint = "set --upstream, GLOSS_UPSTREAM or upstream.url to the service's address, such as http://127.0.0.1:8000";
        return Err(refuse("upstream.url", "nothing", "it is missing", hint));
    }
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let tls = TlsParams {
        ca_file: given(&raw.tls.ca_file).map(PathBuf::from),
        server_name: given(&raw.tls.server_name),
    };
    Upstream::parse(&raw.url, &tls).map_err(|error| match error {
        UpstreamError::Url(reason) => refuse_url(&raw.url, reason),
        UpstreamError::Tls(reason) => refuse_tls(raw, reason),
    })
}

fn refuse_url(url: &str, reason: UpstreamUrlError) -> ConfigError {
    // A URL may hold credentials; only its scheme and what follows them is shown.
    let shown = url.rsplit_once('@').map_or(url.to_owned(), |(_, after)| format!("…@{after}"));
    refuse("upstream.url", &shown, reason, URL_HINT)
}

fn refuse_tls(raw: &raw::Upstream, reason: TlsSetupError) -> ConfigError {
    let hint = match &reason {
        TlsSetupError::CaFile(_) => {
            "name a file with the certificates of those who sign for the upstream, as PEM"
        }
        TlsSetupError::ServerName => {
            "leave upstream.tls.server_name empty for the URL's host, or write it like api.internal"
        }
        TlsSetupError::NoRoots(_) => "install the system's CA certificates, or name a file of your own",
    };
    match &reason {
        TlsSetupError::ServerName if raw.tls.server_name.is_empty() => {
            refuse("upstream.url", &raw.url, reason, hint)
        }
        TlsSetupError::ServerName => refuse("upstream.tls.server_name", &raw.tls.server_name, reason, hint),
        TlsSetupError::CaFile(_) | TlsSetupError::NoRoots(_) => {
            refuse("upstream.tls.ca_file", &raw.tls.ca_file, reason, hint)
        }
    }
}

/// Checks the section `proxy`.
pub(super) fn check_proxy(raw: &raw::Proxy) -> Result<ProxyConfig, ConfigError> {
    Ok(ProxyConfig {
        rewrite_host: raw.rewrite_host,
        hops: HopParams {
            forwarded: forwarding("proxy.forwarded", &raw.forwarded)?,
            x_forwarded: forwarding("proxy.x_forwarded", &raw.x_forwarded)?,
            via: raw.via,
        },
        preserve_header_case: raw.preserve_header_case,
    })
}

fn forwarding(key: &str, word: &str) -> Result<Forwarding, ConfigError> {
    Forwarding::from_word(word)
        .ok_or_else(|| refuse(key, word, "it is not a way of forwarding", "use off, append or set"))
}
