//! A client that sends exact bytes and sees exact bytes.

use std::net::SocketAddr;
use std::ops::Deref;

use super::wire::{Head, Payload, Wire};

/// An answer, whole.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: Head,
    pub(crate) payload: Payload,
}

impl Deref for Answer {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl Answer {
    /// The body.
    pub(crate) fn body(&self) -> &[u8] {
        &self.payload.bytes
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.body()).expect("the body is UTF-8")
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.body()).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// `Gloss-Variant` and `Gloss-Reason`; empty where they are missing.
    pub(crate) fn labels(&self) -> (&str, &str) {
        let label = |name| self.value(name).unwrap_or_default();
        (label("gloss-variant"), label("gloss-reason"))
    }
}

/// A connection to the process under test.
pub(crate) struct Client(Wire);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self(Wire::connect(address))
    }

    /// Sends these bytes.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.0.send(bytes);
        self
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) -> &mut Self {
        self.0.finish();
        self
    }

    /// Breaks the connection off, instead of ending it.
    pub(crate) fn break_off(self) {
        self.0.reset();
    }

    /// Sends a GET with these header lines.
    pub(crate) fn get(&mut self, target: &str, headers: &[&str]) -> &mut Self {
        self.send(request("GET", target, headers))
    }

    /// The head of an answer, its body still to come.
    pub(crate) fn head(&mut self) -> (u16, Head) {
        let head = self.0.head().unwrap_or_else(|| panic!("no answer but {:?}", self.0.buffered()));
        let status = head.line.split(' ').nth(1).and_then(|code| code.parse().ok());
        (status.unwrap_or_else(|| panic!("no status line: {}", head.line)), head)
    }

    /// The answer to any request but HEAD.
    pub(crate) fn answer(&mut self) -> Answer {
        let (status, head) = self.head();
        let bodiless = status < 200 || matches!(status, 204 | 304);
        let payload = if bodiless {
            Payload { complete: true, ..Payload::default() }
        } else {
            self.0.payload(&head, true)
        };
        Answer { status, head, payload }
    }

    /// The next chunk of a body, as its sender cut it.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        self.0.chunk()
    }

    /// So many bytes of what comes.
    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        self.0.exactly(count)
    }

    /// Everything until the other side closes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        self.0.rest()
    }
}

/// The bytes of a request without a body.
pub(crate) fn request(method: &str, target: &str, headers: &[&str]) -> String {
    let first = format!("{method} {target} HTTP/1.1");
    [&[first.as_str(), "Host: api.test"], headers, &["", ""]].concat().join("\r\n")
}

/// One GET on a connection of its own.
pub(crate) fn get(address: SocketAddr, target: &str, headers: &[&str]) -> Answer {
    Client::connect(address).get(target, headers).answer()
}
