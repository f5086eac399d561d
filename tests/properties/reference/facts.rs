//! What is knowable exactly of a run, worked out from all of its events at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::events::events;
use super::lists::{Lists, lists};
use super::{first_filled, is_marker, text};

/// What is knowable exactly.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Calls and errors by the name of the tool; errors whose call is not in the log are `(other)`'s.
    pub(crate) tools: BTreeMap<String, (u64, u64)>,
    /// Paths that successful edits named.
    pub(crate) files: BTreeSet<String>,
    pub(crate) lists: Lists,
    pub(crate) final_result: Option<String>,
    /// How the run ended by its own word; `None` where the log has none.
    pub(crate) outcome: Option<&'static str>,
    /// As the result events state it.
    pub(crate) cost_usd: Option<f64>,
    /// Input, output, cache writes, cache reads: as stated, else each message's once.
    pub(crate) tokens: [u64; 4],
}

/// A call of a tool.
#[derive(Debug, Clone)]
pub(super) struct Call {
    id: String,
    pub(super) name: String,
    pub(super) input: Value,
    pub(super) by_main: bool,
    pub(super) answer: Option<Answer>,
}

/// What a call came to.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// The how manieth of the calls' answers it is.
    order: usize,
    is_error: bool,
    pub(super) words: String,
    pub(super) detail: Value,
}

impl Call {
    pub(super) fn failed(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.is_error)
    }

    /// Whether its answer came after that of `other`.
    pub(super) fn is_answered_after(&self, other: &Self) -> bool {
        let order = |call: &Self| call.answer.as_ref().map(|answer| answer.order);
        order(self).zip(order(other)).is_some_and(|(own, others)| own > others)
    }

    /// `TaskUpdate` says some failures in words, or beside them.
    pub(super) fn is_refused(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| {
            let words = answer.words.trim_start();
            answer.detail["success"] == false
                || words.starts_with("Task not found")
                || words.starts_with("<tool_use_error>")
        })
    }
}

const OTHER: &str = "(other)";

impl Facts {
    /// Reads a whole log.
    pub(crate) fn of(log: &[u8]) -> Self {
        let events = events(log);
        let mut calls = calls(&events);
        let orphans = answered(&events, &mut calls);
        let results = results(&events);
        Self {
            tools: tools(&calls, orphans),
            files: files(&calls),
            lists: lists(&calls),
            final_result: final_result(&events, &results),
            outcome: outcome(&events, &results),
            cost_usd: cost(&results),
            tokens: tokens(&events, &results),
        }
    }
}

/// Whose event it is. A log in which only a sub-agent speaks is that sub-agent's own.
fn is_main(event: &Value, has_main: bool) -> bool {
    let parent = first_filled(event, &["parent_tool_use_id"]).is_some();
    !parent && (event["isSidechain"] != true || !has_main)
}

fn has_main(events: &[Value]) -> bool {
    let speaks = |event: &&Value| matches!(event["type"].as_str(), Some("assistant" | "user"));
    events.iter().filter(speaks).any(|event| is_main(event, true))
}

/// The blocks of the messages of a kind, with their events.
fn blocks<'e>(events: &'e [Value], kind: &'e str) -> impl Iterator<Item = (&'e Value, &'e Value)> {
    let of_kind = events.iter().filter(move |event| event["type"] == kind);
    of_kind.flat_map(|event| {
        let blocks = event["message"]["content"].as_array().into_iter().flatten();
        blocks.map(move |block| (event, block))
    })
}

/// Every call once, by its id.
fn calls(events: &[Value]) -> Vec<Call> {
    let has_main = has_main(events);
    let mut seen = HashSet::new();
    let mut calls = Vec::new();
    for (event, block) in blocks(events, "assistant").filter(|(_, block)| block["type"] == "tool_use") {
        let id = text(&block["id"]);
        if id.is_empty() || seen.insert(id.clone()) {
            let name = text(&block["name"]).trim().to_owned();
            let name = if name.is_empty() { OTHER.to_owned() } else { name };
            let by_main = is_main(event, has_main);
            calls.push(Call { id, name, input: block["input"].clone(), by_main, answer: None });
        }
    }
    calls
}

/// Gives every call its first answer; how many errors belong to no call.
fn answered(events: &[Value], calls: &mut [Call]) -> u64 {
    let places: HashMap<String, usize> = calls
        .iter()
        .enumerate()
        .filter(|(_, call)| !call.id.is_empty())
        .map(|(i, call)| (call.id.clone(), i))
        .collect();
    let mut seen = HashSet::new();
    let mut orphans = 0;
    for (event, block) in blocks(events, "user").filter(|(_, block)| block["type"] == "tool_result") {
        let id = text(&block["tool_use_id"]);
        if !id.is_empty() && !seen.insert(id.clone()) {
            continue;
        }
        let is_error = block["is_error"] == true;
        match places.get(&id) {
            Some(place) => {
                let detail = ["tool_use_result", "toolUseResult"].map(|name| event[name].clone());
                let detail = detail.into_iter().find(|detail| !detail.is_null()).unwrap_or_default();
                let order = calls.iter().filter(|call| call.answer.is_some()).count();
                calls[*place].answer =
                    Some(Answer { order, is_error, words: words(&block["content"]), detail });
            }
            None => orphans += u64::from(is_error),
        }
    }
    orphans
}

/// The words of an answer: a string, or a list of blocks.
fn words(content: &Value) -> String {
    let blocks = content.as_array().into_iter().flatten();
    let texts: Vec<&str> = blocks.filter_map(|block| block["text"].as_str()).collect();
    content.as_str().map_or_else(|| texts.join("\n"), str::to_owned)
}

fn tools(calls: &[Call], orphans: u64) -> BTreeMap<String, (u64, u64)> {
    let mut tools: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for call in calls {
        let counts = tools.entry(call.name.clone()).or_default();
        counts.0 += 1;
        counts.1 += u64::from(call.failed());
    }
    if orphans > 0 {
        tools.entry(OTHER.to_owned()).or_default().1 += orphans;
    }
    tools
}

/// Only what was answered, and not with an error, has changed a file.
fn files(calls: &[Call]) -> BTreeSet<String> {
    let edits = calls.iter().filter(|call| {
        let edits = matches!(call.name.as_str(), "Write" | "Edit" | "MultiEdit" | "NotebookEdit");
        edits && call.answer.is_some() && !call.failed()
    });
    edits.filter_map(|call| first_filled(&call.input, &["file_path", "notebook_path"])).collect()
}

/// The result events, each once: the log's two copies differ in what was cut, if at all.
fn results(events: &[Value]) -> Vec<&Value> {
    let mut results: Vec<&Value> = Vec::new();
    for event in events.iter().filter(|event| event["type"] == "result" && event["subtype"].is_string()) {
        if !results.iter().any(|known| is_copy(known, event)) {
            results.push(event);
        }
    }
    results
}

fn is_copy(one: &Value, other: &Value) -> bool {
    let is_cut = |value: &Value| value.as_str().is_some_and(is_marker);
    let figures = ["subtype", "session_id", "num_turns", "duration_ms", "total_cost_usd", "is_error"];
    figures.iter().all(|name| one[*name] == other[*name])
        && (one["result"] == other["result"] || is_cut(&one["result"]) || is_cut(&other["result"]))
}

/// The last result's text; where it is cut or missing, the last words of the main thread; where there are none, the
/// upstream's short copy.
fn final_result(events: &[Value], results: &[&Value]) -> Option<String> {
    let stated = results.last().and_then(|result| first_filled(result, &["result"]));
    let mut short = events.iter().rev().filter(|event| event["type"] == "closed");
    stated
        .filter(|text| !is_marker(text))
        .or_else(|| last_words(events))
        .or_else(|| short.find_map(|event| first_filled(event, &["final_result"])))
}

/// A text that comes again under the same message id is the same text again.
fn last_words(events: &[Value]) -> Option<String> {
    let has_main = has_main(events);
    let mut seen = HashSet::new();
    let mut last = None;
    for event in events.iter().filter(|event| event["type"] == "assistant") {
        let message = &event["message"];
        let whole = message["content"].as_str().into_iter();
        let blocks = message["content"].as_array().into_iter().flatten();
        let texts = blocks.filter(|block| block["type"] == "text").filter_map(|block| block["text"].as_str());
        for text in whole.chain(texts).filter(|text| !text.trim().is_empty()) {
            if seen.insert((message_id(message), text)) && is_main(event, has_main) {
                last = Some(text.to_owned());
            }
        }
    }
    last
}

fn message_id(message: &Value) -> String {
    first_filled(message, &["id", "message_id"]).unwrap_or_default()
}

/// `subtype: "success"` is none where the flag says otherwise; at the turn limit versions differ in the flag.
fn outcome(events: &[Value], results: &[&Value]) -> Option<&'static str> {
    if let Some(result) = results.last() {
        return Some(match text(&result["subtype"]).as_str() {
            "error_max_turns" => "max_turns",
            "success" if result["is_error"] != true => "success",
            _ => "failed",
        });
    }
    let mut closed = events.iter().rev().filter(|event| event["type"] == "closed");
    closed.find_map(|event| word_of_the_upstream(&text(&event["status"])))
}

fn word_of_the_upstream(status: &str) -> Option<&'static str> {
    match status {
        "completed" | "success" => Some("success"),
        "failed" | "error" | "error_during_execution" => Some("failed"),
        "error_max_turns" => Some("max_turns"),
        "timeout" => Some("timeout"),
        "killed" | "cancelled" => Some("cancelled"),
        _ => None,
    }
}

fn session(result: &Value) -> String {
    first_filled(result, &["claude_session_id", "session_id", "sessionId"]).unwrap_or_default()
}

/// Cumulative within a session: the highest is its total.
fn cost(results: &[&Value]) -> Option<f64> {
    let mut sessions: BTreeMap<String, f64> = BTreeMap::new();
    for result in results {
        let figures = ["total_cost_usd", "total_cost", "cost_usd"].map(|name| result[name].as_f64());
        if let Some(cost) = figures.into_iter().flatten().find(|cost| *cost >= 0.0) {
            let total = sessions.entry(session(result)).or_default();
            *total = total.max(cost);
        }
    }
    (!sessions.is_empty()).then(|| sessions.values().sum())
}

fn counts(usage: &Value) -> [u64; 4] {
    ["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]
        .map(|name| usage[name].as_u64().unwrap_or_default())
}

/// What a result tells of each model, added up.
fn by_models(models: &Value) -> Option<[u64; 4]> {
    let names = ["inputTokens", "outputTokens", "cacheCreationInputTokens", "cacheReadInputTokens"];
    let models = models.as_object().filter(|models| !models.is_empty())?;
    Some(summed(models.values().map(|model| names.map(|name| model[name].as_u64().unwrap_or_default()))))
}

fn tokens(events: &[Value], results: &[&Value]) -> [u64; 4] {
    let mut stated: BTreeMap<String, [u64; 4]> = BTreeMap::new();
    for result in results.iter().filter(|result| counts(&result["usage"]) != [0; 4]) {
        stated.insert(session(result), counts(&result["usage"]));
    }
    let by_models = results.iter().rev().find_map(|result| by_models(&result["modelUsage"]));
    if let Some(counts) = by_models.filter(|_| stated.is_empty()) {
        return counts;
    }
    if stated.is_empty() { summed(messages(events)) } else { summed(stated.into_values()) }
}

/// What each message said of itself at most; one without an id is its own.
fn messages(events: &[Value]) -> impl Iterator<Item = [u64; 4]> {
    let mut of_messages: HashMap<String, [u64; 4]> = HashMap::new();
    for (place, event) in events.iter().enumerate().filter(|(_, event)| event["type"] == "assistant") {
        let message = &event["message"];
        if message["model"] != "<synthetic>" {
            let id = first_filled(message, &["id", "message_id"]).unwrap_or_else(|| format!("at {place}"));
            // It grows with the message; a line that says less was logged once more, late.
            let (now, known) = (counts(&message["usage"]), of_messages.entry(id).or_default());
            if now[1] >= known[1] {
                *known = now;
            }
        }
    }
    of_messages.into_values()
}

fn summed(all: impl Iterator<Item = [u64; 4]>) -> [u64; 4] {
    all.fold([0; 4], |sum, one| std::array::from_fn(|i| sum[i] + one[i]))
}
