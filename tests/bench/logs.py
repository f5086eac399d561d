"""Run logs of a size, and answers of the upstream, made up in the shapes of the real service."""

import json
import sys
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path

from machine import HERE

sys.path.insert(0, str(HERE.parent / "peers"))
from upstream.conversation import Conversation  # noqa: E402  (found by the path above)
from upstream.log_writer import LogWriter, log_path  # noqa: E402
from upstream.recorded_runs import todo_run  # noqa: E402
from work import work  # noqa: E402

KIB = 1024
# A tool's answer of about the length that real ones have.
OUTPUT = "\n".join(f"{number:5} def line_{number}(argument):  # a line of a file, as Read gives it" for number in range(24))


def events(count):
    """A run that goes on: a list of steps, and so many calls."""
    said = Conversation("bench")
    said.text("I look at the code first.")
    said.todos(("Look around", "in_progress"), ("Write it", "pending"), ("Test it", "pending"))
    for number in range(count):
        said.call("Read", OUTPUT, file_path=f"/work/module_{number % 97}.py")
        if number % 3 == 0:
            said.text(f"Part {number} is understood; the next one is more of the same, and then comes the rest.")
    return said.events


def write(folder, run, size):
    """A log of at least this size in bytes, for ``run_{run}``; gives its path."""
    path = log_path(folder, f"run_{run}")
    writer = LogWriter(folder, f"run_{run}")
    writer.start()
    for event in todo_run()[:4]:
        writer.event(event)
    # A call is logged with about 6 KiB.
    for event in events(max(min(size // 6144, 200), 1)):
        writer.event(event)
    text = path.read_bytes()
    with path.open("ab") as log:
        written = len(text)
        while written < size:
            written += log.write(text)
    return Path(path)


def write_work(folder, run, size):
    """A log of about this size in bytes in which nothing comes twice, shaped as real ones are; gives its path."""
    path = Path(log_path(folder, f"run_{run}"))
    # About as far apart as Claude's events are.
    seconds = count(step=0.7)
    began = datetime(2026, 3, 1, 9, tzinfo=timezone.utc)
    writer = LogWriter(folder, f"run_{run}", clock=lambda: began + timedelta(seconds=next(seconds)))
    writer.start()
    for event in work():
        writer.event(event)
        if path.stat().st_size >= size:
            return path


def append(path, size):
    """Lets a log grow by whole lines of about this size."""
    # Not all of it: a long log would push everything else out of the processor's caches.
    with path.open("rb") as log:
        lines = log.read(256 * KIB).splitlines(keepends=True)[20:-1]
    with path.open("ab") as log:
        written = 0
        for line in lines:
            if written and written + len(line) > size:
                break
            written += log.write(line)


def answer(size):
    """A status answer of about this size: the keys of the service, with logs as long as it takes."""
    keys = ["updated_at", "container_id", "result", "exit_code", "error", "claude_session_id", "debug_info"]
    body = {"run_id": "run_1", "status": "running", "session_id": "s", "workflow_name": "implement"}
    body |= {"started_at": "2026-03-01T09:00:00", **dict.fromkeys(keys), "git_commits": [], "cost": 0.25, "turns": 7}
    body["logs"] = ""
    line = '2026-03-01T09:00:00 [claude_stream_raw] {"type":"assistant","message":"a line — of the \\"log\\""}\n'
    empty = len(json.dumps(body))
    body["logs"] = line * max((size - empty) // len(json.dumps(line)), 1)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
