"""Uses gloss for everything that it is made for, so that a build which counts its own branches sees the usual ones.

    GLOSS_BIN=PROGRAM LLVM_PROFILE_FILE=FOLDER/%m.profraw python train.py

Part of `deploy/release/profile`. The weight of a kind of request is how often it is sent: answers that only pass outnumber
those with notes, and both outnumber what is rare in front of a real service.
"""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import logs
from rows import BASIC, ENHANCED, KIB, MIB, Bench
from servers import STATUS, gloss, gloss_binary
from traffic import exactly

RUNS = 8


def requests(server, folder):
    """Sends all kinds of requests, a new log's first bytes and growing logs among them."""
    status = STATUS.format(1)
    for connections in (1, 16, 100):
        exactly(server, "/3k.json", 60_000, connections)
    exactly(server, "/300k.json", 4_000, 16)
    exactly(server, "/3m.json", 400, 16)
    exactly(server, status, 20_000, 16, BASIC)
    exactly(server, status, 60_000, 16, ENHANCED)
    exactly(server, status, 20_000, 100, ("Gloss: enhanced", "x-api-key: a-key"))
    exactly(server, "/3k.json", 10_000, 16, http2=True)
    exactly(server, status, 10_000, 16, ENHANCED, http2=True)
    for turn in range(100):
        logs.append(folder / f"run_run_{turn % RUNS}.log", 4 * KIB)
        exactly(server, STATUS.format(turn % RUNS), 5, 1, ENHANCED)


def main():
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for run in range(RUNS):
            logs.write(folder, run, 300 * KIB)
        for status in (3 * KIB, 100 * KIB):
            behind = Bench(1, 1).behind(stack, status=status)
            print(f"training: answers of {status // KIB} KiB …", file=sys.stderr)
            with gloss(behind, logs=folder, enrich_budget="10s") as server:
                requests(server, folder)
            print("training: the same, shared between clients …", file=sys.stderr)
            with gloss(behind, logs=folder, enrich_budget="10s", shield_ttl="2s", admin="127.0.0.1:0") as server:
                exactly(server, STATUS.format(1), 10_000, 16, ENHANCED)
        print("training: whole logs …", file=sys.stderr)
        for log in (logs.write(folder, 99, 20 * MIB), logs.write_work(folder, 98, 20 * MIB)):
            subprocess.run([gloss_binary(), "analyze", log], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
