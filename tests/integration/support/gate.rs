//! The test's end of the storage in `gloss-with-faults`: every operation on a log asks here and waits for an order.
//! What is never ordered hangs.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::PATIENCE;

/// Where operations ask.
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    operations: Receiver<Operation>,
}

/// An operation that waits.
pub(crate) struct Operation {
    /// `open`, `search` or `read`; with ` transcript` behind it, where it is about one.
    pub(crate) kind: String,
    stream: TcpStream,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, operations) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let mut kind = String::new();
                BufReader::new(&stream).read_line(&mut kind).unwrap();
                if sender.send(Operation { kind: kind.trim().to_owned(), stream }).is_err() {
                    return;
                }
            }
        });
        Self { address, operations }
    }

    /// The next operation; it waits until it is told what to do, and for ever if it is dropped untold.
    pub(crate) fn next(&self) -> Operation {
        self.operations.recv_timeout(PATIENCE).expect("the storage is asked")
    }

    /// The next operation of this kind; those before it go on.
    pub(crate) fn next_of(&self, kind: &str) -> Operation {
        loop {
            let operation = self.next();
            if operation.kind == kind {
                return operation;
            }
            operation.go_on();
        }
    }

    /// Lets everything from now on pass.
    pub(crate) fn open_for_good(self) {
        thread::spawn(move || self.operations.into_iter().for_each(Operation::go_on));
    }

    /// Refuses everything from now on.
    pub(crate) fn refuse_for_good(self) {
        thread::spawn(move || self.operations.into_iter().for_each(Operation::refuse));
    }
}

impl Operation {
    /// It is done as if nothing had been in the way.
    pub(crate) fn go_on(self) {
        self.order("go");
    }

    /// It panics instead.
    pub(crate) fn panic(self) {
        self.order("panic");
    }

    /// It panics with a message that holds this word.
    pub(crate) fn panic_quoting(self, word: &str) {
        self.order(&format!("panic {word}"));
    }

    /// The storage refuses it.
    pub(crate) fn refuse(self) {
        self.order("refuse");
    }

    fn order(mut self, order: &str) {
        // The process may have been killed meanwhile.
        let _ = writeln!(self.stream, "{order}");
    }
}
