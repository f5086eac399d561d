//! Sub-agents: what Claude handed to others, and what became of it.

use schemars::JsonSchema;
use serde::Serialize;

use super::bounded::{fingerprint, shortened};
use super::tool_input::ToolInput;

/// More than these are counted as work of the last one.
const MAX_SUB_AGENTS: usize = 200;

/// How far a sub-agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SubAgentStatus {
    /// Not ended, as far as the log says.
    Running,
    /// Answered.
    Completed,
    /// Answered with an error.
    Failed,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct SubAgent {
    call: u64,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) status: SubAgentStatus,
    pub(super) tool_calls: u64,
}

/// All of them, in the order of their start.
#[derive(Debug, Clone, Default)]
pub(super) struct SubAgents {
    list: Vec<SubAgent>,
}

impl SubAgents {
    /// Whether a tool of this name starts a sub-agent; it was renamed once.
    pub(super) fn is_starter(tool: &str) -> bool {
        matches!(tool, "Task" | "Agent")
    }

    /// Notes the start of one; its place.
    pub(super) fn start(&mut self, call_id: &str, input: &ToolInput<'_>) -> Option<usize> {
        let agent = SubAgent {
            call: fingerprint(call_id),
            name: shortened(input.subagent_type.filled().unwrap_or("general-purpose"), 100),
            description: shortened(input.description.filled().unwrap_or_default(), 200),
            status: SubAgentStatus::Running,
            tool_calls: 0,
        };
        (self.list.len() < MAX_SUB_AGENTS).then(|| {
            self.list.push(agent);
            self.list.len() - 1
        })
    }

    pub(super) fn end(&mut self, place: usize, status: SubAgentStatus) {
        if let Some(agent) = self.list.get_mut(place) {
            agent.status = status;
        }
    }

    /// A background job ended: the agent which the call had started, if it was one.
    pub(super) fn job_ended(&mut self, call_id: &str, status: SubAgentStatus) {
        let call = fingerprint(call_id);
        if let Some(agent) = self.list.iter_mut().rev().find(|agent| agent.call == call) {
            agent.status = status;
        }
    }

    /// Counts a call of the agent that `call_id` started; without the id, of the one that still runs.
    pub(super) fn called(&mut self, call_id: Option<&str>) {
        let call = call_id.map(fingerprint);
        let is_it = |agent: &&mut SubAgent| match call {
            Some(call) => agent.call == call,
            None => agent.status == SubAgentStatus::Running,
        };
        if let Some(agent) = self.list.iter_mut().rev().find(is_it) {
            agent.tool_calls += 1;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SubAgent> {
        self.list.iter()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let texts: usize =
            self.list.iter().map(|agent| agent.name.capacity() + agent.description.capacity()).sum();
        texts + self.list.capacity() * size_of::<SubAgent>()
    }
}
