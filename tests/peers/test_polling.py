"""Clients polling runs that grow: every answer is right in itself, and progress only ever rises."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest
from clients import PATIENCE, PLAIN, httpx_client
from conftest import ENHANCED, KEY
from contract import BY_STATUS, KEYS, additions, check_additions, members
from upstream import recorded_runs

RUNS = 5
CLIENTS_A_RUN = 4


def test_concurrent_polls_of_growing_runs_are_each_right(gloss, upstream):
    """Twenty clients poll five runs from their first event to their end, while every event is one more append."""
    asyncio.run(poll_all(gloss.url, upstream))


def test_the_notes_are_no_older_than_the_answer_they_are_added_to(gloss, upstream):
    """The run ends while the upstream is still at its answer: ``completed`` comes with the end of the log.

    A client stops polling at ``completed``, so what that answer lacks it will never see. The gate holds the upstream's
    answer until the rest of the log is written, be that ten milliseconds after gloss was asked or a second.
    """
    events, gate = recorded_runs.todo_run(), uuid4().hex
    path = upstream.run(events[:20], gate=gate)
    headers = [KEY, ENHANCED]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(httpx_client, "GET", gloss.url + path, headers)
        upstream.http.get(f"/plain/arrived/{gate}/1").raise_for_status()
        upstream.append(path.split("/")[-2], events[20:])
        upstream.change(path.split("/")[-2], status="completed")
        upstream.open(gate)
        enhanced = asked.result(PATIENCE)
    notes = additions(httpx_client("GET", upstream.url + path, headers).body, enhanced.body)
    assert notes["run_details"]["outcome"] == "success"
    assert notes["final_result"] == recorded_runs.LONG_RESULT
    assert [step["status"] for step in notes["step_by_step_results"] if step["source"] == "todo"] == ["completed"] * 4


@pytest.mark.parametrize("story", [recorded_runs.todo_run, recorded_runs.task_run, recorded_runs.plain_run])
def test_progress_never_falls_from_one_event_to_the_next(gloss, upstream, story):
    """One client, one poll after each event: what is said of the run only rises, whatever kind of list it has."""
    events = story(name=f"{story.__name__}-steadily")
    path, said = upstream.run(events[:2]), []
    for event in events[2:]:
        notes = httpx_client("GET", gloss.url + path, [KEY, ENHANCED]).json()
        said += [notes["progress_summary"]["completion_percentage"]] if "progress_summary" in notes else []
        upstream.append(path.split("/")[-2], [event])
    assert len(said) > len(events) / 2, "too few answers with notes"
    assert said == sorted(said)


async def poll_all(url, upstream):
    stories = [recorded_runs.todo_run(name=f"poll{number}") for number in range(RUNS)]
    paths = [upstream.run(story[:2]) for story in stories]
    limits = httpx.Limits(max_connections=None)
    headers = dict([KEY, ENHANCED])
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, limits=limits, **PLAIN) as client,
        httpx.AsyncClient(base_url=upstream.url, **PLAIN) as control,
    ):
        growing = [grow(control, path, story[2:]) for path, story in zip(paths, stories)]
        polling = [poll(client, path) for path in paths for _ in range(CLIENTS_A_RUN)]
        polls = await asyncio.gather(*polling, *growing)
    assert min(polls[: len(polling)]) >= 2, f"a client that never saw its run going on: {polls}"


async def grow(control, path, events):
    """Writes one event after the other, and then lets the run end."""
    run_id = path.split("/")[-2]
    for event in events:
        (await control.post(f"/_control/runs/{run_id}/events", json=[event])).raise_for_status()
    (await control.patch(f"/_control/runs/{run_id}", json={"status": "completed"})).raise_for_status()


async def poll(client, path):
    """Polls until the run has ended; gives the number of polls.

    On a machine that is busy enough the analysis may miss its deadline: that answer is the upstream's own.
    """
    reached, polls = 0.0, 0
    while True:
        answer = await client.get(path)
        polls += 1
        said = members(answer.content)
        if answer.headers["gloss-reason"] == "deadline":
            assert list(said) == KEYS
            continue
        assert answer.headers["gloss-variant"] == "enhanced", answer.headers["gloss-reason"]
        assert list(said)[: len(KEYS)] == KEYS and said["run_id"] in path
        assert said["status"] in BY_STATUS
        check_additions(said["status"], {name: said[name] for name in list(said)[len(KEYS) :]})
        if said["status"] == "completed":
            assert said["final_result"] == recorded_runs.LONG_RESULT
            return polls
        percent = said["progress_summary"]["completion_percentage"]
        assert percent >= reached, f"progress fell from {reached} to {percent}"
        reached = percent
