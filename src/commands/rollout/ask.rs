//! One question to the admin listener of a gloss that runs.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take; more than gloss itself waits for the file that it keeps the rollout in.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// An operator at an admin listener.
#[derive(Debug)]
pub(super) struct Operator {
    url: Uri,
    authorization: Option<HeaderValue>,
}

impl Operator {
    /// `url` is `http://HOST[:PORT]`.
    ///
    /// # Errors
    /// When the token cannot stand in a header.
    pub(super) fn new(url: Uri, token: Option<&SecretString>) -> anyhow::Result<Self> {
        let bearer = |token: &SecretString| {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
                .map_err(|_| anyhow!("the token cannot stand in a header: it has to be printable ASCII"))?;
            value.set_sensitive(true);
            anyhow::Ok(value)
        };
        Ok(Self { url, authorization: token.map(bearer).transpose()? })
    }

    /// Asks for the rollout, or changes it; the state by then.
    ///
    /// # Errors
    /// When nobody answers in time, or the answer is a refusal: it says which, and why.
    pub(super) async fn ask(&self, method: Method, change: Option<Value>) -> anyhow::Result<Value> {
        let answered = timeout(PATIENCE, self.exchange(method, change)).await;
        let (status, bytes) = answered
            .map_err(|_elapsed| anyhow!("it does not answer"))
            .and_then(|answered| answered)
            .with_context(|| format!("no answer from the admin listener at {}; is --url right?", self.url))?;
        match status {
            StatusCode::OK => serde_json::from_slice(&bytes)
                .with_context(|| format!("what answers at {} is no admin listener of gloss", self.url)),
            StatusCode::UNAUTHORIZED => {
                bail!("the admin listener wants its token: give --token-file FILE or set GLOSS_ADMIN_TOKEN")
            }
            StatusCode::MISDIRECTED_REQUEST => bail!(
                "the admin listener does not go by this name: use 127.0.0.1, or list the name in its admin.hosts"
            ),
            status => bail!("refused, nothing has changed: {}", reason(&bytes).unwrap_or(status.to_string())),
        }
    }

    async fn exchange(&self, method: Method, change: Option<Value>) -> anyhow::Result<(StatusCode, Bytes)> {
        let authority = self.url.authority().context("a URL has a host")?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the runtime; what goes wrong on it, the answer tells.
        tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri("/api/rollout").header(header::HOST, authority.as_str());
        if let Some(value) = &self.authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        if change.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = change.map(|change| Bytes::from(change.to_string())).unwrap_or_default();
        let response = sender.send_request(request.body(Full::new(body))?).await?;
        let status = response.status();
        let collected = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let bytes = collected.map_err(|error| anyhow!(error))?.to_bytes();
        Ok((status, bytes))
    }
}

/// What a refusal says, in one line.
fn reason(bytes: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(bytes).ok()?;
    let detail = &answer["detail"];
    let (key, value) = (detail["key"].as_str()?, &detail["value"]);
    let (reason, hint) = (detail["reason"].as_str()?, detail["hint"].as_str()?);
    Some(format!("key={key} value={value} reason={reason:?} hint={hint:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_one_line() {
        let bytes = br#"{"detail":{"key":"percent","value":101,"reason":"r","hint":"h"}}"#;
        assert_eq!(reason(bytes).as_deref(), Some("key=percent value=101 reason=\"r\" hint=\"h\""));
        assert_eq!(reason(b"no JSON"), None);
    }

    #[test]
    fn a_token_is_never_shown() {
        let url = Uri::from_static("http://127.0.0.1:8881");
        let operator = Operator::new(url.clone(), Some(&SecretString::from("hunter2"))).unwrap();
        assert!(!format!("{operator:?}").contains("hunter2"));
        let refused = Operator::new(url, Some(&SecretString::from("hunter2\n"))).unwrap_err();
        assert!(!format!("{refused:#}").contains("hunter2"));
    }
}
