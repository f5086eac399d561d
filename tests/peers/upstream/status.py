"""The status answer: 24 flat keys, always all of them and in this order, worked out from a run and its log.

Odd values are the service's own and kept: nothing about cost while running, ``"pending"`` as the session later on,
``result`` null even on success, ``"completed"`` for a run that ended at its turns.
"""

import json
from collections import Counter
from dataclasses import dataclass, field

LAST_ENTRIES = 1000


@dataclass
class Run:
    """What the service's own tables know of a run; the rest is in its log."""

    run_id: str
    workflow_name: str = "implement"
    status: str = "running"
    session_id: str = "5d0f3a52-6f0e-4d8e-9a55-1f6a2c3b4d5e"
    started_at: str = "2026-03-01T09:00:00"
    updated_at: str | None = "2026-03-01T09:00:03.120406"
    execution_time: float = 31.25
    claude_session_id: str = "session"
    max_turns: int = 30
    fresh: bool = False
    gate: str | None = None  # what a test lets this run's answers wait for
    git_commits: list = field(default_factory=list)


def read_entries(path):
    """The entries of a log; no log, or one that is not UTF-8, has none."""
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return []
    entries = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            entries.append(entry)
    return entries


def logs_text(entries):
    """The last entries as text: the raw line as it is, a parsed event as Python prints a dict."""
    lines = []
    for entry in entries[-LAST_ENTRIES:]:
        message = (entry.get("data") or {}).get("message", "")
        lines.append(f"{entry.get('timestamp')} [{entry.get('event_type')}] {message}")
    return "\n".join(lines)


def messages(entries):
    """Claude's own messages, each with the time at which it was logged."""
    for entry in entries:
        message = (entry.get("data") or {}).get("message")
        if entry.get("event_type") == "claude_stream_assistant" and isinstance(message, dict):
            yield entry["timestamp"], message


def tool_calls(entries):
    """The tools called so far, in the order of the calls, each with its time."""
    return [
        (moment, block["name"])
        for moment, message in messages(entries)
        for block in message["content"]
        if block["type"] == "tool_use"
    ]


def result_of(entries):
    """The data of the last result event, or None while there is none."""
    for entry in reversed(entries):
        if str(entry.get("event_type")).startswith("claude_stream_result_"):
            return entry["data"]
    return None


def token_sum(usage):
    """All four kinds of tokens, added up."""
    kinds = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    return sum(usage[kind] for kind in kinds)


def last_tool(calls):
    """What ``recent_steps`` holds; null before the first call."""
    if not calls:
        return None
    moment, name = calls[-1]
    said = {"type": "tool_use", "tool_name": name, "timestamp": moment, "summary": f"Using {name} tool"}
    return {"last_tool": said}


def measured(run, entries):
    """The keys from ``cost`` to ``elapsed_seconds``: null at first, half known later, whole at the end."""
    calls = tool_calls(entries)
    names = [name for _, name in calls]
    tokens = sum(token_sum(message["usage"]) for _, message in messages(entries))
    result = result_of(entries)
    known = run.status != "pending" and not (run.status == "running" and run.fresh)
    turns = result["num_turns"] if result else 0
    session = "pending" if run.status == "running" else None
    return {
        "cost": (result["total_cost_usd"] if result else 0.0) if known else None,
        "tokens": (token_sum(result["usage"]) if result else tokens) if known else None,
        "turns": turns if known else None,
        "tool_calls": len(names) if known else None,
        "tools_used": list(Counter(names)) if known else None,
        "claude_session_id": session if known or run.status == "pending" else run.claude_session_id,
        "progress_indicator": f"Turn {turns}, {len(names)} tools used" if known else None,
        "last_activity": entries[-1]["timestamp"].split("+")[0] if names else None,
        "recent_steps": last_tool(calls),
        "elapsed_seconds": int(run.execution_time) if known else None,
    }


def answer(run, path, debug):
    """The whole answer as a dict in the order in which it is sent."""
    entries = read_entries(path)
    pending = run.status == "pending"
    return {
        "run_id": run.run_id,
        "status": run.status,
        "session_id": run.session_id,
        "workflow_name": run.workflow_name,
        "started_at": run.started_at,
        "updated_at": None if pending else run.updated_at,
        "container_id": None,
        "execution_time": None if pending else run.execution_time,
        "result": None,
        "exit_code": None,
        "git_commits": run.git_commits,
        "error": None,
        "logs": logs_text(entries),
        **measured(run, entries),
        "debug_info": debug_info(run, entries) if debug else None,
    }


def debug_info(run, entries):
    """What ``debug=true`` adds; the only place where the limit of turns appears."""
    kinds = Counter(str(entry.get("event_type")) for entry in entries)
    return {
        "execution_stats": {"total_turns": 0, "event_counts": dict(kinds), "cost_usd": 0.0, "duration_ms": 0},
        "session_info": {
            "workflow_name": run.workflow_name,
            "run_id": run.run_id,
            "max_turns_requested": run.max_turns,
            "timeout_requested": 7200,
        },
    }
