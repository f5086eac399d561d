//! `gloss health`: whether a gloss may be sent clients, as an exit code; for the health checks of containers, whose images
//! have no shell and no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use http::StatusCode;

use super::gateway;
use crate::config::{self, Sources};

const EXAMPLES: &str = "\
Examples:
  # By admin.listen of the configuration, in GLOSS_CONFIG or GLOSS_ADMIN
  gloss health
  gloss health --url http://127.0.0.1:8881 --timeout 1s
  # In a Dockerfile
  HEALTHCHECK CMD [\"gloss\", \"health\"]

Ends with 0 if gloss is ready, with 1 if it is not, drains, or does not answer. It needs no token.";

/// Ask the admin listener whether gloss may be sent clients
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Where the admin listener is [default: as the configuration says, else port 8881 of this host]
    #[arg(long, value_name = "ADMIN_URL")]
    url: Option<String>,
    /// The configuration file (TOML), where the environment does not name it; only admin.listen counts
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    config: Option<PathBuf>,
    /// How long an answer may take
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let url = if let Some(url) = &args.url {
        url.clone()
    } else {
        let listen = config::admin_listen(&Sources::from_process(args.config.clone(), Vec::new()));
        admin_url(&listen).ok_or_else(|| anyhow!("admin.listen is '{listen}': there is nobody to ask"))?
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answered = runtime.block_on(async {
        let service = gateway::to(&url)?;
        let asked = gateway::get(&service, "/readyz", &[]);
        anyhow::Ok(tokio::time::timeout(args.timeout, asked).await)
    })?;
    match answered {
        Ok(Ok(answer)) if answer.status == StatusCode::OK => Ok(()),
        Ok(Ok(answer)) => bail!("{url} answers {}: not ready", answer.status),
        Ok(Err(why)) => bail!("{url} does not answer: {why}"),
        Err(_elapsed) => bail!("{url} does not answer within {}", humantime::format_duration(args.timeout)),
    }
}

/// Where an admin listener is asked that listens so; on every address means on loopback, too. `None` where there is none.
pub(super) fn admin_url(listen: &str) -> Option<String> {
    if listen == "off" {
        return None;
    }
    let Ok(address) = listen.parse::<SocketAddr>() else { return Some(format!("http://{listen}")) };
    Some(format!("http://{}", reachable(address)))
}

/// An address that leads to whoever listens at this one.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        for (listen, url) in [
            ("127.0.0.1:8881", "http://127.0.0.1:8881"),
            ("0.0.0.0:81", "http://127.0.0.1:81"),
            ("[::]:81", "http://[::1]:81"),
            ("localhost:81", "http://localhost:81"),
        ] {
            assert_eq!(admin_url(listen).as_deref(), Some(url));
        }
        assert_eq!(admin_url("off"), None);
    }
}
