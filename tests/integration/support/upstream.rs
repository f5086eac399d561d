//! An upstream that answers with exact bytes and remembers what it was asked.
//!
//! What it does with a request is a script: a function which may send, read, wait for a channel, and close.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::PATIENCE;
use super::wire::{Head, Payload, Wire};

/// A stub that listens.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    notes: Arc<Notes>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The number of the connection which it came on, from 0.
    pub(crate) connection: usize,
    pub(crate) head: Head,
    /// Its body, once a script has read it.
    pub(crate) payload: Payload,
}

/// A request to be answered.
pub(crate) struct Call<'w> {
    pub(crate) seen: Seen,
    pub(crate) wire: &'w mut Wire,
    read: bool,
    notes: &'w Notes,
    index: usize,
}

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Keep,
    Close,
}

#[derive(Default)]
struct Notes {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    closed_connections: usize,
}

type Script = dyn Fn(&mut Call<'_>) -> Then + Send + Sync;

impl Upstream {
    /// Answers every request with these bytes, after reading its body.
    pub(crate) fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::scripted(move |call| {
            call.body();
            call.wire.send(&bytes);
            Then::Keep
        })
    }

    /// Sends these bytes to every request and closes.
    pub(crate) fn answering_and_closing(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::scripted(move |call| {
            call.wire.send(&bytes);
            Then::Close
        })
    }

    /// Switches every connection to another protocol, returns its first four bytes, and waits for its end.
    pub(crate) fn switching() -> Self {
        Self::scripted(|call| {
            call.wire
                .send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
            let bytes = call.wire.exactly(4);
            call.wire.send(bytes);
            call.wire.rest();
            Then::Close
        })
    }

    /// Does with every request what the script says.
    pub(crate) fn scripted(script: impl Fn(&mut Call<'_>) -> Then + Send + Sync + 'static) -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// The same on this listener.
    pub(crate) fn listening(
        listener: TcpListener,
        script: impl Fn(&mut Call<'_>) -> Then + Send + Sync + 'static,
    ) -> Self {
        let (address, notes) = (listener.local_addr().unwrap(), Arc::new(Notes::default()));
        let (kept, script): (_, Arc<Script>) = (Arc::clone(&notes), Arc::new(script));
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (notes, script) = (Arc::clone(&kept), Arc::clone(&script));
                thread::spawn(move || serve(connection, stream.unwrap(), &notes, &*script));
            }
        });
        Self { address, notes }
    }

    /// Its address as a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.notes.state.lock().unwrap().seen.clone()
    }

    /// The only request so far.
    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "requests: {seen:?}");
        seen.into_iter().next().unwrap()
    }

    /// Waits until so many connections have been closed.
    pub(crate) fn wait_for_closed(&self, connections: usize) {
        let state = self.notes.state.lock().unwrap();
        let open = |state: &mut State| state.closed_connections < connections;
        let (_state, late) = self.notes.changed.wait_timeout_while(state, PATIENCE, open).unwrap();
        assert!(!late.timed_out(), "the connections stayed open");
    }
}

impl Call<'_> {
    /// The request's body, read to its end.
    pub(crate) fn body(&mut self) -> &Payload {
        if !self.read {
            self.read = true;
            self.seen.payload = self.wire.payload(&self.seen.head, false);
            // Noted before anything is answered, so that whoever has the answer finds it.
            self.notes.state.lock().unwrap().seen[self.index].payload = self.seen.payload.clone();
        }
        &self.seen.payload
    }

    /// The first line of the request.
    pub(crate) fn line(&self) -> &str {
        &self.seen.head.line
    }
}

fn serve(connection: usize, stream: TcpStream, notes: &Notes, script: &Script) {
    let mut wire = Wire::over(stream);
    while let Some(head) = head_of_request(&mut wire) {
        let seen = Seen { connection, head, payload: Payload::default() };
        let index = notes.push(seen.clone());
        let mut call = Call { seen, wire: &mut wire, read: false, notes, index };
        if script(&mut call) == Then::Close {
            break;
        }
    }
    drop(wire);
    notes.state.lock().unwrap().closed_connections += 1;
    notes.changed.notify_all();
}

/// Idle connections may stay open for longer than anybody is patient: the thread then just ends.
fn head_of_request(wire: &mut Wire) -> Option<Head> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| wire.head())).ok().flatten()
}

impl Notes {
    fn push(&self, seen: Seen) -> usize {
        let mut state = self.state.lock().unwrap();
        state.seen.push(seen);
        state.seen.len() - 1
    }
}

/// An address at which nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
