//! Asks those who listen what they are: a service of workflows describes its status route in `/openapi.json`.
//!
//! One request each, with little patience; whoever does not answer so is none.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::join_all;
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::time::timeout;

use super::host::Listener;
use crate::commands::gateway;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
const DESCRIPTION: &str = "/openapi.json";
/// Where services are, as a rule.
const USUAL_PORTS: [u16; 6] = [8000, 8080, 8881, 5000, 3000, 80];
/// So many are asked at most.
const MOST_ASKED: usize = 64;

/// Somebody who answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) url: String,
    /// Its port, where it is one of this host.
    pub(super) port: Option<u16>,
    /// What it calls itself.
    pub(super) title: Option<String>,
    /// The paths that it describes to be read by GET; `None` without a description.
    pub(super) paths: Option<Vec<String>>,
}

impl Service {
    /// The route of a run's status, as gloss writes it: the usual one, or the one that looks most like it.
    pub(super) fn status_route(&self) -> Option<String> {
        let routes = self.paths.iter().flatten().filter_map(|path| as_route(path));
        routes.min_by_key(|route| (!route.contains("/run/"), !route.contains("workflow"), route.len()))
    }
}

/// A described path as a route: its last segment is `status`, and the one before it names a run.
fn as_route(path: &str) -> Option<String> {
    let before = path.strip_suffix("/status")?;
    let (before, parameter) = before.rsplit_once('/')?;
    let parameter = parameter.strip_prefix('{')?.strip_suffix('}')?;
    let names_a_run = parameter.contains("run") || parameter == "id" || before.ends_with("/run");
    (names_a_run && !before.contains('{')).then(|| format!("{before}/{{run_id}}/status"))
}

/// The service at this URL, whether it describes itself or not. Has to be called on a tokio runtime.
///
/// # Errors
/// When it is no URL, or nobody answers there.
pub(super) async fn at(url: &str, headers: &[(HeaderName, HeaderValue)]) -> Result<Service> {
    let client = gateway::to(url)?;
    let asked = timeout(PATIENCE * 5, gateway::get(&client, DESCRIPTION, headers)).await;
    let answered = asked
        .map_err(|_elapsed| anyhow::anyhow!("it does not answer"))
        .and_then(|answered| answered.map_err(anyhow::Error::msg));
    let answer = answered.with_context(|| format!("--upstream {url}: is the service running?"))?;
    let (title, paths) = described(&answer.body);
    let url = url.trim_end_matches('/');
    let authority = url.strip_prefix("http://").and_then(|rest| rest.parse::<http::uri::Authority>().ok());
    let local = authority.filter(|authority| {
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    });
    let port = local.map(|authority| authority.port_u16().unwrap_or(80));
    Ok(Service { url: url.to_owned(), port, title, paths })
}

/// The services of workflows among those who listen on this host, or on these of its ports. Has to be called on a tokio
/// runtime.
pub(super) async fn among(
    listeners: &[Listener],
    ports: &[u16],
    headers: &[(HeaderName, HeaderValue)],
) -> Vec<Service> {
    let is_likely = |listener: &&Listener| {
        USUAL_PORTS.contains(&listener.port)
            || listener.process.as_ref().is_some_and(|process| process.is_python)
    };
    let asked: Vec<u16> = if ports.is_empty() {
        listeners.iter().filter(is_likely).map(|listener| listener.port).take(MOST_ASKED).collect()
    } else {
        ports.to_vec()
    };
    let answers = join_all(asked.into_iter().map(|port| ask(port, headers))).await;
    answers
        .into_iter()
        .flatten()
        .filter(|service| service.status_route().is_some() || !ports.is_empty())
        .collect()
}

async fn ask(port: u16, headers: &[(HeaderName, HeaderValue)]) -> Option<Service> {
    let url = format!("http://127.0.0.1:{port}");
    let client = gateway::to(&url).ok()?;
    let answer = timeout(PATIENCE, gateway::get(&client, DESCRIPTION, headers)).await.ok()?.ok()?;
    let (title, paths) = described(&answer.body);
    Some(Service { url, port: Some(port), title, paths })
}

fn described(body: &[u8]) -> (Option<String>, Option<Vec<String>>) {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let paths = document["paths"].as_object().map(|paths| {
        paths.iter().filter(|(_, item)| item.get("get").is_some()).map(|(path, _)| path.clone()).collect()
    });
    let title = document["info"]["title"].as_str().map(|title| title.replace(char::is_control, " "));
    (title, paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(paths: &[&str]) -> Option<String> {
        let paths = Some(paths.iter().map(|path| (*path).to_owned()).collect());
        Service { paths, ..Service::default() }.status_route()
    }

    #[test]
    fn the_status_route_is_the_described_one_that_names_a_run() {
        let usual = "/api/v1/workflows/claude-code/run/{run_id}/status";
        assert_eq!(route(&["/health/status", "/users/{user}/status", usual]).as_deref(), Some(usual));
        assert_eq!(route(&["/v2/runs/{id}/status"]).as_deref(), Some("/v2/runs/{run_id}/status"));
        assert_eq!(route(&["/{tenant}/run/{run_id}/status", "/status", "/x/{y}/status"]), None);
        assert_eq!(Service::default().status_route(), None);
    }

    #[test]
    fn a_description_is_read_for_what_can_be_fetched() {
        let body = br#"{"info":{"title":"A\u0007pi"},"paths":{"/a":{"get":{}},"/b":{"post":{}}}}"#;
        assert_eq!(described(body), (Some("A pi".into()), Some(vec!["/a".into()])));
        assert_eq!(described(b"<html>"), (None, None));
    }
}
