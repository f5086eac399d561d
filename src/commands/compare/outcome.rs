//! What is told of a run, as JSON and on a few lines for people.

use std::fmt::Write;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Serialize;
use textwrap::Options;

use super::fetch::Fetched;
use crate::comparison::Added;

/// How wide the text is.
const COLUMNS: usize = 100;

/// How it came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::commands) enum Verdict {
    /// Nothing was done to the answer but adding.
    Held,
    /// Something else was done to it.
    Failed,
    /// The upstream's own answer changes all the time.
    Undecided,
    /// The run cannot be fetched.
    Unreachable,
}

/// One run.
#[derive(Debug, Clone, Serialize)]
pub(in crate::commands) struct Outcome {
    pub(super) run_id: String,
    pub(in crate::commands) verdict: Verdict,
    /// Why it is not `held`.
    pub(super) reason: Option<String>,
    /// Why there are no notes, as `Gloss-Reason` names it.
    pub(in crate::commands) fallback: Option<String>,
    /// How often all three answers were fetched.
    pub(super) tries: u32,
    /// What was added, in order.
    pub(super) added: Vec<Added>,
    /// The members that the upstream itself changed between the last two basic answers.
    pub(super) moved: Vec<String>,
    /// Of the last try.
    pub(super) bytes: Option<Bytes>,
    /// Of the last try.
    pub(super) seconds: Option<Seconds>,
}

/// Lengths of the bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Bytes {
    basic: usize,
    enhanced: usize,
}

/// How long the answers took, from asking to the last byte.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Seconds {
    basic: f64,
    enhanced: f64,
    basic_again: f64,
}

/// All runs.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outcomes {
    pub(super) runs: Vec<Outcome>,
    pub(super) held: usize,
    pub(super) failed: usize,
    pub(super) undecided: usize,
    pub(super) unreachable: usize,
}

impl Outcome {
    /// Nothing is known yet.
    pub(super) fn of(run_id: &str) -> Self {
        Self {
            run_id: run_id.to_owned(),
            verdict: Verdict::Undecided,
            reason: None,
            fallback: None,
            tries: 0,
            added: Vec::new(),
            moved: Vec::new(),
            bytes: None,
            seconds: None,
        }
    }

    /// Ends so, for this reason.
    pub(super) fn ended(self, verdict: Verdict, reason: String) -> Self {
        Self { verdict, reason: Some(reason), ..self }
    }

    /// Takes what three answers took.
    pub(super) fn measure(&mut self, [before, enhanced, after]: [&Fetched; 3]) {
        let seconds = |took: Duration| (took.as_secs_f64() * 1e6).round() / 1e6;
        self.tries += 1;
        self.bytes = Some(Bytes { basic: before.body.len(), enhanced: enhanced.body.len() });
        self.seconds = Some(Seconds {
            basic: seconds(before.took),
            enhanced: seconds(enhanced.took),
            basic_again: seconds(after.took),
        });
    }

    /// How it came out, in a line.
    pub(in crate::commands) fn headline(&self) -> String {
        let reason = plain(self.reason.as_deref().unwrap_or_default());
        match (self.verdict, &self.fallback) {
            (Verdict::Held, None) => "nothing but additions".to_owned(),
            (Verdict::Held, Some(why)) => {
                format!("no notes ({why}): the service's own answer, byte for byte")
            }
            (Verdict::Failed, _) => format!("FAILED: {reason}"),
            (Verdict::Undecided, _) => format!("undecided: {reason}"),
            (Verdict::Unreachable, _) => format!("cannot be fetched: {reason}"),
        }
    }

    fn describe(&self, text: &mut String) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}  {}", self.run_id, self.headline());
        if !self.added.is_empty() {
            let added: Vec<_> = self
                .added
                .iter()
                .map(|added| format!("{} {}", plain(&added.name), size(added.bytes)))
                .collect();
            line(text, "added", &added.join(", "));
        }
        if let Some(Bytes { basic, enhanced }) = self.bytes {
            line(text, "size", &format!("basic {}, enhanced {}", size(basic), size(enhanced)));
        }
        if let Some(Seconds { basic, enhanced, basic_again }) = self.seconds {
            let ms = |seconds: f64| format!("{:.1} ms", seconds * 1000.0);
            let took =
                format!("basic {}, enhanced {}, basic again {}", ms(basic), ms(enhanced), ms(basic_again));
            line(text, "time", &took);
        }
    }
}

/// What stands in an answer is somebody else's text: no control character of it reaches the terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn line(text: &mut String, name: &str, value: &str) {
    let options = Options::new(COLUMNS).initial_indent("  ").subsequent_indent("         ");
    let _ = writeln!(text, "{}", textwrap::fill(&format!("{name:<5}  {value}"), options));
}

fn size(bytes: usize) -> String {
    ByteSize::b(bytes as u64).to_string()
}

impl Outcomes {
    pub(super) fn of(runs: Vec<Outcome>) -> Self {
        let count = |verdict| runs.iter().filter(|run| run.verdict == verdict).count();
        Self {
            held: count(Verdict::Held),
            failed: count(Verdict::Failed),
            undecided: count(Verdict::Undecided),
            unreachable: count(Verdict::Unreachable),
            runs,
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for run in &self.runs {
            run.describe(&mut text);
            text.push('\n');
        }
        let counts = [
            (self.held, "proved"),
            (self.failed, "failed"),
            (self.undecided, "undecided"),
            (self.unreachable, "not fetched"),
        ];
        let told: Vec<_> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let runs = if self.runs.len() == 1 { "run" } else { "runs" };
        let _ = writeln!(text, "{} {runs}: {}", self.runs.len(), told.join(", "));
        text
    }

    /// What is wrong, in a line; `None` where nothing is.
    pub(super) fn failure(&self) -> Option<String> {
        let of = |verdict| {
            let runs = self.runs.iter().filter(move |run| run.verdict == verdict);
            runs.map(|run| run.run_id.as_str()).collect::<Vec<_>>().join(", ")
        };
        let failed = (self.failed > 0).then(|| format!("the proof fails for {}", of(Verdict::Failed)));
        let unreachable = (self.unreachable > 0).then(|| {
            let reason = self.runs.iter().find(|run| run.verdict == Verdict::Unreachable);
            let reason = reason.and_then(|run| run.reason.as_deref()).unwrap_or_default();
            format!("{} cannot be fetched: {}", of(Verdict::Unreachable), plain(reason))
        });
        let both: Vec<_> = failed.into_iter().chain(unreachable).collect();
        (!both.is_empty()).then(|| both.join("; "))
    }
}
