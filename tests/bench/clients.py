"""100 clients poll 20 runs of an upstream that takes 20 ms, directly and through gloss; prints what gloss adds.

A program of its own, since it keeps a core busy. Prints JSON: ``p50`` and ``p99``, milliseconds, one figure a round.
"""

import argparse
import asyncio
import json
import tempfile
import time

import logs
from servers import STATUS, gloss
from traffic import percentile

CLIENTS, RUNS, PAUSE = 100, 20, 0.2
BODY = logs.answer(3 * 1024)
HEAD = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n".encode()


async def serve(reader, writer):
    """Answers every request after 20 ms."""
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.02)
            writer.write(HEAD + BODY)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def poll(port, run, until, taken):
    """One client; its polls are spread over time as those of many people are."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {STATUS.format(run)} HTTP/1.1\r\nhost: bench\r\ngloss: enhanced\r\n\r\n".encode()
    await asyncio.sleep(PAUSE * (run + len(taken)) / CLIENTS)
    while time.monotonic() < until:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        taken.append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE)
    writer.close()


async def latencies(port, seconds):
    """Of every poll, in ascending order."""
    until, taken = time.monotonic() + seconds, []
    await asyncio.gather(*(poll(port, client % RUNS, until, taken) for client in range(CLIENTS)))
    return sorted(taken)


async def measure(rounds, seconds):
    upstream = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
    port = upstream.sockets[0].getsockname()[1]
    added = {"p50": [], "p99": []}
    with tempfile.TemporaryDirectory() as folder:
        for run in range(RUNS):
            logs.write(folder, run, 300 * 1024)
        with gloss(f"127.0.0.1:{port}", logs=folder) as server:
            await latencies(server.port, 1)
            for _ in range(rounds):
                direct, through = await latencies(port, seconds), await latencies(server.port, seconds)
                for name, share in (("p50", 0.5), ("p99", 0.99)):
                    added[name].append((percentile(through, share) - percentile(direct, share)) * 1000)
    return added


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    args = parser.parse_args()
    print(json.dumps(asyncio.run(measure(args.rounds, args.seconds))))


if __name__ == "__main__":
    main()
