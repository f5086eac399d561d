"""Writes the transcript that Claude Code keeps of a session itself, beside the log that the service keeps of the run.

A transcript is whole where the log is cut, and has what comes before Claude's first text; it has no result event. What
a sub-agent does stands in it as the progress of the call that began it.
"""

import json
from datetime import datetime

VERSION = "2.1.42"


def times(log):
    """When each event of the run was logged, first to last: the first text has a line of its own kind."""
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        kind = entry["event_type"]
        if kind == "early_response_captured" or kind.startswith(("claude_stream_assistant", "claude_stream_user")):
            yield datetime.fromisoformat(entry["timestamp"])


def transcript(events, moments):
    """The lines about these events, each of which came at its moment."""
    own = [event for event in events if event["type"] != "result"]
    begun = min(moments, default=None)
    lines = [line("user", begun, message={"role": "user", "content": "Work on the invoices."}, session=own[0])]
    for number, (event, moment) in enumerate(zip(own, moments), 1):
        kept = {"type": event["type"], "message": event["message"]}
        if event["parent_tool_use_id"] is None:
            lines.append(line(event["type"], moment, message=kept["message"], session=event, number=number))
            continue
        data = {"type": "agent_progress", "message": {**kept, "timestamp": stamp(moment)}, "agentId": "a1"}
        parent = event["parent_tool_use_id"]
        lines.append(line("progress", moment, data=data, parentToolUseID=parent, session=event, number=number))
    if events[-1]["type"] == "result" and events[-1]["subtype"] == "success":
        lines.append(line("system", moments[-1], subtype="turn_duration", durationMs=84000, session=own[0], number=0))
    return "".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in lines)


def line(kind, moment, session, number=0, **members):
    """One line in the shape that all have in common."""
    common = {"isSidechain": False, "userType": "external", "cwd": "/work", "version": VERSION, "gitBranch": "main"}
    about = {"sessionId": session["session_id"], "uuid": f"{kind}-{number}", "timestamp": stamp(moment)}
    return {"parentUuid": None, **common, "type": kind, **members, **about}


def stamp(moment):
    """The form in which Claude Code writes a time."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
