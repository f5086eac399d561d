"""Thousands of random valid requests get the same answers from gloss as from the upstream, and arrive there the same.

``PEERS_SEED`` draws other ones; the seed stands in the message of a failure.
"""

import os

import pytest
from conftest import KEY
from differential import Differential, difference
from generated import Generator, Talk, Wanted, minimal
from processes import start_gloss
from upstream import recorded_runs
from wire import Reader, address_of, converse

SEED = int(os.environ.get("PEERS_SEED", "4"))
HOST = ("Host", b" a")

# How many talks, by what reads HTTP in the upstream.
UPSTREAMS = {"h11": 1000, "httptools": 400}


@pytest.mark.parametrize("http", UPSTREAMS)
def test_random_valid_requests_get_the_upstreams_very_answers(start_upstream, logs, http):
    """Same status, same headers, same bytes, and the upstream saw the same request."""
    talks = UPSTREAMS[http]
    upstream = start_upstream("--http", http)
    paths = [upstream.run(recorded_runs.todo_run(), status="completed"), upstream.run(status="running")]
    child, url = start_gloss(upstream.url, logs)
    with child:
        differential = Differential(upstream.url, url)
        generator = Generator(SEED, [path.split("/")[-2] for path in paths], for_httptools=http == "httptools")
        found = differential.run(generator, talks)
    print(f"seed {SEED}: {differential.requests} requests, by status {sorted(differential.statuses.items())}")
    assert found is None, f"PEERS_SEED={SEED}\n{found}"
    assert differential.requests >= 2 * talks and differential.unanswered <= talks / 50
    assert {200, 401, 404, 405} <= differential.statuses.keys()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "get"])
def test_a_body_in_chunks_arrives_whatever_the_method(upstream, gloss, method):
    """Chunks are a body, also where one is unusual."""
    talk = Talk([Wanted(method, "/plain/echo/", [HOST], framing="chunked", body=b"what was sent")])
    assert Differential(upstream.url, gloss.url).compare(talk) == ""


SPOILED = {
    "status": (b"200 OK", b"201 OK"),
    "reason": (b"200 OK", b"200 Fine"),
    "header dropped": (b"X-One: 1\r\n", b""),
    "header added": (b"X-One: 1\r\n", b"X-One: 1\r\nvia: 1.1 p\r\n"),
    "values joined": (b"X-Two: a\r\nX-Two: b\r\n", b"X-Two: a, b\r\n"),
    "values swapped": (b"X-Two: a\r\nX-Two: b\r\n", b"X-Two: b\r\nX-Two: a\r\n"),
    "body": (b"hello", b"hallo"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_difference_between_two_answers_is_seen(how):
    """Case of names, order of names and hop-by-hop headers do not count, all else does."""
    good = b"HTTP/1.1 200 OK\r\nX-One: 1\r\nX-Two: a\r\nX-Two: b\r\nContent-Length: 5\r\n\r\nhello"
    same = b"HTTP/1.1 200 OK\r\nx-two: a\r\nconnection: close\r\nx-two: b\r\nx-one: 1\r\ncontent-length: 5\r\n\r\nhello"
    assert difference(answer(good), answer(same)) == ""
    assert difference(answer(good), answer(good.replace(*SPOILED[how]))) != ""


def test_a_request_that_arrives_otherwise_is_seen():
    """The echo tells what arrived; its port is the connection's."""
    echo = b'{"method":"GET","target":"/a","headers":[["x-a","1"],["x-b","2"]],"length":0,"sha256":"","port":1}'
    body = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s"
    said = [
        echo,
        echo.replace(b'["x-a","1"],["x-b","2"]', b'["x-b","2"],["x-a","1"]').replace(b'"port":1', b'"port":23'),
    ]
    assert difference(*(answer(body % (len(one), one)) for one in said)) == ""
    said[1] = said[1].replace(b'"2"', b'"3"')
    assert "headers" in difference(*(answer(body % (len(one), one)) for one in said))


def answer(wire):
    reader = Reader()
    reader.buffer = wire
    taken = reader.take("GET", True)
    assert taken is not None and reader.buffer == b""
    return taken


def test_what_fails_is_made_small():
    """Of a talk that fails for one header of one request, nothing else is left."""

    def fails(talk):
        return any(name == "x-culprit" for wanted in talk.requests for name, _ in wanted.headers)

    generator = Generator(SEED, ["run_x"])
    talk = next(talk for talk in iter(generator.talk, None) if len(talk.requests) == 6)
    talk.requests[3].headers.append(("x-culprit", b"1"))
    small = minimal(talk, fails)
    assert [wanted.headers for wanted in small.requests] == [[host_of(small), ("x-culprit", b"1")]]
    assert small.requests[0].framing == "none" and not small.pieces


def host_of(talk):
    return next(pair for pair in talk.requests[0].headers if pair[0] == "Host")


def test_the_same_seed_draws_the_same_requests():
    """A failure can be had again."""
    first, second = ([Generator(7, ["run_x"]).talk() for _ in range(1)] for _ in range(2))
    assert first == second and Generator(8, ["run_x"]).talk() != first[0]


def test_requests_in_one_write_are_answered_in_their_order(upstream, gloss):
    """Twenty at once over one connection: twenty echoes, each of its own request."""
    wanted = [Wanted("POST", f"/plain/echo/{n}", [HOST, KEY_LINE], framing="length", body=b"x" * n) for n in range(20)]
    talk = Talk(wanted, pipelined=True)
    got = converse(address_of(gloss.url), talk.methods(), [[b"".join(sum(talk.writes(), []))]])
    assert [b'"target":"/plain/echo/%d?"' % n in answer.body for n, answer in enumerate(got)] == [True] * 20


KEY_LINE = (KEY[0], KEY[1].encode())
