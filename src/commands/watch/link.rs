//! The connection to gloss: asks for live updates, and takes one answer where there are none.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use tower::ServiceExt;

use crate::commands::gateway;
use crate::proxy::{Body, Forward};
use crate::stream::event::{Event, EventReader};

/// After so long without a heartbeat a stream has broken off unseen.
const SILENCE: Duration = Duration::from_mins(1);

/// What came over the link.
#[derive(Debug)]
pub(super) enum Said {
    /// A state of the run.
    State {
        json: Bytes,
        /// Why it came as it is: `Gloss-Reason` of an answer that is no stream.
        reason: Option<String>,
        /// Whether the next comes by itself.
        streamed: bool,
    },
    /// The run cannot be seen, and asking again would not help.
    Refused(String),
    /// The connection, or what is behind it, failed; asking again may help.
    Broken(String),
}

/// A connection to gloss that asks for one run.
#[derive(Debug)]
pub(super) struct Link {
    service: Forward,
    request: Request<()>,
    stream: Option<Streaming>,
}

/// Live updates that come.
#[derive(Debug)]
struct Streaming {
    body: Body,
    reader: EventReader,
    events: std::vec::IntoIter<Event>,
}

impl Link {
    /// A link to the gloss at `url`, for the status route `path`; nothing is connected yet.
    pub(super) fn to(url: &str, path: &str, headers: &[(HeaderName, HeaderValue)]) -> Result<Self> {
        let service = gateway::to(url)?;
        let mut request = Request::new(());
        // By query, since the name of the header can be configured.
        *request.uri_mut() = format!("{path}?enhanced=true&include_logs=false").parse::<Uri>()?;
        for (name, value) in headers {
            request.headers_mut().append(name, value.clone());
        }
        let host = HeaderValue::from_static("gloss");
        request.headers_mut().insert(header::HOST, host);
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        Ok(Self { service, request, stream: None })
    }

    /// Has the next state asked for.
    pub(super) fn ask_anew(&mut self) {
        self.stream = None;
    }

    /// What comes next; asks where nothing comes by itself.
    pub(super) async fn next(&mut self) -> Said {
        let mut streaming = match self.stream.take() {
            Some(streaming) => streaming,
            None => match self.ask().await {
                Ok(streaming) => streaming,
                Err(said) => return said,
            },
        };
        let said = streaming.next().await;
        if matches!(said, Said::State { .. }) {
            self.stream = Some(streaming);
        }
        said
    }

    /// Live updates, or what was said instead.
    async fn ask(&self) -> Result<Streaming, Said> {
        let request = self.request.clone().map(|()| Empty::<Bytes>::new());
        let response = self
            .service
            .clone()
            .oneshot(request)
            .await
            .map_err(|error| Said::Broken(gateway::why(&error)))?;
        let is_stream = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if response.status() == StatusCode::OK && is_stream {
            let (reader, events) = (EventReader::default(), Vec::new().into_iter());
            return Ok(Streaming { body: response.into_body(), reader, events });
        }
        Err(one_answer(response).await)
    }
}

async fn one_answer(response: Response<Body>) -> Said {
    let (head, body) = response.into_parts();
    let status = head.status;
    let whole = match Limited::new(body, gateway::MAX_ANSWER_BYTES).collect().await {
        Ok(whole) => whole.to_bytes(),
        Err(error) => return Said::Broken(format!("the answer broke off: {error}")),
    };
    if status == StatusCode::OK {
        let reason = head.headers.get("gloss-reason").and_then(|reason| reason.to_str().ok());
        return Said::State { json: whole, reason: reason.map(str::to_owned), streamed: false };
    }
    let why = gateway::refusal(status, &head.headers, &whole);
    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
        Said::Refused(why)
    } else {
        Said::Broken(why)
    }
}

impl Streaming {
    async fn next(&mut self) -> Said {
        loop {
            for event in self.events.by_ref() {
                match event.name.as_str() {
                    "status" => {
                        return Said::State { json: event.data.into(), reason: None, streamed: true };
                    }
                    "end" => return refusal(&event.data),
                    _ => {}
                }
            }
            let frame = match tokio::time::timeout(SILENCE, self.body.frame()).await {
                Err(_) => return Said::Broken("the stream has fallen silent".to_owned()),
                Ok(None) => return Said::Broken("the stream has ended".to_owned()),
                Ok(Some(Err(error))) => return Said::Broken(format!("the stream broke off: {error}")),
                Ok(Some(Ok(frame))) => frame,
            };
            if let Some(data) = frame.data_ref() {
                self.events = self.reader.read(data).into_iter();
            }
        }
    }
}

/// The end of a stream whose run has not ended: the upstream has changed its mind.
fn refusal(data: &str) -> Said {
    let json: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
    match json.get("upstream_status").and_then(serde_json::Value::as_u64) {
        Some(status) => Said::Refused(format!("the service answers {status} now")),
        None => Said::Broken("the stream has ended".to_owned()),
    }
}
