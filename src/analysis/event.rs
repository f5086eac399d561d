//! What a log line can tell, whatever dialect it is written in.
//!
//! Borrowed from the line wherever it can be; what few facts need (a tool's input, a result's content) stays unread
//! JSON until a fold asks for it.

use std::borrow::Cow;

use super::dialect::lenient::Unread;

/// Who speaks: Claude itself, or a sub-agent that it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thread<'a> {
    Main,
    /// With the id of the call that started it, where the log says so.
    Sub(Option<&'a str>),
}

impl Thread<'_> {
    pub(super) fn is_main(self) -> bool {
        matches!(self, Self::Main)
    }
}

/// What the id of a message begins with where its dialect has none, and something else stands for it: the id of its first
/// call, or its time.
pub(super) const STAND_IN: char = '~';

/// One fact of a run.
#[derive(Debug, Clone)]
pub(super) enum Event<'a> {
    /// The run was accepted; `early_lines` were read before logging began.
    Accepted { early_lines: u64 },
    /// Claude Code started, or was woken again.
    Started { session: Option<&'a str>, model: Option<&'a str>, max_turns: Option<u64> },
    /// The id of Claude's session became known.
    SessionKnown { session: &'a str },
    /// The id of the process that runs Claude Code became known, on the upstream's own host.
    ProcessKnown { pid: u32 },
    /// Claude's own words.
    Said { thread: Thread<'a>, message_id: &'a str, text: &'a str },
    /// A tool was called.
    Called { thread: Thread<'a>, id: &'a str, name: &'a str, input: Option<Unread<'a>> },
    /// A tool answered.
    Answered(Answer<'a>),
    /// What a message cost in tokens; repeated, and growing, within one message.
    Spent { thread: Thread<'a>, message_id: &'a str, model: &'a str, tokens: Tokens },
    /// Claude ended its turn of its own accord.
    TurnEnded { thread: Thread<'a> },
    /// A person, or the program around, said something.
    Prompted { text: &'a str },
    /// Claude Code's own account at its end.
    Finished(Box<Finish<'a>>),
    /// The upstream's account at the end of the run.
    Closed { status: &'a str, final_result: Option<&'a str> },
    /// The upstream reports an error of its own.
    Broke { message: &'a str, timeout: bool },
    /// A background job ended.
    JobEnded { call_id: &'a str, failed: bool },
    /// The conversation was compacted.
    Compacted,
}

/// A tool's answer.
#[derive(Debug, Clone)]
pub(super) struct Answer<'a> {
    pub(super) call_id: &'a str,
    pub(super) is_error: bool,
    /// What Claude read: a string or a list of blocks.
    pub(super) content: Option<Unread<'a>>,
    /// What the program noted beside it, in a shape of the tool's own.
    pub(super) detail: Option<Unread<'a>>,
}

/// Tokens of a message or of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: u64,
    pub(super) output: u64,
    pub(super) cache_creation: u64,
    /// The part of `cache_creation` that is kept for an hour.
    pub(super) cache_creation_1h: u64,
    pub(super) cache_read: u64,
}

impl Tokens {
    pub(super) fn is_zero(self) -> bool {
        self == Self::default()
    }

    pub(super) fn plus(self, other: Self) -> Self {
        let mut sum = self;
        sum.replace(Self::default(), other);
        sum
    }

    /// What of each kind there is more than in `other`.
    pub(super) fn beyond(self, other: Self) -> Self {
        let mut rest = self;
        rest.replace(other, Self::default());
        rest
    }

    /// Of each kind the lesser.
    pub(super) fn at_most(self, most: Self) -> Self {
        Self {
            input: self.input.min(most.input),
            output: self.output.min(most.output),
            cache_creation: self.cache_creation.min(most.cache_creation),
            cache_creation_1h: self.cache_creation_1h.min(most.cache_creation_1h),
            cache_read: self.cache_read.min(most.cache_read),
        }
    }

    /// Adds, and takes away what an earlier account of the same message had said.
    pub(super) fn replace(&mut self, before: Self, after: Self) {
        let swap =
            |sum: &mut u64, before: u64, after: u64| *sum = sum.saturating_add(after).saturating_sub(before);
        swap(&mut self.input, before.input, after.input);
        swap(&mut self.output, before.output, after.output);
        swap(&mut self.cache_creation, before.cache_creation, after.cache_creation);
        swap(&mut self.cache_creation_1h, before.cache_creation_1h, after.cache_creation_1h);
        swap(&mut self.cache_read, before.cache_read, after.cache_read);
    }
}

/// The result event.
#[derive(Debug, Clone, Default)]
pub(super) struct Finish<'a> {
    pub(super) subtype: &'a str,
    pub(super) is_error: bool,
    /// The final text; absent where there is none or the log cut it.
    pub(super) result: Option<Cow<'a, str>>,
    pub(super) session: &'a str,
    pub(super) turns: u64,
    pub(super) duration_ms: u64,
    pub(super) cost_usd: Option<f64>,
    pub(super) tokens: Tokens,
    /// What each model used in the session so far, sub-agents and side calls included; newer versions tell.
    pub(super) models: Vec<ModelShare<'a>>,
    pub(super) permission_denials: usize,
    pub(super) first_error: Option<Cow<'a, str>>,
}

/// A model's part of a session as the result event states it.
#[derive(Debug, Clone)]
pub(super) struct ModelShare<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) tokens: Tokens,
    pub(super) cost_usd: Option<f64>,
}
