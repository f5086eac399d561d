//! The shapes of Claude Code's events, with the names of all versions and formats.

use crate::analysis::dialect::filled;
use crate::analysis::dialect::lenient::{
    Flag, Many, Number, Text, TextOr, Unread, is_cut, is_cut_marker, lenient,
};
use crate::analysis::event::{Thread, Tokens};

lenient! {
    /// An event, with the names of all its versions; also what the upstream's logger keeps under `data`.
    pub(in crate::analysis::dialect) struct Entry {
        "timestamp" | "_timestamp" => at: Text<'a>,
        "type" => kind: Text<'a>,
        "subtype" => subtype: Text<'a>,
        "message" => message: TextOr<'a, Message<'a>>,
        "parent_tool_use_id" => parent: Text<'a>,
        "isSidechain" => sidechain: Flag,
        "session_id" => session: Text<'a>,
        "sessionId" => session_in_transcript: Text<'a>,
        "claude_session_id" => claude_session: Text<'a>,
        "tool_use_result" | "toolUseResult" => detail: Option<Unread<'a>>,
        "isMeta" | "isSynthetic" | "isCompactSummary" => synthetic: Flag,
        "is_error" => is_error: Flag,
        "result" => result: Text<'a>,
        "num_turns" => turns: Number,
        "duration_ms" => duration_ms: Number,
        "total_cost_usd" => total_cost_usd: Number,
        "cost_usd" | "total_cost" => older_cost: Number,
        "usage" => usage: Usage<'a>,
        "modelUsage" => models: Option<Unread<'a>>,
        "permission_denials" => permission_denials: Many<Option<Unread<'a>>>,
        "errors" => errors: Many<Text<'a>, 8>,
        "model" => model: Text<'a>,
        "max_turns" | "maxTurns" => max_turns: Number,
        "status" => status: Text<'a>,
        "tool_use_id" => call_id: Text<'a>,
        "final_result" => final_result: Text<'a>,
        "response_text" => response_text: Text<'a>,
        "tool_name" => tool_name: Text<'a>,
        "tool_input" => tool_input: Option<Unread<'a>>,
        "early_lines_processed" => early_lines: Number,
        "pid" => pid: Number,
        "data" => data: Option<Unread<'a>>,
        "parentToolUseID" => parent_of_progress: Text<'a>,
        "_metadata" => metadata: Option<Unread<'a>>,
    }
}

lenient! {
    /// The API's message inside an event.
    pub(in crate::analysis::dialect) struct Message {
        "id" | "message_id" => id: Text<'a>,
        "model" => model: Text<'a>,
        "role" => role: Text<'a>,
        "content" => content: TextOr<'a, Many<Block<'a>>>,
        "usage" => usage: Usage<'a>,
        "stop_reason" => stop_reason: Text<'a>,
    }
}

lenient! {
    /// A content block.
    pub(in crate::analysis::dialect) struct Block {
        "type" => kind: Text<'a>,
        "text" => text: Text<'a>,
        "id" => id: Text<'a>,
        "name" => name: Text<'a>,
        "input" => input: Option<Unread<'a>>,
        "tool_use_id" => call_id: Text<'a>,
        "is_error" => is_error: Flag,
        "content" => content: Option<Unread<'a>>,
    }
}

lenient! {
    /// Token counts, as the API gives them.
    pub(in crate::analysis::dialect) struct Usage {
        "input_tokens" => input: Number,
        "output_tokens" => output: Number,
        "cache_creation_input_tokens" => cache_creation: Number,
        "cache_read_input_tokens" => cache_read: Number,
        "cache_creation" => cache_kinds: CacheKinds<'a>,
    }
}

lenient! {
    /// What was written to the cache, by how long it is kept.
    pub(in crate::analysis::dialect) struct CacheKinds {
        "ephemeral_1h_input_tokens" => hour: Number,
    }
}

lenient! {
    /// What one model used in a session, in the program's own spelling.
    pub(in crate::analysis::dialect) struct ModelUse {
        "inputTokens" => input: Number,
        "outputTokens" => output: Number,
        "cacheCreationInputTokens" => cache_creation: Number,
        "cacheReadInputTokens" => cache_read: Number,
        "costUSD" => cost_usd: Number,
    }
}

impl ModelUse<'_> {
    pub(in crate::analysis::dialect) fn tokens(&self) -> Tokens {
        Tokens {
            input: self.input.count(),
            output: self.output.count(),
            cache_creation: self.cache_creation.count(),
            cache_creation_1h: 0,
            cache_read: self.cache_read.count(),
        }
    }
}

impl Usage<'_> {
    pub(in crate::analysis::dialect) fn tokens(&self) -> Tokens {
        Tokens {
            input: self.input.count(),
            output: self.output.count(),
            cache_creation: self.cache_creation.count(),
            cache_creation_1h: self.cache_kinds.hour.count().min(self.cache_creation.count()),
            cache_read: self.cache_read.count(),
        }
    }
}

impl Entry<'_> {
    pub(in crate::analysis::dialect) fn is_transcript(&self) -> bool {
        self.session_in_transcript.get().is_some()
    }

    pub(in crate::analysis::dialect) fn thread(&self) -> Thread<'_> {
        match self.parent.filled() {
            Some(call) => Thread::Sub(Some(call)),
            None if self.sidechain.0 => Thread::Sub(None),
            None => Thread::Main,
        }
    }

    /// Claude's session, under whichever name.
    pub(in crate::analysis::dialect) fn session_id(&self) -> Option<&str> {
        filled(&self.claude_session).or(filled(&self.session)).or(filled(&self.session_in_transcript))
    }

    /// How many of the values directly in the object stand for something longer.
    pub(in crate::analysis::dialect) fn cut_values(&self) -> u32 {
        let message = matches!(&self.message, TextOr::Text(text) if is_cut_marker(text));
        let texts = [&self.result, &self.final_result, &self.response_text];
        let cut_texts = texts.into_iter().filter(|text| text.is_cut()).count();
        let raws = [self.detail, self.tool_input, self.data, self.models].map(is_cut);
        self.cut
            + u32::from(message)
            + u32::try_from(cut_texts).unwrap_or(0)
            + raws.map(u32::from).iter().sum::<u32>()
    }
}
