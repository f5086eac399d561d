//! `GET` and `POST /api/rollout`: what decides, and a switch for it.
//!
//! A POST is JSON by its content type, which no page of another origin can send without asking first (and it is not
//! allowed when it asks). What cannot be used changes nothing, and is told by key, value and reason.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::BoxError;

use super::{json_answer, not_allowed};
use crate::rollout::{OptIn, Percent, Refused, Rollout};
use crate::switch::{RolloutSwitch, Settings};
use crate::variant::Variant;

/// The longest body that is read, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// How long it may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// What operators are told.
#[derive(Debug, Serialize)]
struct State {
    #[serde(flatten)]
    in_force: Switches,
    /// Names of the fields that do not come from the configuration.
    overridden: Vec<&'static str>,
    configured: Switches,
    opt_in: OptIn,
    deny_rules: usize,
    allow_rules: usize,
    /// Whether what is set here outlives the process: `null` where no file is to keep it, `false` where that failed.
    persisted: Option<bool>,
}

/// What can be switched.
#[derive(Debug, Serialize)]
struct Switches {
    enabled: bool,
    percent: Percent,
    default: Variant,
}

impl Switches {
    fn of(rollout: &Rollout) -> Self {
        Self { enabled: rollout.enabled, percent: rollout.percent, default: rollout.default }
    }
}

impl State {
    fn of(settings: &Settings) -> Self {
        Self {
            in_force: Switches::of(&settings.in_force()),
            overridden: settings.overrides.keys(),
            configured: Switches::of(&settings.configured),
            opt_in: settings.configured.opt_in,
            deny_rules: settings.configured.deny.len(),
            allow_rules: settings.configured.allow.len(),
            persisted: settings.kept,
        }
    }
}

/// Answers a request of somebody who has been let in.
pub(super) async fn answer<B>(switch: &RolloutSwitch, request: Request<B>) -> Response<Full<Bytes>>
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send,
{
    match *request.method() {
        Method::GET | Method::HEAD => state(&switch.settings()),
        Method::POST => match wanted(request).await {
            Ok(wanted) => change(switch, &wanted).await,
            Err(refusal) => refusal,
        },
        _ => not_allowed("GET, HEAD, POST"),
    }
}

async fn change(switch: &RolloutSwitch, wanted: &Value) -> Response<Full<Bytes>> {
    match switch.change(wanted).await {
        Ok(settings) => state(&settings),
        Err(refused) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &refused),
    }
}

/// The JSON of a request, or what is answered where there is none.
async fn wanted<B>(request: Request<B>) -> Result<Value, Response<Full<Bytes>>>
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send,
{
    if !is_json(request.headers()) {
        let detail = refused("it has to be application/json", "send content-type: application/json");
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, &detail));
    }
    let gathering = timeout(PATIENCE, Limited::new(request.into_body(), MAX_BODY).collect());
    let gathered = gathering.await.map_err(|_elapsed| {
        refusal(StatusCode::REQUEST_TIMEOUT, &refused("the body did not arrive", "send it at once"))
    })?;
    let bytes = gathered.map_err(|error| {
        let (status, reason) = if error.is::<LengthLimitError>() {
            (StatusCode::PAYLOAD_TOO_LARGE, "the body is too long")
        } else {
            (StatusCode::BAD_REQUEST, "the body broke off")
        };
        refusal(status, &refused(reason, "send a JSON object of at most 16 KiB"))
    })?;
    serde_json::from_slice(&bytes.to_bytes()).map_err(|_| {
        refusal(StatusCode::BAD_REQUEST, &refused("it is not JSON", "such as {\"percent\": 10}"))
    })
}

/// A refusal of the whole.
fn refused(reason: &'static str, hint: &'static str) -> Refused {
    Refused { key: String::new(), value: Value::Null, reason, hint }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn state(settings: &Settings) -> Response<Full<Bytes>> {
    json_answer(StatusCode::OK, &State::of(settings))
}

fn refusal(status: StatusCode, refused: &Refused) -> Response<Full<Bytes>> {
    json_answer(status, &json!({ "detail": refused }))
}
