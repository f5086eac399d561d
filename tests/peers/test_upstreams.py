"""uvicorn behind a socket in the file system, and behind TLS: everything works there as it does over plain TCP."""

import hashlib
import subprocess
from types import SimpleNamespace

import httpx
import pytest
from clients import PATIENCE, PLAIN
from conftest import ENHANCED, KEY
from contract import additions, check_additions
from processes import start_gloss
from upstream import recorded_runs
from upstream.plain import BLOCK
from websockets.sync.client import connect


def self_signed(folder):
    """A key, and a certificate for 127.0.0.1 that it has signed itself."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=peer", "-addext", "subjectAltName=IP:127.0.0.1"]
    # An authority's own certificate is none that a server may show.
    command += ["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    return key, certificate


@pytest.fixture(scope="module", params=["unix", "tls"])
def behind(request, start_upstream, logs, tmp_path_factory):
    """gloss in front of uvicorn on a socket in the file system, and in front of uvicorn with TLS."""
    folder = tmp_path_factory.mktemp(request.param)
    settings = {}
    if request.param == "unix":
        upstream = start_upstream("--uds", folder / "api.sock")
    else:
        key, certificate = self_signed(folder)
        upstream = start_upstream("--ssl-keyfile", key, "--ssl-certfile", certificate)
        settings["upstream_tls_ca_file"] = certificate
    child, url = start_gloss(upstream.url, logs, **settings)
    yield SimpleNamespace(url=url, upstream=upstream)
    code = child.stop()
    assert code == 0, f"gloss ended with {code}: {child.stderr()}"


def test_requests_and_answers_pass_with_every_client(behind, client):
    """Method, target, headers and body arrive, and an upload of 4 MiB does."""
    headers = [("host", "api.example:8881"), ("x-odd", 'a, b;c="d"')]
    answer = client("POST", behind.url + "/plain/echo/a%2Fb?q=%20", headers, b"body")
    assert answer.status == 200, answer.body
    echo = answer.json()
    assert (echo["method"], echo["target"]) == ("POST", "/plain/echo/a%2Fb?q=%20")
    assert ["host", "api.example:8881"] in echo["headers"] and ["x-odd", 'a, b;c="d"'] in echo["headers"]
    body = BLOCK * 64
    upload = client("POST", f"{behind.url}/plain/upload/{client.__name__}-{id(behind)}", [], body)
    assert upload.json() == {"sha256": hashlib.sha256(body).hexdigest(), "length": len(body)}


def test_notes_are_added(behind):
    """The upstream's bytes, asked directly, and what was added to them."""
    path = behind.upstream.run(recorded_runs.todo_run(), status="completed")
    direct = behind.upstream.http.get(path, headers=dict([KEY])).content
    with httpx.Client(base_url=behind.url, headers=dict([KEY]), **PLAIN) as http:
        for _ in range(20):
            assert http.get(path).content == direct
            check_additions("completed", additions(direct, http.get(path, headers=dict([ENHANCED])).content))


def test_a_web_socket_works(behind):
    """Texts and bytes both ways, and the closing handshake."""
    with connect(behind.url.replace("http", "ws", 1) + "/plain/socket", open_timeout=PATIENCE, proxy=None) as socket:
        for message in ("text", b"\x00\xff"):
            socket.send(message)
            assert socket.recv(PATIENCE) == message
