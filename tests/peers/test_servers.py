"""Other servers behind gloss, one before it, and a socket in the file system instead of a port."""

import gzip
import socket
import threading
from types import SimpleNamespace

import httpx
import pytest
from clients import PATIENCE, PLAIN, curl, httpx_client
from conftest import ENHANCED, KEY
from contract import additions, check_additions
from processes import start_gloss
from programs import nginx
from test_untouched import assert_same
from upstream import recorded_runs
from websockets.sync.client import connect

PAGE = b"<p>" + b"a page that nginx compresses, cuts and remembers </p>" * 400


@pytest.fixture(params=["h11", "httptools"])
def uvicorn(request, start_upstream, logs):
    """uvicorn with each of its readers of HTTP, and gloss before it."""
    upstream = start_upstream("--http", request.param)
    child, url = start_gloss(upstream.url, logs)
    with child:
        yield SimpleNamespace(upstream=upstream, url=url)


def test_uvicorn_with_either_reader_is_passed_and_enhanced(uvicorn):
    """Basic to the byte, enhanced by additions, chunked both ways, and a tunnel."""
    path = uvicorn.upstream.run(recorded_runs.todo_run(), status="completed")
    direct, basic = (
        httpx_client("GET", url + path, [KEY, ("host", "a")]) for url in (uvicorn.upstream.url, uvicorn.url)
    )
    assert_same(direct, basic)
    enhanced = httpx_client("GET", uvicorn.url + path, [KEY, ENHANCED])
    check_additions("completed", additions(direct.body, enhanced.body))
    sent = httpx.post(uvicorn.url + "/plain/echo/", content=iter([b"in ", b"chunks"]), **PLAIN)
    assert sent.json()["length"] == 9
    address = uvicorn.url.replace("http", "ws", 1) + "/plain/socket"
    with connect(address, open_timeout=PATIENCE, proxy=None) as tunnel:
        tunnel.send("through")
        assert tunnel.recv(timeout=PATIENCE) == "through"


@pytest.fixture(scope="module")
def static(logs, tmp_path_factory):
    """nginx with a page, and gloss before it."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "page.html").write_bytes(PAGE)
    for place in (folder, *list(folder.parents)[:2]):
        place.chmod(0o755)
    server = f"""
      location /pages/ {{ alias {folder}/; types {{ text/html html; }} gzip on; gzip_types text/html; gzip_proxied any;
        if_modified_since before; }}
      location = /empty {{ return 204; }}
      location = /moved {{ return 301 /pages/page.html; }}
      location /denied {{ deny all; }}
    """
    with nginx(server) as direct:
        child, url = start_gloss(direct, logs)
        with child:
            yield SimpleNamespace(direct=direct, url=url)


FROM_NGINX = {
    "page": ("GET", "/pages/page.html", [], 200),
    "head": ("HEAD", "/pages/page.html", [], 200),
    "compressed": ("GET", "/pages/page.html", [("accept-encoding", "gzip")], 200),
    "range": ("GET", "/pages/page.html", [("range", "bytes=5-14")], 206),
    "ranges": ("GET", "/pages/page.html", [("range", "bytes=5-14,-7")], 206),
    "no such range": ("GET", "/pages/page.html", [("range", "bytes=999999-")], 416),
    "not modified": ("GET", "/pages/page.html", [("if-modified-since", "Fri, 31 Dec 2199 23:59:59 GMT")], 304),
    "no content": ("GET", "/empty", [], 204),
    "moved": ("GET", "/moved", [], 301),
    "denied": ("GET", "/denied", [], 403),
    "missing": ("GET", "/pages/none", [], 404),
    "not allowed": ("POST", "/pages/page.html", [], 405),
    "slashes": ("GET", "//pages/..//pages/%70age.html?a?b", [], 200),
}


@pytest.mark.parametrize("what", FROM_NGINX)
def test_what_nginx_answers_passes(static, what):
    """Ranges, validators, compression and errors of another server than the one gloss was made for."""
    method, path, headers, status = FROM_NGINX[what]
    sent = [("host", "pages.example"), *headers]
    direct, through = (curl(method, url + path, sent) for url in (static.direct, static.url))
    assert direct.status == status
    if what == "ranges":  # the boundary is a number that counts up
        direct.body, through.body = (answer.body.replace(boundary(answer), b"") for answer in (direct, through))
        assert direct.body == through.body and through.status == status
        return
    assert_same(direct, through)
    if what == "compressed":
        assert gzip.decompress(through.body) == PAGE


def boundary(answer):
    return answer.one("content-type").split("boundary=")[1].encode()


def test_gloss_behind_nginx_serves_as_it_does_alone(gloss, upstream):
    """nginx keeps connections to gloss: polls, notes, uploads and tunnels pass both."""
    server = """
      location / {
        proxy_pass http://gloss; proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_buffering off;
        proxy_request_buffering off;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
      }
    """
    address = gloss.url.removeprefix("http://")
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    with nginx(server, f"upstream gloss {{ server {address}; keepalive 8; }}") as url:
        direct = httpx_client("GET", upstream.url + path, [KEY])
        for _ in range(20):
            assert httpx_client("GET", url + path, [KEY]).body == direct.body
        enhanced = httpx_client("GET", url + path, [KEY, ENHANCED])
        check_additions("completed", additions(direct.body, enhanced.body))
        sent = httpx.post(url + "/plain/echo/", content=iter([b"x" * 70_000, b"y"]), **PLAIN)
        assert sent.json()["length"] == 70_001
        with connect(url.replace("http", "ws", 1) + "/plain/socket", open_timeout=PATIENCE, proxy=None) as tunnel:
            tunnel.send(b"\x00" * 100_000)
            assert tunnel.recv(timeout=PATIENCE) == b"\x00" * 100_000


RAW_ANSWERS = {
    "until the end": (b"HTTP/1.0 200 OK\r\n\r\nall of it", 200, b"all of it"),
    "no reason": (b"HTTP/1.1 299\r\ncontent-length: 2\r\n\r\nok", 299, b"ok"),
    "space around": (b"HTTP/1.1 200 OK\r\nContent-Length:\t 2 \r\n\r\nok", 200, b"ok"),
    "bytes over 0x7f": (b"HTTP/1.1 200 OK\r\nX-Odd: \xe9\xff\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    "tiny chunks": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n01;x=y\r\nk\r\n0\r\n\r\n",
        200,
        b"ok",
    ),
    "hints first": (
        b"HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        200,
        b"ok",
    ),
}


@pytest.mark.parametrize("how", RAW_ANSWERS)
def test_a_server_that_frames_its_answers_oddly_is_understood(logs, how):
    """A bare socket in place of a framework: whatever is valid arrives whole."""
    wire, status, body = RAW_ANSWERS[how]

    def serve(listener):
        connection, _ = listener.accept()
        with connection:
            while b"\r\n\r\n" not in connection.recv(65536):
                pass
            connection.sendall(wire)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=[listener], daemon=True).start()
        child, url = start_gloss(f"http://127.0.0.1:{listener.getsockname()[1]}", logs)
        with child:
            answer = httpx_client("GET", url + "/")
    assert (answer.status, answer.body) == (status, body)
    if how == "bytes over 0x7f":
        assert answer.one("x-odd") == "\xe9\xff"


def test_clients_reach_gloss_by_a_socket_in_the_file_system(upstream, logs, tmp_path):
    """curl and httpx over ``unix:``: basic to the byte, enhanced by additions."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    place = tmp_path / "gloss.sock"
    child, _ = start_gloss(upstream.url, logs, listen=f"unix:{place}")
    with child:
        direct = curl("GET", upstream.url + path, [KEY, ("host", "a")])
        basic = curl("GET", "http://a" + path, [KEY], None, "--unix-socket", str(place))
        assert_same(direct, basic)
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(place)), base_url="http://a") as client:
            enhanced = client.get(path, headers=dict([KEY, ENHANCED]), timeout=PATIENCE)
            assert client.post("/plain/echo/", content=b"by socket").json()["length"] == 9
        check_additions("completed", additions(direct.body, enhanced.content))
    assert not place.exists()
