//! The added fields, in the shapes of the contract.
//!
//! Shapes only: what stands in them is worked out in `render`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::context::{CacheOutcome, LogSourceKind, RunStatus};
use super::files::Change;
use super::outcome::Outcome;
use super::progress::Basis;
use super::steps::{StepSource, StepStatus};
use super::sub_agents::SubAgentStatus;
use super::timestamp::Timestamp;

/// The members which enhanced answers add to the upstream's JSON object, in their order.
///
/// Serialises as one object: the fields of the run's status are there, those of other statuses are absent. An outer `None`
/// is a field that is absent, an inner one is null.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(
    description = "The members that an enhanced answer adds to the service's JSON object. Those of the run's status are there, those of other statuses are absent."
)]
pub struct Additions {
    /// Running: the steps and which one is going on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "WorkflowSteps")]
    pub workflow_steps: Option<WorkflowSteps>,
    /// Running: how far the run is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ProgressSummary")]
    pub progress_summary: Option<ProgressSummary>,
    /// Ended: what the run reported at its end, whole; null where it reported nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub final_result: Option<Option<String>>,
    /// Ended: what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "WorkflowSummary")]
    pub workflow_summary: Option<WorkflowSummary>,
    /// Ended: the steps, each with its success.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<StepResult>")]
    pub step_by_step_results: Option<Vec<StepResult>>,
    /// Always: what is known of the run beyond its steps.
    pub run_details: RunDetails,
    /// Always: how the added fields came about.
    pub enhancement: Enhancement,
    /// By `enrich.compat_fields` only: the run's turn limit; null where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u64>")]
    pub max_turns: Option<Option<u64>>,
    /// By `enrich.compat_fields` only: the current phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub current_phase: Option<String>,
    /// By `enrich.compat_fields` only: share of the prompt tokens that came from the cache, in percent; null where none are
    /// known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub cache_efficiency: Option<Option<f64>>,
}

impl Additions {
    /// Each member as its name and its JSON text, in order.
    pub fn members(&self) -> Vec<(&'static str, String)> {
        let mut members = Vec::new();
        push(&mut members, "workflow_steps", self.workflow_steps.as_ref());
        push(&mut members, "progress_summary", self.progress_summary.as_ref());
        push(&mut members, "final_result", self.final_result.as_ref());
        push(&mut members, "workflow_summary", self.workflow_summary.as_ref());
        push(&mut members, "step_by_step_results", self.step_by_step_results.as_ref());
        push(&mut members, "run_details", Some(&self.run_details));
        push(&mut members, "enhancement", Some(&self.enhancement));
        push(&mut members, "max_turns", self.max_turns.as_ref());
        push(&mut members, "current_phase", self.current_phase.as_ref());
        push(&mut members, "cache_efficiency", self.cache_efficiency.as_ref());
        members
    }
}

fn push<T: Serialize>(members: &mut Vec<(&'static str, String)>, name: &'static str, value: Option<&T>) {
    if let Some(value) = value {
        members.push((name, json(value)));
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts, numbers and lists of them always serialise")
}

/// The steps of a running run.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct WorkflowSteps {
    /// The id of the first step in progress, else of the first pending one, else of the last; 0 without steps.
    pub current_step: u64,
    /// How many there are.
    pub total_steps: u64,
    /// All of them, by id.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Step {
    /// 1, 2, …; stable for the whole run.
    pub step_id: u64,
    /// As logged.
    pub name: String,
    /// How far it is.
    pub status: StepStatus,
    /// When it was begun.
    pub started_at: Option<Timestamp>,
    /// When it was done, dropped or failed.
    pub completed_at: Option<Timestamp>,
    /// How long it took; of a step in progress, so far.
    pub duration_seconds: Option<u64>,
    /// What came of it, in a sentence or two.
    pub result: Option<String>,
    /// Names of the tools used, first use first.
    pub tools_used: Vec<String>,
    /// How often any of them was called.
    pub tool_calls: u64,
    /// Estimated share of the run's cost, USD.
    pub cost: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Where it was learnt from.
    pub source: StepSource,
}

/// A step of an ended run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StepResult {
    /// The step itself.
    #[serde(flatten)]
    pub step: Step,
    /// Whether it was completed.
    pub success: bool,
}

/// How far a running run is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProgressSummary {
    /// 0–100; never falls during a run, below 100 while it runs.
    #[schemars(range(min = 0, max = 100))]
    pub completion_percentage: f64,
    /// When it is expected to end; never in the past.
    pub estimated_completion: Option<Timestamp>,
    /// The name of the current step, else the phase.
    pub current_phase: String,
    /// What the last tool call does, in a few words.
    pub recent_activity: String,
    /// What the percentage rests on.
    pub basis: Basis,
    /// The early end of the 80 % interval.
    pub earliest_completion: Option<Timestamp>,
    /// The late end of the 80 % interval.
    pub latest_completion: Option<Timestamp>,
    /// Whether nothing was logged for longer than the run's own tools explain.
    pub stalled: bool,
    /// The time of the newest line.
    pub last_event_at: Option<Timestamp>,
}

/// A run in a few figures, as a list of runs shows it, whatever its status.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// By the upstream's word, else as the log lets one infer.
    pub status: RunStatus,
    /// How it ended, or that it has not.
    pub outcome: Outcome,
    /// How far it is; of an ended run, how far it got.
    #[serde(flatten)]
    pub progress: ProgressSummary,
    /// As in [`WorkflowSteps`].
    pub current_step: u64,
    /// How many steps there are.
    pub total_steps: u64,
    /// The time of the earliest line.
    pub started_at: Option<Timestamp>,
    /// Turns so far.
    pub turns: u64,
    /// The turn limit, where it is known.
    pub max_turns: Option<u64>,
    /// The model that wrote most of it.
    pub model: Option<String>,
    /// USD; null when unknown.
    pub cost_usd: Option<f64>,
    /// Whether the cost was worked out from tokens at list price.
    pub cost_is_estimate: bool,
}

impl Overview {
    /// Whether the passing of time alone can make it another: the log of a run that goes on need not grow for that.
    pub fn ages(&self) -> bool {
        self.outcome == Outcome::Running
    }
}

/// What came of an ended run.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct WorkflowSummary {
    /// How many steps were completed.
    pub total_steps_completed: u64,
    /// Completed steps among those completed, failed or skipped, in percent.
    #[schemars(range(min = 0, max = 100))]
    pub success_rate: f64,
    /// Up to five, each a completed step or a line of the final result.
    pub major_achievements: Vec<String>,
    /// Distinct files changed by successful edits.
    pub files_modified: u64,
    /// Tests that passed in the last full run of each test command.
    pub tests_passed: u64,
    /// Whether the run succeeded, no step failed, and the last test runs show no failure.
    pub deployment_ready: bool,
}

/// What is known of the run beyond its steps.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct RunDetails {
    /// How it ended, or that it has not.
    pub outcome: Outcome,
    /// Turns so far.
    pub turns: u64,
    /// The run's turn limit, where it is known.
    pub max_turns: Option<u64>,
    /// The model that wrote most of it.
    pub model: Option<String>,
    /// The id of Claude's session.
    pub claude_session_id: Option<String>,
    /// Tokens and cost.
    pub usage: UsageDetails,
    /// Calls and errors by tool, sub-agents' included.
    pub tools: BTreeMap<String, ToolDetails>,
    /// Changed files, first change first.
    pub files: Vec<FileDetails>,
    /// What the test runs said.
    pub tests: TestDetails,
    /// What was handed to sub-agents.
    pub sub_agents: Vec<SubAgentDetails>,
    /// The last five errors of tools.
    pub errors: Vec<ErrorDetails>,
    /// How many calls were refused for want of permission.
    pub permission_denials: u64,
    /// How often the conversation was compacted.
    pub compactions: u64,
    /// Where the run ended without completing: how far it got, 0–100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64", range(min = 0, max = 100))]
    pub completion_percentage: Option<f64>,
}

/// Tokens and cost of a run.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct UsageDetails {
    /// Prompt tokens outside the cache. This and the next three are as the run's result states them, else what its
    /// messages add up to.
    pub input_tokens: u64,
    /// Written tokens.
    pub output_tokens: u64,
    /// Prompt tokens that went into the cache.
    pub cache_creation_tokens: u64,
    /// Prompt tokens that came from the cache.
    pub cache_read_tokens: u64,
    /// USD; null when unknown.
    pub cost_usd: Option<f64>,
    /// Whether the cost was worked out from tokens at list price, for want of the run's own figure.
    pub cost_is_estimate: bool,
    /// The part of the cost that belongs to no step, USD: what was spent before one began, and what no message accounts
    /// for. With the costs of the steps it adds up to `cost_usd`; null where that is.
    pub cost_outside_steps_usd: Option<f64>,
    /// By model, as the log spells it (`unknown` where it does not), sub-agents included, which the run's result may leave
    /// out of its tokens. The costs add up to `cost_usd` where each is known; a model without a known price has null.
    pub by_model: BTreeMap<String, UsageShare>,
    /// What sub-agents used, as far as the log has their messages; null where it has none. A part of `by_model`.
    pub sub_agents: Option<UsageShare>,
}

/// Tokens and cost of a part of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, JsonSchema)]
pub struct UsageShare {
    /// Prompt tokens outside the cache.
    pub input_tokens: u64,
    /// Written tokens.
    pub output_tokens: u64,
    /// Prompt tokens that went into the cache.
    pub cache_creation_tokens: u64,
    /// Prompt tokens that came from the cache.
    pub cache_read_tokens: u64,
    /// USD; null where the model's price is not known.
    pub cost_usd: Option<f64>,
    /// Whether the cost was worked out from tokens at list price, scaled to the run's own figure where it has one.
    pub cost_is_estimate: bool,
}

/// A tool's figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ToolDetails {
    /// How often it was called.
    pub calls: u64,
    /// How often it answered with an error.
    pub errors: u64,
}

/// A changed file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FileDetails {
    /// As the tool was given it.
    pub path: String,
    /// Whether the run made it.
    pub change: Change,
    /// How many edits succeeded.
    pub edits: u64,
}

/// Tests by the last full run of each test command.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub struct TestDetails {
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
    /// Skipped.
    pub skipped: u64,
    /// Test runs seen, of any kind.
    pub runs: u64,
}

/// A sub-agent.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SubAgentDetails {
    /// Its kind.
    pub name: String,
    /// What it was for.
    pub description: String,
    /// How far it is.
    pub status: SubAgentStatus,
    /// How many calls it made.
    pub tool_calls: u64,
}

/// An error of a tool.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ErrorDetails {
    /// The tool's name.
    pub tool: String,
    /// Its words, shortened, secrets masked.
    pub message: String,
    /// When.
    pub at: Option<Timestamp>,
}

/// How the added fields came about.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Enhancement {
    /// Version of the added fields.
    pub version: u32,
    /// The time of the request.
    pub generated_at: Timestamp,
    /// Where the log came from.
    pub log_source: LogSourceKind,
    /// How much of it was read, in bytes.
    pub log_bytes: u64,
    /// How many lines that were.
    pub log_lines: u64,
    /// How many of them say nothing that is understood.
    pub unrecognised_lines: u64,
    /// How many values the log had cut.
    pub truncated_values: u64,
    /// False when the log starts late or has gaps.
    pub complete: bool,
    /// How much of the log had to be read for this answer.
    pub cache: CacheOutcome,
    /// Every log that took part, where more than one did: the one that leads, which is the `log_source`, then those that
    /// filled it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceShare>,
}

/// A log's part in what is known of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceShare {
    /// Where it came from.
    pub kind: LogSourceKind,
    /// How much of it was read, in bytes.
    pub bytes: u64,
    /// How many lines that were.
    pub lines: u64,
}

impl Default for Enhancement {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            generated_at: Timestamp::default(),
            log_source: LogSourceKind::File,
            log_bytes: 0,
            log_lines: 0,
            unrecognised_lines: 0,
            truncated_values: 0,
            complete: true,
            cache: CacheOutcome::Miss,
            sources: Vec::new(),
        }
    }
}

impl Enhancement {
    /// The version of the added fields that is built here.
    pub const VERSION: u32 = 1;

    /// As JSON.
    pub fn to_json(&self) -> String {
        json(self)
    }
}
