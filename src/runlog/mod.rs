//! Where run logs come from, and how an analysis keeps up with one.
//!
//! A [`LogSource`] finds and reads logs; the [`Tracker`] holds one checkpoint and at most one reader a log, so that a
//! poll reads only what was appended since the last. This is where IO happens: what fails is a [`LogError`], which the
//! caller turns into a basic answer.

mod breaker;
mod file;
mod folder;
mod folder_watches;
mod hasty;
mod local;
#[cfg(feature = "objects")]
mod objects;
mod processes;
mod template;
mod threads;
mod tracker;
mod wakes;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use crate::analysis::LogSourceKind;

pub use breaker::Guarded;
pub use file::FileSource;
#[cfg(feature = "objects")]
pub use objects::{ObjectParams, ObjectSource, StoreError};
pub use processes::Processes;
pub use template::{Field, LogName, NamePattern, Named, RunFields, Template, TemplateError};
pub use tracker::{
    BodyText, CatchUp, Keepsake, Listed, LogMark, Saying, Snapshot, StorageWatch, Told, Tracker,
    TrackerParams,
};
pub use wakes::{Bell, LogWatch, Wakes};

/// A boxed future, so that sources of different kinds fit behind one trait.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Something that has run logs.
pub trait LogSource: fmt::Debug + Send + Sync + 'static {
    /// What `enhancement.log_source` says.
    fn kind(&self) -> LogSourceKind;

    /// Whether asking makes sense at the moment; where not, everything is [`LogError::Stuck`] already.
    fn answers(&self) -> bool {
        true
    }

    /// How many operations may go on at the same time: when as many hang, all of it does.
    fn width(&self) -> usize {
        file::IO_THREADS
    }

    /// Opens the log of this name.
    fn open<'a>(&'a self, name: &'a LogName) -> BoxFuture<'a, Result<Box<dyn OpenLog>, LogError>>;

    /// A way to look from outside at what has this name; `None` where that may have to wait. To be asked only where a log of
    /// the same folder had a [`sight`](OpenLog::sight).
    fn lookout(&self, _name: &LogName) -> Option<Box<dyn Lookout>> {
        None
    }

    /// Names that fit the pattern, those written to last first, at most `most`. A storage that cannot list what it has
    /// knows none.
    fn search<'a>(
        &'a self,
        _pattern: &'a NamePattern,
        _most: usize,
    ) -> BoxFuture<'a, Result<Vec<LogName>, LogError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Rings `bell` whenever the log of this name, which need not be there yet, may have changed; `None` where the storage
    /// tells of nothing.
    fn watch(&self, _name: &LogName, _bell: &Bell) -> Option<Box<dyn LogWatch>> {
        None
    }
}

/// A storage, and what the logs of a run are called there.
#[derive(Debug, Clone)]
pub struct Place {
    /// The storage.
    pub source: Arc<dyn LogSource>,
    /// Names of a run's logs; all that are there count.
    pub templates: Vec<Template>,
    /// What its logs are to the others.
    pub role: Role,
}

/// What the logs of a place are to those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The first place of this role that has the run is read, and no other.
    Leads,
    /// Read beside the one that leads, for what that one had cut or never had.
    Fills,
}

impl Place {
    /// The place, where it only adds to others, as one that nobody waits for long.
    fn not_waited_for_beside_others(self) -> Self {
        match self.role {
            Role::Leads => self,
            Role::Fills => Self { source: Arc::new(hasty::Hasty::new(self.source)), ..self },
        }
    }
}

/// A log that was found: the same bytes as long as this lives, whatever takes its place meanwhile.
pub trait OpenLog: fmt::Debug + Send + Sync {
    /// What distinguishes this log from another that takes its place.
    fn identity(&self) -> LogIdentity;

    /// How long it was when it was found, in bytes.
    fn length(&self) -> u64;

    /// Changes whenever the contents may have changed without the length telling.
    fn stamp(&self) -> u128;

    /// What a [`Lookout`] sees as long as nothing has changed; `None` where there is none.
    fn sight(&self) -> Option<Sight> {
        None
    }

    /// Reads up to `max_bytes` from `offset` on; fewer, or none, at the end.
    fn read_at(&self, offset: u64, max_bytes: usize) -> BoxFuture<'_, Result<Bytes, LogError>>;
}

/// Distinguishes a log from one that replaced it: device and inode of a file, an object's own key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogIdentity(pub u64, pub u64);

/// Looks at one name from outside.
pub trait Lookout: fmt::Debug + Send + Sync {
    /// What has the name now, nothing where nothing has it: at the price of one system call to a local file system.
    fn see(&self) -> Option<Sight>;
}

/// What a log looks like from outside; another value means that it may say something else, or may no longer be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// As [`OpenLog::identity`].
    pub identity: LogIdentity,
    /// In bytes.
    pub length: u64,
    /// When it was changed last in any way, its permissions included.
    pub changed: u128,
}

/// Why a log gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LogError {
    /// There is none.
    #[error("there is no log")]
    Missing,
    /// There is something, but it cannot or must not be read.
    #[error("the log cannot be read: {0}")]
    Unreadable(String),
    /// The storage has more to do than it gets done.
    #[error("the log storage does not answer")]
    Stuck,
}
