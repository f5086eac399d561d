"""Bodies pass as they come. What must come before what is forced with gates: a test that buffers stands still."""

import json
import queue
import threading
from uuid import uuid4

import httpx
import pytest
import requests
from clients import HERE, PATIENCE, PLAIN
from conftest import KEY
from processes import Child
from upstream import recorded_runs
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


@pytest.fixture
def gate(upstream):
    """A gate of this test's own; it is opened at the end, so that nothing waits on."""
    name = uuid4().hex
    yield name
    upstream.open(name)


def test_httpx_gets_the_first_chunk_before_the_second_is_sent(gloss, upstream, gate):
    """The second chunk is only sent once the first was received through gloss."""
    with httpx.stream("GET", f"{gloss.url}/plain/gated/{gate}", **PLAIN) as answer:
        chunks = answer.iter_raw()
        assert next(chunks) == b"first"
        upstream.open(gate)
        assert b"".join(chunks) == b"second"


def test_requests_gets_the_first_chunk_before_the_second_is_sent(gloss, upstream, gate):
    """The same with requests."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{gloss.url}/plain/gated/{gate}", stream=True, timeout=PATIENCE)
        chunks = answer.iter_content(None)
        assert next(chunks) == b"first"
        upstream.open(gate)
        assert b"".join(chunks) == b"second"


def test_undici_gets_the_first_chunk_before_the_second_is_sent(gloss, upstream, gate):
    """The same with undici."""
    with Child("node", ["node", HERE / "node" / "chunks.mjs", f"{gloss.url}/plain/gated/{gate}"]) as node:
        assert json.loads(node.wait_for("(.*)")) == "first"
        upstream.open(gate)
        assert json.loads(node.wait_for("(.*)")) == "second"
        assert json.loads(node.wait_for("(.*)")) is None


def test_curl_gets_the_first_event_before_the_second_is_sent(gloss, upstream, gate):
    """Server-sent events as ``curl -N`` shows them, line by line."""
    command = ["curl", "-sSN", "--noproxy", "*", "--max-time", str(PATIENCE), f"{gloss.url}/plain/events/{gate}"]
    with Child("curl", command) as curl:
        assert curl.wait_for("data: (.*)") == "one"
        upstream.open(gate)
        assert curl.wait_for("data: (.*)") == "two"
        assert curl.wait_for("^: (.*)") == "end"


def test_server_sent_events_arrive_one_by_one(gloss, upstream, gate):
    """The first event is whole at the client while the second does not exist yet; type and headers are kept."""
    with httpx.stream("GET", f"{gloss.url}/plain/events/{gate}", **PLAIN) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        lines = answer.iter_lines()
        assert [next(lines) for _ in range(4)] == ["id: 1", "event: step", "data: one", ""]
        upstream.open(gate)
        assert list(lines) == ["id: 2", "event: step", "data: two", "", ": end", ""]


def test_an_upload_arrives_while_it_is_still_being_sent(gloss, upstream):
    """The second part is only sent once the upstream has told that the first is there."""
    name = uuid4().hex

    def parts():
        yield b"a" * 1000
        arrived = httpx.get(f"{upstream.url}/plain/arrived/{name}/1000", **PLAIN)
        assert arrived.json() == {"arrived": 1000}
        yield b"b" * 500

    sent = httpx.post(f"{gloss.url}/plain/upload/{name}", content=parts(), **PLAIN)
    assert sent.json()["length"] == 1500


def test_slow_answers_do_not_hold_up_a_poll(gloss, upstream, gate):
    """Twenty requests wait for the upstream; a poll is answered meanwhile, and then they are too."""
    answers = queue.Queue()

    def wait():
        answers.put(httpx.get(f"{gloss.url}/plain/slow/{gate}", **PLAIN).status_code)

    waiting = [threading.Thread(target=wait, daemon=True) for _ in range(20)]
    for thread in waiting:
        thread.start()
    httpx.get(f"{upstream.url}/plain/arrived/{gate}/20", **PLAIN).raise_for_status()
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    poll = httpx.get(gloss.url + path + "?enhanced=1", headers=dict([KEY]), **PLAIN)
    assert poll.headers["gloss-variant"] == "enhanced"
    upstream.open(gate)
    assert [answers.get(timeout=PATIENCE) for _ in waiting] == [200] * 20


def test_a_client_that_leaves_does_not_disturb_the_next(gloss, upstream, gate):
    """A stream is dropped in its middle; gloss goes on to serve."""
    with httpx.stream("GET", f"{gloss.url}/plain/gated/{gate}", **PLAIN) as answer:
        assert next(answer.iter_raw()) == b"first"
    assert httpx.get(gloss.url + "/health", **PLAIN).json() == {"status": "healthy"}


def test_a_websocket_is_tunnelled(gloss):
    """Text, bytes, a large frame, the sub-protocol, and the upstream's own closing code."""
    address = gloss.url.replace("http", "ws", 1) + "/plain/socket"
    with connect(address, subprotocols=["echo"], open_timeout=PATIENCE, close_timeout=PATIENCE, proxy=None) as socket:
        assert socket.subprotocol == "echo"
        for message in ("héllo", b"\x00\xff", "", "x" * 500_000, bytes(500_000)):
            socket.send(message)
            assert socket.recv(timeout=PATIENCE) == message
        socket.send("bye")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=PATIENCE)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4321, "as you wish")
