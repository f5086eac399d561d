//! Clients that take no more, or send no more, or never end: nothing is held for them for ever (section 5 of the
//! contract).

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::answers::{framed, json};
use crate::support::client::request;
use crate::support::http2::Http2Client;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream, nobody};
use crate::support::wire::latin1;
use crate::support::{PATIENCE, eventually};

/// Waits until so many were counted for this reason.
fn wait_for_refused(gloss: &Sidecar, reason: &str, count: u64) {
    let name = format!("gloss_refused_connections_total{{reason=\"{reason}\"}}");
    eventually("it is counted", || (gloss.metric(&name) >= count).then_some(()));
    assert_eq!(gloss.metric(&name), count);
}

/// Answers `/small` and, with far more than anybody takes ahead, everything else.
fn generous() -> Upstream {
    Upstream::scripted(|call| {
        if call.line().contains("/small") {
            call.wire.send(json("[1, 2, 3]"));
            return Then::Keep;
        }
        call.wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
        // Ends when gloss closes the connection.
        while call.wire.send(vec![b'x'; 100_000]) {}
        Then::Close
    })
}

#[test]
fn a_stream_whose_window_stays_closed_is_reset_and_the_others_go_on() {
    let upstream = generous();
    let gloss = Setup::before(&upstream).set("server.write_timeout", "\"300ms\"").start();
    let mut client = Http2Client::with_window(gloss.clients, 5);
    let (first, second, tail) = (client.begin("/long/1"), client.begin("/long/2"), client.begin("/small"));
    assert_eq!([first.status(), second.status(), tail.status()], [200, 200, 200]);
    // Of the small one, too, some bytes wait: it is all with the HTTP library, which alone would keep it for ever.
    wait_for_refused(&gloss, "stream-timeout", 3);
    upstream.wait_for_closed(2);
    for answer in [first, second, tail] {
        assert!(client.rest(answer).is_err(), "it ended as if it had been whole");
    }
    assert_eq!(client.get("/small"), 200);
    assert_eq!(gloss.metric("gloss_connections"), 1);
}

#[test]
fn as_many_closed_windows_as_there_may_be_hold_a_bounded_memory() {
    let upstream = generous();
    let gloss = Setup::before(&upstream).set("server.write_timeout", "\"2s\"").start();
    // Wide open at first, so that buffers grow as far as they ever do.
    let mut client = Http2Client::with_window(gloss.clients, 1_000_000);
    let answers: Vec<_> = (0..100).map(|number| client.begin(&format!("/long/{number}"))).collect();
    wait_for_refused(&gloss, "stream-timeout", 100);
    // 45 MiB are promised; the rest is the program itself.
    let peak = gloss.peak_memory_kib() / 1024;
    assert!(peak < 45 + 40, "{peak} MiB");
    drop(answers);
}

#[test]
fn a_stream_that_is_read_slowly_is_read_to_its_end() {
    let upstream = Upstream::answering(json([b'x'; 40]));
    let gloss = Setup::before(&upstream).set("server.write_timeout", "\"20s\"").start();
    let mut client = Http2Client::with_window(gloss.clients, 1);
    let answer = client.begin("/");
    // One byte a window: forty times there and back.
    assert_eq!(client.rest(answer).unwrap(), [b'x'; 40][..]);
}

#[test]
fn a_client_that_reads_slowly_but_steadily_gets_all_of_it() {
    const LENGTH: usize = 12_000_000;
    let upstream = Upstream::answering(json(vec![b'x'; LENGTH]));
    let gloss = Setup::before(&upstream).set("server.write_timeout", "\"1s\"").start();
    let mut stream = TcpStream::connect(gloss.clients).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 16 * 1024).unwrap();
    stream.write_all(request("GET", "/", &["Connection: close"]).as_bytes()).unwrap();
    // Its pace: nothing ever comes here.
    let (pace, _quiet) = UnixStream::pair().unwrap();
    pace.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
    for _ in 0..150 {
        assert!((&pace).read(&mut [0]).is_err());
        let count = stream.read(&mut bytes).unwrap();
        answer.extend_from_slice(&bytes[..count]);
    }
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer.len() - latin1(&answer).find("\r\n\r\n").unwrap() - 4, LENGTH);
}

/// Sends as much as it gets rid of from a thread of its own, and reads until the other side ends the connection: what
/// came, and how it ended.
fn answer_while_sending(gloss: &Sidecar, head: &str, bytes: usize) -> (String, std::io::Result<usize>) {
    let mut stream = TcpStream::connect(gloss.clients).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut sending = stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        let block = vec![b'x'; 64 * 1024];
        // Ends early when the connection does.
        let _ = (0..bytes / block.len()).try_for_each(|_| sending.write_all(&block));
    });
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    let _ = stream.shutdown(Shutdown::Both);
    sender.join().unwrap();
    (latin1(&answer), ended)
}

#[test]
fn an_upload_that_was_answered_and_is_no_longer_read_comes_to_an_end() {
    let (_over, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::scripted(move |call| {
        call.wire.send(json("\"enough\""));
        // Keeps the connection and reads nothing more until the test is over.
        let _ = wait.lock().unwrap().recv();
        Then::Close
    });
    let gloss = Setup::before(&upstream).start();
    let head = request("POST", "/", &["Content-Length: 1000000000"]);
    let (answer, ended) = answer_while_sending(&gloss, &head, 1_000_000_000);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\"enough\""), "{answer}");
    ended.expect("an orderly end, and no reset");
    eventually("nothing is held", || (gloss.metric("gloss_connections") == 0).then_some(()));
}

#[test]
fn a_client_that_reads_when_it_has_sent_everything_gets_the_answer_that_came_before() {
    let gloss = Setup::before_address(nobody()).start();
    let refused = request("POST", "/", &["Content-Length: 30000000"]);
    for (head, status) in [(refused.as_str(), "502"), ("GET / HTTP/1.1\nHost: a\n\n", "400")] {
        let mut stream = TcpStream::connect(gloss.clients).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let block = vec![b'x'; 100_000];
        for _ in 0..300 {
            stream.write_all(&block).expect("the connection is not reset");
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("nor is it now");
        assert!(latin1(&answer).starts_with(&format!("HTTP/1.1 {status} ")), "{}", latin1(&answer));
    }
}

#[test]
fn a_pause_of_the_client_is_not_blamed_on_the_upstream() {
    let upstream = Upstream::scripted(|call| {
        if call.line().contains("/hang") {
            call.wire.rest();
            return Then::Close;
        }
        call.body();
        call.wire.send(json("{}"));
        Then::Keep
    });
    let gloss = Setup::before(&upstream).set("upstream.response_timeout", "\"200ms\"").start();
    let mut client = gloss.client();
    client.send(request("POST", "/", &["Content-Length: 10"]) + "half ");
    // The time of an answer passes twice and more.
    for _ in 0..3 {
        assert_eq!(gloss.get("/hang", &[]).status, 504);
    }
    client.send("whole");
    assert_eq!(client.answer().status, 200);
}

/// Sends a byte every now and then, until something comes back.
fn trickle(stream: &mut TcpStream, byte: &[u8]) {
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let _ = stream.write(byte);
        match stream.peek(&mut [0]) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            _ => return,
        }
    }
    panic!("nothing came for {PATIENCE:?}");
}

#[test]
fn a_body_that_trickles_gets_408() {
    let upstream = Upstream::scripted(|call| {
        assert!(!call.body().complete);
        Then::Close
    });
    let setup = Setup::before(&upstream).set("server.body_timeout", "\"500ms\"");
    let gloss = setup.set("server.body_min_rate", "\"1KB\"").start();
    let mut stream = TcpStream::connect(gloss.clients).unwrap();
    stream.write_all(request("POST", "/", &["Content-Length: 1000000"]).as_bytes()).unwrap();
    // Each byte comes well within the time for a pause.
    trickle(&mut stream, b"x");
    stream.shutdown(Shutdown::Write).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("came too slowly"), "{answer}");
    wait_for_refused(&gloss, "body-rate", 1);
    assert_eq!(gloss.metric("gloss_refused_connections_total{reason=\"body-timeout\"}"), 0);
}

#[test]
fn a_conversation_may_be_as_slow_as_it_likes() {
    let upstream = Upstream::scripted(|call| {
        call.wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while let Some(chunk) = call.wire.chunk().filter(|chunk| !chunk.is_empty()) {
            call.wire.send(framed(&chunk));
        }
        call.wire.send("0\r\n\r\n");
        Then::Close
    });
    let setup = Setup::before(&upstream).set("server.body_timeout", "\"300ms\"");
    let gloss = setup.set("server.body_min_rate", "\"1GB\"").start();
    let mut client = gloss.client();
    client.send(request("POST", "/echo", &["Transfer-Encoding: chunked"]));
    assert_eq!(client.head().0, 200);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(1) {
        client.send(framed(b"word"));
        assert_eq!(client.chunk().as_deref(), Some(&b"word"[..]));
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.chunk(), Some(Vec::new()));
}

#[test]
fn tunnels_are_connections_like_any_other() {
    let upstream = Upstream::switching();
    let gloss = Setup::before(&upstream).set("server.max_connections", "2").start();
    let mut tunnels = [gloss.client(), gloss.client()];
    for client in &mut tunnels {
        assert_eq!(client.get("/", &["Connection: Upgrade", "Upgrade: echo"]).head().0, 101);
        assert_eq!(client.send("ping").exactly(4), b"ping");
    }
    assert_eq!(gloss.metric("gloss_upgraded_connections"), 2);
    eventually("they count once", || (gloss.metric("gloss_connections") == 0).then_some(()));
    assert_eq!(gloss.get("/", &[]).status, 503);
    drop(tunnels);
    eventually("their places are free", || (gloss.metric("gloss_upgraded_connections") == 0).then_some(()));
    let mut next = gloss.client();
    assert_eq!(next.get("/", &["Connection: Upgrade", "Upgrade: echo"]).head().0, 101);
}

#[test]
fn a_client_of_a_socket_in_the_file_system_that_leaves_ends_its_request() {
    let (begun, heard) = channel();
    let upstream = Upstream::scripted(move |call| {
        begun.send(()).unwrap();
        call.wire.rest();
        Then::Close
    });
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gloss.sock");
    let gloss = Setup::before(&upstream).set("listen", &format!("\"unix:{}\"", path.display())).start();
    let mut leaving = UnixStream::connect(&path).unwrap();
    let mut waiting = UnixStream::connect(&path).unwrap();
    for client in [&mut leaving, &mut waiting] {
        client.write_all(request("GET", "/", &[]).as_bytes()).unwrap();
        heard.recv_timeout(PATIENCE).unwrap();
    }
    // One that has only stopped sending still waits for its answer.
    waiting.shutdown(Shutdown::Write).unwrap();
    drop(leaving);
    upstream.wait_for_closed(1);
    eventually("one is counted", || (gloss.metric("gloss_connections") == 1).then_some(()));
}

#[test]
fn an_answer_that_breaks_off_looks_whole_to_nobody() {
    let (whole, broken) = ("5\r\n12345\r\n0\r\n\r\n", "5\r\n12345\r\n");
    for (chunks, is_whole) in [(whole, true), (broken, false)] {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let upstream = Upstream::answering_and_closing(format!("{head}{chunks}"));
        let gloss = Setup::before(&upstream).start();
        for _ in 0..5 {
            let mut stream = TcpStream::connect(gloss.clients).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            // A client that knows of no chunks, and to which the end of the connection is the end of the answer.
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            let ended = stream.read_to_end(&mut answer);
            assert!(latin1(&answer).ends_with("\r\n\r\n12345"), "{}", latin1(&answer));
            let ended = ended.map_err(|error| error.kind());
            assert_eq!(ended.err(), (!is_whole).then_some(ErrorKind::ConnectionReset));
        }
    }
}
