//! What systemd is told: `sd_notify(3)` over a real socket, and nothing without one.

use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::PATIENCE;
use crate::support::sidecar::Setup;
use crate::support::upstream::nobody;

/// The manager's end.
struct Manager {
    folder: TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { folder, socket }
    }

    fn watching(&self, setup: Setup) -> Setup {
        setup.variable("NOTIFY_SOCKET", self.folder.path().join("notify").to_str().unwrap())
    }

    /// The lines of the next message.
    fn hears(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("the manager is told");
        String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned).collect()
    }
}

#[test]
fn it_is_told_when_gloss_serves_reloads_and_stops() {
    let manager = Manager::new();
    let mut gloss = manager.watching(Setup::before_address(nobody())).start();
    assert_eq!(manager.hears(), ["READY=1", "STATUS=serving"]);

    gloss.rewrite("rollout.percent", "1.0");
    gloss.signal(Signal::HUP);
    let reloading = manager.hears();
    assert_eq!(reloading[0], "RELOADING=1");
    let since_boot: u64 = reloading[1].strip_prefix("MONOTONIC_USEC=").unwrap().parse().unwrap();
    assert!(since_boot > 0);
    assert_eq!(manager.hears(), ["READY=1", "STATUS=serving"]);

    gloss.rewrite("rollout.percent", "101.0");
    gloss.signal(Signal::HUP);
    assert_eq!(manager.hears()[0], "RELOADING=1");
    let refused = manager.hears();
    assert_eq!(refused[0], "READY=1");
    assert!(refused[1].contains("refused"), "{refused:?}");

    gloss.signal(Signal::TERM);
    assert_eq!(manager.hears()[0], "STOPPING=1");
    assert_eq!(gloss.ended().code(), Some(0));
}

#[test]
fn its_watchdog_is_fed_where_it_has_one() {
    let manager = Manager::new();
    let setup = manager.watching(Setup::before_address(nobody())).variable("WATCHDOG_USEC", "20000");
    let _gloss = setup.start();
    let heard: Vec<_> = (0..4).flat_map(|_| manager.hears()).collect();
    assert!(heard.iter().filter(|line| *line == "WATCHDOG=1").count() >= 3, "{heard:?}");
}

#[test]
fn a_manager_that_does_not_listen_costs_a_log_line() {
    let gloss = Setup::before_address(nobody()).variable("NOTIFY_SOCKET", "/nowhere/at/all").start();
    assert_eq!(gloss.get("/", &[]).status, 502);
    assert!(gloss.stderr().contains("the service manager could not be told"), "{}", gloss.stderr());
}
