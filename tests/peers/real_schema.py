"""Checks that what is made of recorded logs is as the schema of the added fields says.

    python real_schema.py RUNS_DIR [GLOSS_BIN]

Of every three logs one is analysed as of a run that has completed, one as of a run that failed, and of one the first half as of
a run that goes on; the logs are not part of this repository. Prints what is wrong and, last, ``N passed, N failed``.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from processes import gloss_binary
from schema import errors


def analysed(binary, log, *flags):
    """The added fields of a log."""
    done = subprocess.run([binary, "analyze", *flags, log], capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def wrong_with(binary, number, log):
    """What is wrong with the fields of one log."""
    half = str(log.read_bytes().count(b"\n") // 2 + 1)
    ways = [("completed",), ("failed",), ("running", "--lines", half)]
    return errors(analysed(binary, log, "--status", *ways[number % len(ways)]))


def main():
    binary = Path(sys.argv[2]) if len(sys.argv) > 2 else gloss_binary()
    logs = sorted(Path(sys.argv[1]).glob("*.log"))
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda numbered: wrong_with(binary, *numbered), enumerate(logs)))
    checks = list(zip(logs, found))
    for log, wrong in checks:
        for line in wrong[:3]:
            print(f"FAILED {log.name}{line}")
    failed = sum(bool(wrong) for _, wrong in checks)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed or not checks else 0


if __name__ == "__main__":
    sys.exit(main())
