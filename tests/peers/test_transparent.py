"""Routes that are none of gloss's business pass as they are, both ways, with every client."""

import hashlib

import pytest
from clients import curl
from test_untouched import assert_same
from upstream.plain import BLOCK, METHODS

OWN_TO_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "te", "host"}


@pytest.mark.parametrize("method", METHODS)
def test_the_request_arrives_as_it_was_sent(both, method):
    """Method, target with its odd escapes, every header and the body reach the upstream unchanged."""
    path = "/plain/echo/a%2Fb/%C3%A9/..%2f/x;y=1?q=%20&&q=+&empty=&=&a[]=1"
    headers = [("x-odd", 'a, b;c="d"'), ("cookie", "a=1; b=2"), ("content-type", "text/x-odd"), ("gloss-not", "ours")]
    direct, through = both(method, path, headers, None if method == "GET" else b"\x00\xff body \r\n\r\n")
    assert direct.status == through.status == 200
    assert seen(through) == seen(direct)


def seen(answer):
    """What the upstream saw, without what belongs to one connection."""
    echo = answer.json()
    del echo["port"]
    echo["headers"] = sorted(pair for pair in echo["headers"] if pair[0] not in OWN_TO_THE_CONNECTION)
    return echo


def test_a_header_may_be_repeated(upstream, gloss):
    """Two lines of one name arrive as two lines, in their order."""
    repeated = [("x-twice", "one"), ("x-other", "between"), ("x-twice", "two")]
    answer = curl("GET", gloss.url + "/plain/echo/", repeated)
    assert [value for name, value in answer.json()["headers"] if name == "x-twice"] == ["one", "two"]


def test_the_host_is_kept(upstream, gloss, client):
    """The upstream sees the name by which the client called it."""
    answer = client("GET", gloss.url + "/plain/echo/", [("host", "api.example:8881")])
    assert dict(answer.json()["headers"])["host"] == "api.example:8881"


@pytest.mark.parametrize(
    "code", [200, 201, 202, 203, 204, 206, 207, 400, 403, 404, 409, 418, 429, 451, 500, 502, 503, 504, 511, 599]
)
def test_every_status_passes_with_its_headers(both, code):
    """Errors of the upstream are the upstream's: nothing of them is replaced, nothing is added."""
    assert_same(*both("GET", f"/plain/status/{code}"))


@pytest.mark.parametrize("code", [200, 204, 404])
def test_head_has_the_headers_and_no_body(both, code):
    """The length that HEAD tells is that of the body that GET would have."""
    direct, through = both("HEAD", f"/plain/status/{code}")
    assert through.body == b""
    assert_same(direct, through)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed_nor_rewritten(both, code):
    """A redirect is the client's to follow."""
    direct, through = both("GET", f"/plain/redirect/{code}")
    assert direct.status == code
    assert_same(direct, through)


def test_two_cookies_stay_two(both):
    """``Set-Cookie`` is never joined."""
    direct, through = both("GET", "/plain/cookies")
    assert len(direct.all("set-cookie")) == 2
    assert_same(direct, through)


def test_a_compressed_body_stays_compressed(both):
    """The bytes of a gzip body and its ``Content-Encoding`` are passed on, not decoded."""
    direct, through = both("GET", "/plain/gzip", [("accept-encoding", "gzip")])
    assert direct.body[:2] == b"\x1f\x8b" and direct.one("content-encoding") == "gzip"
    assert_same(direct, through)


def test_not_modified_has_no_body(both):
    """A conditional request reaches the upstream, and its 304 comes back with the entity tag."""
    direct, through = both("GET", "/plain/cached", [("if-none-match", '"v1"')])
    assert direct.status == 304 and direct.body == b""
    assert_same(direct, through)


def test_a_large_download_is_the_same_to_the_byte(gloss, client):
    """32 MiB without a length."""
    answer = client("GET", gloss.url + "/plain/download/512")
    expected = hashlib.sha256(BLOCK * 512)
    assert len(answer.body) == 512 * len(BLOCK)
    assert hashlib.sha256(answer.body).digest() == expected.digest()


def test_a_large_upload_arrives_whole(gloss, client):
    """16 MiB; curl asks with ``Expect: 100-continue`` first."""
    body = BLOCK * 256
    answer = client(
        "POST", f"{gloss.url}/plain/upload/{client.__name__}", [("content-type", "application/x-odd")], body
    )
    assert answer.json() == {"sha256": hashlib.sha256(body).hexdigest(), "length": len(body)}


@pytest.mark.parametrize("flag", ["--http1.0", "--http1.1", "--http2-prior-knowledge"])
def test_each_version_of_http_gets_the_answer(upstream, gloss, flag):
    """The upstream speaks HTTP/1.1 only; clients may come with others."""
    direct = curl("GET", upstream.url + "/plain/cached")
    through = curl("GET", gloss.url + "/plain/cached", (), None, flag)
    assert through.status == 200 and through.body == direct.body
    assert through.header_set() == direct.header_set()
