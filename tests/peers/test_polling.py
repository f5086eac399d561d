"""Many clients polling runs that grow: every answer is right in itself, and progress only ever rises."""

import asyncio

import httpx
from clients import PATIENCE
from conftest import ENHANCED, KEY
from contract import BY_STATUS, KEYS, check_additions, members
from upstream import recorded_runs

RUNS = 5
CLIENTS_A_RUN = 4


def test_concurrent_polls_of_growing_runs_are_each_right(gloss, upstream):
    """Twenty clients poll five runs from their first event to their end, while every event is one more append."""
    asyncio.run(poll_all(gloss.url, upstream))


async def poll_all(url, upstream):
    stories = [recorded_runs.todo_run(name=f"poll{number}") for number in range(RUNS)]
    paths = [upstream.run(story[:2]) for story in stories]
    limits = httpx.Limits(max_connections=None)
    headers = dict([KEY, ENHANCED])
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=PATIENCE, limits=limits, trust_env=False
    ) as client, httpx.AsyncClient(base_url=upstream.url, timeout=PATIENCE, trust_env=False, verify=False) as control:
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
