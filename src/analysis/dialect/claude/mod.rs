//! Claude Code's own events: stream-json and session transcripts, which differ in a few names only.

mod shape;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::cursor::{Cursor, Kind};
use super::lenient::{Flag, Lenient, Many, Text, TextOr, Unread, lenient, read as read_json};
use super::{Reading, Sink, filled};
use crate::analysis::event::{Answer, Event, Finish, ModelShare, Thread};
use shape::{Block, ModelUse};
pub(super) use shape::{Entry, Message};

/// The model of messages that Claude Code makes up itself (limits, API errors); they carry no tokens.
pub(super) const SYNTHETIC: &str = "<synthetic>";

/// Hands on what an event of Claude Code tells.
pub(super) fn read(entry: &Entry<'_>, sink: &mut dyn Sink) -> Reading {
    match (entry.kind.or_empty(), &entry.message) {
        ("assistant", TextOr::Other(message)) if has_substance(message) => assistant(entry, message, sink),
        ("user", TextOr::Other(message)) if has_substance(message) => user(entry, message, sink),
        ("user", TextOr::Text(text)) => prompted(text, sink),
        ("result", _) if entry.subtype.get().is_some() => sink.event(finish(entry)),
        ("system", _) if entry.subtype.get().is_some() => system(entry, sink),
        ("progress", _) => progress(entry, sink),
        ("", _) if entry.metadata.is_some() => {}
        (kind, _) => return known_without_facts(kind),
    }
    Reading::Known
}

/// An envelope of somebody else's has the type, but not the message where it belongs.
fn has_substance(message: &Message<'_>) -> bool {
    match &message.content {
        TextOr::Text(_) => true,
        TextOr::Other(blocks) => {
            !blocks.0.is_empty() || message.role.get().is_some() || message.id.get().is_some()
        }
    }
}

fn known_without_facts(kind: &str) -> Reading {
    const KNOWN: [&str; 21] = [
        "rate_limit_event",
        "stream_event",
        "control_request",
        "control_response",
        "keep_alive",
        "tool_progress",
        "auth_status",
        "attachment",
        "queue-operation",
        "file-history-snapshot",
        "pr-link",
        "summary",
        "ai-title",
        "last-prompt",
        "custom-title",
        "permission-mode",
        "agent-name",
        "tag",
        "mode",
        "_metadata",
        "tool_use_summary",
    ];
    if KNOWN.contains(&kind) { Reading::Known } else { Reading::Unknown }
}

pub(super) fn assistant(entry: &Entry<'_>, message: &Message<'_>, sink: &mut dyn Sink) {
    let thread = entry.thread();
    let message_id = message.id.or_empty();
    if let Some(session) = entry.session_id() {
        sink.event(Event::SessionKnown { session });
    }
    let model = message.model.or_empty();
    if model != SYNTHETIC {
        sink.event(Event::Spent { thread, message_id, model, tokens: message.usage.tokens() });
    }
    match &message.content {
        TextOr::Text(text) => sink.event(Event::Said { thread, message_id, text }),
        TextOr::Other(blocks) => {
            for block in &blocks.0 {
                assistant_block(thread, message_id, block, sink);
            }
        }
    }
    if matches!(message.stop_reason.get(), Some("end_turn" | "stop_sequence")) {
        sink.event(Event::TurnEnded { thread });
    }
}

fn assistant_block(thread: Thread<'_>, message_id: &str, block: &Block<'_>, sink: &mut dyn Sink) {
    match block.kind.or_empty() {
        "text" => sink.event(Event::Said { thread, message_id, text: block.text.or_empty() }),
        "tool_use" => sink.event(Event::Called {
            thread,
            id: block.id.or_empty(),
            name: block.name.or_empty(),
            input: block.input,
        }),
        _ => {}
    }
}

pub(super) fn user(entry: &Entry<'_>, message: &Message<'_>, sink: &mut dyn Sink) {
    let by_a_person = entry.thread().is_main() && !entry.synthetic.0;
    match &message.content {
        TextOr::Text(text) if by_a_person => prompted(text, sink),
        TextOr::Text(_) => {}
        TextOr::Other(blocks) => {
            for block in &blocks.0 {
                match block.kind.or_empty() {
                    "tool_result" => sink.event(Event::Answered(Answer {
                        call_id: block.call_id.or_empty(),
                        is_error: block.is_error.0,
                        content: block.content,
                        detail: entry.detail,
                    })),
                    "text" if by_a_person => prompted(block.text.or_empty(), sink),
                    _ => {}
                }
            }
        }
    }
}

/// Words of a person, or of the program in a person's place; slash commands and their output are neither.
fn prompted(text: &str, sink: &mut dyn Sink) {
    const COMMANDS: [&str; 8] = [
        "<command-name>",
        "<command-message>",
        "<command-args>",
        "<local-command-",
        "<bash-input>",
        "<bash-stdout>",
        "<bash-stderr>",
        "<task-notification>",
    ];
    let words = text.trim_start();
    if !COMMANDS.iter().any(|command| words.starts_with(command)) {
        sink.event(Event::Prompted { text });
    }
}

pub(super) fn system(entry: &Entry<'_>, sink: &mut dyn Sink) {
    match entry.subtype.or_empty() {
        "init" => sink.event(Event::Started {
            session: entry.session_id(),
            model: filled(&entry.model),
            max_turns: entry.max_turns.0.map(|_| entry.max_turns.count()),
        }),
        "compact_boundary" => sink.event(Event::Compacted),
        "task_notification" => {
            let failed = matches!(entry.status.or_empty(), "failed" | "killed" | "stopped" | "error");
            sink.event(Event::JobEnded { call_id: entry.call_id.or_empty(), failed });
        }
        // Transcripts say so beside the message, whose own stop reason older versions leave open.
        "turn_duration" | "stop_hook_summary" => sink.event(Event::TurnEnded { thread: entry.thread() }),
        _ => {}
    }
}

lenient! {
    /// What a transcript notes while a tool runs.
    struct Progress {
        "type" => kind: Text<'a>,
        "hookEvent" => hook: Text<'a>,
        "message" => message: Option<Unread<'a>>,
    }
}

/// A sub-agent's event inside a transcript's progress, or the hook at the end of a turn.
fn progress(entry: &Entry<'_>, sink: &mut dyn Sink) {
    let noted = read_json::<Progress<'_>>(entry.data).unwrap_or_default();
    match noted.kind.or_empty() {
        "agent_progress" => {
            if let Some(mut event) = read_json::<Entry<'_>>(noted.message) {
                event.parent.clone_from(&entry.parent_of_progress);
                event.sidechain = Flag(true);
                if matches!(event.kind.or_empty(), "assistant" | "user") {
                    read(&event, sink);
                }
            }
        }
        "hook_progress" if noted.hook.get() == Some("Stop") => {
            sink.event(Event::TurnEnded { thread: entry.thread() });
        }
        _ => {}
    }
}

pub(super) fn finish<'e>(entry: &'e Entry<'_>) -> Event<'e> {
    let whole = |text: &'e Text<'_>| filled(text).filter(|_| !text.is_cut()).map(Cow::Borrowed);
    Event::Finished(Box::new(Finish {
        subtype: entry.subtype.or_empty(),
        is_error: entry.is_error.0,
        result: whole(&entry.result),
        session: entry.session_id().unwrap_or_default(),
        turns: entry.turns.count(),
        duration_ms: entry.duration_ms.count(),
        cost_usd: entry.total_cost_usd.0.or(entry.older_cost.0).filter(is_cost),
        tokens: entry.usage.tokens(),
        models: model_shares(entry.models),
        permission_denials: entry.permission_denials.0.len(),
        first_error: entry.errors.0.first().and_then(whole),
    }))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that a filter takes")]
fn is_cost(cost: &f64) -> bool {
    cost.is_finite() && *cost >= 0.0
}

/// What each model used, at most so many of them.
fn model_shares(raw: Option<Unread<'_>>) -> Vec<ModelShare<'_>> {
    const MOST: usize = 16;
    let models = raw.and_then(|raw| models_by_name(&mut Cursor::new(raw.json()))).unwrap_or_default();
    let share = |(name, used): (_, ModelUse<'_>)| ModelShare {
        name,
        tokens: used.tokens(),
        cost_usd: used.cost_usd.0.filter(is_cost),
    };
    models.into_iter().take(MOST).map(share).collect()
}

fn models_by_name<'a>(cursor: &mut Cursor<'a>) -> Option<BTreeMap<Cow<'a, str>, ModelUse<'a>>> {
    if cursor.kind()? != Kind::Object {
        return None;
    }
    cursor.open();
    let (mut models, mut is_first) = (BTreeMap::new(), true);
    while let Some(name) = cursor.key(&mut is_first)? {
        models.insert(name, ModelUse::take(cursor)?);
    }
    Some(models)
}

/// The words of a tool result: the string, or its text blocks.
pub(in crate::analysis) fn result_text(content: Option<Unread<'_>>) -> Cow<'_, str> {
    match read_json::<TextOr<'_, Many<Block<'_>, 64>>>(content) {
        Some(TextOr::Text(text)) => text,
        Some(TextOr::Other(blocks)) => {
            let texts: Vec<&str> = blocks.0.iter().filter_map(|block| block.text.get()).collect();
            Cow::Owned(texts.join("\n"))
        }
        None => Cow::Borrowed(""),
    }
}
