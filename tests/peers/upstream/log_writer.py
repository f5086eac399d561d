"""Writes a run's log as the upstream does, with everything that it loses on the way.

Claude Code's events go in as dicts, lines of the log come out. What is lost, on purpose:

* everything up to Claude's first text is never logged (only a line about it, and 100 characters of it);
* a top-level string of ``data`` over 2000 characters becomes ``<large_content:N_chars>``, a top-level list whose
  text is over 2000 becomes ``<large_list:N_items>``; objects are never cut;
* the fraction of a timestamp is left out when it is zero.

Each event is logged twice: as the raw line of the CLI, and parsed.
"""

import json
import os
from datetime import datetime, timezone
from pathlib import Path

LIMIT = 2000


def utc_now():
    """The wall clock, which is what the real service stamps its lines with."""
    return datetime.now(timezone.utc)


def cut(data):
    """``data`` with its oversize top-level strings and lists replaced by markers."""
    return {key: cut_value(value) for key, value in data.items()}


def cut_value(value):
    if isinstance(value, str) and len(value) > LIMIT:
        return f"<large_content:{len(value)}_chars>"
    if isinstance(value, list) and len(str(value)) > LIMIT:
        return f"<large_list:{len(value)}_items>"
    return value


def log_path(folder, run_id):
    """Where the log of a run lies; ``run_id`` itself starts with ``run_``, so the name says it twice."""
    return Path(folder) / f"run_{run_id}.log"


class LogWriter:
    """Appends to the log of one run; every line is a single write, as the real service does it."""

    def __init__(self, folder, run_id, workflow="implement", session_id="0" * 8, clock=utc_now):
        self.path = log_path(folder, run_id)
        self.run_id = run_id
        self.workflow = workflow
        self.session_id = session_id
        self.clock = clock
        self.first_text_seen = False

    def start(self):
        """The two lines that are there before Claude has said anything."""
        self.entry(
            "event",
            message=f"Starting execution until first response for workflow '{self.workflow}'",
            workflow_name=self.workflow,
            run_id=self.run_id,
            session_id=self.session_id,
            input_length=25,
        )
        self.entry(
            "early_execution_start",
            message=f"Started execute_until_first_response for workflow '{self.workflow}'",
            workflow=self.workflow,
            session_id=self.session_id,
            run_id=self.run_id,
            pid=os.getpid(),
        )

    def event(self, event):
        """Logs one event of the CLI; the ones up to the first text are lost."""
        if not self.first_text_seen:
            self.note_first_text(event)
            return
        raw = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
        self.entry("claude_stream_raw", message=raw)
        self.parsed(event)
        if event["type"] == "result":
            self.result(event)

    def note_first_text(self, event):
        """Only the first text is told of, in two lines; what came before it is gone."""
        text = first_text(event)
        if text is None:
            return
        self.first_text_seen = True
        facts = {"response_length": len(text), "claude_session_id": event.get("session_id")}
        self.entry(
            "early_response_captured",
            message=f"Early response captured: {text[:100]}...",
            **facts,
            session_confirmed=True,
            first_response_found=True,
            early_lines_processed=2,
        )
        self.entry("event", message=f"Captured first response: {text[:100]}...", **facts, streaming_started=True)

    def parsed(self, event):
        """The second line of an event: a message stays whole because it is an object."""
        name = event["type"]
        if "subtype" in event:
            name = f"{name}_{event['subtype']}"
        message = event.get("message", f"Claude stream event: {name.replace('_', '.', 1)}")
        self.entry(f"claude_stream_{name}", **{"message": message, **event})

    def result(self, event):
        """What the service adds of its own once the result event is there; both costs are always null."""
        text = event.get("result") or ""
        self.entry(
            "claude_result",
            message=f"Claude result: {event['subtype']}",
            type="result",
            subtype=event["subtype"],
            result_length=len(text),
            cost_usd=None,
            duration_ms=event["duration_ms"],
            num_turns=event["num_turns"],
            is_error=event["is_error"],
        )
        self.entry(
            "execution_complete",
            category="lifecycle",
            message=f"Execution completed: {event['subtype']}",
            status="failed" if event["is_error"] else "completed",
            exit_code=int(event["is_error"]),
            duration_ms=event["duration_ms"],
            total_cost_usd=None,
            turns_used=event["num_turns"],
            final_result=text[:200] + "..." if len(text) > 200 else text,
            session_id=None,
        )

    def entry(self, event_type, category="other", **data):
        """Appends one line."""
        line = {
            "timestamp": self.clock().isoformat(),
            "run_id": self.run_id,
            "event_type": event_type,
            "event_category": category,
            "data": cut(data),
        }
        self.raw(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def raw(self, line):
        """Appends these very bytes, for logs that are broken on purpose."""
        with open(self.path, "ab", buffering=0) as log:
            log.write(line)


def first_text(event):
    """The text of an assistant event, or None where it has none."""
    if event["type"] != "assistant":
        return None
    for block in event["message"]["content"]:
        if block["type"] == "text":
            return block["text"]
    return None
