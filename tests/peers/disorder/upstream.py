"""A bare upstream on asyncio that answers by the token of each request, and misbehaves as it is told.

It remembers how often each request with a body arrived whole, and whether any arrived otherwise than it was sent.
"""

import asyncio
import random
import socket
import struct
from collections import Counter

from disorder import answers

RESET = struct.pack("ii", 1, 0)
GARBAGE = [
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"HTTP/1.1 abc OK\r\n\r\n",
    b"HTTP/9.9 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x00" * 100,
]
# How often a request is hit while the upstream misbehaves.
SHARE = 0.5


class Upstream:
    """``mode`` says how it misbehaves; "" is well."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.mode = ""
        self.mode_over = asyncio.Event()
        self.server = None
        self.port = 0
        self.writers = set()
        self.arrived = Counter()
        self.wrong = []

    async def open(self):
        """Listens, on the same port each time."""
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port, backlog=1024)
        self.port = self.server.sockets[0].getsockname()[1]

    async def close(self):
        """Stops listening and resets every connection."""
        self.server.close()
        for writer in list(self.writers):
            reset(writer)

    def set_mode(self, mode):
        """Behaves so from the next request on; whoever was kept waiting is let go with a reset."""
        self.mode = mode
        self.mode_over.set()
        self.mode_over = asyncio.Event()

    async def serve(self, reader, writer):
        self.writers.add(writer)
        served = 0
        try:
            while await self.exchange(reader, writer, served):
                served += 1
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def exchange(self, reader, writer, served):
        """One request and its answer; whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        mode = self.mode if self.random.random() < SHARE else ""
        if mode == "closing idle" and served:
            reset(writer)
            return False
        if mode == "silent":
            await self.mode_over.wait()
            reset(writer)
            return False
        token = headers.get("x-token", "")
        if mode == "early" and method == "POST":
            writer.write(plain(token, answers.early(token), "413 Content Too Large"))
            await read_body(reader, headers)
            return True
        body = await read_body(reader, headers)
        if method == "POST":
            self.remember(token, body)
        if mode == "slow":
            await asyncio.sleep(self.random.uniform(0.05, 0.5))
        if "upgrade" in headers:
            return await self.tunnel(reader, writer, token)
        return await self.answer(writer, mode, target, token, body)

    def remember(self, token, body):
        self.arrived[token] += 1
        if body != answers.upload(token):
            self.wrong.append(f"{token}: {len(body)} bytes arrived as a whole body")

    async def answer(self, writer, mode, target, token, body):
        parts = list(self.parts(target, token, body))
        if mode == "garbage":
            writer.write(self.random.choice(GARBAGE))
            return False
        if mode == "resetting in the head":
            writer.write(parts[0][: self.random.randrange(1, parts[0].index(b"\r\n\r\n"))])
            return await self.break_off(writer)
        if mode == "resetting in the body":
            whole = b"".join(parts)
            writer.write(whole[: self.random.randrange(whole.index(b"\r\n\r\n") + 4, len(whole))])
            return await self.break_off(writer)
        for part in parts:
            writer.write(part)
            await writer.drain()
            if target == "/events":
                await asyncio.sleep(0.01)
        return True

    async def break_off(self, writer):
        """Ends the connection by a reset, or politely, but too early."""
        await writer.drain()
        await asyncio.sleep(0.005)
        if self.random.random() < 0.5:
            reset(writer)
        return False

    def parts(self, target, token, body):
        """The answer in the pieces in which it is written; the first begins with the head."""
        if target.startswith("/echo"):
            yield plain(token, answers.receipt(token, body))
        elif target == "/stream" or target == "/events":
            kind = "text/event-stream" if target == "/events" else "application/octet-stream"
            yield head_of(token, "200 OK", f"content-type: {kind}\r\ntransfer-encoding: chunked")
            for piece in answers.events(token) if target == "/events" else answers.stream(token):
                yield b"%x\r\n%s\r\n" % (len(piece), piece)
            yield b"0\r\n\r\n"
        else:
            yield plain(token, answers.status_body(target.split("/")[6], token))

    async def tunnel(self, reader, writer, token):
        """Switches protocols, and sends back every line with the token before it."""
        writer.write(head_of(token, "101 Switching Protocols", "connection: upgrade\r\nupgrade: lines"))
        while line := await reader.readline():
            writer.write(token.encode() + b" " + line)
            await writer.drain()
        return False


def head_of(token, status, framing):
    return f"HTTP/1.1 {status}\r\nx-token: {token}\r\n{framing}\r\n\r\n".encode()


def plain(token, body, status="200 OK"):
    return head_of(token, status, f"content-type: application/json\r\ncontent-length: {len(body)}") + body


async def read_body(reader, headers):
    if "chunked" in headers.get("transfer-encoding", ""):
        parts = []
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        return b"".join(parts)
    return await reader.readexactly(int(headers.get("content-length", 0)))


def reset(writer):
    """Ends a connection with a reset."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
