//! Connections to the upstream that are open and have nothing to do.
//!
//! Last in, first out, so that a quiet time lets the surplus run dry; dropped before the upstream closes them itself
//! (uvicorn does after five seconds), because a request that crosses with such a close is lost. A cloned handle is the
//! same pool; a runtime per core would have one each.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::connect::{Connection, Speaker};
use super::http1::Exchange;
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
    idle: Mutex<VecDeque<Idle>>,
}

struct Idle {
    connection: Box<Connection>,
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
    ///
    /// One that the library speaks on where it is to, and one that gloss does where not, as far as there are both.
    pub(super) fn take(&self, now: Instant, by_library: bool) -> Option<Box<Connection>> {
        self.0.take(now, by_library)
    }

    /// A claim on the pool that gives `connection` back when it is dropped; it is for the answer to `upload`.
    pub(super) fn lease(&self, connection: Box<Connection>, upload: Upload) -> Lease {
        Lease { connection: Some(connection), upload, pool: Arc::downgrade(&self.0) }
    }
}

impl Shared {
    fn take(&self, now: Instant, by_library: bool) -> Option<Box<Connection>> {
        let mut busy = Vec::new();
        let found = loop {
            let Some(mut last) = self.pop(now, by_library) else { break None };
            // Where the upstream has closed it, this is the moment to see that.
            if last.connection.is_usable() {
                break Some(last.connection);
            }
            // One that is still finishing its last exchange is left for later.
            if last.connection.may_be_usable() && last.connection.task().is_some() {
                busy.push(last);
            }
        };
        if !busy.is_empty() {
            self.lock().extend(busy.into_iter().rev());
        }
        found
    }

    fn pop(&self, now: Instant, by_library: bool) -> Option<Idle> {
        let mut idle = self.lock();
        self.drop_expired(&mut idle, now);
        let fits = |idle: &Idle| idle.connection.task().is_some() == by_library;
        match idle.iter().rposition(fits) {
            Some(place) => idle.remove(place),
            None => idle.pop_back(),
        }
    }

    fn put(&self, connection: Box<Connection>, now: Instant) {
        if !connection.may_be_usable() {
            return;
        }
        let mut idle = self.lock();
        if idle.len() < self.params.max_idle {
            idle.push_back(Idle { connection, since: now });
        }
    }

    fn drop_expired(&self, idle: &mut VecDeque<Idle>, now: Instant) {
        while let Some(oldest) = idle.front()
            && now.saturating_duration_since(oldest.since) >= self.params.idle_timeout
        {
            idle.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn reap(shared: Weak<Shared>, every: Duration) {
    let mut tick = interval(every.max(Duration::from_millis(10)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        shared.drop_expired(&mut shared.lock(), Instant::now());
    }
}

/// A connection that is in use and goes back to its pool when this is dropped.
pub(super) struct Lease {
    connection: Option<Box<Connection>>,
    upload: Upload,
    pool: Weak<Shared>,
}

impl Lease {
    /// A claim on a connection that serves no other request.
    pub(super) fn for_once(connection: Box<Connection>, upload: Upload) -> Self {
        Self { connection: Some(connection), upload, pool: Weak::new() }
    }
}

impl Lease {
    /// The connection, where gloss itself speaks on it.
    pub(super) fn exchange(&mut self) -> Option<&mut Exchange> {
        match &mut self.connection.as_mut()?.speaker {
            Speaker::Own(exchange) => Some(exchange),
            Speaker::Library(_) => None,
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if let Some(task) = connection.task() {
            self.upload.answer_ends(task);
        }
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
