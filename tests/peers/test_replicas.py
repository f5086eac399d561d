"""Three gloss processes over one bucket, clients spread over them at random: they say the same, and any may die."""

from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from clients import httpx_client
from conftest import KEY
from processes import start_gloss
from programs import nginx
from storage import BUCKET, KEYS, bucket, s3
from upstream import recorded_runs
from upstream.log_writer import log_path

# What is true of a run, whoever is asked and whenever; durations of what goes on and estimates move with the time.
OF_A_STEP = ("step_id", "name", "status", "started_at", "completed_at", "tools_used", "tool_calls", "result")
POLLS = 24


@pytest.fixture(scope="module")
def replicas(upstream):
    """The processes, the bucket that is all that they share, and the URL that is any of them."""
    with ExitStack() as stack:
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        server = stack.enter_context(s3())
        for name, value in KEYS.items() | {("AWS_ENDPOINT_URL", server), ("AWS_ALLOW_HTTP", "true")}:
            patched.setenv(name, value)
        started = [
            start_gloss(upstream.url, f"s3://{BUCKET}/logs", "--percent", "50", logs_timeout="5s") for _ in range(3)
        ]
        children = [stack.enter_context(child) for child, _ in started]
        servers = " ".join(f"server {url.removeprefix('http://')} max_fails=0;" for _, url in started)
        spread = "location / { proxy_pass http://replicas; proxy_http_version 1.1; proxy_set_header Connection ''; }"
        url = stack.enter_context(nginx(spread, f"upstream replicas {{ random; {servers} }}"))
        urls = [url for _, url in started]
        yield SimpleNamespace(url=url, urls=urls, children=children, bucket=bucket(server))


def write(replicas, upstream, path):
    """Brings the bucket up to date with a run's log."""
    log = log_path(upstream.logs, path.split("/")[-2])
    replicas.bucket.put_object(Key=f"logs/{log.name}", Body=log.read_bytes())


def told(url, path):
    """What one poll says of a run: the variant, the reason, and of its steps what does not move with the time."""
    answer = httpx_client("GET", url + path, [KEY])
    assert answer.status == 200
    notes = answer.json()
    steps = notes.get("workflow_steps", {}).get("steps") or notes.get("step_by_step_results") or []
    steps = [tuple(str(step[name]) for name in OF_A_STEP) for step in steps]
    total = notes.get("workflow_summary", {}).get("total_steps_completed")
    return answer.one("gloss-variant"), answer.one("gloss-reason"), tuple(steps), total


def test_clients_spread_at_random_are_told_the_same(replicas, upstream):
    """Of several runs, half of them enhanced, at several points of their course."""
    events = recorded_runs.todo_run()
    paths = [upstream.run(events[:6]) for _ in range(6)]
    variants = set()
    for stop in (10, 20, len(events)):
        for path in paths:
            run = path.split("/")[-2]
            upstream.append(run, events[6:stop] if stop == 10 else events[10 if stop == 20 else 20 : stop])
            if stop == len(events):
                upstream.change(run, status="completed")
            write(replicas, upstream, path)
            said = {told(url, path) for url in [*replicas.urls, *[replicas.url] * POLLS]}
            assert len(said) == 1, said
            variants |= {answer[0] for answer in said}
    assert variants == {"basic", "enhanced"}


def test_any_of_them_may_die(replicas, upstream):
    """Whoever is left has nothing to take over: it reads the bucket."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    write(replicas, upstream, path)
    before = told(replicas.url, path + "?enhanced=true")
    assert before[:2] == ("enhanced", "query") and before[2]
    replicas.children[0].process.kill()
    for _ in range(POLLS):
        assert told(replicas.url, path + "?enhanced=true") == before
    replicas.children[1].process.kill()
    for _ in range(POLLS):
        assert told(replicas.url, path + "?enhanced=true") == before
