"""Storages for run logs: an S3 server that others wrote, nginx over a folder, and a proxy that spoils what they say."""

import os
import socket
from collections import Counter
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from processes import HERE, Child
from programs import answers_on, free_port
from wire import wait_until

KEYS = {"AWS_ACCESS_KEY_ID": "peer-key-id", "AWS_SECRET_ACCESS_KEY": "peer-secret"}
BUCKET = "run-logs"


@contextmanager
def s3(**variables):
    """moto's S3 server with one bucket; gives its URL."""
    command = HERE.parent / ".venv" / "bin" / "moto_server"
    if not command.exists():
        pytest.skip("moto_server is not installed")
    port = free_port()
    with Child("moto", [command, "-H", "127.0.0.1", "-p", port], env={**os.environ, **variables}) as child:
        wait_until(lambda: answers_on(port) or child.process.poll() is not None, "moto listens")
        assert child.process.poll() is None, child.stderr()
        url = f"http://127.0.0.1:{port}"
        bucket(url).create()
        yield url


def bucket(url):
    """The bucket of a server, by Amazon's own client."""
    session = boto3.Session(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1")
    return session.resource("s3", endpoint_url=url, config=Config(proxies={})).Bucket(BUCKET)


class Spoiled:
    """A proxy in front of a storage: counts requests, and fails in the way it was told last."""

    def __init__(self, target):
        self.target = urlsplit(target).netloc
        self.fault, self.times, self.seen, self.freed = None, 0, [], Event()
        spoiled = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                spoiled.pass_on(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def fail(self, fault, times=1_000_000):
        """From now on, or for so many requests: ``slow``, ``throttled``, ``truncated``, ``broken``."""
        self.fault, self.times = fault, times
        self.freed.clear()

    def heal(self):
        """No more faults; whoever waits gets his answer."""
        self.fault = None
        self.freed.set()

    def counts(self):
        """How many requests ended in which status, since this was asked last."""
        seen, self.seen = self.seen, []
        return Counter(status for _, status, _ in seen), sum(length for _, _, length in seen)

    def pass_on(self, handler):
        fault = self.fault if self.times > 0 else None
        self.times -= fault is not None
        if fault == "throttled":
            body = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
            return self.answer(handler, 503, {"content-type": "application/xml"}, body)
        if fault == "broken":
            self.seen.append((handler.path, 0, 0))
            return handler.connection.shutdown(socket.SHUT_RDWR)
        if fault == "slow":
            self.freed.wait(60)
        upstream = HTTPConnection(self.target)
        upstream.request("GET", handler.path, headers=dict(handler.headers))
        answer = upstream.getresponse()
        body, headers = answer.read(), dict(answer.getheaders())
        upstream.close()
        self.answer(handler, answer.status, headers, body, cut=fault == "truncated")

    def answer(self, handler, status, headers, body, cut=False):
        self.seen.append((handler.path, status, len(body)))
        handler.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                handler.send_header(name, value)
        if status != 304:
            handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        if cut:
            handler.wfile.write(body[: len(body) // 2])
            handler.wfile.flush()
            handler.close_connection = True
            return
        handler.wfile.write(body)

    def __enter__(self):
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.heal()
        self.server.shutdown()


def folder_for_nginx(folder):
    """Directives by which nginx serves a folder, whoever its workers run as."""
    for place in (Path(folder), *list(Path(folder).parents)[:2]):
        place.chmod(0o755)
    return f"location /logs/ {{ alias {folder}/; default_type application/json; }}"
