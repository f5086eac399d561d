"""gloss reads run logs from an S3 server that others wrote, and from a folder that nginx serves."""

import json
import shutil
from types import SimpleNamespace

import pytest
from clients import httpx_client
from conftest import ENHANCED, KEY
from processes import start_gloss
from programs import nginx
from storage import BUCKET, KEYS, Spoiled, bucket, folder_for_nginx, s3
from upstream import recorded_runs
from upstream.log_writer import log_path
from wire import wait_until

PREFIX = "team/logs"
ONE_NAME = "run_{run_id}.log"
# What says when and from where, and not what of the run.
OWN = {"generated_at", "log_source", "cache"}


@pytest.fixture(scope="module")
def server():
    """moto."""
    with s3() as url:
        yield url


@pytest.fixture
def storage(server, monkeypatch):
    """The S3 server behind a proxy that can spoil it, and the variables by which gloss finds and may use it."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with Spoiled(server) as spoiled:
        for name, value in (("ENDPOINT_URL", spoiled.url), ("ALLOW_HTTP", "true"), ("REGION", "us-east-1")):
            monkeypatch.setenv(f"AWS_{name}", value)
        yield SimpleNamespace(url=f"s3://{BUCKET}/{PREFIX}", bucket=bucket(server), faults=spoiled)


@pytest.fixture
def gloss(upstream, storage):
    """gloss, reading from the bucket."""
    child, url = start_gloss(upstream.url, storage.url, logs_templates=ONE_NAME, logs_timeout="5s")
    with child:
        yield SimpleNamespace(url=url, child=child)


def upload(storage, upstream, path, start=0, stop=None, name=None):
    """Puts some bytes of a run's log into the bucket, where the upstream's own log would be; gives how many."""
    log = log_path(upstream.logs, run_of(path))
    bytes_ = log.read_bytes()[start:stop]
    storage.bucket.put_object(Key=f"{PREFIX}/{name or log.name}", Body=bytes_)
    return len(bytes_)


def run_of(path):
    return path.split("/")[-2]


def ask(gloss, path):
    """An enhanced answer: how it was labelled, and what was added."""
    answer = httpx_client("GET", gloss.url + path, [KEY, ENHANCED])
    assert answer.status == 200
    return SimpleNamespace(
        label=(answer.one("gloss-variant"), answer.one("gloss-reason")), body=answer.body, json=answer.json()
    )


def without_source(answer):
    """The answer without what says where the log was."""
    notes = {name: value for name, value in answer.json["enhancement"].items() if name not in OWN}
    return answer.json | {"enhancement": notes}


def test_a_log_in_a_bucket_says_what_the_same_file_says(upstream, logs, storage, gloss):
    """Every added field, of a run that has ended; only the source is named otherwise."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    upload(storage, upstream, path)
    child, url = start_gloss(upstream.url, logs)
    with child:
        by_file = ask(SimpleNamespace(url=url), path)
    by_object = ask(gloss, path)
    assert by_object.label == by_file.label == ("enhanced", "header")
    assert by_object.json["enhancement"]["log_source"] == "object-store"
    assert without_source(by_object) == without_source(by_file)


def test_a_growing_object_costs_one_request_a_look_and_its_new_bytes(upstream, storage, gloss):
    """Each growth is a new object with a new tag; what was read is not read again."""
    events = recorded_runs.todo_run()
    path = upstream.run(events[:10])
    size = upload(storage, upstream, path)
    assert ask(gloss, path).json["enhancement"]["log_bytes"] == size
    storage.faults.counts()
    for _ in range(3):
        assert ask(gloss, path).json["enhancement"]["cache"] == "hit"
    statuses, moved = storage.faults.counts()
    # A look at the log while the upstream is asked, and one more where that took longer than a moment.
    assert set(statuses) == {304} and 3 <= statuses[304] <= 6 and moved == 0
    for count in range(11, 15):
        upstream.append(run_of(path), events[count - 1 : count])
        grown = upload(storage, upstream, path)
        answer = ask(gloss, path)
        assert answer.json["enhancement"]["log_bytes"] == grown
        assert answer.json["enhancement"]["cache"] == "incremental"
        statuses, moved = storage.faults.counts()
        assert statuses[206] == 1 and set(statuses) <= {206, 304}
        assert moved == grown - size + 64
        size = grown


def test_an_object_that_was_replaced_is_read_anew(upstream, storage, gloss):
    """Another log under the same name, shorter or longer."""
    long, short = upstream.run(recorded_runs.todo_run()), upstream.run(recorded_runs.short_run())
    name = log_path(upstream.logs, run_of(long)).name
    upload(storage, upstream, long)
    before = ask(gloss, long).json["enhancement"]
    size = upload(storage, upstream, short, name=name)
    after = ask(gloss, long).json["enhancement"]
    assert (after["log_bytes"], after["cache"]) == (size, "miss")
    upload(storage, upstream, long)
    again = ask(gloss, long).json["enhancement"]
    assert (again["log_bytes"], again["log_lines"]) == (before["log_bytes"], before["log_lines"])


@pytest.mark.parametrize("names", [["run_{}.log.1", "run_{}.log.2", "run_{}.log"], ["run_{}.log.0001", "run_{}.log.0002"]])
def test_a_log_in_several_objects_is_read_as_one(upstream, storage, names):
    """Parts in the order of their numbers, cut inside a line; the last one grows, and then there is one more."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    whole = log_path(upstream.logs, run_of(path)).stat().st_size
    names = [name.format(run_of(path)) for name in names]
    cuts = [whole * n // len(names) for n in range(len(names) + 1)]
    child, url = start_gloss(upstream.url, storage.url, logs_templates="run_{run_id}.log*")
    with child:
        gloss = SimpleNamespace(url=url)
        for number, name in enumerate(names):
            upload(storage, upstream, path, cuts[number], cuts[number + 1] - 100, name=name)
            assert ask(gloss, path).json["enhancement"]["log_bytes"] == cuts[number + 1] - 100
            upload(storage, upstream, path, cuts[number], cuts[number + 1], name=name)
            assert ask(gloss, path).json["enhancement"]["log_bytes"] == cuts[number + 1]
        storage.faults.counts()
        answer = ask(gloss, path).json
    assert answer["final_result"] == recorded_runs.LONG_RESULT
    notes = answer["enhancement"]
    assert (notes["unrecognised_lines"], notes["cache"]) == (0, "hit")
    statuses, _ = storage.faults.counts()
    assert set(statuses) == {200} and statuses[200] <= 2


def test_what_is_not_there_is_no_log(upstream, storage, gloss):
    """Missing, then empty, then there."""
    path = upstream.run(recorded_runs.short_run())
    direct = httpx_client("GET", upstream.url + path, [KEY]).body
    assert (ask(gloss, path).label, ask(gloss, path).body) == (("basic", "no-log"), direct)
    upload(storage, upstream, path, stop=0)
    assert ask(gloss, path).label == ("basic", "no-log")
    upload(storage, upstream, path)
    # What had nothing is asked for once a second.
    wait_until(lambda: ask(gloss, path).label == ("enhanced", "header"), "the log is found")


def test_a_bucket_that_is_not_there_is_told(upstream, storage):
    """As a log that cannot be read, not as one that is missing; stderr says why."""
    path = upstream.run(recorded_runs.short_run())
    child, url = start_gloss(upstream.url, "s3://no-such-bucket/logs")
    with child:
        assert ask(SimpleNamespace(url=url), path).label == ("basic", "log-unreadable")
        assert "there is no such bucket" in child.stderr()


def test_credentials_that_do_not_count_are_a_refusal_and_show_nowhere(upstream, monkeypatch):
    """A server that checks signatures, and a secret that is not the right one."""
    secret = "wrong-secret-that-nobody-may-see"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONGKEYID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    with s3(INITIAL_NO_AUTH_ACTION_COUNT="2") as server:
        bucket(server).put_object(Key="logs/run_a.log", Body=b"{}")
        for name, value in (("ENDPOINT_URL", server), ("ALLOW_HTTP", "true"), ("REGION", "us-east-1")):
            monkeypatch.setenv(f"AWS_{name}", value)
        path = upstream.run(recorded_runs.short_run())
        child, url = start_gloss(upstream.url, f"s3://{BUCKET}/logs", telemetry_log_level="trace")
        with child:
            answer = ask(SimpleNamespace(url=url), path)
            said = child.stderr()
    assert answer.label == ("basic", "log-unreadable")
    assert "the storage answers 403" in said
    assert secret not in said and "AKIAWRONGKEYID" not in said and "Signature" not in said


def test_a_slow_storage_costs_the_client_its_budget_and_the_next_poll_has_the_notes(upstream, storage):
    """Nobody waits for it, and nothing is lost: the reading goes on."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    upload(storage, upstream, path)
    child, url = start_gloss(upstream.url, storage.url, budget="100ms", logs_templates=ONE_NAME)
    with child:
        gloss = SimpleNamespace(url=url)
        storage.faults.fail("slow")
        assert ask(gloss, path).label == ("basic", "log-timeout")
        storage.faults.heal()
        wait_until(lambda: ask(gloss, path).label == ("enhanced", "header"), "the notes are there")


def test_a_throttled_request_is_tried_again_and_a_throttled_storage_is_told(upstream, storage, gloss):
    """One 503 nobody sees; for as long as there is nothing else, the upstream's own answer."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    upload(storage, upstream, path)
    storage.faults.fail("throttled", times=1)
    assert ask(gloss, path).label == ("enhanced", "header")
    storage.faults.fail("throttled")
    assert ask(gloss, path).label == ("basic", "log-timeout")
    assert "throttles" in gloss.child.stderr()
    storage.faults.heal()
    assert ask(gloss, path).label == ("enhanced", "header")


@pytest.mark.parametrize("fault", ["truncated", "broken"])
def test_an_answer_that_breaks_off_is_completed_by_another(upstream, storage, gloss, fault):
    """What came is kept, and only the rest is asked for again."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    size = upload(storage, upstream, path)
    storage.faults.counts()
    storage.faults.fail(fault, times=1)
    answer = ask(gloss, path)
    assert answer.label == ("enhanced", "header")
    assert answer.json["enhancement"]["log_bytes"] == size
    assert answer.json["enhancement"]["unrecognised_lines"] == 0
    statuses, moved = storage.faults.counts()
    assert statuses[206 if fault == "truncated" else 200] >= 1 and moved < 2 * size


@pytest.fixture
def web(upstream, tmp_path):
    """A folder that nginx serves, and gloss reading from it."""
    with nginx(folder_for_nginx(tmp_path)) as server, Spoiled(server) as spoiled:
        child, url = start_gloss(
            upstream.url, f"{spoiled.url}/logs", logs_templates=ONE_NAME, logs_timeout="5s"
        )
        with child:
            yield SimpleNamespace(url=url, child=child, folder=tmp_path, faults=spoiled)


def publish(web, upstream, path, size=None):
    """Copies the first bytes of a run's log to where nginx finds them; gives how many."""
    log = log_path(upstream.logs, run_of(path))
    there = web.folder / log.name
    shutil.copyfile(log, there)
    if size is not None:
        with there.open("r+b") as file:
            file.truncate(size)
    return there.stat().st_size


def test_a_log_that_nginx_serves_grows_by_ranges(upstream, web):
    """Unchanged it costs an answer without a body, grown its new bytes."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    whole = publish(web, upstream, path)
    size = publish(web, upstream, path, whole // 2)
    answer = ask(web, path)
    assert answer.label == ("enhanced", "header")
    notes = answer.json["enhancement"]
    assert (notes["log_source"], notes["log_bytes"]) == ("http", size)
    web.faults.counts()
    assert ask(web, path).json["enhancement"]["cache"] == "hit"
    statuses, moved = web.faults.counts()
    assert set(statuses) == {304} and moved == 0
    publish(web, upstream, path)
    assert ask(web, path).json["enhancement"]["log_bytes"] == whole
    statuses, moved = web.faults.counts()
    assert statuses[206] == 1 and moved == whole - size + 64


def test_nginx_refuses_and_has_nothing(upstream, web):
    """404 is no log, 403 is one that cannot be read."""
    path = upstream.run(recorded_runs.short_run())
    assert ask(web, path).label == ("basic", "no-log")
    publish(web, upstream, path)
    wait_until(lambda: ask(web, path).label == ("enhanced", "header"), "the log is found")
    there = web.folder / log_path(upstream.logs, run_of(path)).name
    there.unlink()
    there.mkdir()
    # nginx redirects from a folder to its name with a slash, and lists none.
    assert ask(web, path).label == ("basic", "log-unreadable")
    there.rmdir()
    publish(web, upstream, path)
    assert ask(web, path).label == ("enhanced", "header")


def test_an_unreachable_storage_is_told_without_its_address(upstream, logs):
    """Nobody listens there."""
    path = upstream.run(recorded_runs.short_run())
    child, url = start_gloss(upstream.url, "http://127.0.0.1:9/secret-folder/", logs_timeout="5s")
    with child:
        assert ask(SimpleNamespace(url=url), path).label == ("basic", "log-timeout")
        told = [line for line in child.stderr().splitlines() if "it cannot be reached" in line]
    assert len(told) == 1 and "secret-folder" not in told[0]


def test_a_url_with_credentials_is_refused_and_not_shown(upstream):
    """At the start, with exit code 78."""
    for place in ("http://user:hidden-word@127.0.0.1:9/logs/", "http://127.0.0.1:9/logs/?sig=hidden-word"):
        with pytest.raises(AssertionError) as refused:
            start_gloss(upstream.url, place)
        assert "credentials" in str(refused.value)
        assert json.dumps("hidden-word")[1:-1] not in str(refused.value)
