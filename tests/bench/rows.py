"""The rows of the table, by name. Each measures in rounds, the two sides of a ratio one right after the other."""

import json
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import logs
from machine import MEASURED, OTHERS, cpu_seconds, on, program, resident_kib
from servers import STATUS, gloss, gloss_binary, haproxy, nginx, upstream
from table import Row
from traffic import closed_loop, exactly, open_loop, percentile

KIB, MIB = 1024, 1024 * 1024
ENHANCED, BASIC = ("Gloss: enhanced",), ("Gloss: basic",)


class Bench:
    """What rows share: how long and how often, and a folder of answers with an upstream that serves them."""

    def __init__(self, rounds, seconds):
        self.rounds, self.seconds = rounds, seconds

    def behind(self, stack, status=3 * KIB):
        """An upstream with bodies of all sizes; gives its address."""
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        (folder / "status.json").write_bytes(logs.answer(status))
        for name, size in (("3k", 3 * KIB), ("300k", 300 * KIB), ("3m", 3 * MIB)):
            (folder / f"{name}.json").write_bytes(logs.answer(size))
        return stack.enter_context(upstream(folder)).address

    def paired(self, ours, theirs):
        """Our figure over theirs, once a round; who goes first changes."""
        ratios = []
        for turn in range(self.rounds):
            sides = [ours, theirs] if turn % 2 == 0 else [theirs, ours]
            measured = {side: side() for side in sides}
            ratios.append(measured[ours] / measured[theirs])
        return ratios


def passthrough(bench):
    """CPU a request of answers that only pass, against nginx and HAProxy."""
    limits = {"nginx": (1.10, 0.95), "HAProxy": (1.05, 0.90)}
    with ExitStack() as stack:
        behind = bench.behind(stack)
        ours = stack.enter_context(gloss(behind))
        for other in (nginx, haproxy):
            theirs = stack.enter_context(other(behind))
            for connections in (16, 100):
                cost = lambda server: closed_loop(server, "/3k.json", connections, bench.seconds)  # noqa: B023, E731
                figures = bench.paired(lambda: cost(ours), lambda: cost(theirs))  # noqa: B023
                what = f"passthrough, 3 KB, {connections} connections: CPU a request"
                yield Row(what, theirs.name, figures, *limits[theirs.name])


def bodies(bench):
    """CPU a request of long answers that only pass."""
    with ExitStack() as stack:
        behind = bench.behind(stack)
        ours, theirs = stack.enter_context(gloss(behind)), stack.enter_context(nginx(behind))
        for size in ("300k", "3m"):
            cost = lambda server: closed_loop(server, f"/{size}.json", 16, bench.seconds)  # noqa: B023, E731
            figures = bench.paired(lambda: cost(ours), lambda: cost(theirs))  # noqa: B023
            yield Row(f"passthrough, {size.upper()}B: CPU a request", "nginx", figures, 0.8, 0.65)


def latency(bench, rate=15_000):
    """Latency at a fixed rate."""
    with ExitStack() as stack:
        behind = bench.behind(stack)
        ours, theirs = stack.enter_context(gloss(behind)), stack.enter_context(nginx(behind))
        taken = {server.name: [] for server in (ours, theirs)}
        for turn in range(bench.rounds):
            for server in (ours, theirs) if turn % 2 == 0 else (theirs, ours):
                taken[server.name].append(open_loop(server, "/3k.json", rate, bench.seconds))
        for share, limits in ((0.5, (1.15, 1.0)), (0.9, (1.15, 1.0)), (0.99, ())):
            pairs = zip(taken["gloss"], taken["nginx"], strict=True)
            figures = [percentile(a, share) / percentile(b, share) for a, b in pairs]
            yield Row(f"p{share * 100:.0f} at {rate:,} requests/s, open loop", "nginx", figures, *limits)


def memory(bench):
    """Resident memory with 500 connections open, each with a request in flight: the most that it comes to."""

    def resident(start):
        with ExitStack() as stack:
            server = stack.enter_context(start(bench.behind(stack)))
            with ThreadPoolExecutor(1) as pool:
                load = pool.submit(closed_loop, server, "/3k.json", 500, bench.seconds)
                most = 0
                while not load.done():
                    most = max(most, resident_kib(server.pid))
                    time.sleep(0.1)
                load.result()
            return most

    figures = [resident(gloss) / resident(nginx) for _ in range(bench.rounds)]
    yield Row("resident memory at 500 connections", "nginx", figures, 2.0, 1.2)


def instructions(bench):
    """User-space instructions a request, counted one by one."""
    with ExitStack() as stack:
        behind = bench.behind(stack)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        logs.write(folder, 1, 200 * KIB)
        counted = lambda path, headers=(): counted_instructions(behind, folder, path, headers)  # noqa: E731
        yield Row("passthrough, 3 KB: instructions a request", "–", [counted("/3k.json")], 32_000, 22_000)
        basic, enhanced = counted(STATUS.format(1), BASIC), counted(STATUS.format(1), ENHANCED)
        yield Row("enhanced, warm, 3 KB: added instructions", "basic", [enhanced - basic], 14_000)


def counted_instructions(behind, folder, path, headers, few=200, many=1200):
    """What one request costs, from runs with few requests and with many."""
    totals = []
    for count in (few, many):
        with tempfile.TemporaryDirectory() as own:
            told = Path(own) / "told"
            valgrind = [program("valgrind"), "--tool=callgrind", f"--log-file={told}", f"--callgrind-out-file={own}/out"]
            with gloss(behind, logs=folder, before=valgrind, enrich_budget="10s") as server:
                exactly(server, path, count, headers=headers)
            totals.append(int(re.search(r"Collected : (\d+)", told.read_text()).group(1)))
    return (totals[1] - totals[0]) / (many - few)


def enhanced(bench):
    """What notes cost, beside the same requests without."""
    limits = {3 * KIB: (), 800 * KIB: (1.6, 1.2)}
    for size, ratio in limits.items():
        with ExitStack() as stack:
            behind = bench.behind(stack, status=size)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            logs.write(folder, 1, 2 * MIB)
            server = stack.enter_context(gloss(behind, logs=folder, enrich_budget="10s"))
            exactly(server, STATUS.format(1), 10, headers=ENHANCED)
            cost = lambda headers: closed_loop(server, STATUS.format(1), 16, bench.seconds, headers)  # noqa: B023, E731
            pairs = [(cost(ENHANCED), cost(BASIC)) for _ in range(bench.rounds)]
            if ratio:
                figures = [notes / basic for notes, basic in pairs]
                yield Row(f"enhanced, warm, {size // KIB} KB: CPU a request", "basic", figures, *ratio)
            else:
                figures = [(notes - basic) * 1e6 for notes, basic in pairs]
                yield Row(f"enhanced, warm, {size // KIB} KB: added CPU", "basic", figures, 8, 5, " µs")


PYTHON = """
import json, sys, time
began = time.process_time()
for line in open(sys.argv[1], encoding="utf-8"):
    json.loads(line)
print(time.process_time() - began)
"""

NEWLINES = """
import sys, time
began, buffer, lines = time.process_time(), bytearray(256 * 1024), 0
with open(sys.argv[1], "rb", buffering=0) as log:
    while read := log.readinto(buffer):
        lines += buffer.count(b"\\n", 0, read)
print(time.process_time() - began)
"""


def cold(bench, size=50 * MIB):
    """Analysing a log that was never seen before, from the page cache.

    Of gloss everything counts, from the start of the process over patterns that it compiles to its report; of Python only
    the loop, not the start of the interpreter.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = logs.write_work(folder, 1, size)
        log.read_bytes()
        spoken = lambda code: float(output(sys.executable, "-c", code, log))  # noqa: E731
        ours = lambda: spent(gloss_binary(), "analyze", log)  # noqa: E731
        json_seconds, newline_seconds = lambda: spoken(PYTHON), lambda: spoken(NEWLINES)
        faster = [1 / ratio for ratio in bench.paired(ours, json_seconds)]
        what = f"cold analysis of {size // MIB} MB: times as fast"
        yield Row(what, "json.loads of each line", faster, 15, 25, more_is_better=True)
        # What there is to gain at most: nobody reads a log without finding its lines.
        bound = [1 / ratio for ratio in bench.paired(newline_seconds, json_seconds)]
        yield Row("the same log: counting newlines, times as fast", "json.loads of each line", bound, more_is_better=True)
        share = [100 / ratio for ratio in bench.paired(ours, newline_seconds)]
        yield Row(what.replace("times as fast", "speed"), "counting newlines", share, 25, 40, " %", more_is_better=True)


def spent(*command):
    """The CPU seconds of a program from start to end."""
    began = time_of_children()
    output(*command)
    return time_of_children() - began


def time_of_children():
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def output(*command, core=MEASURED):
    return subprocess.run(on(core, *command), capture_output=True, text=True, check=True).stdout


def polls(bench):
    """What a poll costs as a log grows, and when it does not."""
    with ExitStack() as stack:
        behind = bench.behind(stack)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        paths = {size: logs.write(folder, size, size * MIB) for size in (1, 500)}
        server = stack.enter_context(gloss(behind, logs=folder, enrich_budget="60s"))
        for size in paths:
            exactly(server, STATUS.format(size), 2, headers=ENHANCED)

        def grown(size, times=200):
            took = 0
            for _ in range(times):
                logs.append(paths[size], 4 * KIB)
                before = cpu_seconds(server.pid)
                exactly(server, STATUS.format(size), 1, headers=ENHANCED)
                took += cpu_seconds(server.pid) - before
            return took / times

        figures = bench.paired(lambda: grown(500), lambda: grown(1))
        yield Row("poll after 4 KB more: CPU, log of 500 MB", "log of 1 MB", figures, 1.2, 1.0)
        yield Row("poll of an unchanged log: system calls on it", "–", [looks(behind, folder)], 1)


def looks(behind, folder, count=100):
    """How many system calls name or read a log, a poll that finds it unchanged."""
    with tempfile.NamedTemporaryFile("r") as told:
        calls = "trace=%file,read,pread64,readv,preadv,fstat,lseek"
        strace = [program("strace"), "-f", "-y", "-e", calls, "-o", told.name]
        with gloss(behind, logs=folder, before=strace, enrich_budget="60s") as server:
            exactly(server, STATUS.format(1), 5, headers=ENHANCED)
            warm = sum("run_run_1.log" in line for line in Path(told.name).read_text().splitlines())
            exactly(server, STATUS.format(1), count, headers=ENHANCED)
        every = sum("run_run_1.log" in line for line in Path(told.name).read_text().splitlines())
    return (every - warm) / count


def tracked(bench, runs=500):
    """Resident memory for each run whose analysis is kept."""
    with ExitStack() as stack:
        behind = bench.behind(stack)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for run in range(runs + 1):
            logs.write(folder, run, 300 * KIB)
        server = stack.enter_context(gloss(behind, logs=folder, cache_max_bytes="1GiB", enrich_budget="10s"))
        exactly(server, STATUS.format(runs), 10, headers=ENHANCED)
        before = resident_kib(server.pid)
        for run in range(runs):
            exactly(server, STATUS.format(run), 1, headers=ENHANCED)
        yield Row("memory a tracked run", "–", [(resident_kib(server.pid) - before) / runs], 48, 16, " KiB")


def added_latency(bench):
    """What gloss adds for 100 clients that poll 20 runs of an upstream that takes 20 ms."""
    # Clients and upstream are one busy program: not on gloss's core.
    clients = Path(__file__).with_name("clients.py")
    figures = json.loads(output(sys.executable, clients, "--rounds", bench.rounds, core=OTHERS))
    for share, needed in (("p50", 1), ("p99", 5)):
        yield Row(f"100 clients, 20 runs: added at {share}", "the upstream alone", figures[share], needed, unit=" ms")


def shielded(bench):
    """What 100 clients wait for an upstream that takes long to answer each of them, with its answers shared."""
    crowd = [sys.executable, Path(__file__).with_name("crowd.py"), "--seconds", 5 * bench.seconds]
    told = json.loads(output(*crowd))
    waited = told["direct"]["p99"] * 1000
    what = f"100 clients, logs of 10 MB, shield 2 s: p99 (without gloss {waited:,.0f} ms)"
    yield Row(what, "–", [told["shielded"]["p99"] * 1000], 200, 20, " ms")
    # An analysis of the whole log may come too late for the first polls.
    yield Row("the same: enhanced", "all polls", [100 * told["shielded"]["enhanced"]], 99, unit=" %", more_is_better=True)
    yield Row("the same: resident, beyond answers held", "–", [told["resident_mib"]], 15, 10, " MiB")


ROWS = {
    row.__name__: row
    for row in (
        passthrough,
        instructions,
        bodies,
        latency,
        memory,
        enhanced,
        cold,
        polls,
        tracked,
        added_latency,
        shielded,
    )
}
