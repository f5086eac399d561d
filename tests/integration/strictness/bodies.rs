//! Where a body ends: lengths, codings, chunks, and what follows.

use super::{BAD, Bench, Case, Outcome, arrives, case, post};

pub(super) fn lengths() -> Vec<Case> {
    let mut cases = vec![
        case(post("Content-Length: 5\r\n", "abcde"), arrives("abcde")),
        case(post("content-length:5\r\n", "abcde"), arrives("abcde")),
        case(post("Content-Length: \t5\t \r\n", "abcde"), arrives("abcde")),
        case(post("Content-Length: 005\r\n", "abcde"), arrives("abcde")),
        case(post("Content-Length: 5\r\nContent-Length: 5\r\n", "abcde"), arrives("abcde")),
        case(post("Content-Length: 0\r\n", ""), arrives("")),
        case(post("", ""), arrives("")),
        case(post("X-Content-Length: 5\r\n", ""), arrives("")),
        // Too little, then the end.
        case(post("Content-Length: 6\r\n", "abcde"), Outcome::CutOff),
        // Too much: the rest is the next request, and none.
        case(post("Content-Length: 3\r\n", "abcde\r\n\r\n"), Outcome::ThenRefused(1)),
        case(post("Content-Length: 3\r\n", "abcde"), Outcome::ArriveAll(1)),
        case(post("Content-Length: 0\r\n", "abcde\r\n\r\n"), Outcome::ThenRefused(1)),
        case(post("Content_Length: 5\r\n", "abcde\r\n\r\n"), Outcome::ThenRefused(1)),
        case(post("Content-Length: 5\r\nContent-Length: 6\r\n", "abcdef"), BAD),
        case(post("Content-Length: 6\r\nContent-Length: 5\r\n", "abcdef"), BAD),
        case(post("Content-Length: 5\r\nX: y\r\nCONTENT-LENGTH: 0\r\n", "abcde"), BAD),
        case(post("Content-Length: 5\r\nContent-Length: x\r\n", "abcde"), BAD),
        case(post("Content-Length : 5\r\n", "abcde"), BAD),
        case(post("Content-Length\t: 5\r\n", "abcde"), BAD),
        case(post(" Content-Length: 5\r\n", "abcde"), BAD),
        case(post("Content-Length:\r\n 5\r\n", "abcde"), BAD),
    ];
    let values = [
        "",
        "+5",
        "-5",
        "-0",
        "0x5",
        "5 5",
        "5,5",
        "5, 5",
        "5;",
        "5.0",
        "1e1",
        "five",
        "\u{665}",
        "5\u{b}",
        "\"5\"",
        "18446744073709551616",
        "99999999999999999999999",
    ];
    cases.extend(values.map(|value| case(post(&format!("Content-Length: {value}\r\n"), "abcde"), BAD)));
    cases
}

pub(super) fn codings() -> Vec<Case> {
    let chunked = "5\r\nabcde\r\n0\r\n\r\n";
    let mut cases = vec![
        case(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunked), BAD),
        case(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunked), BAD),
        case(post("Content-Length: 0\r\nX: y\r\ntransfer-encoding: chunked\r\n", chunked), BAD),
        case(post("Transfer-Encoding: chunked\r\ncontent-length:\r\n", chunked), BAD),
        case(post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "abcde"), BAD),
        case(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunked), BAD),
        case(post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", chunked), BAD),
        case(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunked), BAD),
        case(post("Transfer-Encoding : chunked\r\n", chunked), BAD),
        case(post("Transfer-Encoding\r\n: chunked\r\n", chunked), BAD),
        case(post("Transfer-Encoding:\r\n chunked\r\n", chunked), BAD),
        case(post("X: y\r\n Transfer-Encoding: chunked\r\n", chunked), BAD),
        // A name with an underscore is another name, to the upstream too.
        case(post("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", "abcde"), arrives("abcde")),
        case("POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", BAD),
        case("POST /a HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde", arrives("abcde")),
        // A body is one also where it is unusual.
        case(
            "GET /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
            Outcome::Arrives("GET /a HTTP/1.1".to_owned(), b"abcde".to_vec()),
        ),
        // What belongs to the connection is not for the client to take away.
        case(
            post("Connection: content-length, transfer-encoding\r\nContent-Length: 5\r\n", "abcde"),
            arrives("abcde"),
        ),
    ];
    for value in ["chunked", "Chunked", "CHUNKED", " chunked", "\tchunked", "chunked ", "chunked\t "] {
        cases.push(case(post(&format!("Transfer-Encoding:{value}\r\n"), chunked), arrives("abcde")));
    }
    let odd = [
        "",
        "identity",
        "gzip",
        "deflate, chunked",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked,",
        ", chunked",
        "chunked,identity",
        "x-chunked",
        "xchunked",
        "chunkedx",
        "chun ked",
        "chunked;q=1",
        "\"chunked\"",
        "chunked\u{b}",
        "\u{c}chunked",
        "chunked\tx",
        "chunked\u{0}",
    ];
    cases.extend(odd.map(|value| case(post(&format!("Transfer-Encoding: {value}\r\n"), chunked), BAD)));
    cases
}

pub(super) fn chunks() -> Vec<Case> {
    let sent = |body: &str, outcome| case(post("Transfer-Encoding: chunked\r\n", body), outcome);
    let long = |size: usize| "e".repeat(size);
    let mut cases = vec![
        sent("5\r\nabcde\r\n0\r\n\r\n", arrives("abcde")),
        sent("0005\r\nabcde\r\n000\r\n\r\n", arrives("abcde")),
        sent("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", arrives("01234567890123456789")),
        sent("5;name=value\r\nabcde\r\n0;last\r\n\r\n", arrives("abcde")),
        sent("5;a=\"b;c\"\r\nabcde\r\n0\r\n\r\n", arrives("abcde")),
        sent("5 ;a\r\nabcde\r\n0\r\n\r\n", arrives("abcde")),
        sent("5\t\r\nabcde\r\n0 \r\n\r\n", arrives("abcde")),
        sent("5\r\n\r\n0\r\n\r\n0\r\n\r\n", arrives("\r\n0\r\n")),
        sent("5\r\n0\r\n\r\n\r\n0\r\n\r\n", arrives("0\r\n\r\n")),
        sent("5\r\nabcde\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n", arrives("abcde")),
        sent("5\r\nabcde\r\n0\r\nContent-Length: 99\r\n\r\n", arrives("abcde")),
        sent(&format!("5;{}\r\nabcde\r\n0\r\n\r\n", long(1000)), arrives("abcde")),
        sent(&format!("5;{}\r\nabcde\r\n0\r\n\r\n", long(20_000)), Outcome::CutOff),
        sent(&format!("5\r\nabcde\r\n0\r\nX: {}\r\n\r\n", long(100_000)), Outcome::CutOff),
    ];
    let broken = [
        "",
        "\r\n",
        "5",
        "5\r",
        "5\r\nabc",
        "5\r\nabcde",
        "5\r\nabcde\r\n",
        "5\r\nabcde\r\n0\r\n",
        "5\r\nabcde\r\n0\r\nX: y\r\n",
        "0x5\r\nabcde\r\n0\r\n\r\n",
        "-5\r\nabcde\r\n0\r\n\r\n",
        "+5\r\nabcde\r\n0\r\n\r\n",
        " 5\r\nabcde\r\n0\r\n\r\n",
        "5h\r\nabcde\r\n0\r\n\r\n",
        "h\r\nabcde\r\n0\r\n\r\n",
        "5 5\r\nabcde\r\n0\r\n\r\n",
        "5_0\r\nabcde\r\n0\r\n\r\n",
        ";a\r\nabcde\r\n0\r\n\r\n",
        "10000000000000000\r\nabcde\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nabcde\r\n0\r\n\r\n",
        "5\nabcde\r\n0\r\n\r\n",
        "5\rabcde\r\n0\r\n\r\n",
        "5\r\r\nabcde\r\n0\r\n\r\n",
        "5;a\nabcde\r\n0\r\n\r\n",
        "5;a\n\r\nabcde\r\n0\r\n\r\n",
        "5\r\nabcde\n0\r\n\r\n",
        "5\r\nabcde\r0\r\n\r\n",
        "5\r\nabcdef\r\n0\r\n\r\n",
        "5\r\nabcd\r\n0\r\n\r\n",
        "5\r\nabcde0\r\n\r\n",
        "5\r\nabcde\r\n0\n\n",
        "5\r\nabcde\r\n0\r\n\n",
        "5\r\nabcde\r\n0\r\nX: y\n\r\n",
        "5\r\nabcde\r\n0\r\nX y\r\n\r\n",
        "5\r\nabcde\r\n0\r\nX : y\r\n\r\n",
        "5\r\nabcde\r\n0\r\n\rX",
        "5\0\r\nabcde\r\n0\r\n\r\n",
    ];
    cases.extend(broken.map(|body| sent(body, Outcome::CutOff)));
    cases
}

pub(super) fn sequences() -> Vec<Case> {
    let get = "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let posted = "POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc";
    let chunked =
        "POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let mixed =
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let h2c = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
    let upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    vec![
        case([get, get, get].concat(), Outcome::ArriveAll(3)),
        case([posted, chunked, get].concat(), Outcome::ArriveAll(3)),
        case([posted, "\r\n", get].concat(), Outcome::ArriveAll(2)),
        case([get, mixed, get].concat(), Outcome::ThenRefused(1)),
        case([posted, "GET /b HTTP/1.1\nHost: a\n\n"].concat(), Outcome::ThenRefused(1)),
        case([chunked, chunked, "\0"].concat(), Outcome::ThenRefused(2)),
        case([get, "GET /b HTTP/1.1\r\n\r\n", get].concat(), Outcome::ThenRefused(1)),
        // Declined: what follows may be meant for the other protocol, and the connection ends.
        case([upgrade, get].concat(), Outcome::ArriveAll(1)),
        case([upgrade, mixed].concat(), Outcome::ArriveAll(1)),
        case([upgrade, "\u{81}\u{5}hello"].concat(), Outcome::ArriveAll(1)),
        // Not passed on as a request to upgrade: what follows is a request again, by the same rules.
        case([h2c, get].concat(), Outcome::ArriveAll(2)),
        case([h2c, h2c, get].concat(), Outcome::ArriveAll(3)),
        case([h2c, mixed].concat(), Outcome::ThenRefused(1)),
        case([h2c, "\u{81}\u{5}hello\r\n\r\n"].concat(), Outcome::ThenRefused(1)),
    ]
}

#[test]
fn a_length_is_one_number_or_the_request_is_refused() {
    Bench::new().judge_all(&lengths());
}

#[test]
fn a_coding_is_one_chunked_and_never_beside_a_length() {
    Bench::new().judge_all(&codings());
}

#[test]
fn a_chunked_body_arrives_whole_or_is_cut_off() {
    Bench::new().judge_all(&chunks());
}

#[test]
fn each_request_on_a_connection_is_judged_by_itself() {
    Bench::new().judge_all(&sequences());
}
