//! Which processes listen on this host, as far as the kernel tells this user.
//!
//! Of another user's process only the port shows. Elsewhere than on Linux nothing does.

use std::path::PathBuf;

/// A port that somebody listens on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) port: u16,
    /// Whose it is; `None` where that does not show.
    pub(super) process: Option<Listening>,
}

/// A process that listens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listening {
    pub(super) id: i32,
    /// The name of its program; not its arguments, which may hold secrets.
    pub(super) program: String,
    /// Whether it is one that services written in Python run by.
    pub(super) is_python: bool,
    pub(super) folder: Option<PathBuf>,
    /// The files that it has open.
    pub(super) files: Vec<PathBuf>,
}

/// Every port that is listened on, by number.
#[cfg(target_os = "linux")]
pub(super) fn listeners() -> Vec<Listener> {
    let mut owners = owners();
    let tables = [procfs::net::tcp(), procfs::net::tcp6()];
    let entries = tables.into_iter().flatten().flatten();
    let listening = entries.filter(|entry| entry.state == procfs::net::TcpState::Listen);
    let mut found: Vec<Listener> = listening
        .map(|entry| Listener { port: entry.local_address.port(), process: owners.remove(&entry.inode) })
        .collect();
    // A port may be there twice, for both families: what is known of its owner counts.
    found.sort_by_key(|listener| (listener.port, listener.process.is_none()));
    found.dedup_by_key(|listener| listener.port);
    found
}

/// The processes by the sockets that they have open.
#[cfg(target_os = "linux")]
fn owners() -> std::collections::HashMap<u64, Listening> {
    use procfs::process::{FDTarget, Process, all_processes};
    let describe = |process: &Process| {
        let descriptors: Vec<_> = process.fd().ok()?.flatten().map(|descriptor| descriptor.target).collect();
        let mut words = process.cmdline().unwrap_or_default().into_iter();
        let program = words.next().unwrap_or_default();
        let script = words.find(|word| !word.starts_with('-')).unwrap_or_default();
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let is_python = ["python", "uvicorn", "gunicorn", "hypercorn", "granian"]
            .iter()
            .any(|known| name(&program).starts_with(known) || name(&script).starts_with(known));
        let files = descriptors.iter().filter_map(|target| match target {
            FDTarget::Path(path) => Some(path.clone()),
            _ => None,
        });
        let (program, files) = (name(&program), files.collect());
        let folder = process.cwd().ok();
        let described = Listening { id: process.pid(), program, is_python, folder, files };
        let sockets = descriptors.iter().filter_map(|target| match target {
            FDTarget::Socket(inode) => Some(*inode),
            _ => None,
        });
        Some(sockets.map(|inode| (inode, described.clone())).collect::<Vec<_>>())
    };
    let Ok(processes) = all_processes() else { return std::collections::HashMap::new() };
    processes.flatten().filter_map(|process| describe(&process)).flatten().collect()
}

/// Every port that is listened on: nothing says so here.
#[cfg(not(target_os = "linux"))]
pub(super) fn listeners() -> Vec<Listener> {
    Vec::new()
}
