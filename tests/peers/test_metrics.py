"""What Prometheus itself makes of the metrics: its linter, and the parsers of its Python client."""

import subprocess

import httpx
import pytest
from clients import PLAIN
from conftest import ENHANCED, KEY
from processes import start_gloss
from programs import program
from prometheus_client import parser as older
from prometheus_client.openmetrics import parser as newer

ACCEPT_NEWER = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


@pytest.fixture(scope="module")
def scrape(upstream, logs):
    """Fetches the metrics of a gloss that has answered some requests, in a form."""
    child, url = start_gloss(upstream.url, logs, admin="127.0.0.1:0")
    with child, httpx.Client(**PLAIN) as http:
        admin = child.wait_for(r"gloss: admin on (\S+)")
        run = upstream.run([], status="running")
        for headers in [dict([KEY]), dict([KEY, ENHANCED]), {}]:
            http.get(url + run, headers=headers)
        http.post(url + "/plain/echo/", content=b"body")
        http.request("BREW", url + "/nothing")

        def fetch(accept):
            answer = http.get(admin + "/metrics", headers={"accept": accept})
            assert answer.status_code == 200
            return answer

        yield fetch


def lint(metrics):
    """What promtool says; nothing, if it likes them."""
    done = subprocess.run([program("promtool"), "check", "metrics"], input=metrics, capture_output=True, text=True)
    return done.stdout + done.stderr + ("" if done.returncode == 0 else f"exit code {done.returncode}")


def test_promtool_has_nothing_to_say(scrape):
    """Names, units, help and types are as Prometheus wants them."""
    assert lint(scrape("text/plain").text) == ""


def test_promtool_would_say_it(scrape):
    """The check itself: a counter without its suffix is found."""
    spoiled = scrape("text/plain").text.replace("gloss_panics_total", "gloss_panics")
    assert "gloss_panics counter metrics should have" in lint(spoiled)


def test_prometheuss_own_client_reads_both_forms_alike(scrape):
    """Every sample of one form is in the other, under the same name and labels."""
    text, open_metrics = scrape("text/plain"), scrape(ACCEPT_NEWER)
    assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert open_metrics.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    forms = older.text_string_to_metric_families(text.text), newer.text_string_to_metric_families(open_metrics.text)
    in_text, in_open_metrics = ({(s.name, *sorted(s.labels.items())) for m in form for s in m.samples} for form in forms)
    assert in_text == in_open_metrics
    assert len(in_text) > 200
