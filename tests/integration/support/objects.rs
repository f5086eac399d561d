//! A folder of objects behind HTTP: tags, conditions and ranges as RFC 9110 has them, and every request remembered.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Condvar, Mutex};

use super::upstream::{Seen, Then, Upstream};
use super::wire::Head;

/// The server and what it has.
pub(crate) struct Objects {
    server: Upstream,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    objects: HashMap<String, Vec<u8>>,
    no_ranges: bool,
    /// What every request is refused with.
    refusal: Option<&'static str>,
    is_held: bool,
    /// Sent with every answer.
    headers: String,
}

impl Objects {
    pub(crate) fn new() -> Self {
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let kept = Arc::clone(&state);
        let server = Upstream::scripted(move |call| {
            let (state, changed) = &*kept;
            let state = changed.wait_while(state.lock().unwrap(), |state| state.is_held).unwrap();
            let answer = state.answer(&call.seen.head);
            drop(state);
            call.wire.send(answer);
            Then::Keep
        });
        Self { server, state }
    }

    /// The folder, as `logs.sources` has it.
    pub(crate) fn sources(&self) -> String {
        format!("[\"{}/logs\"]", self.server.url())
    }

    /// Writes, or replaces, the log of this run.
    pub(crate) fn put(&self, run: &str, contents: impl AsRef<[u8]>) {
        let key = format!("/logs/run_{run}.log");
        self.change(|state| state.objects.insert(key, contents.as_ref().to_vec()));
    }

    /// Takes the log of this run away.
    pub(crate) fn remove(&self, run: &str) {
        self.change(|state| state.objects.remove(&format!("/logs/run_{run}.log")));
    }

    /// Refuses every request with this status from now on, or none any more.
    pub(crate) fn refuse(&self, status: Option<&'static str>) {
        self.change(|state| state.refusal = status);
    }

    /// Lets every request wait from now on, or none any more.
    pub(crate) fn hold(&self, is_held: bool) {
        self.change(|state| state.is_held = is_held);
    }

    /// Answers requests for a part with the whole from now on.
    pub(crate) fn send_no_parts(&self) {
        self.change(|state| state.no_ranges = true);
    }

    /// Sends a header line with every answer from now on.
    pub(crate) fn send_header(&self, line: &str) {
        self.change(|state| state.headers = format!("{line}\r\n"));
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) {
        change(&mut self.state.0.lock().unwrap());
        self.state.1.notify_all();
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }
}

impl State {
    fn answer(&self, head: &Head) -> Vec<u8> {
        if let Some(status) = self.refusal {
            return self.message(status, "", b"");
        }
        let path = head.line.split(' ').nth(1).expect("a request has a target");
        let Some(object) = self.objects.get(path) else { return self.message("404 Not Found", "", b"") };
        let tag = tag(object);
        let named = format!("etag: {tag}\r\n");
        if head.value("if-match").is_some_and(|wanted| wanted != tag) {
            return self.message("412 Precondition Failed", "", b"");
        }
        if head.value("if-none-match") == Some(&tag) {
            return format!("HTTP/1.1 304 Not Modified\r\n{named}\r\n").into();
        }
        let Some(range) = head.value("range").filter(|_| !self.no_ranges) else {
            return self.message("200 OK", &named, object);
        };
        let (from, to) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).unwrap();
        let from: usize = from.parse().unwrap();
        let end = to.parse::<usize>().map_or(object.len(), |to| object.len().min(to + 1));
        if from >= object.len() {
            return self.message("416 Range Not Satisfiable", "", b"");
        }
        let told = format!("{named}content-range: bytes {from}-{}/{}\r\n", end - 1, object.len());
        self.message("206 Partial Content", &told, &object[from..end])
    }

    fn message(&self, status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let more = &self.headers;
        let head = format!("HTTP/1.1 {status}\r\n{headers}{more}content-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }
}

fn tag(object: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    object.hash(&mut hasher);
    format!("\"{:x}\"", hasher.finish())
}
