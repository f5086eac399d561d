"""The clients that people put in front of an API: each takes a request and gives the answer as it came.

Bodies are given undecoded (a compressed one stays compressed), redirects are not followed, and of the headers every
single line is kept.
"""

import asyncio
import base64
import json
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import aiohttp
import httpx
import requests
import yarl

HERE = Path(__file__).resolve().parent
PATIENCE = 20

# How the tests call httpx: nothing from the environment, and no certificates to load where none are needed.
PLAIN = {"timeout": PATIENCE, "trust_env": False, "verify": False}

# What a proxy may and must change: these describe one connection, not the answer. `date` only tells the second.
OF_THE_CONNECTION = set("date connection keep-alive proxy-connection te trailer transfer-encoding upgrade".split())


@dataclass
class Answer:
    """Status, header lines in the order in which they came (names in lower case), body."""

    status: int
    headers: list
    body: bytes

    def __post_init__(self):
        self.headers = [(name.lower(), value) for name, value in self.headers]

    def all(self, name):
        """Every value of one header."""
        return [value for known, value in self.headers if known == name]

    def one(self, name):
        """The value of a header that must be there once."""
        values = self.all(name)
        assert len(values) == 1, f"{name}: {values}"
        return values[0]

    def header_set(self, without=()):
        """Name to values, for what does not belong to the connection."""
        names = {name for name, _ in self.headers} - OF_THE_CONNECTION - set(without)
        return {name: self.all(name) for name in names}

    def json(self):
        return json.loads(self.body)


def curl(method, url, headers=(), body=None, *flags):
    """curl; further flags (an HTTP version, say) may follow."""
    with tempfile.TemporaryDirectory() as folder:
        head, content = Path(folder) / "head", Path(folder) / "body"
        command = ["curl", "-sS", "--globoff", "--path-as-is", "--max-time", str(PATIENCE), "--noproxy", "*"]
        command += ["-D", head, "-o", content, *flags]
        command += ["--head"] if method == "HEAD" else ["-X", method]
        for name, value in headers:
            command += ["-H", f"{name}: {value}"]
        if body is not None:
            command += ["--data-binary", "@-"]
        done = subprocess.run([*command, url], input=body, capture_output=True, timeout=PATIENCE + 5)
        assert done.returncode == 0, f"curl said {done.returncode}: {done.stderr.decode()}"
        last = head.read_bytes().decode("latin-1").rstrip("\r\n").split("\r\n\r\n")[-1].split("\r\n")
        got = content.read_bytes() if method != "HEAD" and content.exists() else b""
    pairs = [tuple(part.strip() for part in line.split(":", 1)) for line in last[1:]]
    return Answer(int(last[0].split()[1]), pairs, got)


def httpx_client(method, url, headers=(), body=None):
    """Python's httpx."""
    with httpx.Client(**PLAIN) as client:
        with client.stream(method, url, headers=list(headers), content=body) as answer:
            content = b"".join(answer.iter_raw())
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw]
        return Answer(answer.status_code, pairs, content)


def requests_client(method, url, headers=(), body=None):
    """Python's requests."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(
            method, url, headers=dict(headers), data=body, stream=True, allow_redirects=False, timeout=PATIENCE
        )
        content = b"".join(answer.raw.stream(65536, decode_content=False))
        return Answer(answer.status_code, list(answer.raw.headers.items()), content)


def aiohttp_client(method, url, headers=(), body=None):
    """Python's aiohttp."""

    async def ask():
        limit = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(auto_decompress=False, timeout=limit) as session:
            target = yarl.URL(url, encoded=True)
            asking = session.request(method, target, headers=list(headers), data=body, allow_redirects=False)
            async with asking as answer:
                content = await answer.read()
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.raw_headers]
        return Answer(answer.status, pairs, content)

    return asyncio.run(ask())


def undici(method, url, headers=(), body=None):
    """Node's undici, which is also what its ``fetch`` is made of; one Node process serves all tests."""
    asked = {"method": method, "url": url, "headers": list(headers)}
    asked["body"] = None if body is None else base64.b64encode(body).decode()
    process = fetching_node()
    process.stdin.write(json.dumps(asked) + "\n")
    process.stdin.flush()
    done = json.loads(process.stdout.readline())
    assert "error" not in done, f"undici said {done['error']}"
    return Answer(done["status"], done["headers"], base64.b64decode(done["body"]))


@cache
def fetching_node():
    """The Node process behind ``undici``; it ends when its stdin does, which is when the tests do."""
    command = ["node", HERE / "node" / "fetch.mjs"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def node(script, *arguments):
    """Runs one of the scripts under ``node/`` and reads the JSON it prints."""
    command = ["node", HERE / "node" / script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{script} said {done.returncode}: {done.stderr}"
    return json.loads(done.stdout)


CLIENTS = {
    "curl": curl,
    "httpx": httpx_client,
    "requests": requests_client,
    "aiohttp": aiohttp_client,
    "undici": undici,
}
