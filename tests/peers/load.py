"""Many clients poll growing runs through gloss for some seconds; every single answer is checked.

    python load.py [--seconds N] [--clients N] [--runs N] [--gloss BIN] [--max-growth-mb N]

The upstream is a bare socket server in a process of its own, whose body depends on the run and on a token that the
client sends: each client knows to the byte what it must receive, and an answer meant for somebody else is noticed.
Three polls of four ask for notes. Prints requests, rate, latency and the memory of gloss at its start, after the
first quarter of the time and at the end; the last line is ``N passed, N failed``.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from contract import KEYS, additions, check_additions
from processes import Child, gloss_binary, listening, start_gloss
from upstream.conversation import Conversation
from upstream.log_writer import LogWriter
from upstream.recorded_runs import edit

LOGS_TEXT = "2026-03-01T09:00:00+00:00 [event] a line of the log — ünïcode\n" * 120
ROUTE = "/api/v1/workflows/claude-code/run/{}/status"
EVENTS_AT_START = 200
PAUSE = 0.05


def upstream_body(run_id, token):
    """The upstream's answer to the request that carried this token."""
    answer = dict.fromkeys(KEYS)
    answer |= {"run_id": run_id, "status": "running", "session_id": token, "workflow_name": "implement"}
    answer |= {"started_at": "2026-03-01T09:00:00", "execution_time": 2.9157259499999992}
    answer |= {"git_commits": [], "logs": LOGS_TEXT}
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


async def read_head(reader):
    """Start line and headers of a message."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    headers = {}
    for line in lines:
        name, value = line.split(":", 1)
        headers[name.lower()] = value.strip()
    return first, headers


async def serve_upstream():
    """The bare upstream; it runs until it is ended."""

    async def connection(reader, writer):
        try:
            while True:
                first, headers = await read_head(reader)
                body = upstream_body(first.split(" ")[1].split("/")[6], headers["x-token"])
                head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\ncontent-type: application/json\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, backlog=1024)
    print(f"upstream: http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


class Tally:
    """What was seen so far."""

    def __init__(self):
        self.kinds = Counter()
        self.errors = []
        self.latencies = []

    def report(self, seconds):
        total = sum(self.kinds.values())
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.kinds.most_common())
        print(f"requests {total} ({kinds}), errors {len(self.errors)}, {total / seconds:.0f} requests/s")
        ordered = sorted(self.latencies) or [0.0]
        points = {share: ordered[int(len(ordered) * share / 100)] * 1000 for share in (50, 95, 99)}
        print("latency " + ", ".join(f"p{share} {value:.1f} ms" for share, value in points.items()))
        for error in self.errors[:5]:
            print("ERROR", error)


async def client(number, address, runs, deadline, tally):
    """Polls one run after the other over one connection, until the time is over."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    seen = {}
    poll = 0
    while time.monotonic() < deadline:
        run_id, token, poll = runs[(number + poll) % len(runs)], f"{number}-{poll}", poll + 1
        opt_in = "gloss: enhanced\r\n" if poll % 4 else ""
        began = time.monotonic()
        writer.write(
            f"GET {ROUTE.format(run_id)} HTTP/1.1\r\nhost: {address}\r\nx-token: {token}\r\n{opt_in}\r\n".encode()
        )
        first, headers = await read_head(reader)
        body = await reader.readexactly(int(headers["content-length"]))
        tally.latencies.append(time.monotonic() - began)
        tally.kinds[check(run_id, token, bool(opt_in), first, headers, body, seen)] += 1
        await asyncio.sleep(PAUSE)
    writer.close()


def check(run_id, token, asked, first, headers, body, seen):
    """Proves one answer; gives what kind it was. ``seen`` is what this client knows of each run."""
    assert first == "HTTP/1.1 200 OK", first
    expected = upstream_body(run_id, token)
    if not asked:
        assert body == expected and "gloss-variant" not in headers, "a basic answer is not the upstream's"
        return "basic"
    if headers["gloss-variant"] == "basic":
        assert body == expected, "a fallback is not the upstream's"
        assert headers["gloss-reason"] in ("deadline", "overload"), headers["gloss-reason"]
        return f"fallback {headers['gloss-reason']}"
    added = additions(expected, body)
    check_additions("running", added)
    said = added["progress_summary"]["completion_percentage"], added["enhancement"]["log_bytes"]
    known = seen.get(run_id, (0, 0))
    assert said[0] >= known[0] and said[1] >= known[1], f"{run_id} went back from {known} to {said}"
    seen[run_id] = said
    return "enhanced"


def story(run_id):
    """The endless events of a run that works on a list."""
    said = Conversation(run_id).text("A long list.")
    yield from said.events
    done = 0
    while True:
        said.events.clear()
        if done < 19:
            states = ["completed"] * done + ["in_progress"] + ["pending"] * (19 - done)
            said.todos(*((f"Item {number}", state) for number, state in enumerate(states)))
        for turn in range(40):
            said.call("Edit", "The file has been updated.", **edit(f"/work/{turn % 7}.py"))
        done += 1
        yield from list(said.events)


async def grow(logs, runs, deadline):
    """Each run gets an event every fifth of a second."""
    writers = [(LogWriter(logs, run_id), story(run_id)) for run_id in runs]
    for writer, events in writers:
        writer.start()
        for _ in range(EVENTS_AT_START):
            writer.event(next(events))
    yield
    while time.monotonic() < deadline():
        for writer, events in writers:
            writer.event(next(events))
        await asyncio.sleep(0.2)
        yield


def memory_mb(pid):
    """The resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


async def guarded(number, *args):
    """A client that fails is an error of the run, not its end."""
    tally = args[-1]
    try:
        await client(number, *args)
    except (AssertionError, KeyError, ValueError, OSError, asyncio.IncompleteReadError) as error:
        tally.errors.append(f"client {number}: {type(error).__name__} {str(error)[:300]}")


async def run(args, logs, url, pid):
    """The whole load; gives the tally and the memory at the three moments."""
    runs = [f"run_load{number:04x}" for number in range(args.runs)]
    deadline = time.monotonic()
    growing = grow(logs, runs, lambda: deadline)
    await anext(growing)
    tally, samples = Tally(), [memory_mb(pid)]
    began = time.monotonic()
    deadline = began + args.seconds
    address = url.removeprefix("http://")
    clients = [asyncio.create_task(guarded(n, address, runs, deadline, tally)) for n in range(args.clients)]
    async for _ in growing:
        if len(samples) == 1 and time.monotonic() > began + args.seconds / 4:
            samples.append(memory_mb(pid))
    await asyncio.gather(*clients)
    return tally, [*samples, memory_mb(pid)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--gloss", type=Path)
    parser.add_argument("--max-growth-mb", type=float, default=16)
    parser.add_argument("--budget", help="how long notes may take, such as 10s; the program's default unless given")
    parser.add_argument("--as-upstream", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.as_upstream:
        asyncio.run(serve_upstream())
    with tempfile.TemporaryDirectory() as logs:
        upstream = Child("upstream", [sys.executable, __file__, "--as-upstream"])
        with upstream:
            child, url = start_gloss(
                listening(upstream, r"upstream: (http://\S+)"), logs, binary=args.gloss or gloss_binary(), budget=args.budget
            )
            with child:
                tally, memory = asyncio.run(run(args, logs, url, child.process.pid))
    tally.report(args.seconds)
    print("memory of gloss: start {:.1f}, after warm-up {:.1f}, end {:.1f} MiB".format(*memory))
    checks = {
        "every answer was right": not tally.errors and sum(tally.kinds.values()) >= args.clients,
        "notes were given": tally.kinds["enhanced"] > tally.kinds["basic"],
        "memory did not grow": memory[-1] - memory[1] <= args.max_growth_mb,
    }
    for name, fine in checks.items():
        print("ok    " if fine else "FAILED", name)
    print(f"{sum(checks.values())} passed, {len(checks) - sum(checks.values())} failed")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
