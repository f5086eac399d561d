//! A source that nobody waits for long: of logs that only add to others, without which there is something to say, too.
//!
//! An operation that takes too long goes on by itself, so that whoever guards the source sees that it hangs; what comes of
//! it is lost.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::{BoxFuture, LogError, LogIdentity, LogName, LogSource, Lookout, NamePattern, OpenLog, Sight};
use crate::analysis::LogSourceKind;

/// As long as an operation takes that counts as hanging.
const PATIENCE: Duration = Duration::from_secs(1);

/// A source whose operations end within [`PATIENCE`].
#[derive(Debug)]
pub(super) struct Hasty(Arc<dyn LogSource>);

#[derive(Debug)]
struct HastyLog(Arc<dyn OpenLog>);

impl Hasty {
    /// Stands in front of `source`.
    pub(super) fn new(source: Arc<dyn LogSource>) -> Self {
        Self(source)
    }
}

impl LogSource for Hasty {
    fn kind(&self) -> LogSourceKind {
        self.0.kind()
    }

    fn answers(&self) -> bool {
        self.0.answers()
    }

    fn width(&self) -> usize {
        self.0.width()
    }

    fn open<'a>(&'a self, name: &'a LogName) -> BoxFuture<'a, Result<Box<dyn OpenLog>, LogError>> {
        let (source, name) = (Arc::clone(&self.0), name.clone());
        Box::pin(async move {
            let log = within_patience(async move { source.open(&name).await }).await?;
            Ok(Box::new(HastyLog(log.into())) as Box<dyn OpenLog>)
        })
    }

    fn lookout(&self, name: &LogName) -> Option<Box<dyn Lookout>> {
        self.0.lookout(name)
    }

    fn search<'a>(
        &'a self,
        pattern: &'a NamePattern,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<LogName>, LogError>> {
        let (source, pattern) = (Arc::clone(&self.0), pattern.clone());
        Box::pin(within_patience(async move { source.search(&pattern, most).await }))
    }
}

impl OpenLog for HastyLog {
    fn identity(&self) -> LogIdentity {
        self.0.identity()
    }

    fn length(&self) -> u64 {
        self.0.length()
    }

    fn stamp(&self) -> u128 {
        self.0.stamp()
    }

    fn sight(&self) -> Option<Sight> {
        self.0.sight()
    }

    fn read_at(&self, offset: u64, max_bytes: usize) -> BoxFuture<'_, Result<Bytes, LogError>> {
        let log = Arc::clone(&self.0);
        Box::pin(within_patience(async move { log.read_at(offset, max_bytes).await }))
    }
}

async fn within_patience<T: Send + 'static>(
    operation: impl Future<Output = Result<T, LogError>> + Send + 'static,
) -> Result<T, LogError> {
    match timeout(PATIENCE, tokio::spawn(operation)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(failed)) if failed.is_panic() => {
            Err(LogError::Unreadable("reading it failed unexpectedly".into()))
        }
        // Shutting down counts as hanging, too.
        Ok(Err(_)) | Err(_) => Err(LogError::Stuck),
    }
}
