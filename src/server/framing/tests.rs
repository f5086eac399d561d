//! The verdict on a connection's bytes, however they are cut.

use super::*;

/// The verdict on bytes that come at once.
fn verdict(bytes: &str) -> Followed {
    Framing::new().follow(bytes.as_bytes())
}

/// The verdict on bytes that come in pieces of `size`, with the index counted from the start.
fn verdict_in_pieces(bytes: &[u8], size: usize) -> (Followed, Phase) {
    let mut framing = Framing::new();
    for (index, piece) in bytes.chunks(size).enumerate() {
        let before = index * size;
        match framing.follow(piece) {
            Followed::Passed => {}
            Followed::UpgradeAt(at) => return (Followed::UpgradeAt(before + at), framing.phase()),
            Followed::RefusedAt(at, why) => return (Followed::RefusedAt(before + at, why), framing.phase()),
        }
    }
    (Followed::Passed, framing.phase())
}

const GOOD: [&str; 8] = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na\nb\r\nGET / HTTP/1.1\r\n\r\n",
    "POST / HTTP/1.1\r\ncontent-length:\t3 \r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5 ;a=\"b\"\r\n\n\n\n\n\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "POST / HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\n\r\nfF\r\n",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\nZ: \r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nX-Content-Length: 4\r\nContent-Length2: 5\r\n\r\nGET / HTTP/1.1\r\n\r\n",
];

#[test]
fn messages_that_follow_each_other_pass() {
    for bytes in GOOD {
        assert_eq!(verdict(bytes), Followed::Passed, "{bytes:?}");
    }
}

#[test]
fn a_length_beside_a_coding_is_refused_where_the_head_ends() {
    for lines in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "transfer-encoding: chunked\r\nX: y\r\nCONTENT-LENGTH: 0\r\n",
        "Transfer-Encoding: gzip\r\ncontent-length: 3\r\n",
    ] {
        let head = format!("POST / HTTP/1.1\r\n{lines}\r\n");
        let end = head.len() - 1;
        assert_eq!(verdict(&head), Followed::RefusedAt(end, Violation::LengthBesideCoding), "{head:?}");
    }
}

#[test]
fn a_line_feed_alone_ends_no_line() {
    for (bytes, at) in [
        ("GET / HTTP/1.1\nHost: a\n\n", 14),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", 23),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", 25),
        ("\nGET / HTTP/1.1\r\n\r\n", 0),
        ("P / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n1;x\n", 41),
        ("P / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n0\r\nX: y\n\r\n", 45),
        ("P / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n0\r\n\n", 41),
    ] {
        assert_eq!(verdict(bytes), Followed::RefusedAt(at, Violation::BareLineFeed), "{bytes:?}");
    }
}

#[test]
fn lengths_that_are_none_or_differ_are_refused() {
    let long = format!("{}5", "0".repeat(80));
    for value in
        ["", "+5", "-1", "5,5", "5 5", "0x5", "18446744073709551616", "5\r\nContent-Length: 6", &long]
    {
        let head = format!("POST / HTTP/1.1\r\nContent-Length: {value}\r\n\r\n");
        for size in [1, 7, head.len()] {
            let (followed, _) = verdict_in_pieces(head.as_bytes(), size);
            let refused = matches!(followed, Followed::RefusedAt(_, Violation::Length));
            assert!(refused, "{value:?} in pieces of {size}: {followed:?}");
        }
    }
}

#[test]
fn chunks_that_are_none_are_refused_at_the_byte_at_fault() {
    let head = "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (body, at) in [
        ("\r\n", 0),
        ("x", 0),
        ("-1\r\n", 0),
        ("0x5\r\n", 1),
        (" 5\r\n", 0),
        ("5 5\r\n", 2),
        ("5\rX", 2),
        ("1\r\nabc", 4),
        ("1\r\na\rX", 5),
        ("11112222333344445\r\n", 16),
        ("0\r\n\rX", 4),
        ("0\r\nX: y\rZ", 8),
    ] {
        let expected = Followed::RefusedAt(head.len() + at, Violation::Chunk);
        assert_eq!(verdict(&format!("{head}{body}")), expected, "{body:?}");
    }
}

#[test]
fn what_follows_a_request_to_upgrade_waits_for_the_answer() {
    let head = "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut framing = Framing::new();
    let bytes = format!("{head}\u{1}\n\n");
    assert_eq!(framing.follow(bytes.as_bytes()), Followed::UpgradeAt(head.len()));
    // Declined: the same bytes are a request, and none that passes.
    assert!(matches!(framing.follow(&bytes.as_bytes()[head.len()..]), Followed::RefusedAt(..)));

    let with_body = "POST /ws HTTP/1.1\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nab";
    assert_eq!(verdict(with_body), Followed::UpgradeAt(with_body.len()));
}

#[test]
fn the_phase_tells_what_is_waited_for() {
    let at = |bytes: &str| verdict_in_pieces(bytes.as_bytes(), 1).1;
    assert_eq!(at(""), Phase::Between);
    assert_eq!(at("G"), Phase::Head);
    assert_eq!(at("GET / HTTP/1.1\r\n"), Phase::Head);
    assert_eq!(at("GET / HTTP/1.1\r\n\r\n"), Phase::Between);
    assert_eq!(at("P / HTTP/1.1\r\nContent-Length: 2\r\n\r\na"), Phase::Body);
    assert_eq!(at("P / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"), Phase::Between);
    assert_eq!(at("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"), Phase::Body);
}

#[test]
fn any_cutting_gives_the_same_verdict() {
    let refused = [
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\nrest",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n5\r\nabcdeX",
    ];
    for bytes in GOOD.iter().chain(&refused) {
        let whole = verdict_in_pieces(bytes.as_bytes(), bytes.len());
        for size in 1..bytes.len() {
            assert_eq!(verdict_in_pieces(bytes.as_bytes(), size), whole, "{bytes:?} in pieces of {size}");
        }
    }
}
