"""Load on a server, and what it cost."""

import re
import subprocess
import tempfile
from pathlib import Path

from machine import OTHERS, cpu_seconds, on, program


class Failed(Exception):
    """A load in which not every request was answered well; a figure of it would mean nothing."""


def closed_loop(server, path, connections, seconds, headers=()):
    """Requests one after another on so many connections; gives the CPU seconds of the server a request."""
    before = cpu_seconds(server.pid)
    requests = one_after_another(server, path, connections, seconds, headers)
    return (cpu_seconds(server.pid) - before) / requests


def highest_rate(server, path, connections, seconds, headers=()):
    """How many requests it answers in a second, when there is always another one."""
    return one_after_another(server, path, connections, seconds, headers) / seconds


def one_after_another(server, path, connections, seconds, headers):
    """Gives how many requests were answered."""
    flags = [flag for header in headers for flag in ("-H", header)]
    command = [program("wrk"), "-t", "1", "-c", connections, "-d", f"{seconds}s", *flags, server.url + path]
    done = subprocess.run(on(OTHERS, *command), capture_output=True, text=True, timeout=seconds + 60)
    requests = re.search(r"(\d+) requests in", done.stdout)
    if not requests or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise Failed(f"{server.name}: {done.stdout}{done.stderr}")
    return int(requests.group(1))


def exactly(server, path, count, connections=1, headers=(), http2=False):
    """So many requests, each of which has to be answered with 200."""
    flags = [flag for header in headers for flag in ("-H", header)]
    version = [] if http2 else ["--h1"]
    command = [program("h2load"), *version, "-t", "1", "-c", connections, "-n", count, *flags, server.url + path]
    done = subprocess.run(on(OTHERS, *command), capture_output=True, text=True, timeout=600)
    if f"{count} 2xx" not in done.stdout:
        raise Failed(f"{server.name}: {done.stdout}{done.stderr}")


def open_loop(server, path, rate, seconds, connections=50, headers=()):
    """Requests at a rate whatever the answers take; gives the latencies in seconds, in ascending order."""
    flags = [flag for header in headers for flag in ("-H", header)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = [program("h2load"), "--h1", "-t", "1", "-c", connections, "-n", rate * seconds, *flags]
        command += ["--rps", rate // connections, f"--log-file={log}", server.url + path]
        done = subprocess.run(on(OTHERS, *command), capture_output=True, text=True, timeout=seconds + 60)
        if f"{rate * seconds} 2xx" not in done.stdout:
            raise Failed(f"{server.name}: {done.stdout}{done.stderr}")
        rows = [line.split("\t") for line in log.read_text().splitlines()]
    return sorted(int(row[2]) / 1e6 for row in rows)


def percentile(ascending, share):
    """The smallest value that is not below this share of the values."""
    return ascending[min(int(len(ascending) * share), len(ascending) - 1)]
