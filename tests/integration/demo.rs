//! `gloss demo`: everything in one process, and something to look at without anybody asking.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::client::{Answer, Client};
use crate::support::eventually;
use crate::support::sidecar::PROGRAM;

/// A demo that runs, and what it has printed up to its last line.
struct Demo {
    child: Child,
    printed: String,
    admin: SocketAddr,
}

impl Demo {
    fn start(flags: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command
            .args(["demo", "--speed", "100", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .args(flags);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut printed = String::new();
        while !printed.contains("Ctrl-C ends the demo.") {
            printed.push_str(&lines.next().expect("the demo goes on"));
            printed.push('\n');
        }
        // What it prints at its end has to go somewhere.
        std::thread::spawn(move || lines.count());
        let admin = printed.lines().find_map(|line| line.strip_prefix("gloss: admin on http://")).unwrap();
        Self { admin: admin.parse().unwrap(), child, printed }
    }

    /// What operators are answered, by a name that leads there.
    fn get(&self, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.admin);
        Client::connect(self.admin).send(request).answer()
    }

    fn ask(&self, path: &str) -> Value {
        self.get(path).json()
    }

    fn ended(&mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("it still runs");
        eventually("the demo ends", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_demo_asks_for_itself_in_every_manner_and_says_where_its_page_is() {
    let mut demo = Demo::start(&[]);
    assert!(demo.printed.contains(&format!("  http://{}/\n", demo.admin)), "{}", demo.printed);
    assert!(demo.printed.contains("Sample clients start further runs"), "{}", demo.printed);
    let watch = demo.printed.lines().find(|line| line.contains(" watch ")).unwrap();
    let program = watch.split_whitespace().next().unwrap();
    let help = Command::new(program).args(["watch", "--help"]).output();
    assert!(help.is_ok_and(|help| help.status.success()), "it can be called as it is shown: {watch}");
    let page = demo.get("/");
    assert_eq!((page.status, page.value("content-type")), (200, Some("text/html; charset=utf-8")));
    for variant in ["basic", "enhanced", "shadow", "compare"] {
        eventually(variant, || {
            (demo.ask("/api/comparison")["variants"][variant]["requests"].as_u64()? > 1).then_some(())
        });
    }
    let runs = eventually("all runs are listed", || {
        let list = demo.ask("/api/runs");
        (list["counts"]["all"].as_u64()? > 4).then_some(list)
    });
    assert!(runs["counts"]["completed"].as_u64().unwrap() >= 2, "{runs}");
    assert!(runs["counts"]["failed"].as_u64().unwrap() >= 1, "{runs}");
    assert_eq!(demo.ended(), Some(0));
}

#[test]
fn a_demo_without_load_waits_for_somebody() {
    let mut demo = Demo::start(&["--no-load"]);
    assert!(!demo.printed.contains("Sample clients"), "{}", demo.printed);
    let comparison = demo.ask("/api/comparison");
    let variants = comparison["variants"].as_object().unwrap();
    assert!(variants.values().all(|variant| variant["requests"] == 0), "{comparison}");
    assert_eq!(demo.ask("/api/runs")["total"], 0);
    assert_eq!(demo.ended(), Some(0));
}
