//! What systemd is told: `sd_notify(3)` over a real socket, and nothing without one. And the socket that it hands over.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::PATIENCE;
use crate::support::client::{Client, request};
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

#[test]
fn a_socket_that_was_handed_over_counts_and_keeps_those_who_came_before() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let mut early = Client::connect(address);
    let mut gloss = Setup::before_address(nobody()).handed(socket.try_clone().unwrap()).start();
    assert_eq!(gloss.clients, address);
    assert_eq!(early.send(request("GET", "/early", &[])).answer().status, 502);
    assert!(gloss.stderr().contains("listen (http://127.0.0.1:0) does not count"), "{}", gloss.stderr());

    gloss.signal(Signal::TERM);
    assert_eq!(gloss.ended().code(), Some(0));
    // Nobody serves now, and nobody is turned away.
    let mut waiting = Client::connect(address);
    let successor = Setup::before_address(nobody()).handed(socket).start();
    assert_eq!(successor.clients, address);
    assert_eq!(waiting.send(request("GET", "/between", &[])).answer().status, 502);
}

#[test]
fn a_handed_socket_in_the_file_system_stays_when_gloss_ends() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gloss.sock");
    let socket = UnixListener::bind(&path).unwrap();
    let mut gloss = Setup::before_address(nobody()).handed(socket.try_clone().unwrap()).start();
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    gloss.signal(Signal::TERM);
    assert_eq!(gloss.ended().code(), Some(0));
    assert!(path.exists());
}

#[test]
fn what_accepts_no_connections_is_refused() {
    let (status, said) =
        Setup::before_address(nobody()).handed(UdpSocket::bind("127.0.0.1:0").unwrap()).fail();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("the socket of the service manager cannot be used"), "{said}");
}
