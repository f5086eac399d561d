//! A log of one object or of several, as it was found: read from where it is asked for to its end by one request a part.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{Attribute, GetOptions, GetRange, GetResult, ObjectMeta};
use tokio::sync::Mutex;

use super::failure::Failure;
use super::known::Known;
use super::store::Store;
use super::{Mood, fingerprint};
use crate::runlog::{BoxFuture, LogError, LogIdentity, OpenLog};

/// What lies between where an answer is and where reading goes on is skipped up to so much, and asked for anew beyond.
const SKIP_BYTES: u64 = 64 * 1024;

/// One object of a log.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) key: Path,
    pub(super) size: u64,
    pub(super) e_tag: Option<String>,
    /// Where it begins in the log.
    pub(super) start: u64,
    /// Where it is remembered how far it was read.
    pub(super) known: Option<Arc<Known>>,
}

/// An answer under way.
pub(super) struct Answer {
    part: usize,
    /// Where in the log the next byte belongs.
    at: u64,
    left: Bytes,
    stream: BoxStream<'static, object_store::Result<Bytes>>,
}

/// A log that was found.
#[derive(Debug)]
pub(super) struct ObjectLog {
    pub(super) store: Store,
    pub(super) mood: Arc<Mood>,
    pub(super) identity: LogIdentity,
    pub(super) stamp: u128,
    pub(super) parts: Vec<Part>,
    /// Whether the server sends a part of an object, as far as is known; else as much as is in front of it is skipped, at
    /// most so much.
    pub(super) in_parts: Arc<AtomicBool>,
    pub(super) max_skip: u64,
    pub(super) answer: Mutex<Option<Answer>>,
}

impl Part {
    /// An object that is a log by itself.
    pub(super) fn whole(meta: &ObjectMeta, known: Arc<Known>) -> Self {
        let (key, e_tag) = (meta.location.clone(), meta.e_tag.clone());
        Self { key, size: meta.size, e_tag, start: 0, known: Some(known) }
    }

    fn end(&self) -> u64 {
        self.start + self.size
    }
}

impl Answer {
    /// The body of an answer, which begins at `at` in the log.
    pub(super) fn begin(part: usize, at: u64, got: GetResult) -> Result<Self, Failure> {
        let coded = got.attributes.get(&Attribute::ContentEncoding);
        if coded.is_some_and(|coding| coding.as_ref() != "identity" && !coding.as_ref().is_empty()) {
            return Err(Failure::Refused("it is compressed".into()));
        }
        Ok(Self { part, at, left: Bytes::new(), stream: got.into_stream() })
    }

    /// The next bytes, `most` at most; none at the end.
    async fn next(&mut self, most: usize) -> Result<Bytes, Failure> {
        while self.left.is_empty() {
            match self.stream.next().await {
                Some(more) => self.left = more?,
                None => return Ok(Bytes::new()),
            }
        }
        let bytes = self.left.split_to(self.left.len().min(most));
        self.at += bytes.len() as u64;
        Ok(bytes)
    }

    async fn skip_to(&mut self, offset: u64) -> Result<(), Failure> {
        while self.at < offset {
            let most = usize::try_from(offset - self.at).unwrap_or(usize::MAX);
            if self.next(most).await?.is_empty() {
                return Err(Failure::Shorter);
            }
        }
        Ok(())
    }
}

impl ObjectLog {
    async fn read(&self, offset: u64, max_bytes: usize) -> Result<Bytes, Failure> {
        let stop = self.length().min(offset.saturating_add(max_bytes as u64));
        let (mut at, mut read) = (offset, BytesMut::new());
        let mut under_way = self.answer.lock().await;
        while at < stop {
            let bytes = match self.some(&mut under_way, at, stop).await {
                Ok(bytes) => bytes,
                // What came counts; what failed is asked for again.
                Err(_) if !read.is_empty() => break,
                Err(failure) => return Err(failure),
            };
            if bytes.is_empty() {
                break;
            }
            at += bytes.len() as u64;
            if at == stop && read.is_empty() {
                read = bytes.into();
            } else {
                read.extend_from_slice(&bytes);
            }
        }
        Ok(read.freeze())
    }

    /// Some bytes at `at`, from the answer that is under way or a new one; none where the object ends too early.
    async fn some(&self, under_way: &mut Option<Answer>, at: u64, stop: u64) -> Result<Bytes, Failure> {
        let part_of = |part: &Part| part.start <= at && at < part.end();
        let Some(number) = self.parts.iter().position(part_of) else { return Ok(Bytes::new()) };
        let part = &self.parts[number];
        // Taken out, so that one that fails, or is not waited for, is not gone on with.
        let fitting = under_way.take().filter(|answer| answer.part == number && self.reaches(answer, at));
        let mut answer = match fitting {
            Some(answer) => answer,
            None => self.ask(number, part, at).await?,
        };
        answer.skip_to(at).await?;
        let most = usize::try_from(stop.min(part.end()) - at).unwrap_or(usize::MAX);
        let bytes = answer.next(most).await?;
        if let Some(known) = &part.known {
            known.was_read_to(answer.at - part.start);
        }
        if !bytes.is_empty() {
            *under_way = Some(answer);
        }
        Ok(bytes)
    }

    fn reaches(&self, answer: &Answer, at: u64) -> bool {
        let most = if self.in_parts.load(Ordering::Relaxed) { SKIP_BYTES } else { self.max_skip };
        answer.at <= at && at - answer.at <= most
    }

    /// Asks for a part of the log from `at` on.
    async fn ask(&self, number: usize, part: &Part, at: u64) -> Result<Answer, Failure> {
        let from = at - part.start;
        let mut got = self.get(part, from).await;
        if matches!(got, Err(Failure::Unable)) && self.in_parts.swap(false, Ordering::Relaxed) {
            got = self.get(part, from).await;
        }
        let got = got?;
        let begins = part.start + got.range.start;
        Answer::begin(number, begins, got)
    }

    async fn get(&self, part: &Part, from: u64) -> Result<GetResult, Failure> {
        let in_parts = self.in_parts.load(Ordering::Relaxed);
        if !in_parts && from > self.max_skip {
            return Err(Failure::Refused(
                "the server sends no part of it, and it is too long to skip".into(),
            ));
        }
        // A weak tag never matches.
        let if_match = part.e_tag.clone().filter(|tag| !tag.starts_with("W/"));
        let range = (in_parts && from > 0).then_some(GetRange::Bounded(from..part.size));
        self.store.get(&part.key, GetOptions { range, if_match, ..GetOptions::default() }).await
    }
}

impl OpenLog for ObjectLog {
    fn identity(&self) -> LogIdentity {
        self.identity
    }

    fn length(&self) -> u64 {
        self.parts.last().map_or(0, Part::end)
    }

    fn stamp(&self) -> u128 {
        self.stamp
    }

    fn read_at(&self, offset: u64, max_bytes: usize) -> BoxFuture<'_, Result<Bytes, LogError>> {
        Box::pin(async move { self.mood.told(self.read(offset, max_bytes).await) })
    }
}

/// Changes with the contents: by the tag, or where there is none by the time of the last change.
pub(super) fn stamp<'m>(objects: impl Iterator<Item = &'m ObjectMeta>) -> u128 {
    let told = |object: &ObjectMeta| match &object.e_tag {
        Some(tag) => (Some(tag.clone()), 0),
        None => (None, object.last_modified.timestamp_micros()),
    };
    u128::from(fingerprint(objects.map(told).collect::<Vec<_>>()))
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("part", &self.part).field("at", &self.at).finish_non_exhaustive()
    }
}
