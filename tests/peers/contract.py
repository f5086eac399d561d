"""What an enhanced answer promises, as checks that any test, replay or load run can use."""

import json
import re

KEYS = (
    "run_id status session_id workflow_name started_at updated_at container_id execution_time result exit_code "
    "git_commits error logs cost tokens turns tool_calls tools_used claude_session_id progress_indicator "
    "last_activity recent_steps elapsed_seconds debug_info"
).split()
RUNNING = {"workflow_steps", "progress_summary"}
ENDED = {"final_result", "workflow_summary", "step_by_step_results"}
ALWAYS = {"run_details", "enhancement"}
BY_STATUS = {"running": RUNNING} | dict.fromkeys(("completed", "failed", "timeout", "killed"), ENDED)
STEPS = {"workflow_steps", "step_by_step_results"}
GLOSS_HEADERS = {"gloss-variant", "gloss-reason", "vary", "server-timing", "cache-status"}

STEP = (
    "step_id name status started_at completed_at duration_seconds result tools_used tool_calls cost error source"
).split()
STEP_STATUS = {"pending", "in_progress", "completed", "failed", "skipped"}
STEP_SOURCE = {"todo", "task", "heading", "phase"}
PROGRESS = {
    "completion_percentage",
    "estimated_completion",
    "current_phase",
    "recent_activity",
    "basis",
    "earliest_completion",
    "latest_completion",
    "stalled",
    "last_event_at",
}
SUMMARY = {
    "total_steps_completed",
    "success_rate",
    "major_achievements",
    "files_modified",
    "tests_passed",
    "deployment_ready",
}
DETAILS = set(
    "outcome turns max_turns model claude_session_id usage tools files tests sub_agents errors permission_denials "
    "compactions".split()
)
ENHANCEMENT = set(
    "version generated_at log_source log_bytes log_lines unrecognised_lines truncated_values complete cache".split()
)
OUTCOMES = {"success", "failed", "max_turns", "timeout", "cancelled", "running", "lost"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def members(body):
    """The members of a JSON object in their order; a repeated name is an error."""
    pairs = json.loads(body, object_pairs_hook=unique)
    assert isinstance(pairs, dict), f"not an object: {body[:80]!r}"
    return pairs


def unique(pairs):
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"a name is repeated: {names}"
    return dict(pairs)


def additions(upstream, enhanced):
    """What was added to the upstream's body, after proving that nothing else was done to it."""
    kept = upstream.rstrip()[:-1]
    assert upstream.rstrip().endswith(b"}"), "the upstream's body is no object"
    assert enhanced.startswith(kept), f"byte {differing(kept, enhanced)} differs from the upstream's"
    before, after = members(upstream), members(enhanced)
    assert list(after)[: len(before)] == list(before), "members changed their order"
    return {name: after[name] for name in list(after)[len(before) :]}


def differing(expected, got):
    """The index of the first byte that is not the expected one."""
    pairs = zip(expected, got)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(expected), len(got)))


def check_additions(status, added, steps=True):
    """The added members are those of this status, with every field of theirs in the form agreed on."""
    expected = BY_STATUS[status] | ALWAYS
    expected = expected if steps else expected - STEPS
    assert set(added) == expected, f"{status}: {sorted(added)} instead of {sorted(expected)}"
    check_enhancement(added["enhancement"])
    check_details(status, added["run_details"])
    if status == "running":
        check_progress(added["progress_summary"])
        if steps:
            check_workflow_steps(added["workflow_steps"])
    else:
        check_end(status, added, steps)


def check_end(status, added, steps):
    assert added["final_result"] is None or isinstance(added["final_result"], str)
    assert set(added["workflow_summary"]) == SUMMARY
    assert 0 <= added["workflow_summary"]["success_rate"] <= 100
    if steps:
        for number, step in enumerate(added["step_by_step_results"], 1):
            check_step(number, step, ["success"])
            assert step["success"] == (step["status"] == "completed"), f"{status}: {step}"


def check_workflow_steps(said):
    assert set(said) == {"current_step", "total_steps", "steps"}
    assert said["total_steps"] == len(said["steps"]) > 0
    for number, step in enumerate(said["steps"], 1):
        check_step(number, step)
    states = [step["status"] for step in said["steps"]]
    wanted = [states.index(state) + 1 for state in ("in_progress", "pending") if state in states]
    assert said["current_step"] == (wanted or [len(states)])[0], f"{said['current_step']} of {states}"


def check_step(number, step, further=()):
    assert set(step) == {*STEP, *further}, f"keys of a step: {sorted(step)}"
    assert step["step_id"] == number and isinstance(step["name"], str)
    assert step["status"] in STEP_STATUS and step["source"] in STEP_SOURCE
    for moment in ("started_at", "completed_at"):
        assert step[moment] is None or INSTANT.fullmatch(step[moment]), step[moment]
    assert step["duration_seconds"] is None or type(step["duration_seconds"]) is int
    assert isinstance(step["tools_used"], list) and type(step["tool_calls"]) is int


def check_progress(said):
    assert set(said) == PROGRESS, f"progress_summary: {sorted(said)}"
    assert 0 <= said["completion_percentage"] < 100
    assert said["current_phase"] and said["recent_activity"]
    for moment in ("estimated_completion", "earliest_completion", "latest_completion", "last_event_at"):
        assert said[moment] is None or INSTANT.fullmatch(said[moment]), said[moment]
    assert isinstance(said["stalled"], bool)


def check_details(status, said):
    assert DETAILS <= set(said), f"run_details lacks {DETAILS - set(said)}"
    assert said["outcome"] in OUTCOMES
    reached = said.get("completion_percentage")
    if status in ("failed", "timeout", "killed"):
        assert 0 <= reached <= 100, f"how far a {status} run got: {reached}"
    if (status, said["outcome"]) == ("completed", "success"):
        assert reached is None, f"a completed run says that it got to {reached}"
    assert all(set(tool) == {"calls", "errors"} for tool in said["tools"].values())


def check_enhancement(said):
    assert ENHANCEMENT <= set(said), f"enhancement lacks {ENHANCEMENT - set(said)}"
    assert said["version"] == 1
    assert said["cache"] in {"hit", "incremental", "miss"}
    assert INSTANT.fullmatch(said["generated_at"]), said["generated_at"]
