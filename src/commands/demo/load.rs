//! The demo's own clients: they ask gloss as [`Load`] says, until the demo ends. What goes wrong is gloss's to count.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::ListenAddress;
use crate::demo::{Ask, Load, Manner, runs};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;
const BASE: &str = "/api/v1/workflows/claude-code/run";

/// Clients of one gloss.
#[derive(Debug)]
pub(super) struct Clients {
    /// Where it listens.
    pub(super) gloss: ListenAddress,
    /// What the sample wants as `x-api-key`.
    pub(super) key: &'static str,
}

trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<C: AsyncRead + AsyncWrite + Unpin + Send> Connection for C {}

impl Clients {
    /// Asks until `end` is cancelled.
    pub(super) async fn run(self, end: CancellationToken) {
        let mut load = Load::on(runs());
        let mut pace = interval(Load::PACE);
        // A machine that is busy is not to be hurried.
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while end.run_until_cancelled(pace.tick()).await.is_some() {
            let ask = load.next_ask();
            let Some(answer) = end.run_until_cancelled(self.ask(&ask)).await else { return };
            let started = answer.filter(|_| matches!(ask, Ask::Start(_)));
            if let Some(run_id) = started.as_ref().and_then(|answer| answer["run_id"].as_str()) {
                load.learn(run_id.to_owned());
            }
        }
    }

    /// The answer, where it is JSON.
    async fn ask(&self, ask: &Ask) -> Option<Value> {
        let request = match ask {
            Ask::Start(workflow) => {
                let order = json!({ "message": "Do it once more", "max_turns": 60 }).to_string();
                let request = Request::builder().method(Method::POST).uri(format!("{BASE}/{workflow}"));
                request.header(header::CONTENT_TYPE, "application/json").body(Full::new(Bytes::from(order)))
            }
            Ask::Status(run_id, manner) => {
                let request = Request::get(format!("{BASE}/{run_id}/status"));
                let request = match manner {
                    Manner::Basic => request,
                    Manner::Enhanced => request.header("gloss", "enhanced"),
                    Manner::Shadow => request.header("gloss", "shadow"),
                    Manner::Compare => request.header("gloss", "compare"),
                    Manner::Future => request.header("gloss", "enhanced").header("gloss-version", "2"),
                };
                request.body(Full::default())
            }
        };
        let mut request = request.ok()?;
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("demo"));
        request.headers_mut().insert("x-api-key", HeaderValue::from_static(self.key));
        serde_json::from_slice(&timeout(PATIENCE, self.send(request)).await.ok()??).ok()
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Option<Bytes> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(self.connect().await.ok()?)).await.ok()?;
        let answer = async {
            let answer = sender.send_request(request).await.ok()?;
            Some(Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await.ok()?.to_bytes())
        };
        // It ends with the answer, and what goes wrong on it, the answer tells.
        tokio::spawn(connection);
        answer.await
    }

    async fn connect(&self) -> io::Result<Box<dyn Connection>> {
        Ok(match &self.gloss {
            ListenAddress::Tcp(address) => Box::new(TcpStream::connect(address).await?),
            ListenAddress::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }
}
