"""Half the load that gloss can carry, for long: whether answers take as long at the end as at the begin, and memory stays.

    python soak.py [--minutes N] [--out FILE]

Every second request passes, every second one gets notes on runs whose logs grow meanwhile. Prints a Markdown table with a
row a minute. Exits with 1 if the medians of the last fifth are worse than those of the first by a half and more, or memory,
open files or threads grew.
"""

import argparse
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import logs
from machine import family, resident_kib
from rows import ENHANCED, KIB, Bench
from servers import STATUS, gloss
from table import markdown_rows, number
from traffic import highest_rate, open_loop, percentile

RUNS, CONNECTIONS, GROWS_EVERY = 8, 50, 5
# What memory may grow by once everything has been asked for: the allocator's own, by measurement of hours.
SLACK = 1.1
WORSE = 1.5


@dataclass
class Minute:
    """What was seen in a minute."""

    p50: float
    p90: float
    p99: float
    resident: float
    files: int
    threads: int

    def cells(self):
        """The columns of the table: milliseconds, MiB, and counts."""
        latencies = [number(seconds * 1e3) for seconds in (self.p50, self.p90, self.p99)]
        return [*latencies, number(self.resident / KIB), str(self.files), str(self.threads)]


HEADS = ["minute", "p50, ms", "p90, ms", "p99, ms", "resident, MiB", "open files", "threads"]


def minute(server, rate, seconds):
    """Load for so long, both kinds at the same time."""
    load = lambda path, headers: open_loop(server, path, rate // 2, seconds, CONNECTIONS, headers)  # noqa: E731
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(load, "/3k.json", ()), pool.submit(load, STATUS.format(1), ENHANCED)]
        taken = sorted(latency for load in both for latency in load.result())
    of_all = lambda what: sum(len(list(Path(f"/proc/{pid}/{what}").iterdir())) for pid in family(server.pid))  # noqa: E731
    shares = (percentile(taken, share) for share in (0.5, 0.9, 0.99))
    return Minute(*shares, resident_kib(server.pid), of_all("fd"), of_all("task"))


def grow(folder, ended):
    """Lets all logs grow, now and then."""
    while not ended.wait(GROWS_EVERY):
        for run in range(RUNS):
            logs.append(folder / f"run_run_{run}.log", 4 * KIB)


def soak(minutes, seconds=60):
    """All minutes, and the rate at which they were asked, in requests a second."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for run in range(RUNS):
            logs.write(folder, run, 300 * KIB)
        server = stack.enter_context(gloss(Bench(1, 1).behind(stack), logs=folder))
        rate = int(highest_rate(server, STATUS.format(1), CONNECTIONS, 5, ENHANCED) / 2) // CONNECTIONS * CONNECTIONS
        ended = threading.Event()
        stack.callback(ended.set)
        threading.Thread(target=grow, args=(folder, ended), daemon=True).start()
        # The first one warms up: connections, the allocator's pages, and what the system keeps.
        minute(server, rate, seconds)
        taken = []
        for number_of in range(minutes):
            taken.append(minute(server, rate, seconds))
            print("  " + " | ".join([str(number_of + 1), *taken[-1].cells()]), file=sys.stderr)
        return rate, taken


def troubles(taken):
    """What is not as flat as it has to be."""
    fifth = max(len(taken) // 5, 1)
    first, last = taken[:fifth], taken[-fifth:]
    of = lambda some, name: median(getattr(each, name) for each in some)  # noqa: E731
    limits = {"p50": WORSE, "p90": WORSE, "resident": SLACK, "files": 1, "threads": 1}
    grown = {name: of(last, name) / of(first, name) for name in limits}
    return [f"{name}: {times:.2f} times what it was" for name, times in grown.items() if times > limits[name]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=30, help="how long, beyond one to warm up [30]")
    parser.add_argument("--out", type=Path, help="a file for the table")
    args = parser.parse_args()
    rate, taken = soak(args.minutes)
    rows = [[str(index + 1), *each.cells()] for index, each in enumerate(taken)]
    text = f"{rate:,} requests a second, half of them with notes:\n\n{markdown_rows(HEADS, rows)}\n"
    print(text)
    if args.out:
        args.out.write_text(text)
    found = troubles(taken)
    print("\n".join(found) or "flat", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
