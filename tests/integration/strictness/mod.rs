//! gloss and the upstream never disagree on where a request ends: raw requests, as nobody's library would send them.
//!
//! Each case is bytes and what must come of them. A request arrives whole, once, with its own body, or it does not
//! arrive whole at all and its client is told.

mod bodies;
mod heads;
mod targets;

use crate::support::answers::json;
use crate::support::client::Client;
use crate::support::sidecar::{Setup, Sidecar};
use crate::support::upstream::{Seen, Then, Upstream};
use crate::support::wire::latin1;

/// One connection's worth of bytes.
struct Case {
    bytes: Vec<u8>,
    outcome: Outcome,
}

/// What must come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// One request arrives: its first line and its body.
    Arrives(String, Vec<u8>),
    /// So many requests arrive and are answered.
    ArriveAll(usize),
    /// Nothing arrives; the client gets one of these.
    Refused(&'static [u16]),
    /// So many arrive, then the client gets a 400 and the connection ends.
    ThenRefused(usize),
    /// What arrives is cut off before its end; the client gets a 400.
    CutOff,
}

/// Something between the client and the upstream, and the upstream.
struct Bench {
    upstream: Upstream,
    gloss: Sidecar,
}

impl Bench {
    fn new() -> Self {
        let upstream = Upstream::scripted(|call| {
            if !call.body().complete {
                return Then::Close;
            }
            call.wire.send(json("{\"detail\":\"seen\"}"));
            Then::Keep
        });
        let gloss = Setup::before(&upstream).start();
        Self { upstream, gloss }
    }

    /// Sends the bytes and the end, and judges what became of them.
    fn verdict(&self, case: &Case) -> Result<(), String> {
        let before = self.upstream.seen().len();
        let mut client = self.gloss.client();
        client.send(&case.bytes).finish();
        let statuses = statuses(&mut client);
        let seen = self.upstream.seen().split_off(before);
        let judged = judge(&case.outcome, &seen, &statuses);
        judged.map_err(|what| {
            let bytes = latin1(&case.bytes[..case.bytes.len().min(300)]);
            format!("{bytes:?}: {what}; statuses {statuses:?}, arrived {:?}", arrivals(&seen))
        })
    }

    /// Judges all and reports every failure, not only the first.
    fn judge_all(&self, cases: &[Case]) {
        // What is cut off may be noticed by the upstream only after the client was told: such cases come last.
        let (cut_off, others): (Vec<_>, Vec<_>) =
            cases.iter().partition(|case| case.outcome == Outcome::CutOff);
        let all = others.into_iter().chain(cut_off);
        let failures: Vec<_> = all.filter_map(|case| self.verdict(case).err()).collect();
        assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
    }
}

/// The statuses of all answers until the connection ends, 1xx left out.
fn statuses(client: &mut Client) -> Vec<u16> {
    let text = latin1(&client.rest());
    let lines = text.match_indices("HTTP/1.").filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok());
    lines.filter(|status| *status >= 200).collect()
}

fn arrivals(seen: &[Seen]) -> Vec<(&str, usize, bool)> {
    seen.iter().map(|one| (one.head.line.as_str(), one.payload.bytes.len(), one.payload.complete)).collect()
}

fn judge(outcome: &Outcome, seen: &[Seen], statuses: &[u16]) -> Result<(), String> {
    let whole = seen.iter().filter(|one| one.payload.complete).count();
    let right = match outcome {
        Outcome::Arrives(line, body) => {
            statuses == [200]
                && matches!(seen, [one] if one.payload.complete && one.head.line == *line && one.payload.bytes == *body)
        }
        Outcome::ArriveAll(count) => whole == *count && seen.len() == *count && statuses == vec![200; *count],
        Outcome::Refused(allowed) => seen.is_empty() && matches!(statuses, [one] if allowed.contains(one)),
        Outcome::ThenRefused(count) => {
            let (last, earlier) = statuses.split_last().ok_or("no answer at all")?;
            whole == *count && seen.len() == *count && earlier == vec![200; *count] && *last == 400
        }
        Outcome::CutOff => whole == 0 && statuses == [400],
    };
    right.then_some(()).ok_or_else(|| format!("expected {outcome:?}"))
}

const BAD: Outcome = Outcome::Refused(&[400]);

fn case(bytes: impl Into<Vec<u8>>, outcome: Outcome) -> Case {
    Case { bytes: bytes.into(), outcome }
}

/// A POST with these header lines, each ended, and these bytes after the head.
fn post(lines: &str, after: &str) -> Vec<u8> {
    format!("POST /a HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n{after}").into_bytes()
}

/// The request of [`post`] arrives with this body.
fn arrives(body: &str) -> Outcome {
    Outcome::Arrives("POST /a HTTP/1.1".to_owned(), body.as_bytes().to_vec())
}

#[test]
fn the_corpus_is_large() {
    let sizes =
        [bodies::lengths().len(), bodies::codings().len(), bodies::chunks().len(), bodies::sequences().len()];
    let heads = [heads::lines().len(), heads::hosts().len(), heads::sizes().len(), targets::all().len()];
    let all: usize = sizes.iter().chain(&heads).sum();
    assert!(all >= 150, "{all} cases");
}
