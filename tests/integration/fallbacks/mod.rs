//! Whatever goes wrong with the notes, the client gets the upstream's exact answer; `Gloss-Reason` says why, and
//! `gloss_enrichments_total` counts it.

/// The storage of the logs hangs, and recovers.
mod hanging_storage;
/// The upstream's answer is none that notes can be added to.
mod ineligible_answers;
/// The folder of the logs is not what it was, or the machine is out of something.
mod odd_folders;
/// The log is missing, refused, odd, or changes under the reader.
mod odd_logs;
/// The notes are late, too many, or fail.
mod troubled_enrichment;

use crate::support::answers::status_path;
use crate::support::client::{Answer, get};
use crate::support::logs::Logs;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::Upstream;

/// An upstream, logs, and gloss between them and the client.
struct Case {
    upstream: Upstream,
    logs: Logs,
    gloss: Sidecar,
}

/// The upstream gives this answer; the log of run `run_1` is in good order.
fn case(answer: impl Into<Vec<u8>>) -> Case {
    case_with(answer, |setup| setup)
}

fn case_with(answer: impl Into<Vec<u8>>, configure: impl FnOnce(Setup) -> Setup) -> Case {
    let (upstream, logs) = (Upstream::answering(answer), Logs::with_run("run_1"));
    let gloss = configure(Setup::before(&upstream).logs(&logs)).start();
    Case { upstream, logs, gloss }
}

impl Case {
    fn ask(&self) -> Answer {
        self.gloss.get(&status_path("run_1"), &["Gloss: enhanced"])
    }

    /// Asserts that the next answer is the upstream's own, for this reason, and that it was counted.
    fn falls_back(&self, reason: &str) {
        let before = self.gloss.enrichments(reason);
        let answer = self.ask();
        self.is_the_upstreams_own(&answer, reason);
        assert_eq!(self.gloss.enrichments(reason), before + 1, "the count of {reason}");
    }

    fn is_the_upstreams_own(&self, answer: &Answer, reason: &str) {
        let direct = get(self.upstream.address, &status_path("run_1"), &[]);
        assert_eq!(answer.labels(), ("basic", reason));
        assert_eq!(answer.status, direct.status);
        assert_eq!(answer.body(), direct.body());
        assert!(answer.payload.complete);
        assert_eq!(without_gloss(answer), without_gloss(&direct));
    }
}

/// The headers that describe the answer end to end, without those that gloss adds.
fn without_gloss(answer: &Answer) -> Vec<(String, String)> {
    let own = ["gloss-variant", "gloss-reason", "vary", "server-timing", "cache-status", "transfer-encoding"];
    answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned().collect()
}
