"""One run, asked after by five glosses that each read it from somewhere else: they say the same of it."""

import json
from contextlib import ExitStack
from fnmatch import fnmatch
from itertools import count
from types import SimpleNamespace

import pytest
from clients import httpx_client
from conftest import ENHANCED, KEY
from contract import additions, check_additions
from processes import start_gloss
from programs import nginx
from real_data import Replayer
from storage import BUCKET, KEYS, bucket, folder_for_nginx, s3
from upstream import recorded_runs
from upstream.log_writer import log_path
from upstream.transcript import times, transcript

# What is not of the run but of the moment at which it was asked after, and of the place.
MOVING = {"generated_at", "log_source", "cache", "estimated_completion", "earliest_completion", "latest_completion"}
# To the second, of steps that may still go on; transcripts tell times to the millisecond.
MOVING |= {"duration_seconds"}
TOKENS = ("run_details.usage.*_tokens", "run_details.usage.by_model.*_tokens")
# A raw line of the log that is longer says no more than how long it was.
CUT = 2000
# Sessions are told apart by their names.
NUMBERS = count(1)
RUNS = {
    "todo": (recorded_runs.todo_run, "completed"),
    "task": (recorded_runs.task_run, "completed"),
    "plain": (recorded_runs.plain_run, "completed"),
    "failing": (recorded_runs.failing_run, "failed"),
    "max-turns": (recorded_runs.max_turns_run, "completed"),
}


@pytest.fixture(params=RUNS)
def run(request):
    """The events of a run from first to last, and the status that the service gives it in the end."""
    events, status = RUNS[request.param]
    return SimpleNamespace(events=events(f"{request.param}-{next(NUMBERS)}"), status=status)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Where the run is: every storage, the gloss that reads it, and the service's answer that all of them add to."""
    with ExitStack() as stack:
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        server = stack.enter_context(s3())
        for name, value in KEYS.items() | {("AWS_ENDPOINT_URL", server), ("AWS_ALLOW_HTTP", "true")}:
            patched.setenv(name, value)
        files, home, replayer = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("home"), Replayer()
        stack.callback(replayer.shutdown)
        # Claude Code's projects are where they are by default.
        patched.setenv("HOME", str(home))
        project = home / ".claude" / "projects" / "-work"
        project.mkdir(parents=True)
        web = stack.enter_context(nginx(folder_for_nginx(files)))
        places = {"file": files, "object-store": f"s3://{BUCKET}/logs", "http": f"{web}/logs"}
        urls = {}
        for kind, place in (places | {"body": "body", "transcript": "transcripts"}).items():
            child, urls[kind] = start_gloss(replayer.url, place, logs_timeout="5s")
            stack.enter_context(child)
        yield SimpleNamespace(files=files, project=project, bucket=bucket(server), replayer=replayer, urls=urls)


def write(sources, upstream, path, events):
    """Brings every storage up to date with a run, and the answer, which tells the session as later versions do."""
    log = log_path(upstream.logs, path.split("/")[-2])
    (sources.files / log.name).write_bytes(log.read_bytes())
    sources.bucket.put_object(Key=f"logs/{log.name}", Body=log.read_bytes())
    session = events[0]["session_id"]
    (sources.project / f"{session}.jsonl").write_text(transcript(events, list(times(log))))
    direct = httpx_client("GET", upstream.url + path, [KEY]).json()
    body = json.dumps(direct | {"claude_session_id": session}, ensure_ascii=False, separators=(",", ":")).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    sources.replayer.answer = head.encode() + body
    return body


def notes(sources, kind, path, body):
    """What is added to the answer by the gloss that reads from there."""
    answer = httpx_client("GET", sources.urls[kind] + path, [KEY, ENHANCED])
    assert (answer.one("gloss-variant"), answer.one("gloss-reason")) == ("enhanced", "header"), kind
    added = additions(body, answer.body)
    assert added["enhancement"]["log_source"] == kind
    return added


def facts(added):
    """Everything that was added, each value by its path, aside from whence it is, when that was said, and estimates."""
    flat = {}

    def take(path, value):
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
        for name, part in inner or ():
            take(f"{path}.{name}" if path else str(name), part)
        if inner is None or not value:
            flat[path] = value

    take("", added)
    if (percent := "progress_summary.completion_percentage") in flat:
        # It goes with the time, which for these short runs is the time between two questions.
        flat[percent] = pytest.approx(flat[percent], abs=0.5)
    return {path: value for path, value in flat.items() if path.rsplit(".", 1)[-1] not in MOVING}


def is_success(result):
    """Whether a result event tells of one."""
    return result["subtype"] == "success" and not result["is_error"]


def without(told, *left_out):
    """The facts less those whose path matches any of these patterns."""
    return {path: value for path, value in told.items() if not any(fnmatch(path, pattern) for pattern in left_out)}


def grow(sources, upstream, run):
    """The run at several points of its course: the path of its status, the answer to it, and whether it has ended."""
    path, done = upstream.run(run.events[:1]), 1
    for stop in sorted({4, len(run.events) // 2, len(run.events)}):
        upstream.append(path.split("/")[-2], run.events[done:stop])
        done = stop
        if stop == len(run.events):
            upstream.change(path.split("/")[-2], status=run.status)
        yield path, write(sources, upstream, path, run.events[:stop]), stop == len(run.events)


def test_a_file_a_bucket_and_a_web_server_say_the_same(sources, upstream, run):
    """The same bytes: nothing but the name of the source differs."""
    for path, body, _ in grow(sources, upstream, run):
        by_file = facts(notes(sources, "file", path, body))
        for kind in ("object-store", "http"):
            assert facts(notes(sources, kind, path, body)) == by_file, kind


def test_the_answers_own_logs_say_the_same_as_far_as_they_reach(sources, upstream, run):
    """All of it; of a result event that is cut there, only what the answer says elsewhere: not the tokens."""
    for path, body, has_ended in grow(sources, upstream, run):
        by_file, by_body = (facts(notes(sources, kind, path, body)) for kind in ("file", "body"))
        is_cut = has_ended and len(json.dumps(run.events[-1])) > CUT
        left_out = ("enhancement.log_bytes", *(TOKENS if is_cut else ()))
        assert without(by_body, *left_out) == without(by_file, *left_out)


def test_a_transcript_says_the_same_and_what_the_log_never_had(sources, upstream, run):
    """The log lacks Claude's first text, which is a message more; the transcript lacks the totals at the end."""
    for path, body, has_ended in grow(sources, upstream, run):
        if has_ended and not is_success(run.events[-1]):
            # No transcript tells how a run failed.
            continue
        by_file, by_transcript = (facts(notes(sources, kind, path, body)) for kind in ("file", "transcript"))
        left_out = ("enhancement.log_*", "enhancement.truncated_values", *TOKENS)
        # The first text may be what came of the first step, and its tokens are paid for.
        left_out += ("*.0.result", "*.cost", "*.cost_usd", "*.cost_*_usd", "*.cost_is_estimate")
        if not has_ended:
            assert by_transcript["run_details.turns"] == by_file["run_details.turns"] + 1
            left_out += ("run_details.turns", "progress_summary.completion_percentage")
        assert without(by_transcript, *left_out) == without(by_file, *left_out)
        if has_ended:
            total = "run_details.usage.cost_usd"
            assert by_transcript[total] == by_file[total], "which the answer tells"
