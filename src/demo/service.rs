//! Answers requests as the real service does, and at about its pace. How an answer is put together is `response`'s.
//!
//! A log that cannot be read is an empty one, as in the real service.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Collected, Limited};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::status;
use super::clock::Clock;
use super::openapi::document;
use super::python::{Separators, aware, dumps, naive};
use super::reading::{Reading, read};
use super::replay::{self, Speed};
use super::response::{
    Answer, allow_browsers, detail, in_order, invalid, json, not_a_boolean, not_allowed, redirect,
};
use super::routes::{Route, boolean, parameter, route};
use super::run::{Order, Run, Runs};
use super::script::{Plays, Stage, runs};
use super::value::Value;

const KEY: &str = "x-api-key";
/// The shortest status answer takes this long …
const ANSWER: Duration = Duration::from_millis(5);
/// … and each byte of log this much longer: 44 ms for a megabyte, as measured at the real service.
const ANSWER_PER_BYTE: Duration = Duration::from_nanos(44);
/// What a caller may send to start a run.
const LONGEST_ORDER_BYTES: usize = 1 << 20;
const DEFAULT_MAX_TURNS: i64 = 30;

/// The sample service: its runs, and what is under way.
#[derive(Debug)]
pub(super) struct Service {
    runs: Runs,
    api_key: String,
    clock: Clock,
    speed: Speed,
    replays: TaskTracker,
    shutdown: CancellationToken,
}

impl Service {
    /// Writes the logs of the finished runs into `log_dir`; nothing is replayed yet.
    pub(super) fn new(
        log_dir: &Path,
        api_key: String,
        speed: Speed,
        shutdown: CancellationToken,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(log_dir)?;
        let clock = Clock::start();
        let known = Runs::bundled(log_dir, clock.now());
        for run in runs().iter().filter_map(|sample| known.get(sample.id)) {
            if let Plays::Before(ago) = run.sample.plays {
                replay::write_whole(&run, clock.now() - ago)?;
            }
        }
        Ok(Self { runs: known, api_key, clock, speed, replays: TaskTracker::new(), shutdown })
    }

    /// Starts replaying the runs that go on.
    pub(super) fn start_replays(self: &Arc<Self>) {
        for run in runs().iter().filter_map(|sample| self.runs.get(sample.id)) {
            if run.sample.plays == Plays::Endlessly {
                self.replay(run);
            }
        }
    }

    /// Waits until no replay writes any more; they stop by the token given at the start.
    pub(super) async fn replays_ended(&self) {
        self.replays.close();
        self.replays.wait().await;
    }

    /// Replays `run` in the background: a bundled one again and again, any other once.
    fn replay(self: &Arc<Self>, run: Arc<Run>) {
        let (clock, speed, shutdown) = (self.clock, self.speed, self.shutdown.clone());
        // Before the task gets its turn, so that nobody can ask for a run without a start.
        run.reach(&Stage::Begun, clock.now());
        self.replays.spawn(async move {
            let playing = async {
                if run.identity.run_id == run.sample.id {
                    replay::repeat(&run, clock, speed).await
                } else {
                    replay::play(&run, clock, speed).await
                }
            };
            let ended = tokio::select! {
                ended = playing => ended,
                () = shutdown.cancelled() => Ok(()),
                () = run.given_up.cancelled() => Ok(()),
            };
            if let Err(error) = ended {
                tracing::warn!(%error, log = %run.log.display(), "the sample cannot write this log; its replay ends");
                run.given_up.cancel();
            }
        });
    }

    /// Answers one request; its body is read only where a run is to be started.
    pub(super) async fn answer<B>(self: &Arc<Self>, request: Request<B>) -> Answer
    where
        B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send,
    {
        let (head, body) = request.into_parts();
        let mut answer = match route(&head.method, head.uri.path()) {
            Route::Status(run_id) => self.status(&head, &run_id).await,
            Route::Start(workflow) => match self.refusal(&head) {
                None => self.start(&workflow, &read_body(body).await).await,
                Some(refused) => refused,
            },
            Route::Health => json(StatusCode::OK, self.health()),
            Route::OpenApi => json(StatusCode::OK, document()),
            Route::TrailingSlash => redirect(&head),
            Route::NotAllowed(allowed) => not_allowed(&allowed),
            Route::Unknown => detail(StatusCode::NOT_FOUND, "Not Found"),
        };
        allow_browsers(&head, &mut answer);
        in_order(answer, self.clock.now())
    }

    /// The answer to a caller who sends no key or a wrong one.
    fn refusal(&self, head: &Parts) -> Option<Answer> {
        let header =
            head.headers.get(KEY).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let given =
            header.or_else(|| parameter(head.uri.query().unwrap_or_default(), KEY)).unwrap_or_default();
        if given.is_empty() {
            return Some(detail(
                StatusCode::UNAUTHORIZED,
                "x-api-key is missing in headers or query parameters",
            ));
        }
        (given != self.api_key).then(|| detail(StatusCode::UNAUTHORIZED, "Invalid API Key"))
    }

    async fn status(&self, head: &Parts, run_id: &str) -> Answer {
        if let Some(refused) = self.refusal(head) {
            return refused;
        }
        let debug = parameter(head.uri.query().unwrap_or_default(), "debug");
        let debug = match debug.as_deref().map_or(Ok(false), |text| boolean(text).ok_or(text)) {
            Ok(debug) => debug,
            Err(text) => return not_a_boolean(text),
        };
        let Some(run) = self.runs.get(run_id) else {
            return detail(StatusCode::NOT_FOUND, &format!("Run {run_id} not found"));
        };
        let (progress, reading) = (run.progress(), self.read_log(run.log.clone()).await);
        json(StatusCode::OK, status(&run, &progress, &reading, self.clock.now(), debug))
    }

    /// Reads and parses the whole log, for every request anew, and takes as long over it as the real service.
    async fn read_log(&self, path: PathBuf) -> Reading {
        #[expect(clippy::disallowed_methods, reason = "the sample upstream is part of the shell")]
        let read_whole = move || {
            let log = std::fs::read(path).unwrap_or_default();
            (log.len(), read(&log))
        };
        let (length, reading) = tokio::task::spawn_blocking(read_whole).await.unwrap_or_default();
        let per_log = ANSWER_PER_BYTE.saturating_mul(u32::try_from(length).unwrap_or(u32::MAX));
        tokio::time::sleep(ANSWER + per_log).await;
        reading
    }

    /// Starts another run of the recording for `workflow` and answers with Claude's first text, once it is there.
    async fn start(self: &Arc<Self>, workflow: &str, body: &[u8]) -> Answer {
        let Some(sample) = runs().iter().find(|sample| sample.workflow == workflow) else {
            return detail(StatusCode::NOT_FOUND, &format!("Workflow '{workflow}' not found"));
        };
        let order: Value = match serde_json::from_slice(body) {
            Ok(order) => order,
            Err(_) if body.is_empty() => return invalid("missing", &["body"], "Field required", Value::None),
            Err(_) => return invalid("json_invalid", &["body"], "JSON decode error", Value::dict([])),
        };
        let Some(message) = order.str("message") else {
            return invalid("missing", &["body", "message"], "Field required", order);
        };
        let order = Order {
            sample,
            max_turns: order.int("max_turns").unwrap_or(DEFAULT_MAX_TURNS),
            input_length: message.chars().count(),
        };
        let (run, forgotten) = self.runs.add(order);
        if let Some(forgotten) = forgotten {
            // It may never have been written, and a log that stays behind is only a log too many.
            let _ = std::fs::remove_file(&forgotten.log);
        }
        self.replay(Arc::clone(&run));
        self.started(&run).await
    }

    async fn started(&self, run: &Run) -> Answer {
        let progress = tokio::select! {
            progress = run.first_response() => progress,
            () = run.given_up.cancelled() => run.progress(),
            () = self.shutdown.cancelled() => run.progress(),
        };
        let Some((_, message)) = progress.responded else {
            return detail(StatusCode::INTERNAL_SERVER_ERROR, "The run did not start");
        };
        let body = Value::dict([
            ("run_id", run.identity.run_id.as_str().into()),
            ("status", "running".into()),
            ("message", message.into()),
            ("session_id", run.identity.session_id.as_str().into()),
            ("workflow_name", run.identity.workflow.as_str().into()),
            ("started_at", naive(progress.started_at).into()),
        ]);
        json(StatusCode::OK, dumps(&body, Separators::Compact))
    }

    fn health(&self) -> String {
        let body = Value::dict([
            ("status", "healthy".into()),
            ("timestamp", aware(self.clock.now()).into()),
            ("version", env!("CARGO_PKG_VERSION").into()),
            ("environment", "sample".into()),
        ]);
        dumps(&body, Separators::Compact)
    }
}

/// An unreadable or oversize body reads as an empty one, which no route accepts.
async fn read_body<B>(body: B) -> Bytes
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    Limited::new(body, LONGEST_ORDER_BYTES).collect().await.map(Collected::to_bytes).unwrap_or_default()
}
