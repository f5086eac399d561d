//! Lines of a head, hosts, and heads of unusual size.

use super::{BAD, Bench, Case, Outcome, case};

fn get(lines: &str) -> Vec<u8> {
    format!("GET /a HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n").into_bytes()
}

fn arrives() -> Outcome {
    Outcome::Arrives("GET /a HTTP/1.1".to_owned(), Vec::new())
}

/// A GET with one header of these bytes.
fn with_header(name: &[u8], value: &[u8]) -> Vec<u8> {
    [b"GET /a HTTP/1.1\r\nHost: a.test\r\n", name, b":", value, b"\r\n\r\n"].concat()
}

pub(super) fn lines() -> Vec<Case> {
    let mut cases = vec![
        case(get("X:\r\n"), arrives()),
        case(get("X: a\r\nX: b\r\nx: c\r\n"), arrives()),
        case(get("X:a:b\r\n"), arrives()),
        case(get("X_Y: under\r\n"), arrives()),
        case(get("!#$%&'*+-.^_`|~0Aa: token\r\n"), arrives()),
        case(b"\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", arrives()),
        case(b"\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
        case(b"GET /a HTTP/1.1\nHost: a\n\n", BAD),
        case(b"GET /a HTTP/1.1\r\nHost: a\n\r\n", BAD),
        case(b"GET /a HTTP/1.1\r\nHost: a\r\n\n", BAD),
        case(b"GET /a HTTP/1.1\rHost: a\r\r", BAD),
        case(b"GET /a HTTP/1.1\r\nHost: a\r\nX: y\rZ: w\r\n\r\n", BAD),
        case(get("X: a\r\n b\r\n"), BAD),
        case(get("X: a\r\n\tb\r\n"), BAD),
        case(b"GET /a HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n", BAD),
        case(get("X\r\n"), BAD),
        case(get(": y\r\n"), BAD),
        case(get("X : y\r\n"), BAD),
        case(get("X\t: y\r\n"), BAD),
        case(get("X Y: z\r\n"), BAD),
    ];
    for byte in (0_u8..0x20).filter(|byte| !b"\t\r\n".contains(byte)).chain([0x7f]) {
        cases.push(case(with_header(b"X", &[b'a', byte, b'b']), BAD));
    }
    for byte in *b"\0 \x01\x7f\"(),/;<=>?@[\\]{}\x80\xff" {
        cases.push(case(with_header(&[b'X', byte, b'Y'], b"v"), BAD));
    }
    for byte in *b"\t \"<>\\^`{|}\x80\xa0\xff" {
        cases.push(case(with_header(b"X", &[b'a', byte, b'b']), arrives()));
    }
    cases
}

pub(super) fn hosts() -> Vec<Case> {
    let with_host = |value: &str| format!("GET /a HTTP/1.1\r\nHost: {value}\r\n\r\n");
    let mut cases = vec![
        case("GET /a HTTP/1.1\r\n\r\n", BAD),
        case("GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", BAD),
        case("GET /a HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", BAD),
        case("GET /a HTTP/1.1\r\nHost : a\r\n\r\n", BAD),
        case("GET /a HTTP/1.0\r\n\r\n", arrives()),
        case("GET /a HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", BAD),
        case("GET /a HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n", arrives()),
    ];
    let good = [
        "a",
        "api.test:8000",
        "127.0.0.1",
        "127.0.0.1:1",
        "[::1]",
        "[::1]:80",
        "xn--bcher-kva.test",
        "a_b",
        "a,b",
    ];
    cases.extend(good.map(|host| case(with_host(host), arrives())));
    let bad = ["a b", "a/b", "user@a", "http://a", "a:b:c", "[::1", "a?b", "a#b", "a\u{0}b", "a\\b"];
    cases.extend(bad.map(|host| case(with_host(host), BAD)));
    cases
}

pub(super) fn sizes() -> Vec<Case> {
    const TOO_LARGE: Outcome = Outcome::Refused(&[431]);
    let many = |count: usize| get(&"X: y\r\n".repeat(count));
    let different = |count: usize| {
        let lines: Vec<_> = (0..count).map(|n| format!("x-{n}: y\r\n")).collect();
        get(&lines.concat())
    };
    vec![
        case(many(250), arrives()),
        case(different(250), arrives()),
        case(many(300), TOO_LARGE),
        case(different(10_000), TOO_LARGE),
        case(get(&format!("X: {}\r\n", "y".repeat(50_000))), arrives()),
        case(get(&format!("X: {}\r\n", "y".repeat(100_000))), TOO_LARGE),
        case(get(&format!("X: {}\r\n", "y".repeat(1_000_000))), TOO_LARGE),
        case(get(&format!("{}: y\r\n", "x".repeat(70_000))), Outcome::Refused(&[400, 431])),
        case(
            format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "y".repeat(100_000)),
            Outcome::Refused(&[414, 431]),
        ),
        case(vec![b'A'; 200_000], Outcome::Refused(&[400, 431])),
        case(vec![0; 200_000], BAD),
    ]
}

#[test]
fn lines_that_two_readers_could_read_differently_are_refused() {
    Bench::new().judge_all(&lines());
}

#[test]
fn a_request_names_one_host() {
    Bench::new().judge_all(&hosts());
}

#[test]
fn heads_have_a_largest_size() {
    Bench::new().judge_all(&sizes());
}
