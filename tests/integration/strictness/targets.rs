//! Methods, targets and versions: they pass byte for byte, or not at all.

use super::{BAD, Bench, Case, Outcome, case};

fn line(text: &str) -> Vec<u8> {
    format!("{text}\r\nHost: a.test\r\n\r\n").into_bytes()
}

fn unchanged(text: &str) -> Case {
    case(line(text), Outcome::Arrives(text.to_owned(), Vec::new()))
}

fn becomes(sent: &str, arrives: &str) -> Case {
    case(line(sent), Outcome::Arrives(arrives.to_owned(), Vec::new()))
}

pub(super) fn all() -> Vec<Case> {
    let mut cases: Vec<_> = [
        "/",
        "//",
        "//a//b",
        "/a/../b",
        "/../../etc/passwd",
        "/..%2f..%2fetc",
        "/%2e%2e/",
        "/%00",
        "/a%00b",
        "/a;b=c",
        "/;",
        "/a%20b",
        "/%zz",
        "/%",
        "/a%",
        "/a%2Fb",
        "/a%2fb",
        "/%25%32%46",
        "/?",
        "/?a=b&a=c",
        "/?%0d%0aX:y",
        "/a?b?c",
        "/a|b",
        "/a\\b",
        "/{a}",
        "/a'b",
        "/a^b",
        "/[a]",
        "/a:b@c",
        "/api/v1/workflows/claude-code/run/..%2fx/status",
        "/api/v1/workflows/claude-code/run/%00/status?enhanced=true",
        "/api/v1/workflows/claude-code/run//status",
        "/api/v1/workflows/claude-code/run/a%2fb/status?enhanced=true",
        "/api/v1/workflows/claude-code/run/a;b/status?enhanced=true",
        "/api/v1/workflows/claude-code/run/run_1/status/?enhanced=true",
    ]
    .map(|target| unchanged(&format!("GET {target} HTTP/1.1")))
    .into();
    for method in ["get", "PURGE", "M-SEARCH", "PROPFIND", "X!#$%&'*+-.^_`|~", "TRACE", "PRI"] {
        cases.push(unchanged(&format!("{method} /a HTTP/1.1")));
    }
    cases.extend([
        unchanged("OPTIONS * HTTP/1.1"),
        unchanged("GET /a\"b HTTP/1.1"),
        case(
            line("GET /\u{e9} HTTP/1.1"),
            Outcome::Arrives("GET /\u{c3}\u{a9} HTTP/1.1".to_owned(), Vec::new()),
        ),
        becomes("GET http://b.test/a?c=d HTTP/1.1", "GET /a?c=d HTTP/1.1"),
        becomes("GET http://b.test HTTP/1.1", "GET / HTTP/1.1"),
        becomes("GET http://b.test?a HTTP/1.1", "GET /?a HTTP/1.1"),
        becomes("OPTIONS http://b.test/a HTTP/1.1", "OPTIONS /a HTTP/1.1"),
        // The library reads it as if a slash had been there, as the documentation says.
        becomes("OPTIONS http://b.test HTTP/1.1", "OPTIONS / HTTP/1.1"),
        // The library cuts it off, as the documentation says.
        becomes("GET /a#b HTTP/1.1", "GET /a HTTP/1.1"),
        case(line("GET http://user:pw@b.test/ HTTP/1.1"), BAD),
        case(line("GET a.test:80 HTTP/1.1"), BAD),
        case(line("GET a HTTP/1.1"), BAD),
        case(line("GET * HTTP/1.1"), BAD),
        case(line("CONNECT a.test:80 HTTP/1.1"), Outcome::Refused(&[405])),
        case(line("CONNECT / HTTP/1.1"), Outcome::Refused(&[400, 405])),
    ]);
    let bad_lines = [
        "GET  /a HTTP/1.1",
        "GET /a  HTTP/1.1",
        "GET\t/a\tHTTP/1.1",
        " GET /a HTTP/1.1",
        "GET /a HTTP/1.1 ",
        "GET /a HTTP/1.1 x",
        "GET /a b HTTP/1.1",
        "GET /a",
        "GET",
        "GET /a HTTP/0.9",
        "GET /a HTTP/1.2",
        "GET /a HTTP/2.0",
        "GET /a HTTP/3",
        "GET /a http/1.1",
        "GET /a HTTP/11",
        "GET /a HTTP/1.1.1",
        "GET /a XTTP/1.1",
        "GET /a HTTP /1.1",
        "/a HTTP/1.1",
        "G\0T /a HTTP/1.1",
        "G(T /a HTTP/1.1",
        "G\u{e9}T /a HTTP/1.1",
        "GET /a\0b HTTP/1.1",
        "GET /a\u{7f} HTTP/1.1",
        "GET /a<b HTTP/1.1",
        "GET /a>b HTTP/1.1",
        "GET /a`b HTTP/1.1",
        "GET /a\tb HTTP/1.1",
        "GET /a\u{1} HTTP/1.1",
    ];
    cases.extend(bad_lines.map(|text| case(line(text), BAD)));
    cases
}

#[test]
fn targets_and_methods_pass_byte_for_byte_or_not_at_all() {
    Bench::new().judge_all(&all());
}
