// Made from config/notes.schema.json by deploy/clients/generate: change that, not this.

/**
 * The members that an enhanced answer adds to the service's JSON object. Those of the run's status are there, those of other statuses are absent.
 */
export interface GlossNotes {
  workflow_steps?: WorkflowSteps;
  progress_summary?: ProgressSummary;
  /**
   * Ended: what the run reported at its end, whole; null where it reported nothing.
   */
  final_result?: string | null;
  workflow_summary?: WorkflowSummary;
  /**
   * Ended: the steps, each with its success.
   */
  step_by_step_results?: StepResult[];
  run_details: RunDetails;
  enhancement: Enhancement;
  /**
   * By `enrich.compat_fields` only: the run's turn limit; null where it is not known.
   */
  max_turns?: number | null;
  /**
   * By `enrich.compat_fields` only: the current phase.
   */
  current_phase?: string;
  /**
   * By `enrich.compat_fields` only: share of the prompt tokens that came from the cache, in percent; null where none are
   * known.
   */
  cache_efficiency?: number | null;
}
/**
 * Running: the steps and which one is going on.
 */
export interface WorkflowSteps {
  /**
   * The id of the first step in progress, else of the first pending one, else of the last; 0 without steps.
   */
  current_step: number;
  /**
   * How many there are.
   */
  total_steps: number;
  /**
   * All of them, by id.
   */
  steps: Step[];
}
/**
 * One step.
 */
export interface Step {
  /**
   * 1, 2, …; stable for the whole run.
   */
  step_id: number;
  /**
   * As logged.
   */
  name: string;
  /**
   * How far it is.
   */
  status: "pending" | "in_progress" | "completed" | "failed" | "skipped";
  /**
   * When it was begun.
   */
  started_at: string | null;
  /**
   * When it was done, dropped or failed.
   */
  completed_at: string | null;
  /**
   * How long it took; of a step in progress, so far.
   */
  duration_seconds: number | null;
  /**
   * What came of it, in a sentence or two.
   */
  result: string | null;
  /**
   * Names of the tools used, first use first.
   */
  tools_used: string[];
  /**
   * How often any of them was called.
   */
  tool_calls: number;
  /**
   * Estimated share of the run's cost, USD.
   */
  cost: number | null;
  /**
   * Why it failed.
   */
  error: string | null;
  /**
   * Where it was learnt from.
   */
  source: "todo" | "task" | "heading" | "phase";
}
/**
 * Running: how far the run is.
 */
export interface ProgressSummary {
  /**
   * 0–100; never falls during a run, below 100 while it runs.
   */
  completion_percentage: number;
  /**
   * When it is expected to end; never in the past.
   */
  estimated_completion: string | null;
  /**
   * The name of the current step, else the phase.
   */
  current_phase: string;
  /**
   * What the last tool call does, in a few words.
   */
  recent_activity: string;
  /**
   * What the percentage rests on.
   */
  basis: "todo" | "task" | "heading" | "turns" | "history" | "phase";
  /**
   * The early end of the 80 % interval.
   */
  earliest_completion: string | null;
  /**
   * The late end of the 80 % interval.
   */
  latest_completion: string | null;
  /**
   * Whether nothing was logged for longer than the run's own tools explain.
   */
  stalled: boolean;
  /**
   * The time of the newest line.
   */
  last_event_at: string | null;
}
/**
 * Ended: what came of it.
 */
export interface WorkflowSummary {
  /**
   * How many steps were completed.
   */
  total_steps_completed: number;
  /**
   * Completed steps among those completed, failed or skipped, in percent.
   */
  success_rate: number;
  /**
   * Up to five, each a completed step or a line of the final result.
   */
  major_achievements: string[];
  /**
   * Distinct files changed by successful edits.
   */
  files_modified: number;
  /**
   * Tests that passed in the last full run of each test command.
   */
  tests_passed: number;
  /**
   * Whether the run succeeded, no step failed, and the last test runs show no failure.
   */
  deployment_ready: boolean;
}
/**
 * A step of an ended run.
 */
export interface StepResult {
  /**
   * 1, 2, …; stable for the whole run.
   */
  step_id: number;
  /**
   * As logged.
   */
  name: string;
  /**
   * How far it is.
   */
  status: "pending" | "in_progress" | "completed" | "failed" | "skipped";
  /**
   * When it was begun.
   */
  started_at: string | null;
  /**
   * When it was done, dropped or failed.
   */
  completed_at: string | null;
  /**
   * How long it took; of a step in progress, so far.
   */
  duration_seconds: number | null;
  /**
   * What came of it, in a sentence or two.
   */
  result: string | null;
  /**
   * Names of the tools used, first use first.
   */
  tools_used: string[];
  /**
   * How often any of them was called.
   */
  tool_calls: number;
  /**
   * Estimated share of the run's cost, USD.
   */
  cost: number | null;
  /**
   * Why it failed.
   */
  error: string | null;
  /**
   * Where it was learnt from.
   */
  source: "todo" | "task" | "heading" | "phase";
  /**
   * Whether it was completed.
   */
  success: boolean;
}
/**
 * Always: what is known of the run beyond its steps.
 */
export interface RunDetails {
  /**
   * How it ended, or that it has not.
   */
  outcome: "success" | "failed" | "max_turns" | "timeout" | "cancelled" | "running" | "lost";
  /**
   * Turns so far.
   */
  turns: number;
  /**
   * The run's turn limit, where it is known.
   */
  max_turns: number | null;
  /**
   * The model that wrote most of it.
   */
  model: string | null;
  /**
   * The id of Claude's session.
   */
  claude_session_id: string | null;
  usage: UsageDetails;
  /**
   * Calls and errors by tool, sub-agents' included.
   */
  tools: {
    [k: string]: ToolDetails;
  };
  /**
   * Changed files, first change first.
   */
  files: FileDetails[];
  tests: TestDetails;
  /**
   * What was handed to sub-agents.
   */
  sub_agents: SubAgentDetails[];
  /**
   * The last five errors of tools.
   */
  errors: ErrorDetails[];
  /**
   * How many calls were refused for want of permission.
   */
  permission_denials: number;
  /**
   * How often the conversation was compacted.
   */
  compactions: number;
  /**
   * Where the run ended without completing: how far it got, 0–100.
   */
  completion_percentage?: number;
}
/**
 * Tokens and cost.
 */
export interface UsageDetails {
  /**
   * Prompt tokens outside the cache. This and the next three are as the run's result states them, else what its
   * messages add up to.
   */
  input_tokens: number;
  /**
   * Written tokens.
   */
  output_tokens: number;
  /**
   * Prompt tokens that went into the cache.
   */
  cache_creation_tokens: number;
  /**
   * Prompt tokens that came from the cache.
   */
  cache_read_tokens: number;
  /**
   * USD; null when unknown.
   */
  cost_usd: number | null;
  /**
   * Whether the cost was worked out from tokens at list price, for want of the run's own figure.
   */
  cost_is_estimate: boolean;
  /**
   * The part of the cost that belongs to no step, USD: what was spent before one began, and what no message accounts
   * for. With the costs of the steps it adds up to `cost_usd`; null where that is.
   */
  cost_outside_steps_usd: number | null;
  /**
   * By model, as the log spells it (`unknown` where it does not), sub-agents included, which the run's result may leave
   * out of its tokens. The costs add up to `cost_usd` where each is known; a model without a known price has null.
   */
  by_model: {
    [k: string]: UsageShare;
  };
  /**
   * What sub-agents used, as far as the log has their messages; null where it has none. A part of `by_model`.
   */
  sub_agents: UsageShare | null;
}
/**
 * Tokens and cost of a part of a run.
 */
export interface UsageShare {
  /**
   * Prompt tokens outside the cache.
   */
  input_tokens: number;
  /**
   * Written tokens.
   */
  output_tokens: number;
  /**
   * Prompt tokens that went into the cache.
   */
  cache_creation_tokens: number;
  /**
   * Prompt tokens that came from the cache.
   */
  cache_read_tokens: number;
  /**
   * USD; null where the model's price is not known.
   */
  cost_usd: number | null;
  /**
   * Whether the cost was worked out from tokens at list price, scaled to the run's own figure where it has one.
   */
  cost_is_estimate: boolean;
}
/**
 * A tool's figures.
 */
export interface ToolDetails {
  /**
   * How often it was called.
   */
  calls: number;
  /**
   * How often it answered with an error.
   */
  errors: number;
}
/**
 * A changed file.
 */
export interface FileDetails {
  /**
   * As the tool was given it.
   */
  path: string;
  /**
   * Whether the run made it.
   */
  change: "created" | "modified";
  /**
   * How many edits succeeded.
   */
  edits: number;
}
/**
 * What the test runs said.
 */
export interface TestDetails {
  /**
   * Passed.
   */
  passed: number;
  /**
   * Failed.
   */
  failed: number;
  /**
   * Skipped.
   */
  skipped: number;
  /**
   * Test runs seen, of any kind.
   */
  runs: number;
}
/**
 * A sub-agent.
 */
export interface SubAgentDetails {
  /**
   * Its kind.
   */
  name: string;
  /**
   * What it was for.
   */
  description: string;
  /**
   * How far it is.
   */
  status: "running" | "completed" | "failed";
  /**
   * How many calls it made.
   */
  tool_calls: number;
}
/**
 * An error of a tool.
 */
export interface ErrorDetails {
  /**
   * The tool's name.
   */
  tool: string;
  /**
   * Its words, shortened, secrets masked.
   */
  message: string;
  /**
   * When.
   */
  at: string | null;
}
/**
 * Always: how the added fields came about.
 */
export interface Enhancement {
  /**
   * Version of the added fields.
   */
  version: number;
  /**
   * The time of the request.
   */
  generated_at: string;
  /**
   * Where the log came from.
   */
  log_source: "file" | "http" | "object-store" | "body" | "transcript";
  /**
   * How much of it was read, in bytes.
   */
  log_bytes: number;
  /**
   * How many lines that were.
   */
  log_lines: number;
  /**
   * How many of them say nothing that is understood.
   */
  unrecognised_lines: number;
  /**
   * How many values the log had cut.
   */
  truncated_values: number;
  /**
   * False when the log starts late or has gaps.
   */
  complete: boolean;
  /**
   * How much of the log had to be read for this answer.
   */
  cache: "hit" | "incremental" | "miss";
  /**
   * Every log that took part, where more than one did: the one that leads, which is the `log_source`, then those that
   * filled it.
   */
  sources?: SourceShare[];
}
/**
 * A log's part in what is known of a run.
 */
export interface SourceShare {
  /**
   * Where it came from.
   */
  kind: "file" | "http" | "object-store" | "body" | "transcript";
  /**
   * How much of it was read, in bytes.
   */
  bytes: number;
  /**
   * How many lines that were.
   */
  lines: number;
}
