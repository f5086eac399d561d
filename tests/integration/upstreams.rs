//! The ways to reach an upstream: `https://` with its certificates, `unix:`, and names with several addresses.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use rcgen::{CertificateParams, date_time_ymd};
use tempfile::TempDir;

use crate::faults::{ask_in_every_way, assert_failed};
use crate::support::answers::{chunked, json, status_body, status_path};
use crate::support::client::request;
use crate::support::front::{Hello, Signer, TlsFront, unix_front};
use crate::support::logs::Logs;
use crate::support::sidecar::Setup;
use crate::support::upstream::{Then, Upstream, nobody};

/// In front of an `https://` upstream, trusting nobody but this signer.
fn trusting(signer: &Signer, url: &str) -> Setup {
    let file = signer.file().display().to_string();
    Setup::at(url).set("upstream.tls.ca_file", &format!("{file:?}")).variable("SSL_CERT_FILE", "/dev/null")
}

#[test]
fn an_https_upstream_is_asked_in_http_1_1_under_the_name_in_its_url() {
    let (upstream, signer) = (Upstream::answering(json("{}")), Signer::new());
    let front = TlsFront::before(upstream.address, signer.server("localhost"));
    let gloss = trusting(&signer, &front.url("localhost")).start();
    assert_eq!(gloss.get("/a", &[]).text(), "{}");
    let (name, protocol) = (Some("localhost".to_owned()), Some("http/1.1".to_owned()));
    assert_eq!(front.hello(), Hello { server_name: name, protocol });
    assert_eq!(upstream.only().head.value("host"), Some("api.test"), "Host is the client's all the same");
    assert_eq!(
        gloss.client().send(request("POST", "/b", &["Content-Length: 3"])).send("abc").answer().status,
        200
    );
    let seen = upstream.seen().pop().unwrap();
    assert_eq!((&seen.payload.bytes[..], seen.connection), (&b"abc"[..], 0), "the connection is kept");
}

#[test]
fn an_https_upstream_may_be_an_address() {
    let (upstream, signer) = (Upstream::answering(json("{}")), Signer::new());
    let front = TlsFront::before(upstream.address, signer.server("127.0.0.1"));
    let gloss = trusting(&signer, &front.url("127.0.0.1")).start();
    assert_eq!(gloss.get("/", &[]).status, 200);
    assert_eq!(front.hello().server_name, None, "an address is no name to ask for");
}

#[test]
fn notes_streams_and_tunnels_work_over_tls() {
    let upstream = Upstream::scripted(|call| {
        if call.line().contains("/ws") {
            call.wire
                .send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
            let bytes = call.wire.exactly(4);
            call.wire.send(bytes);
            return Then::Close;
        }
        let stream = call.line().contains("/stream");
        let status = json(status_body("run_1", "running"));
        call.wire.send(if stream { chunked("text/plain", &[b"a", b"b"], "") } else { status });
        Then::Keep
    });
    let (signer, logs) = (Signer::new(), Logs::with_run("run_1"));
    let front = TlsFront::before(upstream.address, signer.server("localhost"));
    let gloss = trusting(&signer, &front.url("localhost")).logs(&logs).start();
    assert_eq!(gloss.get(&status_path("run_1"), &["Gloss: enhanced"]).labels(), ("enhanced", "header"));
    let streamed = gloss.get("/stream", &[]);
    assert_eq!((streamed.text(), streamed.payload.complete), ("ab", true));
    let mut client = gloss.client();
    assert_eq!(client.get("/ws", &["Connection: Upgrade", "Upgrade: echo"]).head().0, 101);
    assert_eq!(client.send("ping").exactly(4), b"ping");
}

#[test]
fn the_certificates_of_the_system_are_trusted() {
    let (upstream, signer) = (Upstream::answering(json("{}")), Signer::new());
    let front = TlsFront::before(upstream.address, signer.server("localhost"));
    let system = signer.file().display().to_string();
    let gloss = Setup::at(&front.url("localhost")).variable("SSL_CERT_FILE", &system).start();
    assert_eq!(gloss.get("/", &[]).status, 200);
}

#[test]
fn a_certificate_that_cannot_be_trusted_is_a_502_and_nothing_is_sent() {
    let (upstream, signer) = (Upstream::answering(json("{}")), Signer::new());
    let mut expired = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (expired.not_before, expired.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    for (why, server) in [
        ("wrong name", signer.server("other.test")),
        ("expired", signer.server_with(&expired)),
        ("untrusted", Signer::new().server("localhost")),
    ] {
        let front = TlsFront::before(upstream.address, server);
        let gloss = trusting(&signer, &front.url("localhost")).start();
        let answer = gloss.client().get("/", &["X-Api-Key: secret"]).answer();
        assert_failed(&answer, 502, "tls_certificate_error");
        assert!(gloss.stderr().contains("invalid peer certificate"), "{why}: {}", gloss.stderr());
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn another_name_can_be_asked_for_than_the_urls() {
    let (upstream, signer) = (Upstream::answering(json("{}")), Signer::new());
    let front = TlsFront::before(upstream.address, signer.server("api.internal"));
    let gloss = trusting(&signer, &front.url("localhost"))
        .set("upstream.tls.server_name", "\"api.internal\"")
        .start();
    assert_eq!(gloss.get("/", &[]).status, 200);
    assert_eq!(front.hello().server_name.as_deref(), Some("api.internal"));
}

#[test]
fn an_https_upstream_that_speaks_no_tls_is_a_502() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.read_exact(&mut [0]).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    });
    let gloss = trusting(&Signer::new(), &format!("https://localhost:{port}")).start();
    assert_failed(&gloss.get("/", &[]), 502, "tls_protocol_error");
}

#[test]
fn an_https_upstream_that_refuses_what_gloss_offers_is_a_502() {
    let signer = Signer::new();
    let mut server = signer.server("localhost");
    server.alpn_protocols = vec![b"h2".to_vec()];
    let front = TlsFront::before(nobody(), server);
    let gloss = trusting(&signer, &front.url("localhost")).start();
    assert_failed(&gloss.get("/", &[]), 502, "tls_alert_received");
}

#[test]
fn tls_that_is_never_agreed_on_is_a_504() {
    // Connections are made, by the system, and nobody looks at them.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let gloss = trusting(&Signer::new(), &url).set("upstream.connect_timeout", "\"100ms\"").start();
    assert_failed(&gloss.get("/", &[]), 504, "connection_timeout");
}

#[test]
fn certificates_that_cannot_be_used_are_refused_at_the_start() {
    let empty = TempDir::new().unwrap();
    let file = empty.path().join("empty.pem");
    std::fs::write(&file, "").unwrap();
    let https = || Setup::at("https://localhost:1").variable("SSL_CERT_FILE", "/dev/null");
    for (setup, key) in [
        (https().set("upstream.tls.ca_file", "\"/nowhere.pem\""), "upstream.tls.ca_file"),
        (https().set("upstream.tls.ca_file", &format!("{file:?}")), "upstream.tls.ca_file"),
        (https(), "upstream.tls.ca_file"),
        (https().set("upstream.tls.server_name", "\"a b\""), "upstream.tls.server_name"),
    ] {
        let (status, stderr) = setup.fail();
        assert_eq!(status.code(), Some(78), "{stderr}");
        assert!(stderr.contains(&format!("key={key} ")), "{stderr}");
    }
}

#[test]
fn an_upstream_may_be_a_socket_in_the_file_system() {
    let upstream = Upstream::answering(json("{}"));
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("api.sock");
    unix_front(upstream.address, &path);
    for url in [format!("unix:{}", path.display()), format!("unix://{}", path.display())] {
        let gloss = Setup::at(&url).start();
        assert_eq!(gloss.get("/a?b", &[]).text(), "{}");
        let seen = upstream.seen().pop().unwrap().head;
        assert_eq!((seen.line.as_str(), seen.values("host")), ("GET /a?b HTTP/1.1", vec!["api.test"]));
        gloss.client().send("GET / HTTP/1.0\r\n\r\n").answer();
        assert_eq!(
            upstream.seen().pop().unwrap().head.value("host"),
            Some("localhost"),
            "the client sent none"
        );
        let rewriting = Setup::at(&url).set("proxy.rewrite_host", "true").start();
        rewriting.get("/", &[]);
        assert_eq!(upstream.seen().pop().unwrap().head.values("host"), ["localhost"]);
    }
}

#[test]
fn a_socket_that_is_not_there_is_a_502() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("api.sock");
    let gloss = Setup::at(&format!("unix:{}", path.display())).start();
    assert_failed(&gloss.get("/", &[]), 502, "destination_unavailable");
    drop(UnixListener::bind(&path).unwrap());
    assert_failed(&gloss.get("/", &[]), 502, "connection_refused");
    unix_front(Upstream::answering(json("{}")).address, &folder.path().join("new.sock"));
    std::fs::rename(folder.path().join("new.sock"), &path).unwrap();
    assert_eq!(gloss.get("/", &[]).status, 200, "gloss recovers with it");
}

/// An address at which connections wait for ever: its queue is full.
fn silence() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(50)).ok();
    let queued = std::iter::from_fn(connect).collect();
    (listener, queued, address)
}

#[test]
fn an_upstream_that_accepts_no_connection_is_a_504() {
    let (_listener, _queued, address) = silence();
    let hasty = |setup: Setup| setup.set("upstream.connect_timeout", "\"100ms\"");
    for answer in ask_in_every_way(address, hasty) {
        assert_failed(&answer, 504, "connection_timeout");
    }
}

#[test]
fn an_upstream_may_listen_on_ipv6() {
    // A machine without IPv6 has nothing to show here.
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    let url = format!("http://{}", listener.local_addr().unwrap());
    let upstream = Upstream::listening(listener, |call| {
        call.wire.send(json("{}"));
        Then::Keep
    });
    let gloss = Setup::at(&url).set("proxy.rewrite_host", "true").start();
    assert_eq!(gloss.get("/", &[]).status, 200);
    assert_eq!(upstream.only().head.value("host"), Some(url.trim_start_matches("http://")));
}

#[test]
fn every_address_of_a_name_is_tried() {
    // localhost is ::1 and 127.0.0.1 on most machines, and only one of them listens.
    let upstream = Upstream::answering(json("{}"));
    let gloss = Setup::at(&format!("http://localhost:{}", upstream.address.port())).start();
    assert_eq!(gloss.get("/", &[]).status, 200);
}
