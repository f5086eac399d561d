//! Connections to the upstream that are open and have nothing to do.
//!
//! Last in, first out, so that a quiet time lets the surplus run dry; dropped before the upstream closes them itself
//! (uvicorn does after five seconds), because a request that crosses with such a close is lost. A cloned handle is the
//! same pool; a runtime per core would have one each.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::connect::Connection;
use super::upload::Upload;

/// The pool's limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolParams {
    /// How long a connection may lie idle; less than the upstream's own keep-alive.
    pub(super) idle_timeout: Duration,
    /// How many connections may lie idle.
    pub(super) max_idle: usize,
}

/// A pool for one upstream.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    params: PoolParams,
    /// Oldest first.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// An empty pool, and a task that closes what lies idle too long, for as long as the pool lives.
    pub(super) fn new(params: PoolParams) -> Self {
        let shared = Arc::new(Shared { params, idle: Mutex::default() });
        tokio::spawn(reap(Arc::downgrade(&shared), params.idle_timeout / 4));
        Self(shared)
    }

    /// The connection used last which is still good; `None` when a new one has to be made.
    pub(super) fn take(&self) -> Option<Connection> {
        self.0.take(Instant::now())
    }

    /// A claim on the pool that gives `connection` back when it is dropped; it is for the answer to `upload`.
    pub(super) fn lease(&self, connection: Connection, upload: Upload) -> Lease {
        Lease { connection: Some(connection), upload, pool: Arc::downgrade(&self.0) }
    }
}

impl Shared {
    fn take(&self, now: Instant) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        self.drop_expired(&mut idle, now);
        // One that is open but not ready yet is still finishing its last exchange: leave it for later.
        let at = idle.iter().rposition(|idle| idle.connection.sender.is_ready())?;
        Some(idle.remove(at).connection)
    }

    fn put(&self, connection: Connection, now: Instant) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.params.max_idle && !connection.sender.is_closed() {
            idle.push(Idle { connection, since: now });
        }
    }

    fn drop_expired(&self, idle: &mut Vec<Idle>, now: Instant) {
        idle.retain(|idle| {
            !idle.connection.sender.is_closed()
                && now.saturating_duration_since(idle.since) < self.params.idle_timeout
        });
    }
}

async fn reap(shared: Weak<Shared>, every: Duration) {
    let mut tick = interval(every.max(Duration::from_millis(10)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        let mut idle = shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        shared.drop_expired(&mut idle, Instant::now());
    }
}

/// A connection that is in use and goes back to its pool when this is dropped.
pub(super) struct Lease {
    connection: Option<Connection>,
    upload: Upload,
    pool: Weak<Shared>,
}

impl Lease {
    /// A claim on a connection that is closed when this is dropped.
    pub(super) fn for_once(connection: Connection, upload: Upload) -> Self {
        Self { connection: Some(connection), upload, pool: Weak::new() }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        self.upload.answer_ends(&connection.task);
        if let Some(pool) = self.pool.upgrade() {
            pool.put(connection, Instant::now());
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("params", &self.0.params).finish_non_exhaustive()
    }
}
