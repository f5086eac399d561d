//! What is written, decided from what was told and what was found. Pure.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::folders::LogFolder;
use super::host::Listener;
use super::services::Service;
use crate::route::DEFAULT_STATUS_ROUTE;

/// What flags say.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) listen: Option<String>,
    pub(super) logs: Option<String>,
    /// What is wrong with these logs, if that shows.
    pub(super) trouble: Option<String>,
    pub(super) route: Option<String>,
}

/// What is written.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) service: Service,
    /// The service's process, as it is shown; `None` where it is not known.
    pub(super) process: Option<String>,
    /// Where clients connect; `None` where the default will do.
    pub(super) listen: Option<String>,
    /// The same for operators.
    pub(super) admin: Option<String>,
    pub(super) route: Route,
    pub(super) logs: Logs,
}

/// Where status requests come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// As by default, and described so.
    Usual,
    /// Another one, described or told.
    Other(String),
    /// As by default, which nothing confirms.
    Unconfirmed,
}

/// Where logs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Logs {
    /// As a flag says; what is wrong with it, if that shows.
    Told(String, Option<String>),
    /// The best one, and others that have logs, too.
    Found(LogFolder, Vec<PathBuf>),
    NotFound,
}

/// The ports of this host that gloss listens on by default, for clients and for operators, and those from which another one is
/// taken where the service has one of these.
const CLIENTS: u16 = 8880;
const OPERATORS: u16 = 8881;
const OTHERS: std::ops::RangeInclusive<u16> = 8882..=8885;

/// Where to listen instead of at this port of this host, where somebody has it; `None` where nobody has.
fn instead_of(port: u16, taken: &[Option<u16>]) -> Option<String> {
    let is_free = |port: &u16| !taken.contains(&Some(*port));
    if is_free(&port) {
        return None;
    }
    OTHERS.into_iter().find(is_free).map(|other| format!("127.0.0.1:{other}"))
}

/// The port of an address.
fn port_of(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.parse().ok()
}

/// The only one.
///
/// # Errors
/// When there is none, or more than one: what to say then.
pub(super) fn the_one(mut services: Vec<Service>, listeners: &[Listener]) -> Result<Service> {
    match services.len() {
        0 => {
            let ports: Vec<_> = listeners.iter().map(|listener| listener.port.to_string()).collect();
            bail!(
                "no service that describes a run's status was found on this host: say where it is by --upstream URL or \
                 --port N; ports that are listened on here: {}",
                if ports.is_empty() { "none is seen".to_owned() } else { ports.join(", ") }
            )
        }
        1 => Ok(services.remove(0)),
        _ => {
            let urls: Vec<_> = services.iter().map(|service| service.url.as_str()).collect();
            bail!("there are several services here: say which one by --upstream: {}", urls.join(", "))
        }
    }
}

impl Choice {
    /// What flags say comes first, then what was found; `folders` has the most likely one first.
    pub(super) fn of(
        told: Told,
        service: Service,
        owner: Option<&Listener>,
        folders: Vec<LogFolder>,
    ) -> Self {
        let route = match (told.route, service.status_route()) {
            (Some(told), _) if told == DEFAULT_STATUS_ROUTE => Route::Usual,
            (Some(told), _) => Route::Other(told),
            (None, Some(described)) if described == DEFAULT_STATUS_ROUTE => Route::Usual,
            (None, Some(described)) => Route::Other(described),
            (None, None) => Route::Unconfirmed,
        };
        let mut folders = folders.into_iter();
        let logs = match (told.logs, folders.next()) {
            (Some(place), _) => Logs::Told(place, told.trouble),
            (None, Some(best)) => Logs::Found(best, folders.map(|folder| folder.path).collect()),
            (None, None) => Logs::NotFound,
        };
        let process = owner.and_then(|listener| listener.process.as_ref());
        let process = process.map(|process| format!("{} (process {})", process.program, process.id));
        // The service's own port is one that gloss, beside it, cannot have.
        let listen = told.listen.or_else(|| instead_of(CLIENTS, &[service.port]));
        let clients = listen.as_deref().map_or(Some(CLIENTS), port_of);
        let admin = instead_of(OPERATORS, &[service.port, clients]);
        Self { service, process, listen, admin, route, logs }
    }
}
