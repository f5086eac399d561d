"""Who asks gets the upstream's bytes and, before their closing brace, the notes."""

import pytest
from clients import httpx_client
from conftest import ENHANCED, KEY, STATUS
from contract import BY_STATUS, GLOSS_HEADERS, KEYS, additions, check_additions, members
from pydantic import BaseModel, ConfigDict
from upstream import recorded_runs
from upstream.log_writer import log_path

OPT_IN = {
    "header": ("", [ENHANCED]),
    "query": ("?enhanced=true", []),
    "steps": ("?include_steps=true", []),
    "yes": ("?debug=false&enhanced=yes", []),
    "last of two": ("?enhanced=0&enhanced=on", []),
}


class StrictStatus(BaseModel):
    """The model of a known client: a result is an object or null, and nothing else will do."""

    model_config = ConfigDict(strict=True)

    run_id: str
    status: str
    session_id: str
    workflow_name: str
    started_at: str
    execution_time: float | None
    result: dict | None
    git_commits: list[str]
    logs: str
    cost: float | None
    turns: int | None
    tools_used: list[str] | None


def enhanced_and_direct(client, gloss, upstream, path, suffix="", headers=(ENHANCED,)):
    """The enhanced answer and the upstream's own to the same request."""
    sent = [KEY, *headers]
    return client("GET", gloss.url + path + suffix, sent), client("GET", upstream.url + path + suffix, sent)


@pytest.mark.parametrize("way", OPT_IN)
@pytest.mark.parametrize("status", BY_STATUS)
def test_the_upstreams_bytes_come_first_and_the_fields_of_the_status_follow(gloss, upstream, client, status, way):
    """Every way to opt in, at every status with notes: U up to its brace, then this status' fields and no others."""
    events = recorded_runs.todo_run()
    path = upstream.run(events if status == "completed" else events[:-3], status=status)
    suffix, headers = OPT_IN[way]
    enhanced, direct = enhanced_and_direct(client, gloss, upstream, path, suffix, headers)
    assert list(direct.json()) == KEYS
    check_additions(status, additions(direct.body, enhanced.body))
    assert enhanced.one("gloss-variant") == "enhanced"
    assert enhanced.one("gloss-reason") == ("header" if headers else "query")


def test_the_headers_are_the_upstreams_and_five_more(gloss, upstream, client):
    """Cookies, CORS and the rest stay; the length is the new one; what gloss adds is named in the contract."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    enhanced, direct = enhanced_and_direct(client, gloss, upstream, path, headers=(ENHANCED, ("origin", "http://a")))
    assert set(enhanced.header_set()) - set(direct.header_set()) == GLOSS_HEADERS
    own = {*GLOSS_HEADERS, "content-length"}
    assert enhanced.header_set(without=own) == direct.header_set(without=own)
    assert enhanced.one("content-length") == str(len(enhanced.body))
    assert enhanced.one("vary") == "Gloss"
    assert enhanced.one("cache-status").startswith("gloss; ")
    timings = enhanced.one("server-timing").split(",")
    assert [timing.split(";")[0].strip() for timing in timings] == ["upstream", "logs", "enrich"]


@pytest.mark.parametrize("status", BY_STATUS)
def test_a_strict_client_accepts_the_enhanced_answer(gloss, upstream, client, status):
    """``result`` is never filled in, and what is added does not disturb a model that takes nothing else for it."""
    path = upstream.run(recorded_runs.todo_run(), status=status)
    enhanced, _ = enhanced_and_direct(client, gloss, upstream, path)
    assert enhanced.one("gloss-variant") == "enhanced"
    assert StrictStatus.model_validate_json(enhanced.body).result is None


@pytest.mark.parametrize("status", ["running", "completed"])
def test_steps_can_be_left_out(gloss, upstream, client, status):
    """``include_steps=false`` beside an opt-in leaves out the two members with steps, and only them."""
    path = upstream.run(recorded_runs.todo_run(), status=status)
    enhanced, direct = enhanced_and_direct(client, gloss, upstream, path, "?include_steps=false")
    check_additions(status, additions(direct.body, enhanced.body), steps=False)


def test_logs_can_be_left_out(gloss, upstream, client):
    """An explicit ``include_logs=false`` answers with ``"logs":null`` and changes nothing else of the upstream's."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    enhanced, direct = enhanced_and_direct(client, gloss, upstream, path, "?include_logs=false")
    before, after = direct.body.index(b'"logs":') + len(b'"logs":'), direct.body.index(b',"cost":')
    assert after - before > 10_000
    check_additions("completed", additions(direct.body[:before] + b"null" + direct.body[after:], enhanced.body))


def test_logs_stay_when_asked_for(gloss, upstream, client):
    """``include_logs=true`` is what happens anyway."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    enhanced, direct = enhanced_and_direct(client, gloss, upstream, path, "?include_logs=true")
    check_additions("completed", additions(direct.body, enhanced.body))


@pytest.mark.parametrize(
    ("suffix", "headers", "reason"),
    [
        ("", [("gloss", "basic")], "header"),
        ("?enhanced=false", [], "query"),
        ("?enhanced=true", [("Gloss", "basic")], "header"),
    ],
)
def test_a_client_can_refuse_the_notes(gloss, upstream, client, suffix, headers, reason):
    """The header decides before the query, and basic is the upstream's bytes."""
    path = upstream.run(recorded_runs.todo_run())
    through, direct = enhanced_and_direct(client, gloss, upstream, path, suffix, headers)
    assert through.body == direct.body
    assert through.one("gloss-variant") == "basic" and through.one("gloss-reason") == reason


@pytest.mark.parametrize(
    ("fields", "with_log", "reason"),
    [
        ({"status": "pending"}, True, "status"),
        ({"status": "archived"}, True, "status"),
        ({"status": "running"}, False, "no-log"),
    ],
)
def test_a_run_without_notes_is_answered_basic(gloss, upstream, client, fields, with_log, reason):
    """Pending, unknown to gloss, or without a log: the upstream's exact bytes, and the reason in a header."""
    path = upstream.run(recorded_runs.todo_run() if with_log else (), **fields)
    through, direct = enhanced_and_direct(client, gloss, upstream, path)
    assert through.body == direct.body
    assert through.one("gloss-variant") == "basic" and through.one("gloss-reason") == reason


@pytest.mark.parametrize(
    ("run", "headers", "code"),
    [("run_nobody", [KEY], 404), ("run_nobody", [], 401), ("run_nobody", [("x-api-key", "guessed")], 401)],
)
def test_the_upstream_decides_who_may_see_a_run(gloss, upstream, client, run, headers, code):
    """Whoever the upstream sends away gets its words and no notes, although the log lies there to be read."""
    log_path(upstream.logs, run).write_bytes(log_path(upstream.logs, log_of(upstream)).read_bytes())
    sent = [*headers, ENHANCED]
    through, direct = (client("GET", url + STATUS.format(run), sent) for url in (gloss.url, upstream.url))
    assert (through.status, through.body) == (code, direct.body)
    assert through.one("gloss-variant") == "basic" and through.one("gloss-reason") == "upstream-status"


def log_of(upstream):
    """The id of a run that has a log."""
    return upstream.run(recorded_runs.todo_run(), status="completed").split("/")[-2]


def test_an_unknown_version_of_the_notes_is_answered_basic(gloss, upstream, client):
    """``Gloss-Version`` pins the fields; a version that is not known gives no notes at all, a known one does."""
    path = upstream.run(recorded_runs.todo_run(), status="completed")
    for version, variant, reason in (("1", "enhanced", "header"), ("99", "basic", "version")):
        answer = client("GET", gloss.url + path, [KEY, ENHANCED, ("gloss-version", version)])
        assert (answer.one("gloss-variant"), answer.one("gloss-reason")) == (variant, reason)


def notes(gloss, upstream, events, status):
    """The added members of a run, fetched once more and proved additive."""
    path = upstream.run(events, status=status)
    enhanced, direct = enhanced_and_direct(httpx_client, gloss, upstream, path)
    return additions(direct.body, enhanced.body)


def test_a_finished_list_is_told_as_it_was(gloss, upstream):
    """Names, states, tools, files, tests and the whole result of a run whose log has cut that very result."""
    said = notes(gloss, upstream, recorded_runs.todo_run(), "completed")
    steps = said["step_by_step_results"]
    listed = [step for step in steps if step["source"] == "todo"]
    assert [step["name"] for step in listed] == recorded_runs.LIST
    assert {step["status"] for step in listed} == {"completed"}
    assert said["final_result"] == recorded_runs.LONG_RESULT
    assert said["workflow_summary"]["files_modified"] == 3
    assert said["workflow_summary"]["tests_passed"] == 7
    assert said["run_details"]["outcome"] == "success"
    assert said["run_details"]["tools"]["Edit"] == {"calls": 2, "errors": 1}
    assert said["run_details"]["tools"]["Grep"] == {"calls": 1, "errors": 0}
    assert said["run_details"]["usage"]["cost_usd"] == 0.2345671


def test_a_running_list_shows_where_it_is(gloss, upstream):
    """Two of four items done: the third is current, and progress is neither nothing nor all."""
    events = recorded_runs.todo_run()
    third = [n for n, event in enumerate(events) if "Run the tests" in str(event)][0]
    said = notes(gloss, upstream, events[:third], "running")
    listed = [step for step in said["workflow_steps"]["steps"] if step["source"] == "todo"]
    assert [step["status"] for step in listed] == ["completed", "completed", "in_progress", "pending"]
    assert said["progress_summary"]["current_phase"] == recorded_runs.LIST[2]
    assert 0 < said["progress_summary"]["completion_percentage"] < 100
    assert said["run_details"]["outcome"] == "running"


def test_tasks_of_the_newer_kind_are_steps_too(gloss, upstream):
    """TaskCreate and TaskUpdate, whose ids stand only in the tool's answers."""
    said = notes(gloss, upstream, recorded_runs.task_run(), "completed")
    listed = [step for step in said["step_by_step_results"] if step["source"] == "task"]
    assert [step["name"] for step in listed] == [f"Part {n} of the import" for n in (1, 2, 3)]
    assert {step["status"] for step in listed} == {"completed"}


@pytest.mark.parametrize(
    ("events", "status", "outcome"),
    [
        (recorded_runs.failing_run(), "failed", "failed"),
        (recorded_runs.max_turns_run(), "completed", "max_turns"),
        (recorded_runs.plain_run(), "completed", "success"),
        (recorded_runs.short_run(), "completed", "success"),
    ],
)
def test_the_outcome_is_read_from_the_log(gloss, upstream, events, status, outcome):
    """An error dressed as a success, and turns that ran out, although the upstream calls that completed."""
    said = notes(gloss, upstream, events, status)
    check_additions(status, said)
    assert said["run_details"]["outcome"] == outcome


def test_a_run_that_goes_on_is_seen_at_the_next_poll(gloss, upstream, client):
    """What was appended between two polls is in the second, and its members are again upstream's first."""
    events = recorded_runs.todo_run(name=f"growing-{client.__name__}")
    path = upstream.run(events[:5])
    first, _ = enhanced_and_direct(client, gloss, upstream, path)
    upstream.append(path.split("/")[-2], events[5:-1])
    second, direct = enhanced_and_direct(client, gloss, upstream, path)
    added = additions(direct.body, second.body)
    check_additions("running", added)
    assert added["enhancement"]["log_bytes"] > members(first.body)["enhancement"]["log_bytes"]
    assert added["enhancement"]["cache"] == "incremental"
    assert added["run_details"]["tools"]["Write"]["calls"] == 2
