//! Starting, refusing to start, draining, ending (sections 1 and 6 of the contract).

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::answers::{framed, json};
use crate::support::client::get;
use crate::support::eventually;
use crate::support::sidecar::{PROGRAM, Setup, Sidecar};
use crate::support::upstream::{Then, Upstream, nobody};

/// An upstream that begins an answer of two chunks, says so, and ends it when it is told to.
fn slow_upstream() -> (Upstream, Receiver<()>, Sender<()>) {
    let ((begun, heard), (go_on, wait)) = (channel(), channel());
    let wait = Mutex::new(wait);
    let upstream = Upstream::scripted(move |call| {
        call.wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        call.wire.send(framed(b"first"));
        begun.send(()).unwrap();
        // Told, or the test is over.
        let _ = wait.lock().unwrap().recv();
        call.wire.send(framed(b"second"));
        call.wire.send("0\r\n\r\n");
        Then::Keep
    });
    (upstream, heard, go_on)
}

fn ready(gloss: &Sidecar) -> u16 {
    get(gloss.admin, "/readyz", &[]).status
}

#[test]
fn it_is_live_and_ready_once_it_says_where_it_listens() {
    let gloss = Setup::before_address(nobody()).start();
    assert_eq!(get(gloss.admin, "/livez", &[]).status, 200);
    eventually("it is ready", || (ready(&gloss) == 200).then_some(()));
    assert!(gloss.metrics().contains("gloss_build_info{version="));
}

#[test]
fn a_drain_lets_requests_in_flight_finish() {
    let (upstream, begun, go_on) = slow_upstream();
    let mut gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    client.get("/slow", &[]);
    begun.recv().unwrap();
    gloss.signal(Signal::TERM);
    eventually("it is no longer ready", || (ready(&gloss) == 503).then_some(()));
    assert_eq!(get(gloss.admin, "/livez", &[]).status, 200);
    eventually("new connections are refused", || TcpStream::connect(gloss.clients).is_err().then_some(()));
    assert!(gloss.runs());
    go_on.send(()).unwrap();
    let answer = client.answer();
    assert_eq!((answer.text(), answer.payload.complete), ("firstsecond", true));
    assert_eq!(gloss.ended().code(), Some(0));
}

#[test]
fn a_drain_closes_connections_that_have_nothing_to_do() {
    for signal in [Signal::TERM, Signal::INT] {
        let upstream = Upstream::answering(json("{}"));
        let mut gloss = Setup::before(&upstream).start();
        let mut client = gloss.client();
        assert_eq!(client.get("/", &[]).answer().status, 200);
        gloss.signal(signal);
        assert_eq!(client.rest(), b"");
        assert_eq!(gloss.ended().code(), Some(0));
    }
}

#[test]
fn a_drain_ends_when_its_time_is_up() {
    let (upstream, begun, _go_on) = slow_upstream();
    let mut gloss = Setup::before(&upstream).set("drain.timeout", "\"100ms\"").start();
    let mut client = gloss.client();
    client.get("/slow", &[]);
    begun.recv().unwrap();
    gloss.signal(Signal::TERM);
    assert_eq!(gloss.ended().code(), Some(0), "the time was the operator's own word");
    let answer = client.answer();
    assert_eq!((answer.text(), answer.payload.complete), ("first", false));
    let stderr = gloss.stderr();
    let line = stderr.lines().find(|line| line.contains("the drain's time is up"));
    let line = line.unwrap_or_else(|| panic!("{stderr}"));
    assert!(line.contains("connections=1 upgraded=0"), "{line}");
}

#[test]
fn an_open_tunnel_ends_when_the_drains_time_is_up_and_is_named() {
    let upstream = Upstream::scripted(|call| {
        call.wire.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
        call.wire.rest();
        Then::Close
    });
    let mut gloss = Setup::before(&upstream).set("drain.timeout", "\"100ms\"").start();
    let mut client = gloss.client();
    assert_eq!(client.get("/", &["Connection: Upgrade", "Upgrade: echo"]).head().0, 101);
    gloss.signal(Signal::TERM);
    assert_eq!(client.rest(), b"");
    assert_eq!(gloss.ended().code(), Some(0));
    upstream.wait_for_closed(1);
    for told in ["draining:", "the drain's time is up"] {
        let stderr = gloss.stderr();
        let line = stderr.lines().find(|line| line.contains(told)).unwrap_or_else(|| panic!("{stderr}"));
        assert!(line.contains("upgraded=1"), "{line}");
    }
}

#[test]
fn the_drains_time_is_the_one_configured_when_it_begins() {
    let (upstream, begun, _go_on) = slow_upstream();
    let mut gloss = Setup::before(&upstream).set("drain.timeout", "\"1h\"").start();
    let mut client = gloss.client();
    client.get("/slow", &[]);
    begun.recv().unwrap();
    gloss.reload("drain.timeout", "\"100ms\"");
    gloss.signal(Signal::TERM);
    assert_eq!(gloss.ended().code(), Some(0));
    assert!(!client.answer().payload.complete);
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let (upstream, begun, _go_on) = slow_upstream();
    let mut gloss = Setup::before(&upstream).set("drain.timeout", "\"1h\"").start();
    let mut client = gloss.client();
    client.get("/slow", &[]);
    begun.recv().unwrap();
    gloss.signal(Signal::TERM);
    eventually("the drain begins", || (ready(&gloss) == 503).then_some(()));
    gloss.signal(Signal::TERM);
    assert_eq!(gloss.ended().code(), Some(1));
    assert!(!client.answer().payload.complete);
}

#[test]
fn a_tunnel_is_waited_for_in_a_drain() {
    let upstream = Upstream::switching();
    let mut gloss = Setup::before(&upstream).start();
    let mut client = gloss.client();
    assert_eq!(client.get("/", &["Connection: Upgrade", "Upgrade: echo"]).head().0, 101);
    gloss.signal(Signal::TERM);
    eventually("the drain begins", || (ready(&gloss) == 503).then_some(()));
    assert_eq!(client.send("ping").exactly(4), b"ping");
    assert!(gloss.runs());
    drop(client);
    assert_eq!(gloss.ended().code(), Some(0));
}

#[test]
fn a_port_in_use_is_a_failure_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["listen", "admin.listen"] {
        let (status, stderr) = Setup::before_address(nobody()).set(key, &format!("\"{address}\"")).fail();
        assert_eq!(status.code(), Some(1), "{stderr}");
        let errors: Vec<_> = stderr.lines().filter(|line| line.starts_with("gloss: ")).collect();
        assert_eq!(errors.len(), 1, "{stderr}");
        assert!(errors[0].contains(&format!("{key}: ")) && errors[0].contains(&address), "{stderr}");
    }
}

#[test]
fn a_configuration_that_cannot_be_used_is_refused_in_one_line() {
    let refusals = [
        ("rollout.percent", "101.0", "101", "between 0 and 100"),
        ("rollout.default", "\"better\"", "better", "not a variant"),
        ("enrich.budget", "\"soon\"", "soon", "duration"),
        ("enrich.max_body_bytes", "\"much\"", "much", "size"),
        ("logs.templates", "[\"../{run_id}.log\"]", "../{run_id}.log", "plain relative path"),
        ("upstream.url", "\"ftp://api\"", "ftp://api", "http"),
        ("route.status", "[\"runs\"]", "runs", "'/'"),
        ("rollout.percnt", "5", "", "no such key"),
        ("enrich.failed", "\"yes\"", "yes", "bool"),
        ("listen", "\"nowhere\"", "nowhere", "address"),
        ("admin.listen", "\"0.0.0.0:0\"", "0.0.0.0:0", "token"),
        ("admin.hosts", "[\"http://gloss:1\"]", "http://gloss:1", "name or address"),
        ("server.body_min_rate", "\"slow\"", "slow", "size"),
    ];
    for (key, value, shown, reason) in refusals {
        let (status, stderr) = Setup::before_address(nobody()).set(key, value).fail();
        assert_eq!(status.code(), Some(78), "{key}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        for part in [&format!("key={key} "), "value=", shown, "reason=", reason, "hint="] {
            assert!(stderr.contains(part), "{part:?} is missing in {stderr}");
        }
    }
}

#[test]
fn a_misspelt_key_is_refused_with_the_right_one() {
    let (_, stderr) = Setup::before_address(nobody()).set("rollout.percnt", "5").fail();
    assert!(stderr.contains("did you mean rollout.percent?"), "{stderr}");
}

#[test]
fn wrong_usage_is_told_apart_from_a_failure() {
    for arguments in [&["serve", "--nonsense"][..], &["dance"], &[], &["serve", "--variant", "better"]] {
        let output = Command::new(PROGRAM).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
    assert_eq!(Command::new(PROGRAM).arg("--help").output().unwrap().status.code(), Some(0));
}

#[test]
fn log_lines_that_nobody_takes_hold_nothing_up() {
    let full_disk =
        Setup::before_address(nobody()).stderr_to(File::options().write(true).open("/dev/full").unwrap());
    let (reader, writer) = std::io::pipe().unwrap();
    // Kept open and never read from: it is full before long.
    let stuck = Setup::before_address(nobody()).set("telemetry.log_level", "\"trace\"").stderr_to(writer);
    let (gone, closed) = std::io::pipe().unwrap();
    drop(gone);
    let nobody_reads = Setup::before_address(nobody()).stderr_to(closed);
    for setup in [full_disk, stuck, nobody_reads] {
        let mut gloss = setup.start();
        let mut client = gloss.client();
        for _ in 0..1000 {
            assert_eq!(client.get("/", &[]).answer().status, 502);
        }
        assert_eq!(gloss.metric("gloss_panics_total"), 0);
        gloss.signal(Signal::TERM);
        assert_eq!(gloss.ended().code(), Some(0));
    }
    drop(reader);
}

#[test]
fn a_variable_that_is_not_known_is_a_warning_and_no_refusal() {
    let kubernetes = [("GLOSS_PORT", "tcp://10.0.0.1:80"), ("GLOSS_SERVICE_HOST", "10.0.0.1")];
    let setup = Setup::before_address(nobody()).variable("GLOSS_ROLOUT_PERCENT", "7");
    let gloss = kubernetes.iter().fold(setup, |setup, (name, value)| setup.variable(name, value)).start();
    for name in ["GLOSS_ROLOUT_PERCENT", "GLOSS_PORT", "GLOSS_SERVICE_HOST"] {
        let told = |line: &str| line.contains("WARN") && line.contains(name);
        assert!(gloss.stderr().lines().any(told), "{name}: {}", gloss.stderr());
    }
}

#[test]
fn flags_beat_variables_beat_the_file_beat_the_defaults() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("gloss.toml");
    let keys = "upstream.url = \"http://file\"\nrollout.percent = 1.0\nrollout.salt = \"file\"\nlisten = \"127.0.0.1:1\"\n";
    fs::write(&file, keys).unwrap();
    let mut command = Command::new(PROGRAM);
    command.arg("check").arg("--config").arg(&file);
    command.env("GLOSS_ROLLOUT_PERCENT", "2").env("GLOSS_UPSTREAM", "http://variable");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = String::from_utf8(output.stdout).unwrap();
    let line = |key: &str| shown.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    assert!(line("percent = 2.0").ends_with("# GLOSS_ROLLOUT_PERCENT"), "{shown}");
    assert!(line("url = \"http://variable\"").ends_with("# GLOSS_UPSTREAM"), "{shown}");
    assert!(line("salt = \"file\"").ends_with("gloss.toml"), "{shown}");
    assert!(line("max_idle = 256").ends_with("# default"), "{shown}");

    let upstream = Upstream::answering(json("{}"));
    let setup = Setup::before_address(nobody()).variable("GLOSS_UPSTREAM", "http://127.0.0.1:1");
    let gloss = setup.flag("--upstream", &upstream.url()).start();
    assert_eq!(gloss.get("/", &[]).text(), "{}");
}

#[test]
fn a_request_that_has_come_when_the_drain_begins_is_answered() {
    for _ in 0..5 {
        let upstream = Upstream::answering(json("{}"));
        let mut gloss = Setup::before(&upstream).start();
        let mut reused: Vec<_> = (0..20).map(|_| gloss.client()).collect();
        for client in &mut reused {
            assert_eq!(client.get("/", &[]).answer().status, 200);
        }
        let mut fresh: Vec<_> = (0..100).map(|_| gloss.client()).collect();
        for client in fresh.iter_mut().chain(&mut reused) {
            client.get("/", &[]);
        }
        gloss.signal(Signal::TERM);
        for client in fresh.iter_mut().chain(&mut reused) {
            assert_eq!(client.answer().status, 200);
        }
        assert_eq!(gloss.ended().code(), Some(0));
    }
}
