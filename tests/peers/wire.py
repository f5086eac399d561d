"""HTTP/1.1 as bytes: what was generated is exactly what is sent, and what comes back is read by a strict reader.

No client library stands between: a library would refuse, reorder or repair just what is to be shown. For requests
that are valid; invalid ones are the Rust tests' matter.
"""

import selectors
import socket
import time
from dataclasses import dataclass

PATIENCE = 20
NO_BODY = {204, 304}


class Incomplete(Exception):
    """The connection ended, or went quiet, before the answer was whole."""


class Malformed(Exception):
    """What came is no HTTP/1 answer."""


@dataclass
class Response:
    """One final answer, as it lay on the wire."""

    status: int
    reason: bytes
    headers: list
    body: bytes
    trailers: list
    closes: bool

    def all(self, name):
        """Every value of one header."""
        return [value for known, value in self.headers if known == name]


class Reader:
    """Takes answers off a growing buffer; each method leaves it untouched and gives None while more is needed."""

    def __init__(self):
        self.buffer = b""

    def take(self, method, ended):
        """The next final answer to a request of this method; 1xx before it are dropped."""
        while True:
            head_end = self.buffer.find(b"\r\n\r\n")
            if head_end < 0:
                return None
            status, reason, version, headers = parse_head(self.buffer[:head_end])
            if 100 <= status < 200 and status != 101:
                self.buffer = self.buffer[head_end + 4 :]
                continue
            return self.message(method, (status, reason, version, headers), head_end + 4, ended)

    def message(self, method, head, start, ended):
        status, reason, version, headers = head
        closes = wants_close(version, headers)
        found = body_of(method, status, headers, self.buffer, start, ended)
        if found is None:
            return None
        body, trailers, end, until_close = found
        self.buffer = self.buffer[end:]
        return Response(status, reason, headers, body, trailers, closes or until_close)


def parse_head(head):
    first, *lines = head.split(b"\r\n")
    parts = first.split(b" ", 2)
    if len(parts) < 2 or parts[0] not in (b"HTTP/1.1", b"HTTP/1.0") or not (parts[1].isdigit() and len(parts[1]) == 3):
        raise Malformed(f"status line {first[:60]!r}")
    return int(parts[1]), b"".join(parts[2:]), parts[0], [parse_line(line) for line in lines]


def parse_line(line):
    name, colon, value = line.partition(b":")
    if not colon or not name or name != name.strip():
        raise Malformed(f"header line {line[:60]!r}")
    return name.lower(), value.strip(b" \t")


def wants_close(version, headers):
    words = [word.strip().lower() for name, value in headers if name == b"connection" for word in value.split(b",")]
    return b"close" in words or (version == b"HTTP/1.0" and b"keep-alive" not in words)


def body_of(method, status, headers, buffer, start, ended):
    """Body, trailers, where the message ends, whether only the end of the connection ends it; None: more to come."""
    if method == "HEAD" or status in NO_BODY or status == 101:
        return b"", [], start, status == 101
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if codings:
        if codings != [b"chunked"]:
            raise Malformed(f"transfer-encoding {codings}")
        return chunks_of(buffer, start)
    lengths = {value for name, value in headers if name == b"content-length"}
    if len(lengths) > 1:
        raise Malformed(f"content-length {lengths}")
    if lengths:
        end = start + int(lengths.pop())
        return (buffer[start:end], [], end, False) if len(buffer) >= end else None
    return (buffer[start:], [], len(buffer), True) if ended else None


def chunks_of(buffer, at):
    parts = []
    while True:
        line_end = buffer.find(b"\r\n", at)
        if line_end < 0:
            return None
        size = int(buffer[at:line_end].split(b";")[0], 16)
        at = line_end + 2
        if size == 0:
            return trailers_of(buffer, at, b"".join(parts))
        if len(buffer) < at + size + 2:
            return None
        if buffer[at + size : at + size + 2] != b"\r\n":
            raise Malformed("a chunk is longer than it says")
        parts.append(buffer[at : at + size])
        at += size + 2


def trailers_of(buffer, at, body):
    if buffer[at : at + 2] == b"\r\n":
        return body, [], at + 2, False
    end = buffer.find(b"\r\n\r\n", at)
    if end < 0:
        return None
    return body, [parse_line(line) for line in buffer[at:end].split(b"\r\n")], end + 4, False


def converse(address, methods, writes, wait_for_each=False):
    """Sends the writes over one connection while reading; gives the answers to requests of these methods.

    Ends with fewer answers than methods when one says that the connection closes. ``wait_for_each`` holds the writes
    of a request back until the one before is answered; ``writes`` has a list for each request.

    Raises ``Incomplete`` when the connection ends, or nothing comes for long, without such an answer.
    """
    answers, reader = [], Reader()
    with socket.create_connection(address, timeout=PATIENCE) as connection, selectors.DefaultSelector() as selector:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        pending = [bytes(part) for part in (writes[0] if wait_for_each else sum(writes, []))]
        selector.register(connection, selectors.EVENT_READ)
        while True:
            selector.modify(connection, selectors.EVENT_READ | (selectors.EVENT_WRITE if pending else 0))
            ready = selector.select(PATIENCE)
            if not ready:
                raise Incomplete(f"nothing came for {PATIENCE} s after {len(answers)} of {len(methods)} answers")
            ended = not receive(connection, reader) if ready[0][1] & selectors.EVENT_READ else False
            while len(answers) < len(methods):
                answer = reader.take(methods[len(answers)], ended)
                if answer is None:
                    break
                answers.append(answer)
                if answer.closes:
                    return answers
                if wait_for_each and len(answers) < len(methods):
                    pending += writes[len(answers)]
            if len(answers) == len(methods):
                return answers
            if ended:
                raise Incomplete(f"closed after {len(answers)} of {len(methods)} answers, {reader.buffer[:80]!r}")
            if pending and ready[0][1] & selectors.EVENT_WRITE:
                send(connection, pending)


def receive(connection, reader):
    """Whether the peer is still there."""
    try:
        got = connection.recv(1 << 18)
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    reader.buffer += got
    return bool(got)


def send(connection, pending):
    """Writes one part, or the piece of it that fits; a peer that reads no more is noticed on reading."""
    try:
        sent = connection.send(pending[0])
    except BlockingIOError:
        return
    except ConnectionError:
        pending.clear()
        return
    if sent < len(pending[0]):
        pending[0] = pending[0][sent:]
    else:
        pending.pop(0)


def address_of(url):
    """Host and port of ``http://HOST:PORT``."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    return host, int(port)


def wait_until(holds, what, patience=PATIENCE):
    """Returns what ``holds`` gives once that is true; asks again and again."""
    deadline = time.monotonic() + patience
    while True:
        held = holds()
        if held:
            return held
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        time.sleep(0.02)
