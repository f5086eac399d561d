//! The way to a collector of traces: gloss's own client, on its own connections.
//!
//! The exporter runs on a thread without a runtime, so that each of its requests is a task of the runtime which this was
//! made on.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

use crate::proxy::Client;

/// An answer of a collector is a few bytes.
const LONGEST_ANSWER_BYTES: usize = 64 * 1024;

/// Sends what the exporter has to say.
#[derive(Debug)]
pub struct Collector {
    client: Client,
    runtime: Handle,
}

impl Collector {
    /// Sends by `client`. Has to be called on a tokio runtime.
    pub fn new(client: Client) -> Self {
        Self { client, runtime: Handle::current() }
    }
}

impl HttpClient for Collector {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> BoxFuture<'f, Result<Response<Bytes>, HttpError>>
    where
        's: 'f,
        Self: 'f,
    {
        let sending = self.runtime.spawn(send(self.client.clone(), request));
        Box::pin(async move { sending.await? })
    }
}

async fn send(client: Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (mut parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    parts.uri = Uri::from(target);
    parts.headers.insert(header::HOST, client.upstream().authority().clone());
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let answered = client.send_own(Request::from_parts(parts, Full::new(body))).await?;
    let (parts, body) = answered.into_parts();
    let body = Limited::new(body, LONGEST_ANSWER_BYTES).collect().await?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}
