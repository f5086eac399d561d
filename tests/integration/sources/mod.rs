//! Where logs may be, in which order they are looked for, and how several of one run become one.

/// The upstream's own answer, with nothing configured.
mod body;
/// Several files of one run, and names that are known in part only.
mod files;
/// Which source counts where more than one is configured.
mod order;
/// Claude Code's own transcripts.
mod transcripts;

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::answers::{json, status_path};
use crate::support::sidecar::Sidecar;
use crate::support::upstream::{Then, Upstream};

const RUN: &str = "run_1";

/// An upstream whose answer a test changes.
struct Answering {
    upstream: Upstream,
    body: Arc<Mutex<String>>,
}

impl Answering {
    fn with(body: String) -> Self {
        let body = Arc::new(Mutex::new(body));
        let kept = Arc::clone(&body);
        let upstream = Upstream::scripted(move |call| {
            call.body();
            let bytes = json(kept.lock().unwrap().clone());
            call.wire.send(bytes);
            Then::Keep
        });
        Self { upstream, body }
    }

    fn now(&self, body: String) {
        *self.body.lock().unwrap() = body;
    }
}

/// The enhanced answer.
fn enhanced(gloss: &Sidecar) -> Value {
    let answer = gloss.get(&status_path(RUN), &["Gloss: enhanced"]);
    assert_eq!(answer.labels(), ("enhanced", "header"), "{}", answer.text());
    answer.json()
}

/// Why there is none.
fn reason(gloss: &Sidecar) -> String {
    let answer = gloss.get(&status_path(RUN), &["Gloss: enhanced"]);
    assert_eq!(answer.labels().0, "basic", "{}", answer.text());
    answer.labels().1.to_owned()
}

fn source(answer: &Value) -> &str {
    answer["enhancement"]["log_source"].as_str().unwrap()
}

fn cache(answer: &Value) -> &str {
    answer["enhancement"]["cache"].as_str().unwrap()
}

/// The kinds of the sources that took part, where there was more than one.
fn kinds(answer: &Value) -> Vec<&str> {
    let sources = answer["enhancement"]["sources"].as_array().into_iter().flatten();
    sources.map(|source| source["kind"].as_str().unwrap()).collect()
}

/// Names and states of the steps of a running run, and what was done for each.
fn steps(answer: &Value) -> Vec<(String, String, u64)> {
    let steps = answer["workflow_steps"]["steps"].as_array().expect("it runs");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let step =
        |step: &Value| (text(&step["name"]), text(&step["status"]), step["tool_calls"].as_u64().unwrap());
    steps.iter().map(step).collect()
}
