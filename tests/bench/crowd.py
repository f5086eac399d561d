"""100 clients poll runs with logs of 10 MB, of the FastAPI upstream that reads them anew for each poll: directly, and
through gloss with its shield.

A program of its own, since it keeps a core busy. Prints JSON: ``direct`` and ``shielded``, each with ``p50`` and ``p99`` in
seconds, of one poll each and of all polls after a client's first; ``resident_mib``, what gloss holds in memory beyond
answers in flight and those of the shield.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
import urllib.request

import logs
from machine import HERE, OTHERS, on, resident_kib
from servers import STATUS, Child, gloss
from traffic import percentile

CLIENTS, RUNS, PAUSE = 100, 2, 1.0
MIB = 1024 * 1024
KEY = "x-api-key: peer-key"


async def ask(streams, run):
    """One poll; gives how long it took, in seconds."""
    reader, writer = streams
    began = time.perf_counter()
    path = STATUS.format(run)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: bench\r\n{KEY}\r\ngloss: enhanced\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
    await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode())
    return time.perf_counter() - began, b"gloss-variant: enhanced" in head


async def once(port, client):
    """One poll of one client."""
    streams = await asyncio.open_connection("127.0.0.1", port)
    took, _ = await ask(streams, client % RUNS)
    streams[1].close()
    return took


async def again_and_again(port, client, seconds):
    """The polls of one client after its first."""
    streams = await asyncio.open_connection("127.0.0.1", port)
    await ask(streams, client % RUNS)
    until, taken = time.monotonic() + seconds, []
    await asyncio.sleep(PAUSE * client / CLIENTS)
    while time.monotonic() < until:
        taken.append(await ask(streams, client % RUNS))
        await asyncio.sleep(PAUSE)
    streams[1].close()
    return taken


async def everybody(poll):
    """All clients at the same time."""
    return await asyncio.gather(*(poll(client) for client in range(CLIENTS)))


def create(url, run):
    """Has the upstream know a run."""
    body = json.dumps({"run_id": f"run_{run}"}).encode()
    request = urllib.request.Request(f"{url}/_control/runs", body, {"content-type": "application/json"})
    urllib.request.urlopen(request, timeout=10).read()


def held(admin):
    """The bytes of answers that gloss holds: in flight, and for others."""
    text = urllib.request.urlopen(f"{admin}/metrics", timeout=10).read().decode()
    return sum(int(re.search(rf"^{name} (\d+)$", text, re.M).group(1)) for name in ("gloss_held_bytes", "gloss_shield_bytes"))


def measure(seconds):
    with tempfile.TemporaryDirectory() as folder:
        for run in range(RUNS):
            logs.write(folder, run, 10 * MIB)
        command = on(OTHERS, sys.executable, "-m", "upstream.app", "--logs", folder, "--keep-alive", "600")
        with Child("upstream", command, cwd=HERE.parent / "peers") as upstream:
            url = upstream.wait_for(r"upstream: (\S+)")
            port = int(url.rpartition(":")[2])
            for run in range(RUNS):
                create(url, run)
            direct = sorted(asyncio.run(everybody(lambda client: once(port, client))))
            settings = {"shield_ttl": "2s", "admin": "127.0.0.1:0", "upstream_response_timeout": "300s"}
            with gloss(f"127.0.0.1:{port}", logs=folder, **settings) as server:
                polls = asyncio.run(everybody(lambda client: again_and_again(server.port, client, seconds)))
                resident = resident_kib(server.pid) * 1024 - held(server.admin)
    every = [poll for client in polls for poll in client]
    shielded = sorted(took for took, _ in every)
    told = lambda taken: {"p50": percentile(taken, 0.5), "p99": percentile(taken, 0.99)}  # noqa: E731
    enhanced = sum(is_enhanced for _, is_enhanced in every) / len(every)
    return {
        "direct": told(direct),
        "shielded": {**told(shielded), "polls": len(every), "enhanced": enhanced},
        "resident_mib": resident / MIB,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    print(json.dumps(measure(parser.parse_args().seconds)))


if __name__ == "__main__":
    main()
