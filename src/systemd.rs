//! Tells a service manager how gloss is, in the protocol of systemd's `sd_notify(3)`, and takes the socket that it opened
//! for clients (`sd_listen_fds(3)`).
//!
//! Where `NOTIFY_SOCKET` is not set nothing is sent. A message that cannot be sent is lost and logged: whoever asked for
//! it will notice.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use listenfd::ListenFd;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

/// A socket that listens already, and goes on to when gloss restarts: clients wait in its queue meanwhile.
#[derive(Debug)]
pub enum Handed {
    /// On a TCP port.
    Tcp(TcpListener),
    /// In the file system; the file is the manager's.
    Unix(UnixListener),
}

/// The socket that the manager opened for clients, where it did (`LISTEN_FDS`, `LISTEN_PID`).
///
/// # Errors
/// When there are several, or it is none that accepts connections.
pub fn handed_over() -> io::Result<Option<Handed>> {
    let mut sockets = ListenFd::from_env();
    if sockets.len() > 1 {
        let count = sockets.len();
        return Err(io::Error::other(format!(
            "{count} sockets were handed over, and gloss takes one, for clients"
        )));
    }
    if let Ok(socket) = sockets.take_tcp_listener(0) {
        return Ok(socket.map(Handed::Tcp));
    }
    Ok(sockets.take_unix_listener(0)?.map(Handed::Unix))
}

/// gloss serves, from now on or again; `status` says in words by what.
pub fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The configuration is being read again.
pub fn reloading() {
    // Without its time the message would end the service, where the manager is new enough to ask for it.
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        send(&[NotifyState::Reloading, now]);
    }
}

/// The drain has begun.
pub fn stopping() {
    send(&[NotifyState::Stopping, NotifyState::Status("draining: what is in flight finishes")]);
}

/// Says twice in every interval that the manager allows that gloss is alive, if the manager wants to know; from the
/// runtime that serves, so that a runtime which is stuck falls silent.
pub async fn watchdog() {
    let Some(every) = sd_notify::watchdog_enabled().map(|allowed| allowed / 2) else { return };
    let mut tick = interval(every.max(Duration::from_millis(1)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        send(&[NotifyState::Watchdog]);
    }
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
