"""nginx and Envoy in front of the service and gloss, with the files that ship: only the ports are changed."""

import re
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest
from clients import PATIENCE, PLAIN, httpx_client
from conftest import ENHANCED, KEY, STATUS
from contract import additions, check_additions
from processes import Child, start_gloss
from programs import answers_on, free_port, nginx, program
from upstream import recorded_runs
from websockets.sync.client import connect
from wire import wait_until

from .manifests import DEPLOY

RUNS = [f"run_{number:012x}" for number in range(0x5EED, 0x5EED + 120)]


def with_ports(file, ports, share):
    """The text of a file of deploy/ with other ports, and perhaps another share of the runs."""
    text = (DEPLOY / file).read_text()
    for written, port in ports.items():
        text, changed = re.subn(rf"\b{written}\b(?=[;,}} ])", str(port), text)
        assert changed, f"{file} names no port {written}"
    for written, meant in {
        "10%": f"{share}%",
        "weight: 10": f"weight: {share}",
        "weight: 90": f"weight: {100 - share}",
    }.items():
        text = text.replace(written, meant)
    return text


@contextmanager
def nginx_splitting(behind, share, _):
    """nginx with the file that ships; gives its URL."""
    port = free_port()
    ports = {"80": port, "8000": behind.service, "8880": behind.gloss}
    with nginx("return 404;", with_ports("nginx/gloss.conf", ports, share)):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def envoy_splitting(behind, share, folder):
    """Envoy with the file that ships; gives its URL."""
    port = free_port()
    ports = {"10000": port, "8000": behind.service, "8880": behind.gloss, "8881": behind.operators}
    config = folder / f"envoy-{share}.yaml"
    config.write_text(with_ports("envoy/envoy.yaml", ports, share))
    command = [program("envoy"), "-c", config, "--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warn"]
    with Child("envoy", command) as child:
        wait_until(lambda: answers_on(port) or child.process.poll() is not None, "Envoy listens")
        assert child.process.poll() is None, child.stderr()
        yield f"http://127.0.0.1:{port}"


SPLITTERS = {"nginx": nginx_splitting, "envoy": envoy_splitting}


def port_of(url):
    return int(url.rpartition(":")[2])


@contextmanager
def service_and_gloss(upstream, logs):
    """gloss, which names itself in Via, so that one can see which answers it had in hand."""
    child, url = start_gloss(upstream.url, logs, admin="127.0.0.1:0", proxy_via="true")
    with child:
        operators = child.wait_for(r"gloss: admin on (\S+)")
        ports = SimpleNamespace(service=port_of(upstream.url), gloss=port_of(url), operators=port_of(operators))
        wait_until(lambda: httpx.get(f"{operators}/readyz", **PLAIN).status_code == 200, "gloss is ready")
        yield child, ports


@pytest.fixture(scope="module", params=list(SPLITTERS))
def split(request, upstream, logs, tmp_path_factory):
    """One of the two in front, as it ships; ``start`` gives another one with another share of the runs."""
    folder = tmp_path_factory.mktemp("split")
    with service_and_gloss(upstream, logs) as (_, ports):

        def start(share):
            return SPLITTERS[request.param](ports, share, folder)

        with start(10) as url:
            yield SimpleNamespace(url=url, start=start)


def ask(url, path, *headers):
    return httpx_client("GET", url + path, [KEY, ("host", "api.example"), *headers])


def came_through_gloss(answer):
    return any("gloss" in value for name, value in answer.headers if name.lower() == "via")


def share_of(url):
    """The runs whose status comes through gloss though nobody asks for more. None of them need be there."""
    with httpx.Client(base_url=url, headers=dict([KEY]), **PLAIN) as client:
        return {run for run in RUNS if "gloss" in client.get(STATUS.format(run)).headers.get("via", "")}


@pytest.fixture(scope="module")
def share(split):
    return share_of(split.url)


def test_who_asks_gets_notes_and_who_does_not_gets_the_service(split, upstream, share):
    outside = next(run for run in RUNS if run not in share)
    path = upstream.run(recorded_runs.todo_run(), run_id=outside, status="completed")
    direct = ask(upstream.url, path)
    plain = ask(split.url, path)
    assert plain.body == direct.body and not came_through_gloss(plain)
    for asked, headers in [(path, [ENHANCED]), (path + "?enhanced=true", []), (path + "?include_steps=true", [])]:
        enhanced = ask(split.url, asked, *headers)
        assert came_through_gloss(enhanced) and enhanced.one("gloss-variant") == "enhanced"
        check_additions("completed", additions(direct.body, enhanced.body))


def test_a_share_of_the_runs_gets_notes_unasked(split, upstream, share):
    inside = next(run for run in RUNS if run in share)
    path = upstream.run(recorded_runs.todo_run(), run_id=inside, status="completed")
    direct = ask(upstream.url, path)
    for _ in range(5):
        enhanced = ask(split.url, path)
        assert enhanced.one("gloss-variant") == "enhanced"
        check_additions("completed", additions(direct.body, enhanced.body))
    for asked, headers in [(path, [("gloss", "basic")]), (path + "?enhanced=false", [])]:
        basic = ask(split.url, asked, *headers)
        assert basic.body == direct.body and basic.one("gloss-variant") == "basic"


def test_the_share_is_about_what_it_says_and_grows_without_losing_a_run(split, share):
    assert 4 <= len(share) <= 28, len(share)
    assert share_of(split.url) == share
    with split.start(50) as url:
        half = share_of(url)
    assert share < half and 40 <= len(half) <= 80, len(half)


def test_all_else_goes_straight_to_the_service(split, upstream):
    answer = ask(split.url, "/plain/echo/", ENHANCED)
    assert answer.status == ask(upstream.url, "/plain/echo/", ENHANCED).status and not came_through_gloss(answer)
    sent = httpx.post(split.url + "/plain/echo/", content=iter([b"x" * 70_000, b"y"]), **PLAIN)
    assert sent.json()["length"] == 70_001
    with connect(split.url.replace("http", "ws", 1) + "/plain/socket", open_timeout=PATIENCE, proxy=None) as tunnel:
        tunnel.send("through")
        assert tunnel.recv(timeout=PATIENCE) == "through"


def test_live_updates_pass(split, upstream):
    path = upstream.run(recorded_runs.todo_run()[:4], status="running")
    headers = dict([KEY, ENHANCED, ("accept", "text/event-stream")])
    with httpx.stream("GET", split.url + path, headers=headers, **PLAIN) as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("event:")) == "event: status"


@pytest.mark.parametrize("splitter", list(SPLITTERS))
def test_without_gloss_the_service_answers(splitter, upstream, logs, tmp_path):
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    direct = ask(upstream.url, path)
    with service_and_gloss(upstream, logs) as (gloss, ports), SPLITTERS[splitter](ports, 10, tmp_path) as url:
        assert ask(url, path, ENHANCED).one("gloss-variant") == "enhanced"
        assert gloss.stop() == 0
        for _ in range(5):
            assert ask(url, path, ENHANCED).body == direct.body
