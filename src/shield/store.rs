//! The answers that are kept, and one request for all who wait for the same.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::response::Parts;
use moka::Expiry;
use moka::future::Cache;
use tokio::time::Instant;

use super::key::Key;
use super::rules::{Freshness, Lifetime, Verdict};
use crate::proxy::{Body, ProxyError};
use crate::telemetry::Metrics;

/// What an entry takes up beside its body and its headers, in bytes.
const OVERHEAD: usize = 512;

/// A whole answer of the upstream's.
#[derive(Debug)]
pub(super) struct Kept {
    parts: Parts,
    body: Bytes,
    arrived: Instant,
    /// Whether somebody asks for the next one already.
    renewing: AtomicBool,
}

impl Kept {
    pub(super) fn new(parts: Parts, body: Bytes) -> Self {
        Self { parts, body, arrived: Instant::now(), renewing: AtomicBool::new(false) }
    }

    pub(super) fn verdict(&self) -> Verdict {
        Verdict::of(self.parts.status)
    }

    pub(super) fn age(&self) -> Duration {
        self.arrived.elapsed()
    }

    /// The answer, for one more client.
    pub(super) fn response(&self) -> Response<Body> {
        Response::from_parts(self.parts.clone(), Body::from_chunks([self.body.clone()]))
    }

    /// How much memory it takes up, about.
    pub(super) fn bytes(&self) -> usize {
        let headers = self.parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        headers.sum::<usize>() + self.body.len() + OVERHEAD
    }

    /// Whether this call is the one to ask for the next answer.
    fn begins_renewal(&self) -> bool {
        !self.renewing.swap(true, Ordering::AcqRel)
    }
}

/// What came of asking the upstream.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// An answer that all who wait may have; one with status 200 is kept.
    Told(Arc<Kept>),
    /// There is none.
    Failed(Arc<ProxyError>),
    /// Whoever asked has it, and nobody else may.
    Alone,
}

/// What is kept under a key: an answer, or for the moment what came of asking.
#[derive(Debug, Clone)]
struct Entry {
    asked: Asked,
    /// The last good answer, for as long as it may stand in for a failing upstream.
    good: Option<Arc<Kept>>,
}

impl Entry {
    fn new(asked: Asked, before: Option<Arc<Kept>>) -> Self {
        let good = match &asked {
            Asked::Told(kept) => match kept.verdict() {
                Verdict::Replaces => Some(Arc::clone(kept)),
                Verdict::Fails => before,
                Verdict::Ends => None,
            },
            Asked::Failed(_) => before,
            Asked::Alone => None,
        };
        Self { asked, good }
    }

    fn bytes(&self) -> usize {
        let told = match &self.asked {
            Asked::Told(kept) => kept.bytes(),
            Asked::Failed(_) | Asked::Alone => OVERHEAD,
        };
        // Counted twice where both are the same answer: more than it is, never less.
        told + self.good.as_ref().map_or(0, |good| good.bytes())
    }
}

/// How long entries are kept.
struct Until(Lifetime);

impl Until {
    fn left(&self, entry: &Entry) -> Duration {
        let left = |good: &Arc<Kept>| self.0.whole().saturating_sub(good.age());
        entry.good.as_ref().map_or(Duration::ZERO, left)
    }
}

impl Expiry<Key, Entry> for Until {
    fn expire_after_create(&self, _: &Key, entry: &Entry, _: std::time::Instant) -> Option<Duration> {
        Some(self.left(entry))
    }

    fn expire_after_update(
        &self,
        _: &Key,
        entry: &Entry,
        _: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(self.left(entry))
    }
}

/// The answers; a clone is the same store.
#[derive(Debug, Clone)]
pub(super) struct Store {
    entries: Cache<Key, Entry>,
    lifetime: Lifetime,
    metrics: Metrics,
}

/// What is there for a request.
pub(super) enum Found {
    /// An answer to give; whether its next one is to be asked for now.
    Usable(Arc<Kept>, bool),
    /// The upstream has to be asked; what may stand in for it if it fails.
    Nothing(Option<Arc<Kept>>),
}

impl Store {
    /// A store of at most so many bytes.
    pub(super) fn new(lifetime: Lifetime, max_bytes: u64, metrics: Metrics) -> Self {
        let entries = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_: &Key, entry: &Entry| entry.bytes().try_into().unwrap_or(u32::MAX))
            .expire_after(Until(lifetime))
            .build();
        Self { entries, lifetime, metrics }
    }

    /// Looks, without asking anybody.
    pub(super) async fn find(&self, key: &Key) -> Found {
        let Some(good) = self.entries.get(key).await.and_then(|entry| entry.good) else {
            return Found::Nothing(None);
        };
        match self.lifetime.freshness(good.age()) {
            Freshness::Fresh => Found::Usable(good, false),
            Freshness::Aging => {
                let renews = good.begins_renewal();
                Found::Usable(good, renews)
            }
            Freshness::Stale => Found::Nothing(Some(good)),
            Freshness::Over => Found::Nothing(None),
        }
    }

    /// What came of `ask`, or of another's that was under way; whether it was this one's.
    pub(super) async fn ask(&self, key: Key, ask: impl Future<Output = Asked>) -> (Asked, bool) {
        let before = self.entries.get(&key).await.and_then(|entry| entry.good);
        let lifetime = self.lifetime;
        let is_used_up = |entry: &Entry| match &entry.asked {
            Asked::Told(kept) if kept.verdict() == Verdict::Replaces => kept.age() >= lifetime.ttl,
            Asked::Told(_) | Asked::Failed(_) | Asked::Alone => true,
        };
        let asking = async { Entry::new(ask.await, before) };
        let entry = self.entries.entry(key).or_insert_with_if(asking, is_used_up).await;
        let is_own = entry.is_fresh();
        self.count().await;
        (entry.into_value().asked, is_own)
    }

    /// Puts what came of asking in the background in the place of what is kept.
    pub(super) async fn renew(&self, key: Key, kept: &Kept, asked: Asked) {
        let verdict = match &asked {
            Asked::Told(told) => told.verdict(),
            Asked::Failed(_) => Verdict::Fails,
            Asked::Alone => Verdict::Ends,
        };
        match verdict {
            Verdict::Replaces => self.entries.insert(key, Entry::new(asked, None)).await,
            Verdict::Ends => self.entries.invalidate(&key).await,
            // The next poll tries again.
            Verdict::Fails => kept.renewing.store(false, Ordering::Release),
        }
        self.count().await;
    }

    async fn count(&self) {
        self.entries.run_pending_tasks().await;
        self.metrics.shield().size(self.entries.entry_count(), self.entries.weighted_size());
    }
}
