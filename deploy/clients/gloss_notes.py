# Made from config/notes.schema.json by deploy/clients/generate: change that, not this.

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field


class ErrorDetails(BaseModel):
    """
    An error of a tool.
    """

    tool: str
    """
    The tool's name.
    """
    message: str
    """
    Its words, shortened, secrets masked.
    """
    at: AwareDatetime | None
    """
    When.
    """


class FileDetails(BaseModel):
    """
    A changed file.
    """

    path: str
    """
    As the tool was given it.
    """
    change: Literal["created", "modified"]
    """
    Whether the run made it.
    """
    edits: Annotated[int, Field(ge=0)]
    """
    How many edits succeeded.
    """


class ProgressSummary(BaseModel):
    """
    How far a running run is.
    """

    completion_percentage: Annotated[float, Field(ge=0.0, le=100.0)]
    """
    0–100; never falls during a run, below 100 while it runs.
    """
    estimated_completion: AwareDatetime | None
    """
    When it is expected to end; never in the past.
    """
    current_phase: str
    """
    The name of the current step, else the phase.
    """
    recent_activity: str
    """
    What the last tool call does, in a few words.
    """
    basis: Literal["todo", "task", "heading", "turns", "history", "phase"]
    """
    What the percentage rests on.
    """
    earliest_completion: AwareDatetime | None
    """
    The early end of the 80 % interval.
    """
    latest_completion: AwareDatetime | None
    """
    The late end of the 80 % interval.
    """
    stalled: bool
    """
    Whether nothing was logged for longer than the run's own tools explain.
    """
    last_event_at: AwareDatetime | None
    """
    The time of the newest line.
    """


class SourceShare(BaseModel):
    """
    A log's part in what is known of a run.
    """

    kind: Literal["file", "http", "object-store", "body", "transcript"]
    """
    Where it came from.
    """
    bytes: Annotated[int, Field(ge=0)]
    """
    How much of it was read, in bytes.
    """
    lines: Annotated[int, Field(ge=0)]
    """
    How many lines that were.
    """


class TestDetails(BaseModel):
    """
    Tests by the last full run of each test command.
    """

    passed: Annotated[int, Field(ge=0)]
    """
    Passed.
    """
    failed: Annotated[int, Field(ge=0)]
    """
    Failed.
    """
    skipped: Annotated[int, Field(ge=0)]
    """
    Skipped.
    """
    runs: Annotated[int, Field(ge=0)]
    """
    Test runs seen, of any kind.
    """


class ToolDetails(BaseModel):
    """
    A tool's figures.
    """

    calls: Annotated[int, Field(ge=0)]
    """
    How often it was called.
    """
    errors: Annotated[int, Field(ge=0)]
    """
    How often it answered with an error.
    """


class UsageShare(BaseModel):
    """
    Tokens and cost of a part of a run.
    """

    input_tokens: Annotated[int, Field(ge=0)]
    """
    Prompt tokens outside the cache.
    """
    output_tokens: Annotated[int, Field(ge=0)]
    """
    Written tokens.
    """
    cache_creation_tokens: Annotated[int, Field(ge=0)]
    """
    Prompt tokens that went into the cache.
    """
    cache_read_tokens: Annotated[int, Field(ge=0)]
    """
    Prompt tokens that came from the cache.
    """
    cost_usd: float | None
    """
    USD; null where the model's price is not known.
    """
    cost_is_estimate: bool
    """
    Whether the cost was worked out from tokens at list price, scaled to the run's own figure where it has one.
    """


class WorkflowSummary(BaseModel):
    """
    What came of an ended run.
    """

    total_steps_completed: Annotated[int, Field(ge=0)]
    """
    How many steps were completed.
    """
    success_rate: Annotated[float, Field(ge=0.0, le=100.0)]
    """
    Completed steps among those completed, failed or skipped, in percent.
    """
    major_achievements: list[str]
    """
    Up to five, each a completed step or a line of the final result.
    """
    files_modified: Annotated[int, Field(ge=0)]
    """
    Distinct files changed by successful edits.
    """
    tests_passed: Annotated[int, Field(ge=0)]
    """
    Tests that passed in the last full run of each test command.
    """
    deployment_ready: bool
    """
    Whether the run succeeded, no step failed, and the last test runs show no failure.
    """


class Enhancement(BaseModel):
    """
    How the added fields came about.
    """

    version: Annotated[int, Field(ge=0)]
    """
    Version of the added fields.
    """
    generated_at: AwareDatetime
    """
    The time of the request.
    """
    log_source: Literal["file", "http", "object-store", "body", "transcript"]
    """
    Where the log came from.
    """
    log_bytes: Annotated[int, Field(ge=0)]
    """
    How much of it was read, in bytes.
    """
    log_lines: Annotated[int, Field(ge=0)]
    """
    How many lines that were.
    """
    unrecognised_lines: Annotated[int, Field(ge=0)]
    """
    How many of them say nothing that is understood.
    """
    truncated_values: Annotated[int, Field(ge=0)]
    """
    How many values the log had cut.
    """
    complete: bool
    """
    False when the log starts late or has gaps.
    """
    cache: Literal["hit", "incremental", "miss"]
    """
    How much of the log had to be read for this answer.
    """
    sources: list[SourceShare] | None = None
    """
    Every log that took part, where more than one did: the one that leads, which is the `log_source`, then those that
    filled it.
    """


class Step(BaseModel):
    """
    One step.
    """

    step_id: Annotated[int, Field(ge=0)]
    """
    1, 2, …; stable for the whole run.
    """
    name: str
    """
    As logged.
    """
    status: Literal["pending", "in_progress", "completed", "failed", "skipped"]
    """
    How far it is.
    """
    started_at: AwareDatetime | None
    """
    When it was begun.
    """
    completed_at: AwareDatetime | None
    """
    When it was done, dropped or failed.
    """
    duration_seconds: Annotated[int | None, Field(ge=0)]
    """
    How long it took; of a step in progress, so far.
    """
    result: str | None
    """
    What came of it, in a sentence or two.
    """
    tools_used: list[str]
    """
    Names of the tools used, first use first.
    """
    tool_calls: Annotated[int, Field(ge=0)]
    """
    How often any of them was called.
    """
    cost: float | None
    """
    Estimated share of the run's cost, USD.
    """
    error: str | None
    """
    Why it failed.
    """
    source: Literal["todo", "task", "heading", "phase"]
    """
    Where it was learnt from.
    """


class StepResult(BaseModel):
    """
    A step of an ended run.
    """

    step_id: Annotated[int, Field(ge=0)]
    """
    1, 2, …; stable for the whole run.
    """
    name: str
    """
    As logged.
    """
    status: Literal["pending", "in_progress", "completed", "failed", "skipped"]
    """
    How far it is.
    """
    started_at: AwareDatetime | None
    """
    When it was begun.
    """
    completed_at: AwareDatetime | None
    """
    When it was done, dropped or failed.
    """
    duration_seconds: Annotated[int | None, Field(ge=0)]
    """
    How long it took; of a step in progress, so far.
    """
    result: str | None
    """
    What came of it, in a sentence or two.
    """
    tools_used: list[str]
    """
    Names of the tools used, first use first.
    """
    tool_calls: Annotated[int, Field(ge=0)]
    """
    How often any of them was called.
    """
    cost: float | None
    """
    Estimated share of the run's cost, USD.
    """
    error: str | None
    """
    Why it failed.
    """
    source: Literal["todo", "task", "heading", "phase"]
    """
    Where it was learnt from.
    """
    success: bool
    """
    Whether it was completed.
    """


class SubAgentDetails(BaseModel):
    """
    A sub-agent.
    """

    name: str
    """
    Its kind.
    """
    description: str
    """
    What it was for.
    """
    status: Literal["running", "completed", "failed"]
    """
    How far it is.
    """
    tool_calls: Annotated[int, Field(ge=0)]
    """
    How many calls it made.
    """


class UsageDetails(BaseModel):
    """
    Tokens and cost of a run.
    """

    input_tokens: Annotated[int, Field(ge=0)]
    """
    Prompt tokens outside the cache. This and the next three are as the run's result states them, else what its
    messages add up to.
    """
    output_tokens: Annotated[int, Field(ge=0)]
    """
    Written tokens.
    """
    cache_creation_tokens: Annotated[int, Field(ge=0)]
    """
    Prompt tokens that went into the cache.
    """
    cache_read_tokens: Annotated[int, Field(ge=0)]
    """
    Prompt tokens that came from the cache.
    """
    cost_usd: float | None
    """
    USD; null when unknown.
    """
    cost_is_estimate: bool
    """
    Whether the cost was worked out from tokens at list price, for want of the run's own figure.
    """
    cost_outside_steps_usd: float | None
    """
    The part of the cost that belongs to no step, USD: what was spent before one began, and what no message accounts
    for. With the costs of the steps it adds up to `cost_usd`; null where that is.
    """
    by_model: dict[str, UsageShare]
    """
    By model, as the log spells it (`unknown` where it does not), sub-agents included, which the run's result may leave
    out of its tokens. The costs add up to `cost_usd` where each is known; a model without a known price has null.
    """
    sub_agents: UsageShare | None
    """
    What sub-agents used, as far as the log has their messages; null where it has none. A part of `by_model`.
    """


class WorkflowSteps(BaseModel):
    """
    The steps of a running run.
    """

    current_step: Annotated[int, Field(ge=0)]
    """
    The id of the first step in progress, else of the first pending one, else of the last; 0 without steps.
    """
    total_steps: Annotated[int, Field(ge=0)]
    """
    How many there are.
    """
    steps: list[Step]
    """
    All of them, by id.
    """


class RunDetails(BaseModel):
    """
    What is known of the run beyond its steps.
    """

    outcome: Literal["success", "failed", "max_turns", "timeout", "cancelled", "running", "lost"]
    """
    How it ended, or that it has not.
    """
    turns: Annotated[int, Field(ge=0)]
    """
    Turns so far.
    """
    max_turns: Annotated[int | None, Field(ge=0)]
    """
    The run's turn limit, where it is known.
    """
    model: str | None
    """
    The model that wrote most of it.
    """
    claude_session_id: str | None
    """
    The id of Claude's session.
    """
    usage: UsageDetails
    """
    Tokens and cost.
    """
    tools: dict[str, ToolDetails]
    """
    Calls and errors by tool, sub-agents' included.
    """
    files: list[FileDetails]
    """
    Changed files, first change first.
    """
    tests: TestDetails
    """
    What the test runs said.
    """
    sub_agents: list[SubAgentDetails]
    """
    What was handed to sub-agents.
    """
    errors: list[ErrorDetails]
    """
    The last five errors of tools.
    """
    permission_denials: Annotated[int, Field(ge=0)]
    """
    How many calls were refused for want of permission.
    """
    compactions: Annotated[int, Field(ge=0)]
    """
    How often the conversation was compacted.
    """
    completion_percentage: Annotated[float | None, Field(ge=0.0, le=100.0)] = None
    """
    Where the run ended without completing: how far it got, 0–100.
    """


class GlossNotes(BaseModel):
    """
    The members that an enhanced answer adds to the service's JSON object. Those of the run's status are there, those of other statuses are absent.
    """

    workflow_steps: WorkflowSteps | None = None
    """
    Running: the steps and which one is going on.
    """
    progress_summary: ProgressSummary | None = None
    """
    Running: how far the run is.
    """
    final_result: str | None = None
    """
    Ended: what the run reported at its end, whole; null where it reported nothing.
    """
    workflow_summary: WorkflowSummary | None = None
    """
    Ended: what came of it.
    """
    step_by_step_results: list[StepResult] | None = None
    """
    Ended: the steps, each with its success.
    """
    run_details: RunDetails
    """
    Always: what is known of the run beyond its steps.
    """
    enhancement: Enhancement
    """
    Always: how the added fields came about.
    """
    max_turns: Annotated[int | None, Field(ge=0)] = None
    """
    By `enrich.compat_fields` only: the run's turn limit; null where it is not known.
    """
    current_phase: str | None = None
    """
    By `enrich.compat_fields` only: the current phase.
    """
    cache_efficiency: float | None = None
    """
    By `enrich.compat_fields` only: share of the prompt tokens that came from the cache, in percent; null where none are
    known.
    """
