"""Load of every kind through gloss while its surroundings fail in every way; judges that nothing is lost.

    python chaos.py [--minutes N | --seconds N] [--seed N] [--clients N] [--gloss BIN] [--json FILE]

An asyncio upstream answers by the token that each request carries, so that every client knows its answer to the byte.
Faults follow one another, drawn from the seed: each kind once, in random order, then again. Judged is that

* every request got the upstream's very answer, or an error of gloss's own (or a broken-off one) that a fault then
  active accounts for; never a wrong, mixed or short answer that looks whole;
* no request with a body arrived twice, or otherwise than it was sent;
* polls are answered again after each fault;
* connections, descriptors, threads and memory come back to where they were.

The upstream and the clients share this process: where it stands still for long by itself (a disk that does not answer, a
machine with other things to do), that counts as a fault, too, which accounts for timeouts and is listed with the others.

Latency after each fault is reported as a multiple of that before the first one, and not judged. The last line is
``N passed, N failed``.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from clients import PLAIN
from disorder.faults import LATE, LATE_UPSTREAM, Scene, descriptors
from disorder.ledger import AFTERMATH, Fault, Ledger
from disorder.load import Client
from disorder.logs import Logs
from disorder.upstream import Upstream
from processes import start_gloss

SETTINGS = {
    "upstream_connect_timeout": "1s",
    "upstream_response_timeout": "1500ms",
    "upstream_idle_timeout": "1s",
    "logs_timeout": "1s",
    "logs_max_line_bytes": "1MiB",
    "server_header_timeout": "10s",
}
RUNS = [f"run_chaos{number:04x}" for number in range(8)]
WARM_UP = 2.0
# As long as this process may stand still before the upstream in it is late by gloss's timeouts.
STANDSTILL = 0.7


@dataclass
class Held:
    """What a process holds."""

    memory_mb: float
    descriptors: int
    threads: int
    connections: int


class Gloss:
    """The process under test, as seen from outside."""

    def __init__(self, pid, admin):
        self.pid, self.admin = pid, admin

    def held(self):
        status = Path(f"/proc/{self.pid}/status").read_text()

        def number(name):
            return int(re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE).group(1))

        return Held(number("VmRSS") / 1024, len(descriptors(self.pid)), number("Threads"), self.connections())

    def connections(self):
        metrics = httpx.get(self.admin + "/metrics", **PLAIN).text
        return int(re.search(r"^gloss_connections (\d+)$", metrics, re.MULTILINE).group(1))

    async def at_rest(self, like=None, patience=30):
        """What it holds once nobody is connected and, where that is given, no more than ``like``."""
        deadline = time.monotonic() + patience
        while True:
            held = await asyncio.to_thread(self.held)
            settled = held.connections == 0 and (
                like is None or (held.descriptors <= like.descriptors and held.threads <= like.threads)
            )
            if settled or time.monotonic() > deadline:
                return held
            await asyncio.sleep(0.2)


class Chaos:
    """One run of it."""

    def __init__(self, args, scene, gloss, address):
        self.args, self.scene, self.gloss, self.address = args, scene, gloss, address
        self.ledger = Ledger()
        self.samples = []
        self.short = args.seconds < 120

    async def run(self):
        """Gives what gloss held before and after."""
        await self.load("warm", asyncio.sleep(WARM_UP), Ledger())
        await asyncio.sleep(1.5)
        before = await self.gloss.at_rest()
        self.began = time.monotonic()
        await self.load("client", self.trouble(), self.ledger)
        self.ended = time.monotonic()
        return before, await self.gloss.at_rest(before)

    async def load(self, name, meanwhile, ledger):
        """The load for as long as ``meanwhile`` takes, until every request has ended."""
        going = asyncio.Event()
        going.set()
        clients = [
            Client(f"{name}{number}", self.address, RUNS, ledger, self.args.seed) for number in range(self.args.clients)
        ]
        growing = asyncio.create_task(self.scene.logs.grow())
        watching = asyncio.create_task(self.watch_this_process(ledger))
        asking = [asyncio.create_task(client.run(going)) for client in clients]
        await meanwhile
        going.clear()
        await asyncio.gather(*asking)
        growing.cancel()
        watching.cancel()

    async def watch_this_process(self, ledger):
        """Notes the times in which nothing of this process got on."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.1)
            ended = time.monotonic()
            if ended - began > STANDSTILL:
                ledger.standstills.append(Fault("judge standing still", frozenset(LATE_UPSTREAM | LATE), began, ended))

    async def trouble(self):
        """Fault after fault, each followed by a calm in which everything has to work."""
        calm = 0.6 if self.short else 3.0
        deadline = time.monotonic() + self.args.seconds
        await asyncio.sleep(2 * calm + 1)
        deck = []
        while time.monotonic() < deadline:
            faults = self.scene.faults()
            deck = deck or self.scene.random.sample(sorted(faults), len(faults))
            name = deck.pop()
            explains, fault = faults[name]
            seconds = self.scene.random.uniform(0.3, 0.6) if self.short else self.scene.random.uniform(0.5, 3.0)
            entered = Fault(name, frozenset(explains), time.monotonic())
            self.ledger.faults.append(entered)
            await fault(seconds)
            entered.ended = time.monotonic()
            await asyncio.sleep(AFTERMATH + calm)
            self.samples.append((await asyncio.to_thread(self.gloss.held)).memory_mb)


def summary(chaos, before, after):
    """Everything that was seen, as JSON can hold it."""
    ledger = chaos.ledger
    normal, ratios = ledger.recoveries(chaos.began, chaos.ended)
    outcomes = {}
    for (kind, what), count in sorted(ledger.counts.items()):
        outcomes.setdefault(kind, {})[what] = count
    faults = {}
    for fault in ledger.faults:
        seen = faults.setdefault(fault.name, {"times": 0, "seconds": 0.0, "outcomes": Counter()})
        seen["times"] += 1
        seen["seconds"] += fault.ended - fault.began
        seen["outcomes"].update(one.what for one in ledger.odd if fault.explains_outcome(one))
    for name, seen in faults.items():
        seen["p99_after"] = ratios.get(name, [])
    return {
        "seed": chaos.args.seed,
        "seconds": chaos.ended - chaos.began,
        "requests": sum(ledger.counts.values()),
        "outcomes": outcomes,
        "p99_before_ms": normal and normal * 1000,
        "faults": faults,
        "standstills": [fault.ended - fault.began for fault in ledger.standstills],
        "unexplained": [asdict(one) for one in ledger.unexplained()],
        "arrived_twice": [token for token, count in chaos.scene.upstream.arrived.items() if count > 1],
        "arrived_wrong": chaos.scene.upstream.wrong,
        "before": asdict(before),
        "after": asdict(after),
        "memory_mb": chaos.samples,
    }


def checks(said, most_growth_mb):
    """Each promise, and whether it was kept."""
    before, after, memory = said["before"], said["after"], said["memory_mb"]
    served = [one for ratios in said["faults"].values() for one in ratios["p99_after"]]
    times = sum(one["times"] for one in said["faults"].values())
    second_half = memory[len(memory) // 2 :] or [before["memory_mb"]]
    return {
        "every request got its answer, or an error that a fault accounts for": not said["unexplained"],
        "no body arrived twice": not said["arrived_twice"],
        "no body arrived otherwise than it was sent": not said["arrived_wrong"],
        "polls were answered after each fault": times > 0 and len(served) == times,
        "most requests were answered": sum(one.get("right", 0) for one in said["outcomes"].values())
        > said["requests"] / 2,
        "no connection is left": after["connections"] == 0,
        "no descriptor is left": after["descriptors"] <= before["descriptors"],
        "no thread is left": after["threads"] <= before["threads"],
        "memory stays": max(after["memory_mb"], *second_half) - before["memory_mb"] <= most_growth_mb,
    }


def report(said):
    """The summary for people."""
    print(f"seed {said['seed']}, {said['seconds']:.0f} s, {said['requests']} requests")
    for kind, outcomes in said["outcomes"].items():
        print(f"  {kind:8}", ", ".join(f"{count} {what}" for what, count in outcomes.items()))
    print(f"p99 of polls before the first fault {said['p99_before_ms'] or 0:.1f} ms; after each, as a multiple:")
    print(f"  {'fault':32} {'times':>5} {'seconds':>8} {'median':>7} {'worst':>7}  outcomes")
    for name, seen in sorted(said["faults"].items()):
        ratios = sorted(seen["p99_after"]) or [float("nan")]
        outcomes = ", ".join(f"{count} {what}" for what, count in seen["outcomes"].most_common())
        middle, worst = ratios[len(ratios) // 2], ratios[-1]
        print(f"  {name:32} {seen['times']:5} {seen['seconds']:8.1f} {middle:7.2f} {worst:7.2f}  {outcomes}")
    if said["standstills"]:
        print("this process stood still for", ", ".join(f"{seconds:.1f} s" for seconds in said["standstills"]))
    for moment in ("before", "after"):
        print(f"{moment:6}", ", ".join(f"{name} {value:.1f}" for name, value in said[moment].items()))
    for one in said["unexplained"][:10]:
        print("UNEXPLAINED", one)
    for one in [*said["arrived_twice"], *said["arrived_wrong"]][:10]:
        print("ARRIVED WRONG", one)


async def run(args):
    """The whole run; gives the summary."""
    with tempfile.TemporaryDirectory() as folder:
        draw = random.Random(args.seed)
        upstream, logs = Upstream(args.seed), Logs(Path(folder) / "logs", RUNS)
        await upstream.open()
        child, url = start_gloss(
            f"http://127.0.0.1:{upstream.port}",
            logs.folder,
            binary=args.gloss,
            budget="2s",
            admin="127.0.0.1:0",
            **SETTINGS,
        )
        with child:
            gloss = Gloss(child.process.pid, child.wait_for(r"admin on (http://\S+)"))
            scene = Scene(upstream, logs, gloss.pid, draw)
            host, port = url.removeprefix("http://").split(":")
            chaos = Chaos(args, scene, gloss, (host, int(port)))
            before, after = await chaos.run()
            said = summary(chaos, before, after)
            assert child.process.poll() is None, f"gloss ended: {child.stderr()}"
        await upstream.close()
        return said


def main(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--gloss", type=Path)
    parser.add_argument("--max-growth-mb", type=float, default=64)
    parser.add_argument("--json", type=Path, help="where to write the summary")
    args = parser.parse_args(arguments)
    if args.minutes:
        args.seconds = args.minutes * 60
    said = asyncio.run(run(args))
    report(said)
    if args.json:
        args.json.write_text(json.dumps(said, indent=1))
    kept = checks(said, args.max_growth_mb)
    for name, fine in kept.items():
        print("ok    " if fine else "FAILED", name)
    print(f"{sum(kept.values())} passed, {len(kept) - sum(kept.values())} failed")
    return 0 if all(kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
