//! Tells an analysis that is merely long from a storage that hangs.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

/// Tells whether the storage is being waited for, and since when.
#[derive(Debug, Clone, Default)]
pub struct StorageWatch(Arc<StorageState>);

#[derive(Debug, Default)]
struct StorageState {
    origin: OnceLock<Instant>,
    /// Microseconds after `origin` at which the operation began, plus one; 0 while there is none.
    busy_since: AtomicU64,
}

impl StorageWatch {
    /// How long the storage has been at its present operation; zero while it is not waited for.
    pub fn waiting(&self, now: Instant) -> Duration {
        let busy_since = self.0.busy_since.load(Ordering::Acquire);
        match (self.0.origin.get(), busy_since.checked_sub(1)) {
            (Some(origin), Some(after)) => {
                now.saturating_duration_since(*origin).saturating_sub(Duration::from_micros(after))
            }
            _ => Duration::ZERO,
        }
    }

    /// Marks the storage as waited for while `operation` runs.
    pub(super) async fn during<T>(&self, operation: impl Future<Output = T>) -> T {
        let now = Instant::now();
        let after = now.saturating_duration_since(*self.0.origin.get_or_init(|| now)).as_micros();
        self.0.busy_since.store(u64::try_from(after).unwrap_or(u64::MAX - 1) + 1, Ordering::Release);
        let outcome = operation.await;
        self.0.busy_since.store(0, Ordering::Release);
        outcome
    }
}
