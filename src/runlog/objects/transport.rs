//! How requests are sent to a storage: by the crate's own client, with ring for TLS, and refusals told apart.
//!
//! A refusal becomes a [`Refused`] with what the storage calls it, and is not tried again. What may pass (throttling,
//! failures of the storage itself) is left as it is, for the crate to try again.

use std::fmt;

use async_trait::async_trait;
use http::header::{ACCEPT_ENCODING, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService, ReqwestConnector,
};
use thiserror::Error;
use tokio_rustls::rustls::crypto::ring;

/// As much of an error's body is looked at, in bytes.
const ERROR_BYTES: usize = 16 * 1024;
/// The names of errors are no longer.
const CODE_BYTES: usize = 64;

/// An answer that the storage will not change its mind about.
#[derive(Debug, Error)]
#[error("the storage answers {status} {code}")]
pub(super) struct Refused {
    /// 3xx or 4xx.
    pub(super) status: StatusCode,
    /// What the storage calls it, such as `AccessDenied`; may be empty. Letters, digits and dots only.
    pub(super) code: String,
}

/// Makes the clients that storages are asked with.
#[derive(Debug, Default)]
pub(super) struct Transport;

impl HttpConnector for Transport {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // The client takes the process's provider. It may have been chosen before, by this very line.
        let _ = ring::default_provider().install_default();
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Telling(client)))
    }
}

struct Telling(HttpClient);

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telling")
    }
}

#[async_trait]
impl HttpService for Telling {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // Logs are read in parts, which of a compressed body would mean nothing.
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        // Whoever asks for credentials, by POST and PUT, deals with refusals in ways of his own.
        let reads = *request.method() != Method::POST && *request.method() != Method::PUT;
        let response = self.0.execute(request).await?;
        if !reads || !is_refusal(&response) {
            return Ok(response);
        }
        let status = response.status();
        let code = code(response.into_body()).await;
        Err(HttpError::new(HttpErrorKind::Unknown, Refused { status, code }))
    }
}

fn is_refusal(response: &HttpResponse) -> bool {
    match response.status() {
        StatusCode::NOT_MODIFIED | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => false,
        StatusCode::NOT_IMPLEMENTED => true,
        status if status.is_redirection() => !response.headers().contains_key(LOCATION),
        status => status.is_client_error(),
    }
}

/// What S3, Google and Azure call an error: the `Code` of the XML that is its body.
async fn code(body: HttpResponseBody) -> String {
    let Ok(body) = Limited::new(body, ERROR_BYTES).collect().await else { return String::new() };
    code_in(&String::from_utf8_lossy(&body.to_bytes()))
}

fn code_in(xml: &str) -> String {
    let code = xml.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let code = code.map(|(code, _)| code).unwrap_or_default();
    let plain = code.len() <= CODE_BYTES && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    if plain { code.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errors_name_is_taken_and_nothing_else_of_its_body() {
        let s3 = "<?xml version='1.0'?><Error><Code>NoSuchBucket</Code><Message>secret</Message></Error>";
        assert_eq!(code_in(s3), "NoSuchBucket");
        assert_eq!(code_in("<html><title>403 Forbidden</title></html>"), "");
        assert_eq!(code_in("<Code>a b</Code>"), "");
        assert_eq!(code_in(&format!("<Code>{}</Code>", "x".repeat(65))), "");
    }
}
