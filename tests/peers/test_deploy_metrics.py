"""Alerts and dashboard: valid to Prometheus itself, about what gloss really exports, and with something to show."""

import json
import re
import shutil
from contextlib import contextmanager

import httpx
import pytest
import yaml
from clients import PLAIN
from conftest import ENHANCED, KEY
from processes import HERE, Child, start_gloss
from programs import free_port, output_of, program
from upstream import recorded_runs
from wire import wait_until

ROOT = HERE.parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "gloss.json").read_text())
ALERTS = [rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
NAMES = (ROOT / "tests" / "integration" / "metrics" / "names.txt").read_text()

# What Prometheus adds to what it scrapes, and labels that a query makes itself.
ADDED = {"up": ({"job", "instance"}, "gauge"), "ALERTS": ({"alertname"}, "gauge")}
ANYWHERE = {"job", "instance", "le", "hash"}
# What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "10s", "$job": ".+", "$instance": ".+"}


def exported():
    """Names of all series that gloss exports, each with its labels."""
    described = re.findall(r"^(\w+) (\w+) \{(.*)\}$", NAMES, re.MULTILINE)
    known = {name: labels for name, (labels, _) in ADDED.items()}
    for name, kind, labels in described:
        parts = [f"{name}_{part}" for part in ("bucket", "sum", "count")] if kind == "histogram" else [name]
        known |= {part: set(filter(None, labels.split(", "))) for part in parts}
    return known


def panels():
    """Every panel of the dashboard that shows something."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries():
    """Every query of the dashboard, and where it is."""
    asked = [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    return asked + [(note["name"], note["expr"]) for note in DASHBOARD["annotations"]["list"]]


def as_asked(query):
    """The query with Grafana's variables replaced."""
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    return query


def unknown(query):
    """The names and labels in a query that nobody exports."""
    known = exported()
    found = set()
    selectors = re.findall(r"([a-zA-Z_:]\w*)\{([^}]*)\}", query)
    assert selectors, f"{query} selects nothing"
    for name, matchers in selectors:
        used = set(re.findall(r"(\w+)(?:=~|!~|!=|=)", matchers))
        found |= {name} if name not in known else used - known[name] - ANYWHERE
    labels = set().union(*(known.get(name, set()) for name, _ in selectors)) | ANYWHERE
    for grouped in re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", query):
        found |= {label.strip() for label in grouped.split(",")} - labels
    # A name without a selector would be one of any job.
    bare = re.sub(r"\{[^}]*\}|\"[^\"]*\"", "{}", query)
    return found | set(re.findall(r"\b((?:gloss|http|process)_\w+)(?!\w|\{)", bare)) - labels


def test_every_alert_and_panel_is_about_what_gloss_exports():
    """Their metrics and labels are in the list that gloss's own tests compare with what it shows."""
    asked = queries() + [(alert["alert"], alert["expr"]) for alert in ALERTS]
    assert len(asked) > 70
    assert {place: unknown(query) for place, query in asked if unknown(query)} == {}


def test_everything_that_gloss_exports_is_on_a_panel():
    """Whoever adds a metric says where it is looked at."""
    names = re.findall(r"^(\w+) \w+ \{", NAMES, re.MULTILINE)
    asked = " ".join(query for _, query in queries())
    assert len(names) > 40
    assert [name for name in names if not re.search(rf"\b{name}(?:_bucket|_sum|_count)?\{{", asked)] == []


@pytest.mark.parametrize(
    "query",
    [
        'rate(gloss_fallbacks_total{job="gloss"}[5m])',
        'gloss_cache_bytes{reason="size"}',
        'sum by (reason) (gloss_enrichments_total{outcome="panic"})',
        'sum(gloss_stage_duration_seconds{job="gloss"})',
        'gloss_cache_bytes{job="gloss"} / gloss_cache_entries',
    ],
)
def test_what_gloss_does_not_export_would_be_found(query):
    """The check itself: a metric, a label, a grouping, a histogram without its part, a metric of any job."""
    assert unknown(query)


def test_outcomes_that_alerts_and_panels_name_are_those_that_gloss_has(scraped):
    """A value of a label that is spelled wrong selects nothing, for ever."""
    shown, wrong = scraped.text, []
    for place, query in queries() + [(alert["alert"], alert["expr"]) for alert in ALERTS]:
        for label, matched in re.findall(r"\b(outcome|reason|kind|result|stage)(?:=~|!=|=)\"([^\"]*)\"", query):
            wrong += [(place, value) for value in matched.split("|") if f'{label}="{value}"' not in shown]
    assert wrong == []


def test_prometheus_has_nothing_to_say_against_rules_and_configuration():
    """By promtool, with the example's configuration as it is."""
    said = output_of("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    assert f"{len(ALERTS)} rules found" in said


def test_each_alert_fires_when_it_should_and_is_silent_otherwise():
    """promtool runs the alerts over series of hours; every alert is among those that fire."""
    told = (PROMETHEUS / "alerts_test.yml").read_text()
    assert {alert["alert"] for alert in ALERTS} == set(re.findall(r'alertname="(\w+)",severity', told))
    assert "SUCCESS" in output_of("promtool", "test", "rules", PROMETHEUS / "alerts_test.yml", patience=180)


def test_an_alert_that_does_not_fire_would_be_found(tmp_path):
    """The check itself: with a threshold that nothing reaches, promtool's tests fail."""
    spoiled = (PROMETHEUS / "alerts.yml").read_text().replace("gloss_log_storage_hangs{job=\"gloss\"} == 1", "vector(0) > 1")
    (tmp_path / "alerts.yml").write_text(spoiled)
    shutil.copy(PROMETHEUS / "alerts_test.yml", tmp_path)
    with pytest.raises(AssertionError, match="GlossLogStorageHangs"):
        output_of("promtool", "test", "rules", tmp_path / "alerts_test.yml", patience=180)


def test_every_alert_says_what_happened_where_to_look_and_where_to_read_on():
    """Each has a severity, a summary, where to look, and the anchor of its section in the operators' handbook."""
    for alert in ALERTS:
        notes = alert["annotations"]
        assert set(notes) == {"summary", "look_at", "runbook"}, alert["alert"]
        assert all(len(text) > 20 for text in notes.values()), alert["alert"]
        assert notes["runbook"] == f"OPERATIONS.md#{alert['alert'].lower()}"
        assert alert["labels"]["severity"] in ("critical", "warning", "info")


def test_the_handbook_has_a_section_for_every_alert():
    """Where `runbook` leads."""
    handbook = ROOT / "deploy" / "OPERATIONS.md"
    if not handbook.exists():
        pytest.skip("deploy/OPERATIONS.md is not here")
    headings = {line.strip("# ").lower() for line in handbook.read_text().splitlines() if line.startswith("#")}
    assert {alert["alert"] for alert in ALERTS if alert["alert"].lower() not in headings} == set()


def test_every_panel_says_which_question_it_answers_and_has_a_place_of_its_own():
    """Titles and descriptions, ids that occur once, and nothing that lies over another panel."""
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    assert all(len(panel["description"]) > 15 and panel["title"] for panel in panels())
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


def test_panels_use_the_data_source_that_is_chosen():
    """And variables that the dashboard defines."""
    defined = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert defined == {"datasource", "job", "instance"}
    for panel in panels():
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
    used = {name for _, query in queries() for name in re.findall(r"\$(\w+)", query)}
    assert used == {"job", "instance", "__rate_interval"}


@contextmanager
def busy_gloss(upstream, logs):
    """A gloss that does some of everything; gives the address of its admin listener and a function that has it do more."""
    child, url = start_gloss(upstream.url, logs, admin="127.0.0.1:0", shield_ttl="1s", enrich_openapi="true")
    with child, httpx.Client(**PLAIN) as http:
        admin = child.wait_for(r"gloss: admin on (\S+)")
        runs = [upstream.run(recorded_runs.todo_run(), status="completed") for _ in range(2)]

        def work():
            for run in runs:
                for variant in ["basic", "enhanced", "shadow"]:
                    http.get(url + run, headers=dict([KEY, (ENHANCED[0], variant)]))
            http.get(url + "/openapi.json")
            http.request("CONNECT", url + "/")
            http.post(url + "/plain/echo/", content=b"body")

        yield admin, work


@pytest.fixture(scope="module")
def busy(upstream, logs):
    """One for all tests here."""
    with busy_gloss(upstream, logs) as (admin, work):
        work()
        yield admin, work


@pytest.fixture(scope="module")
def scraped(busy):
    """What it shows."""
    return httpx.get(busy[0] + "/metrics", **PLAIN)


@pytest.fixture(scope="module")
def prometheus(busy, tmp_path_factory):
    """Prometheus itself with the shipped configuration, but for the address and more often; gives a function that asks it."""
    (admin, work), folder, port = busy, tmp_path_factory.mktemp("prometheus"), free_port()
    config = (PROMETHEUS / "prometheus.yml").read_text()
    config = config.replace("127.0.0.1:8881", admin.removeprefix("http://")).replace("15s", "1s")
    (folder / "prometheus.yml").write_text(config)
    shutil.copy(PROMETHEUS / "alerts.yml", folder)
    flags = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    flags.append(f"--web.listen-address=127.0.0.1:{port}")
    with Child("prometheus", [program("prometheus"), *flags]), httpx.Client(**PLAIN) as http:

        def ask(path, **parameters):
            answer = http.get(f"http://127.0.0.1:{port}/api/v1/{path}", params=parameters)
            assert answer.status_code == 200, f"{parameters}: {answer.text}"
            return answer.json()["data"]

        def has_scraped():
            work()
            try:
                return ask("query", query="count_over_time(gloss_build_info[30s]) > 4")["result"]
            except (httpx.TransportError, AssertionError):
                return False

        wait_until(has_scraped, "prometheus has scraped gloss a few times")
        yield ask


def test_every_panel_has_something_to_show(prometheus):
    """Each query, asked of Prometheus itself that scrapes a busy gloss, is accepted and finds series."""
    empty = {place: query for place, query in queries() if not prometheus("query", query=as_asked(query))["result"]}
    # Nobody has restarted anything.
    assert set(empty) == {"Starts"}


def test_variables_find_their_values(prometheus):
    """Jobs and replicas, by the metric that the dashboard asks for them."""
    series = prometheus("series", **{"match[]": "gloss_build_info"})
    assert [(one["job"], one["instance"].split(":")[0]) for one in series] == [("gloss", "127.0.0.1")]


def test_a_healthy_gloss_alerts_nobody(prometheus):
    """Prometheus has loaded all alerts, each can be evaluated, and none fires."""
    rules = [rule for group in prometheus("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == {alert["alert"] for alert in ALERTS}
    wait_until(
        lambda: all(rule["health"] == "ok" for group in prometheus("rules")["groups"] for rule in group["rules"]),
        "each has been evaluated",
    )
    assert [alert["labels"]["alertname"] for alert in prometheus("alerts")["alerts"] if alert["state"] == "firing"] == []
