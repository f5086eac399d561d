//! Run logs as objects: in S3 and other object stores, or in a folder that a web server serves.
//!
//! A log that has not changed costs one conditional request, and one that has grown one more for what is new: mostly the
//! same one, which asks for the rest of the log from a little before where reading ended, on condition that the object
//! has changed. An object that grows is a new object with a new tag; that it is the same log is for the tracker to see,
//! which compares what lies before its checkpoint. So the identity of a log is its place, and its stamp the tag.
//!
//! A name that has nothing is asked for once a second at most.
//!
//! A name with a star, such as `run_a.log*`, is a log that was rotated into several objects; each poll then lists them.
//!
//! Requests that fail are tried again by the crate, a few times and soon; what still fails is a [`LogError`]. None of
//! them quotes a URL.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

mod absent;
mod failure;
mod known;
mod log;
mod parts;
mod store;
mod transport;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::Utc;
use object_store::path::Path;
use object_store::{GetOptions, GetResult};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::{BoxFuture, LogError, LogIdentity, LogName, LogSource, NamePattern, OpenLog};
use crate::analysis::LogSourceKind;

use absent::Absent;
use failure::Failure;
use known::{Known, Memory};
use log::{Answer, ObjectLog, Part, stamp};
use parts::{Starred, in_order};
use store::Store;
pub use store::StoreError;

/// So much before the end of what was read comes again with what is new, so that one request brings what the tracker
/// compares, too.
const MARGIN: u64 = super::tracker::TAIL_BYTES as u64;

/// While a storage fails, the log says so this often.
const QUIET: Duration = Duration::from_mins(1);

/// Where the objects are.
#[derive(Debug, Clone)]
pub struct ObjectParams {
    /// `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, `http://HOST/FOLDER/` or `https://…`, without
    /// credentials, query and fragment.
    pub url: Url,
    /// How much of a log is skipped at most to get at what is new, in bytes, where a server cannot send a part of it.
    pub max_skip: u64,
}

/// A folder of objects that are run logs.
#[derive(Debug)]
pub struct ObjectSource {
    store: Store,
    max_skip: u64,
    known: Memory,
    absent: Absent,
    /// Whether the server sends a part of an object, as far as is known.
    in_parts: Arc<AtomicBool>,
    /// Whether the server lists what it has, as far as is known.
    lists: AtomicBool,
    mood: Arc<Mood>,
}

/// Tells the log why the storage gives nothing, once in a while.
#[derive(Debug, Default)]
struct Mood {
    told: std::sync::Mutex<Option<Instant>>,
}

impl ObjectSource {
    /// Sets up the client of the storage; nothing is asked yet.
    pub fn new(params: &ObjectParams) -> Result<Self, StoreError> {
        Ok(Self {
            store: Store::at(&params.url)?,
            max_skip: params.max_skip,
            known: Memory::new(),
            absent: Absent::new(),
            in_parts: Arc::new(AtomicBool::new(true)),
            lists: AtomicBool::new(true),
            mood: Arc::default(),
        })
    }

    /// One object, asked for only what is new where it is known.
    async fn object(&self, key: &Path) -> Result<ObjectLog, Failure> {
        let Some(known) = self.known.get(key) else { return self.whole(key).await };
        let in_parts = self.in_parts.load(Ordering::Relaxed);
        let mut got = self.store.get(key, known.what_is_new(Utc::now(), in_parts)).await;
        if in_parts && matches!(got, Err(Failure::Unable)) {
            self.in_parts.store(false, Ordering::Relaxed);
            got = self.store.get(key, known.what_is_new(Utc::now(), false)).await;
        }
        match got {
            Ok(got) => self.found(got),
            Err(Failure::Unchanged) => Ok(self.unchanged(&known)),
            Err(Failure::Shorter) => self.whole(key).await,
            Err(failure) => Err(failure),
        }
    }

    async fn whole(&self, key: &Path) -> Result<ObjectLog, Failure> {
        self.found(self.store.get(key, GetOptions::default()).await?)
    }

    /// The log that an answer is a part of.
    fn found(&self, got: GetResult) -> Result<ObjectLog, Failure> {
        let meta = got.meta.clone();
        let answer = Answer::begin(0, got.range.start, got)?;
        let part = Part::whole(&meta, self.known.see(&meta));
        let name = meta.location.as_ref();
        Ok(self.log(name, stamp(std::iter::once(&meta)), vec![part], Some(answer)))
    }

    fn unchanged(&self, known: &Arc<Known>) -> ObjectLog {
        let meta = &known.meta;
        let part = Part::whole(meta, Arc::clone(known));
        self.log(meta.location.as_ref(), stamp(std::iter::once(meta)), vec![part], None)
    }

    /// A log of several objects.
    async fn rotated(&self, name: &str, starred: Starred<'_>) -> Result<ObjectLog, Failure> {
        let listed = self.store.list(starred.prefix()).await?;
        let numbered = listed.into_iter().filter_map(|meta| {
            let number = starred.number(&self.store.name(&meta.location)?)?.to_owned();
            Some((number, meta))
        });
        let objects = in_order(numbered.collect());
        if objects.is_empty() {
            return Err(Failure::Missing);
        }
        let stamp = stamp(objects.iter());
        let mut start = 0;
        let parts = objects.into_iter().map(|meta| {
            let part = Part { key: meta.location, size: meta.size, e_tag: meta.e_tag, start, known: None };
            start += part.size;
            part
        });
        Ok(self.log(name, stamp, parts.collect(), None))
    }

    fn log(&self, name: &str, stamp: u128, parts: Vec<Part>, answer: Option<Answer>) -> ObjectLog {
        ObjectLog {
            store: self.store.clone(),
            mood: Arc::clone(&self.mood),
            identity: LogIdentity(fingerprint(name), 0),
            stamp,
            parts,
            in_parts: Arc::clone(&self.in_parts),
            max_skip: self.max_skip,
            answer: Mutex::new(answer),
        }
    }

    async fn fitting(&self, pattern: &NamePattern, most: usize) -> Result<Vec<LogName>, Failure> {
        let mut listed = match self.store.list(&pattern.prefix()).await {
            Err(Failure::Unable) => {
                self.lists.store(false, Ordering::Relaxed);
                return Ok(Vec::new());
            }
            other => other?,
        };
        // By name where two were written at the same time, so that replicas agree.
        listed.sort_by(|a, b| {
            b.last_modified.cmp(&a.last_modified).then_with(|| a.location.as_ref().cmp(b.location.as_ref()))
        });
        let names = listed.iter().filter_map(|meta| pattern.accept(&self.store.name(&meta.location)?));
        Ok(names.take(most).collect())
    }
}

impl LogSource for ObjectSource {
    fn kind(&self) -> LogSourceKind {
        self.store.kind()
    }

    fn width(&self) -> usize {
        store::MAX_REQUESTS
    }

    fn open<'a>(&'a self, name: &'a LogName) -> BoxFuture<'a, Result<Box<dyn OpenLog>, LogError>> {
        Box::pin(async move {
            if self.absent.has(name) {
                return Err(LogError::Missing);
            }
            let found = match Starred::read(name.as_str()) {
                Some(starred) => self.rotated(name.as_str(), starred).await,
                None => self.object(&self.store.key(name.as_str())).await,
            };
            if matches!(found, Err(Failure::Missing)) {
                self.absent.note(name);
            }
            Ok(Box::new(self.mood.told(found)?) as Box<dyn OpenLog>)
        })
    }

    /// Lists what begins as the names do. Where nothing is known of how they begin, that would be all of the storage,
    /// and it is not done.
    fn search<'a>(
        &'a self,
        pattern: &'a NamePattern,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<LogName>, LogError>> {
        Box::pin(async move {
            if pattern.prefix().is_empty() || !self.lists.load(Ordering::Relaxed) {
                return Ok(Vec::new());
            }
            self.mood.told(self.fitting(pattern, most).await)
        })
    }
}

impl Mood {
    /// Hands a result on; says why the storage gave nothing, now and then.
    fn told<T>(&self, result: Result<T, Failure>) -> Result<T, LogError> {
        let why = match &result {
            Err(Failure::Refused(why)) => why.as_str(),
            Err(Failure::Trouble(why)) => why,
            _ => return result.map_err(LogError::from),
        };
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|before| now.saturating_duration_since(before) >= QUIET) {
            *told = Some(now);
            tracing::warn!(why, "the log storage gives nothing: status answers stay basic");
        }
        result.map_err(LogError::from)
    }
}

/// Tells values apart, in every process alike.
fn fingerprint(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
