//! Which answer a status request gets (section 2 of the contract), and who is told about it.

/// Rules about callers, and whose wishes count.
mod access;
/// What the client and the operator are told: labels, timing, counts, and the shadow.
mod labels;
/// The rules, in the order in which they speak.
mod rules;
/// The rollout is switched while it serves.
mod switch;

use crate::support::answers::{json, status_body, status_path};
use crate::support::logs::Logs;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::Upstream;

/// A running run, its log, and gloss in front.
struct World {
    upstream: Upstream,
    body: String,
    _logs: Logs,
    gloss: Sidecar,
}

fn world(configure: impl FnOnce(Setup) -> Setup) -> World {
    let body = status_body("run_1", "running");
    let upstream = Upstream::answering(json(&body));
    let logs = Logs::with_run("run_1");
    let gloss = configure(Setup::before(&upstream).logs(&logs)).start();
    World { upstream, body, _logs: logs, gloss }
}

impl World {
    fn labels(&self, query: &str, headers: &[&str]) -> (String, String) {
        let answer = self.gloss.get(&format!("{}{query}", status_path("run_1")), headers);
        assert_eq!(answer.status, 200);
        let (variant, reason) = answer.labels();
        if variant != "enhanced" {
            assert_eq!(answer.text(), self.body, "basic is the upstream's body");
        }
        (variant.to_owned(), reason.to_owned())
    }

    fn expect(&self, query: &str, headers: &[&str], labels: (&str, &str)) {
        let (variant, reason) = self.labels(query, headers);
        assert_eq!((variant.as_str(), reason.as_str()), labels, "query {query:?}, headers {headers:?}");
    }
}

const UNLABELLED: (&str, &str) = ("", "");
