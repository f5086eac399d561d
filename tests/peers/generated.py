"""Random requests that are valid, drawn from a seed, and the way to make one that fails smaller.

What contract and README document as different behind gloss is not drawn: CONNECT, raw ``<>"`` and bytes over 0x7f in
targets, names that only one of two hops may see.
"""

import random
from dataclasses import dataclass, field, replace

METHODS = (
    ["GET"] * 8 + ["POST"] * 6 + "PUT PATCH DELETE OPTIONS PROPFIND HEAD TRACE M-SEARCH get x!#$%&'*+-.^_`|~9".split()
)
STATUS = "/api/v1/workflows/claude-code/run/{}/status"
UNRESERVED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
IN_SEGMENT = UNRESERVED + "!$&'()*+,;=:@"
IN_QUERY = IN_SEGMENT + "/?[]{}|\\^"
TOKEN = UNRESERVED.replace(".", "") + "!#$%&'*+^|"
VALUE = bytes(range(0x21, 0x7F))
OBS_TEXT = VALUE + bytes(range(0x80, 0x100))
LENGTHS = [0, 1, 2, 15, 200, 1023, 4096, 8191, 20_000, 65_536, 70_001]
NAMED = [
    ("x-api-key", b"peer-key"),
    ("Accept", b"*/*"),
    ("accept-encoding", b"gzip, br;q=0.5, *;q=0"),
    ("Cookie", b'a=1; b="x, y"'),
    ("Content-Type", b'application/json; charset="utf-8"'),
    ("If-None-Match", b'"v1"'),
    ("Range", b"bytes=0-5"),
    ("Origin", b"http://page.example"),
    ("X-Forwarded-For", b"10.0.0.1, 10.0.0.2"),
    ("Authorization", b"Basic YTpi"),
    ("Cache-Control", b"no-cache"),
    ("Referer", b"http://a/?b=c#d"),
    ("User-Agent", b"\t odd/1.0 (x; y)  "),
    ("Expect", b"100-continue"),
    ("TE", b"trailers"),
    ("Content-Language", b"de, en"),
]


@dataclass
class Wanted:
    """One request, taken apart so that parts can be left out."""

    method: str
    target: str
    headers: list = field(default_factory=list)
    version: str = "HTTP/1.1"
    close: bool = False
    framing: str = "none"  # none, length, chunked
    body: bytes = b""
    chunks: list = field(default_factory=list)  # sizes; the last chunk takes what is left
    extension: bytes = b""
    trailers: list = field(default_factory=list)

    def encoded(self):
        """The bytes of it."""
        lines = [f"{self.method} {self.target} {self.version}".encode()]
        lines += [name.encode() + b":" + value for name, value in self.headers]
        lines += [b"Connection: close"] if self.close else []
        lines += {"none": [], "length": [b"Content-Length: %d" % len(self.body)]}.get(
            self.framing, [b"Transfer-Encoding: chunked"]
        )
        return b"\r\n".join(lines) + b"\r\n\r\n" + (self.chunked() if self.framing == "chunked" else self.body)

    def chunked(self):
        parts, at = [], 0
        for size in [*self.chunks, len(self.body)]:
            piece = self.body[at : at + size]
            if piece:
                parts.append(b"%x%s\r\n%s\r\n" % (len(piece), self.extension, piece))
                at += len(piece)
        trailers = b"".join(b"%s: %s\r\n" % (name.encode(), value) for name, value in self.trailers)
        return b"".join(parts) + b"0\r\n" + trailers + b"\r\n"


@dataclass
class Talk:
    """Requests over one connection, all at once or each after the answer before it, in pieces of these sizes."""

    requests: list
    pipelined: bool = False
    pieces: list = field(default_factory=list)

    def methods(self):
        return [wanted.method for wanted in self.requests]

    def writes(self):
        """For each request the writes that it is sent in."""
        return [cut(wanted.encoded(), self.pieces) for wanted in self.requests]


def cut(data, sizes):
    parts, at = [], 0
    for size in sizes:
        if at + size >= len(data):
            break
        parts.append(data[at : at + size])
        at += size
    return [*parts, data[at:]]


class Generator:
    """Draws talks; the same seed draws the same ones."""

    def __init__(self, seed, run_ids, for_httptools=False):
        """httptools takes trailers for headers and refuses methods that are not in its list, out of turn."""
        self.random = random.Random(seed)
        self.run_ids = run_ids
        self.trailers = [0] if for_httptools else [0, 0, 0, 1, 3]
        self.methods = [method for method in METHODS if method.isupper()] if for_httptools else METHODS

    def talk(self):
        draw = self.random
        requests = [self.wanted() for _ in range(draw.choice([1, 1, 2, 3, 6]))]
        # Whoever announces the end of the connection can ask nothing more on it.
        requests[-1] = self.last(requests[-1])
        pieces = [draw.choice([1, 2, 7, 100, 1400]) for _ in range(draw.choice([0, 0, 0, 3, 12]))]
        return Talk(requests, draw.random() < 0.4, pieces)

    def last(self, wanted):
        kind = self.random.random()
        if kind < 0.15:
            return replace(wanted, close=True)
        if kind < 0.3 and wanted.framing != "chunked":
            return replace(wanted, version="HTTP/1.0", headers=[pair for pair in wanted.headers if pair[0] != "Expect"])
        return wanted

    def wanted(self):
        draw = self.random
        method = draw.choice(self.methods)
        wanted = Wanted(method, self.target(), self.headers())
        if method in ("GET", "HEAD", "TRACE") and draw.random() < 0.9:
            return wanted
        wanted.framing = draw.choice(["none", "length", "length", "chunked", "chunked"])
        if wanted.framing == "none":
            return wanted
        wanted.body = draw.randbytes(draw.choice(LENGTHS))
        if wanted.framing == "chunked":
            wanted.chunks = [draw.choice([1, 3, 16, 255, 4096, 30_000]) for _ in range(draw.choice([0, 1, 4, 20]))]
            wanted.extension = draw.choice([b"", b"", b";a", b";a=b", b';name="v, x"'])
            wanted.trailers = [(self.name(), self.value()) for _ in range(draw.choice(self.trailers))]
        return wanted

    def target(self):
        draw = self.random
        fixed = [
            "/health",
            "/plain/cached",
            "/plain/gzip",
            "/plain/cookies",
            "/plain/download/2",
            "/openapi.json",
            "//",
            "/",
        ]
        fixed += [f"/plain/status/{draw.choice([200, 201, 204, 304, 400, 404, 418, 500, 503, 599])}"]
        fixed += [f"/plain/redirect/{draw.choice([301, 302, 303, 307, 308])}"]
        fixed += [STATUS.format(draw.choice([*self.run_ids, "run_nobody", "..%2f..%2fetc", "%00", "a;b"]))] * 4
        path = draw.choice(fixed) if draw.random() < 0.4 else "/plain/echo/" + self.path()
        return path + ("?" + self.text(IN_QUERY, 60) if draw.random() < 0.4 else "")

    def path(self):
        return "/".join(self.text(IN_SEGMENT, 12) for _ in range(self.random.choice([0, 1, 2, 5])))

    def text(self, alphabet, longest):
        """Characters and escapes; an escape may stand for anything but a line feed, which is no part of any route."""
        draw = self.random
        length = draw.choice([0, 1, 5, longest])
        return "".join(
            f"%{draw.choice([0, 1, 0x20, 0x25, 0x2F, 0x3F, 0x7F, 0xC3, 0xFF]):02{draw.choice('xX')}}"
            if draw.random() < 0.08
            else draw.choice(alphabet)
            for _ in range(length)
        )

    def headers(self):
        draw = self.random
        host = ("Host", draw.choice([b" a", b" api.example:8881", b"127.0.0.1", b" [::1]:80", b"\tx-y.example "]))
        drawn = [(name, b" " + value) for name, value in draw.sample(NAMED, draw.choice([0, 1, 3, 6]))]
        if draw.random() < 0.7:
            drawn = [pair for pair in drawn if pair[0] != "Expect"]
        drawn += [(self.name(), self.value()) for _ in range(draw.choice([0, 0, 1, 3, 40]))]
        repeatable = [name for name, _ in drawn if name.lower() not in SINGLE]
        drawn += [
            (self.cased(draw.choice(repeatable)), self.value()) for _ in range(draw.choice([0, 0, 2])) if repeatable
        ]
        draw.shuffle(drawn)
        drawn.insert(draw.randrange(len(drawn) + 1), host)
        return drawn

    def name(self):
        draw = self.random
        return "x-" + "".join(draw.choice(TOKEN) for _ in range(draw.choice([1, 4, 12, 60])))

    def cased(self, name):
        return self.random.choice([name.upper(), name.lower(), name.title()])

    def value(self):
        draw = self.random
        alphabet = draw.choice([VALUE, VALUE, OBS_TEXT])
        text = bytes(draw.choice(alphabet) for _ in range(draw.choice([0, 1, 8, 30, 300])))
        if len(text) == 300 and draw.random() < 0.2:
            text *= 20
        middle = len(text) // 2
        return (
            draw.choice([b"", b" ", b"\t ", b"  "])
            + text[:middle]
            + b" " * (middle > 2)
            + text[middle:]
            + draw.choice([b"", b" "])
        )


# Repeating these changes what a request means, or makes it invalid.
SINGLE = {"expect", "te", "authorization", "content-type", "range", "if-none-match", "x-api-key", "origin"}


def smaller(talk):
    """Talks with one thing less than this one, the greatest cuts first."""
    for at in range(len(talk.requests)):
        if len(talk.requests) > 1:
            yield replace(talk, requests=talk.requests[:at] + talk.requests[at + 1 :])
    if talk.pipelined:
        yield replace(talk, pipelined=False)
    if talk.pieces:
        yield replace(talk, pieces=[])
    for at, wanted in enumerate(talk.requests):
        for less in smaller_request(wanted):
            yield replace(talk, requests=talk.requests[:at] + [less] + talk.requests[at + 1 :])


def smaller_request(wanted):
    host = [pair for pair in wanted.headers if pair[0] == "Host"]
    others = [pair for pair in wanted.headers if pair[0] != "Host"]
    half = len(others) // 2
    if half:
        yield replace(wanted, headers=host + others[:half])
        yield replace(wanted, headers=host + others[half:])
    for at in range(len(others)):
        yield replace(wanted, headers=host + others[:at] + others[at + 1 :])
    for at, (name, value) in enumerate(others):
        if len(value) > 8:
            yield replace(wanted, headers=host + others[:at] + [(name, value[: len(value) // 2])] + others[at + 1 :])
    for change in (
        {"framing": "none", "body": b"", "trailers": []},
        {"body": wanted.body[: len(wanted.body) // 2]},
        {"trailers": []},
        {"extension": b""},
        {"chunks": []},
        {"close": False},
        {"version": "HTTP/1.1"},
        {"target": wanted.target.split("?")[0]},
        {"target": wanted.target[: max(1, len(wanted.target) - 4)]},
        {"method": "POST" if wanted.framing != "none" else "GET"},
    ):
        less = replace(wanted, **change)
        if less != wanted:
            yield less


def minimal(talk, fails, tries=400):
    """A talk that fails, too, and of which nothing more can be left out (or nothing was found within the tries)."""
    while tries > 0:
        for less in smaller(talk):
            tries -= 1
            if tries <= 0:
                return talk
            if fails(less):
                talk = less
                break
        else:
            return talk
    return talk
