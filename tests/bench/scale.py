"""One gloss in front of many live runs, whose logs grow: memory a run, cost a poll, reads; and what follows for more.

    python scale.py [--runs N] [--log-kib N [N …]] [--cache SIZE] [--rounds N] [--poll-seconds N]

Every run is polled once a round, one after the other, and in each round every tenth log grows by a few lines. The first
round reads all logs whole. A run that gets no notes in a round has been starved, and ends the measurement. With several
lengths of logs it is made once for each, and what a run costs with the longest is set against the shortest. What is
printed first is measured; the model after it is arithmetic on these figures and on the limits that are named there.
"""

import argparse
import re
import subprocess
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import logs
from machine import OTHERS, cpu_seconds, on, program, resident_kib, versions
from servers import STATUS, gloss, upstream
from traffic import Failed

KIB = 1024
GROWS = 10
GROWTH = 2 * KIB

# Amazon S3 answers at least so many GET and HEAD requests a second under one prefix (its performance guidelines).
S3_REQUESTS = 5500


def write_all(folder, runs, size):
    """The logs: one that is written properly, and others that are it under other names."""
    first = logs.write(folder, 0, size).read_bytes()
    for run in range(1, runs):
        (Path(folder) / f"run_run_{run}.log").write_bytes(first.replace(b"run_0", b"run_%d" % run))
    return len(first)


class Counts:
    """The counters that matter here, as they were at one moment."""

    NAMES = ("gloss_log_lookups_total", "gloss_log_reads_total", "gloss_log_read_bytes_total", "gloss_cache_entries")

    def __init__(self, admin):
        with urllib.request.urlopen(f"{admin}/metrics", timeout=60) as answer:
            text = answer.read().decode()
        self.values = {name: float(re.search(rf"^{name} (\S+)", text, re.M).group(1)) for name in self.NAMES}
        outcomes = re.findall(r'^gloss_cache_lookups_total{outcome="(\w+)"} (\S+)', text, re.M)
        self.values |= {outcome: float(count) for outcome, count in outcomes}
        noted = re.search(r'^gloss_enrichments_total{outcome="enhanced"} (\S+)', text, re.M)
        self.values["enhanced"] = float(noted.group(1)) if noted else 0

    def since(self, before, name):
        return self.values.get(name, 0) - before.values.get(name, 0)


def poll_all(server, addresses, runs):
    """Polls every run once; every answer has to be a 200. On one connection, since each would begin at the first run.

    Gives how long the slowest took, as h2load writes it.
    """
    command = [program("h2load"), "--h1", "-t", "1", "-c", 1, "-n", runs, "-i", addresses]
    command += ["-H", "Gloss: enhanced"]
    done = subprocess.run(on(OTHERS, *command), capture_output=True, text=True, timeout=3600)
    if f"{runs} 2xx" not in done.stdout:
        raise Failed(done.stdout + done.stderr)
    return re.search(r"^time for request:\s+\S+\s+(\S+)", done.stdout, re.M).group(1)


def measure(args, log_kib):
    """The rounds, the memory of a gloss that has read no log, and how long the logs are, both in KiB."""
    with ExitStack() as stack:
        served, folder = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        served.chmod(0o755)
        (served / "status.json").write_bytes(logs.answer(3 * KIB))
        size = write_all(folder, args.runs, log_kib * KIB)
        behind = stack.enter_context(upstream(served)).address
        settings = {"cache_max_bytes": args.cache, "enrich_budget": "60s"}
        server = stack.enter_context(gloss(behind, logs=folder, admin="127.0.0.1:0", **settings))
        addresses = served / "addresses"
        addresses.write_text("".join(f"{server.url}{STATUS.format(run)}\n" for run in range(args.runs)))
        print(f"{args.runs:,} runs, logs of {size / KIB:.0f} KiB, cache of {args.cache}\n")
        print("| round | CPU a poll | slowest | reads a poll | bytes a poll | kept | read anew | resident |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        empty = resident_kib(server.pid)
        rows = []
        for turn in range(args.rounds + 1):
            if turn:
                for run in range(turn % GROWS, args.runs, GROWS):
                    logs.append(Path(folder) / f"run_run_{run}.log", GROWTH)
            before, spent, began = Counts(server.admin), cpu_seconds(server.pid), time.monotonic()
            slowest = poll_all(server, addresses, args.runs)
            took, spent, after = time.monotonic() - began, cpu_seconds(server.pid) - spent, Counts(server.admin)
            if (noted := after.since(before, "enhanced")) < args.runs:
                raise Failed(f"{args.runs - noted:.0f} of {args.runs} runs got no notes in round {turn}")
            each = lambda name: after.since(before, name) / args.runs  # noqa: B023, E731
            row = {
                "cpu": spent / args.runs,
                "reads": each("gloss_log_reads_total"),
                "bytes": each("gloss_log_read_bytes_total"),
                "lookups": each("gloss_log_lookups_total"),
                "kept": after.values["gloss_cache_entries"],
                "miss": each("miss"),
                "kib": resident_kib(server.pid),
                "rate": args.runs / took,
            }
            rows.append(row)
            name = "first" if not turn else str(turn)
            print(
                f"| {name} | {row['cpu'] * 1e6:.0f} µs | {slowest} | {row['reads']:.2f} | {row['bytes']:,.0f} "
                f"| {row['kept']:,.0f} | {row['miss']:.0%} | {row['kib'] / KIB:.0f} MiB |",
                flush=True,
            )
        return rows, empty, size / KIB


def of_a_run(rows, empty):
    """Memory that a run holds, in KiB, and the CPU of a poll once all logs are known, in seconds."""
    last, known = rows[-1], rows[1:]
    return (last["kib"] - empty) / max(last["kept"], 1), sum(row["cpu"] for row in known) / len(known)


def flatness(measured):
    """What the length of the logs makes of the cost of a run: the longest against the shortest."""
    (*short, kib), *_, (*long, more_kib) = sorted(measured, key=lambda one: one[-1])
    (memory, cpu), (more_memory, more_cpu) = of_a_run(*short), of_a_run(*long)
    print(f"\nLogs {more_kib / kib:.1f} times as long, {more_kib:.0f} KiB for {kib:.0f} KiB:")
    print(f"- memory of a run {more_memory / memory:.2f} times as much, {more_memory:.1f} KiB for {memory:.1f} KiB")
    print(f"- CPU of a poll {more_cpu / cpu:.2f} times as much, {more_cpu * 1e6:.0f} µs for {cpu * 1e6:.0f} µs")
    print("No run was left without notes in any round.")


def model(rows, empty, args):
    """What the figures of the last round say of more runs, more replicas and an object store."""
    last = rows[-1]
    a_run, _ = of_a_run(rows, empty)
    core = args.poll_seconds / last["cpu"]
    print(f"\nMemory: {a_run:.1f} KiB a run that is kept, beyond the {empty / KIB:.0f} MiB of an empty gloss.")
    print(f"A core polls {core:,.0f} runs every {args.poll_seconds:g} s, by the CPU of the last round.")
    print(f"A bucket's prefix answers {S3_REQUESTS * args.poll_seconds / max(last['lookups'], 1):,.0f} runs so polled, at")
    print(f"{S3_REQUESTS:,} requests a second and {last['lookups']:.2f} looks a poll; gloss asks once a look there.\n")
    print("| live runs | cores | memory, each replica | S3 requests a second | prefixes |")
    print("| --- | --- | --- | --- | --- |")
    for runs in (1_000, 10_000, 100_000, 1_000_000):
        asked = runs / args.poll_seconds * last["lookups"]
        memory = (empty + runs * a_run) / KIB
        print(f"| {runs:,} | {runs / core:.2f} | {memory:,.0f} MiB | {asked:,.0f} | {asked / S3_REQUESTS:.1f} |")
    print("\nReplicas share the cores and the requests; each comes to hold every run that clients bring to it.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--log-kib", type=int, nargs="+", default=[50, 200], help="how long each log is [50 200]")
    parser.add_argument("--cache", default="4GiB", help="cache.max_bytes [4GiB]")
    parser.add_argument("--rounds", type=int, default=3, help="how often all are polled after the first time [3]")
    parser.add_argument("--poll-seconds", type=float, default=2, help="how often clients poll, for the model [2]")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds: the first round says nothing of the others")
    measured = []
    for log_kib in args.log_kib:
        measured.append(measure(args, log_kib))
        print()
    rows, empty, _ = measured[0]
    model(rows, empty, args)
    if len(measured) > 1:
        flatness(measured)
    print("\n" + "\n".join(f"- {name}: {what}" for name, what in versions().items()))


if __name__ == "__main__":
    main()
