//! One side of a connection, byte by byte: reading heads, bodies and chunks without an HTTP library, so that the tests
//! see what is really sent.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::PATIENCE;

/// A connection, and what was read from it but not taken yet.
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// The first line and the headers of a message, as they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) line: String,
    /// Names and values in the order in which they came.
    pub(crate) headers: Vec<(String, String)>,
}

/// A body, with its framing taken off.
#[derive(Debug, Clone, Default)]
pub(crate) struct Payload {
    pub(crate) bytes: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
    /// Whether it ended as its framing says, and not by the connection's end.
    pub(crate) complete: bool,
}

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the listener is up"))
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    /// Sends these bytes; whether the other side was still there.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// From now on closing breaks the connection off, instead of ending it.
    pub(crate) fn reset(&self) {
        rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO)).unwrap();
    }

    /// Reads more into the buffer; whether there was more.
    fn more(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                count > 0
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock) => {
                panic!("nothing came for {PATIENCE:?}; so far: {:?}", self.buffered())
            }
            Err(_) => false,
        }
    }

    /// What was read and not taken.
    pub(crate) fn buffered(&self) -> String {
        latin1(&self.buffer)
    }

    /// How many bytes wait to be read.
    pub(crate) fn waiting(&self) -> usize {
        self.stream.set_nonblocking(true).unwrap();
        let waiting = self.stream.peek(&mut [0; 1024]).unwrap_or(0);
        self.stream.set_nonblocking(false).unwrap();
        self.buffer.len() + waiting
    }

    /// The head of a message; `None` when the connection ends before one is complete.
    pub(crate) fn head(&mut self) -> Option<Head> {
        let end = self.find(b"\r\n\r\n")?;
        let text = latin1(&self.take(end + 4));
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let line = lines.next().unwrap_or_default().to_owned();
        Some(Head { line, headers: lines.map(header).collect() })
    }

    /// Exactly so many bytes; fewer when the connection ends before.
    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count && self.more() {}
        self.take(count.min(self.buffer.len()))
    }

    /// Everything until the connection ends.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.more() {}
        std::mem::take(&mut self.buffer)
    }

    /// The body that belongs to this head; `close_delimited` where a body without framing lasts until the end.
    pub(crate) fn payload(&mut self, head: &Head, close_delimited: bool) -> Payload {
        if head.value("transfer-encoding").is_some() {
            return self.chunked();
        }
        match head.value("content-length").map(|text| text.parse().expect("a length is a number")) {
            Some(length) => {
                let bytes = self.exactly(length);
                Payload { complete: bytes.len() == length, bytes, ..Payload::default() }
            }
            None if close_delimited => Payload { bytes: self.rest(), complete: true, ..Payload::default() },
            None => Payload { complete: true, ..Payload::default() },
        }
    }

    /// The next chunk; empty at the last one, `None` when the connection ends before it.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let end = self.find(b"\r\n")?;
        let line = latin1(&self.take(end + 2));
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("no chunk size: {line:?}"));
        if size == 0 {
            return Some(Vec::new());
        }
        let mut chunk = self.exactly(size + 2);
        (chunk.len() == size + 2).then(|| {
            chunk.truncate(size);
            chunk
        })
    }

    fn chunked(&mut self) -> Payload {
        let mut payload = Payload::default();
        while let Some(chunk) = self.chunk() {
            if !chunk.is_empty() {
                payload.bytes.extend(chunk);
                continue;
            }
            while let Some(end) = self.find(b"\r\n") {
                let line = latin1(&self.take(end + 2));
                if line == "\r\n" {
                    payload.complete = true;
                    return payload;
                }
                payload.trailers.push(header(line.trim_end()));
            }
        }
        payload
    }

    fn find(&mut self, pattern: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = self.buffer.windows(pattern.len()).position(|window| window == pattern) {
                return Some(at);
            }
            if !self.more() {
                return None;
            }
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.buffer.drain(..count).collect()
    }
}

impl Head {
    /// The first value of a header.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }

    /// Every value of a header, in order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The names, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }
}

fn header(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
    (name.to_owned(), value.trim().to_owned())
}

/// Every byte as the character of its number, so that none is lost.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
