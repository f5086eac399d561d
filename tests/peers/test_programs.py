"""Load tools, slow clients and curl's finer points: programs that others wrote to be hard on servers."""

import json
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from clients import PATIENCE, PLAIN
from conftest import ENHANCED, KEY
from processes import start_gloss
from programs import output_of, program
from upstream import recorded_runs
from wire import wait_until

MEGABYTE = 1 << 20
SLOW = 30


@contextmanager
def open_gloss(upstream, logs, **settings):
    """A gloss of the test's own whose metrics can be read; gives its URL and a function that reads one."""
    child, url = start_gloss(upstream.url, logs, admin="127.0.0.1:0", **settings)
    with child:
        admin = child.wait_for(r"admin on (http://\S+)")

        def metric(name):
            text = httpx.get(admin + "/metrics", **PLAIN).text
            return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))

        yield url, child.process.pid, metric


@pytest.mark.parametrize("flags", [["--h1"], []], ids=["http1", "http2"])
def test_h2load_gets_nothing_but_successes(gloss, upstream, flags):
    """Basic and enhanced polls, by 20 connections, as HTTP/1.1 and as HTTP/2 with prior knowledge."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    headers = ["-H", f"{KEY[0]}: {KEY[1]}", "-H", f"{ENHANCED[0]}: {ENHANCED[1]}"]
    said = output_of(
        "h2load", "-n", 400, "-c", 20, "-m", 4, *flags, *headers, f"{gloss.url}/plain/cached", gloss.url + path
    )
    assert "400 succeeded, 0 failed, 0 errored, 0 timeout" in said
    assert "status codes: 400 2xx, 0 3xx, 0 4xx, 0 5xx" in said
    expected = "http/1.1" if flags else "h2c"
    assert f"Application protocol: {expected}" in said


def test_wrk_sees_no_error(gloss):
    """Two seconds as fast as it goes over 50 connections."""
    said = output_of("wrk", "-t", 1, "-c", 50, "-d", "2s", "--timeout", "10s", gloss.url + "/plain/cached")
    assert int(re.search(r"(\d+) requests in", said).group(1)) > 50
    assert "Socket errors" not in said and "Non-2xx" not in said


SLOW_CLIENTS = {
    "headers": (["-H", "-i", "1"], "/health", "head-timeout", {"server_header_timeout": "1s"}),
    "reading": (
        ["-X", "-w", "1", "-y", "64", "-n", "1", "-z", "32", "-k", "1"],
        "/plain/download/64",
        "write-timeout",
        {"server_write_timeout": "1s"},
    ),
}


@pytest.mark.parametrize("how", SLOW_CLIENTS)
def test_slow_clients_are_let_go_and_others_served_meanwhile(upstream, logs, how):
    """slowhttptest holds connections by giving or taking as little as it can: gloss ends all of them."""
    mode, path, reason, settings = SLOW_CLIENTS[how]
    with open_gloss(upstream, logs, **settings) as (url, _, metric):
        limits = ["-c", SLOW, "-r", SLOW, "-l", 20, "-p", 5, "-v", 1]
        command = [program("slowhttptest"), *mode, *limits, "-u", url + path]
        slow = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: metric("gloss_connections") >= SLOW / 2, "the slow clients are connected")
            assert httpx.get(url + "/health", **PLAIN).json() == {"status": "healthy"}
            wait_until(lambda: refused(metric, reason) >= SLOW, "the slow clients are let go")
            assert httpx.get(url + "/health", **PLAIN).json() == {"status": "healthy"}
            wait_until(lambda: metric("gloss_connections") == 0, "no connection is left")
        finally:
            slow.terminate()
            slow.communicate(timeout=PATIENCE)


def refused(metric, reason):
    return metric(f'gloss_refused_connections_total\\{{reason="{reason}"\\}}')


def test_slow_bodies_are_let_go_and_others_served_meanwhile(upstream, logs):
    """slowhttptest pauses within bodies for longer than it may: others are served, and gloss ends all of them."""
    with open_gloss(upstream, logs, server_body_timeout="1s") as (url, _, metric):
        command = [program("slowhttptest"), "-B", "-c", SLOW, "-r", SLOW, "-l", 20, "-i", 10, "-v", 1]
        slow = subprocess.Popen([*map(str, command), "-u", url + "/plain/upload/slow"], stdout=subprocess.PIPE)
        try:
            wait_until(lambda: metric("gloss_connections") >= SLOW / 2, "the slow clients are connected")
            assert httpx.post(url + "/plain/echo/", content=b"quick", **PLAIN).json()["length"] == 5
            # Left alone, it would stay until its time is over.
            assert b"No open connections left" in slow.communicate(timeout=PATIENCE)[0]
        finally:
            slow.kill()
        wait_until(lambda: metric("gloss_connections") == 0, "no connection is left")


def curl_verbose(*arguments, body=b""):
    """What curl tells on ``-v``, and what it measured."""
    command = [program("curl"), "-sv", "--noproxy", "*", "--max-time", str(PATIENCE), "-o", "/dev/null"]
    command += ["--expect100-timeout", str(PATIENCE), "-w", "%{json}", *arguments]
    done = subprocess.run(command, input=body, capture_output=True, timeout=PATIENCE + 5)
    assert done.returncode == 0, done.stderr
    return done.stderr.decode("latin-1"), json.loads(done.stdout)


def test_curl_sends_the_body_once_it_was_told_to_continue(gloss):
    """curl waits for the 100 for real: it would wait longer than it may if none came."""
    said, measured = curl_verbose(
        "-H", "Expect: 100-continue", "--data-binary", "@-", f"{gloss.url}/plain/echo/", body=b"x" * 1000
    )
    assert said.index("HTTP/1.1 100 Continue") < said.index("HTTP/1.1 200")
    assert (measured["response_code"], measured["size_upload"]) == (200, 1000)


def test_curl_learns_of_a_refusal_instead_of_sending_its_body(gloss):
    """The upstream refuses without a look at the body, of which half would never come."""
    flags = ["-H", "Expect: 100-continue", "-H", "Content-Length: 2000", "--data-binary", "@-"]
    _, measured = curl_verbose(*flags, f"{gloss.url}/plain/refused", body=b"x" * 1000)
    assert measured["response_code"] == 413


def test_curl_over_http_2_uploads_and_downloads(gloss):
    """Bodies both ways by HTTP/2 with prior knowledge."""
    flags = ["--http2-prior-knowledge", "--data-binary", "@-"]
    _, sent = curl_verbose(*flags, f"{gloss.url}/plain/echo/", body=b"x" * MEGABYTE)
    assert (sent["response_code"], sent["http_version"], sent["size_upload"]) == (200, "2", MEGABYTE)
    _, got = curl_verbose("--http2-prior-knowledge", f"{gloss.url}/plain/download/16")
    assert (got["response_code"], got["size_download"]) == (200, MEGABYTE)


def memory(pid, what):
    """A line of ``/proc/PID/status``, in MiB."""
    return int(Path(f"/proc/{pid}/status").read_text().split(what + ":")[1].split()[0]) / 1024


def test_half_a_gigabyte_each_way_takes_no_memory(upstream, logs):
    """The peak of gloss's memory during an upload of 512 MiB and a download of as much."""
    size = 512 * MEGABYTE
    with open_gloss(upstream, logs) as (url, pid, _):
        httpx.get(url + "/plain/download/16", **PLAIN)
        before = memory(pid, "VmRSS")
        sending = "head -c {} /dev/zero | {} -sS --noproxy '*' -T - -X POST {}/plain/upload/half"
        done = subprocess.run(
            ["sh", "-c", sending.format(size, program("curl"), url)], capture_output=True, timeout=120
        )
        assert json.loads(done.stdout)["length"] == size, done.stderr
        getting = ["-sS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{size_download}"]
        got = output_of("curl", *getting, f"{url}/plain/download/{size // 65536}", patience=120)
        assert int(got) == size
        assert memory(pid, "VmHWM") - before < 24
