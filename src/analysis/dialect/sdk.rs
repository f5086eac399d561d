//! The newest upstream's `claude_message` entries: the text form of the Python SDK's message objects.
//!
//! They carry neither message ids nor, mostly, usage and parents, so turns are counted by the messages that call
//! tools, and a sub-agent's words are told from Claude's own only where the text says so.

use std::borrow::Cow;

use super::claude::{self, Entry, Message};
use super::lenient::{Text, TextOr, is_cut_marker, read as read_json, read_text};
use super::{Reading, Sink, filled, python};
use crate::analysis::event::{Event, STAND_IN};

/// Hands on what a message's text form tells; `at` is the time of its entry, as written.
pub(super) fn read(text: &str, at: &str, sink: &mut dyn Sink) -> Reading {
    if is_cut_marker(text) {
        sink.cut(1);
        return Reading::Known;
    }
    let Some(translation) = python::translate(text.trim(), wire_type) else { return Reading::Unknown };
    let Some(entry) = read_text::<Entry<'_>>(&translation.json) else { return Reading::Unknown };
    let message = || read_text::<Message<'_>>(&translation.json).unwrap_or_default();
    match entry.kind.or_empty() {
        "assistant" => assistant(&entry, message(), at, sink),
        "user" => claude::user(&entry, &message(), sink),
        // The figures stand before what can be cut.
        "result" if translation.whole || entry.turns.0.is_some() => sink.event(claude::finish(&entry)),
        "system" => {
            if let Some(event) = read_json::<Entry<'_>>(entry.data) {
                claude::system(&event, sink);
            }
        }
        "result" | "stream_event" | "rate_limit_event" => {}
        _ => return Reading::Unknown,
    }
    sink.cut(u32::from(!translation.whole));
    Reading::Known
}

/// The type which the CLI gives to what the SDK has a class for.
fn wire_type(class: &str) -> &str {
    match class {
        "AssistantMessage" => "assistant",
        "UserMessage" => "user",
        "ResultMessage" => "result",
        "SystemMessage" | "TaskStartedMessage" | "TaskProgressMessage" | "TaskNotificationMessage" => {
            "system"
        }
        "StreamEvent" => "stream_event",
        "RateLimitEvent" => "rate_limit_event",
        "TextBlock" => "text",
        "ThinkingBlock" => "thinking",
        "ToolUseBlock" => "tool_use",
        "ToolResultBlock" => "tool_result",
        _ => "other",
    }
}

fn assistant(entry: &Entry<'_>, mut message: Message<'_>, at: &str, sink: &mut dyn Sink) {
    if message.id.filled().is_some() {
        return claude::assistant(entry, &message, sink);
    }
    // Without an id, only its time tells a message that is logged twice from one that says the same again.
    let first_call = match &message.content {
        TextOr::Other(blocks) => blocks.0.iter().find_map(|block| filled(&block.id)).map(str::to_owned),
        TextOr::Text(_) => None,
    };
    let model = filled(&message.model).map(str::to_owned);
    if first_call.is_none() {
        // Words alone are no turn: Claude Code logs each block of a message as a message.
        message.model = Text(Some(Cow::Borrowed(claude::SYNTHETIC)));
    }
    let stand_in = first_call.as_deref().unwrap_or(at);
    message.id = Text(Some(Cow::Owned(format!("{STAND_IN}{stand_in}"))));
    claude::assistant(entry, &message, sink);
    sink.event(Event::Started { session: None, model: model.as_deref(), max_turns: None });
}
