//! Clients that take no more, or send no more, or never end: nothing is held for them for ever (section 5 of the
//! contract).

use crate::support::answers::json;
use crate::support::eventually;
use crate::support::http2::Http2Client;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Then, Upstream};

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
fn a_stream_that_is_read_slowly_is_read_to_its_end() {
    let upstream = Upstream::answering(json([b'x'; 40]));
    let gloss = Setup::before(&upstream).set("server.write_timeout", "\"20s\"").start();
    let mut client = Http2Client::with_window(gloss.clients, 1);
    let answer = client.begin("/");
    // One byte a window: forty times there and back.
    assert_eq!(client.rest(answer).unwrap(), [b'x'; 40][..]);
}
