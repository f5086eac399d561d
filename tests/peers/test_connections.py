"""Connections on both sides are kept and reused; one that the upstream has closed meanwhile costs nobody an error."""

import json
import socket
from types import SimpleNamespace

import httpx
import pytest
from clients import PATIENCE, PLAIN, node
from conftest import ENHANCED, KEY
from contract import additions, check_additions
from processes import start_gloss
from upstream import recorded_runs


@pytest.fixture
def impatient(start_upstream, logs):
    """gloss in front of an upstream which closes a connection the moment it is idle.

    It stands for the real one's 5 s without waiting for them: whenever gloss comes back to a connection, uvicorn
    has closed it, or is about to.
    """
    upstream = start_upstream("--keep-alive", "0")
    child, url = start_gloss(upstream.url, logs)
    yield SimpleNamespace(url=url, upstream=upstream)
    child.stop()


def test_a_connection_that_the_upstream_closed_is_never_the_clients_problem(impatient):
    """150 polls, one after the other, each over a connection that is gone or going: 150 whole answers."""
    path = impatient.upstream.run(recorded_runs.todo_run(), status="completed")
    with httpx.Client(base_url=impatient.url, headers=dict([KEY]), **PLAIN) as client:
        direct = impatient.upstream.http.get(path, headers=dict([KEY])).content
        for poll in range(150):
            answer = client.get(path, headers=dict([ENHANCED]) if poll % 2 else {})
            assert answer.status_code == 200, f"poll {poll}: {answer.text}"
            if poll % 2:
                check_additions("completed", additions(direct, answer.content))
            else:
                assert answer.content == direct


def test_connections_to_the_upstream_are_reused(gloss):
    """Twenty clients, one after the other, each with a new connection of its own: the upstream sees few."""
    ports = {httpx.get(gloss.url + "/plain/echo/", **PLAIN).json()["port"] for _ in range(20)}
    assert len(ports) <= 3


def test_undici_polls_over_one_connection(gloss, upstream):
    """Basic and enhanced answers alike leave the connection in order for the next request."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    headers = dict([KEY, ENHANCED])
    polled = node("polls.mjs", gloss.url, path, 30, json.dumps(headers))
    assert polled["statuses"] == [200] * 30
    assert polled["connections"] == 1
    direct = upstream.http.get(path, headers=headers).content
    for body in polled["bodies"]:
        check_additions("completed", additions(direct, body.encode()))


def test_pipelined_requests_are_answered_in_their_order(gloss, upstream):
    """Three requests in one write, the second of them enhanced: three answers, in order, on one connection."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    head = "GET {} HTTP/1.1\r\nhost: a\r\nx-api-key: peer-key\r\n{}\r\n"
    wanted = head.format("/health", "") + head.format(path, "gloss: enhanced\r\n")
    wanted += head.format("/plain/cached", "connection: close\r\n")
    address = gloss.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=PATIENCE) as connection:
        connection.sendall(wanted.encode())
        got = b"".join(iter(lambda: connection.recv(65536), b""))
    places = [got.index(sign) for sign in (b'{"status":"healthy"}', b'"enhancement":', b"the entity")]
    assert places == sorted(places)
    assert got.count(b"HTTP/1.1 200") == 3


def test_an_upstream_that_is_gone_is_a_502_in_json(logs, client):
    """Nobody listens there: the client is told so, as JSON and in ``Proxy-Status``, also where it asked for notes."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    child, address = start_gloss(url, logs)
    with child:
        answer = client("GET", address + "/api/v1/workflows/claude-code/run/run_x/status", [KEY, ENHANCED])
    assert answer.status == 502
    assert isinstance(answer.json()["detail"], str)
    assert answer.one("proxy-status").startswith("gloss; error=")
