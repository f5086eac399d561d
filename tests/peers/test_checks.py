"""The checks themselves: each refuses an answer that breaks the promise it stands for, made by spoiling a good one."""

import copy

import pytest
from clients import Answer, httpx_client
from conftest import ENHANCED, KEY
from contract import additions, check_additions
from test_untouched import assert_same
from upstream import recorded_runs

BODY = b'{"run_id":"r","execution_time":90.0,"logs":"\xc3\xa9","result":null}'
GOOD = BODY[:-1] + b',"enhancement":{},"run_details":{}}'

SPOILED_BODIES = {
    "a float reformatted": GOOD.replace(b"90.0", b"90"),
    "a letter escaped": GOOD.replace(b"\xc3\xa9", b"\\u00e9"),
    "a member moved": b'{"execution_time":90.0,"run_id":"r",' + GOOD.split(b",", 2)[2],
    "a member filled in": GOOD.replace(b'"result":null', b'"result":"done"'),
    "a member repeated": GOOD.replace(b'"enhancement"', b'"run_id"'),
    "not ended": GOOD[:-1],
    "two objects": GOOD + GOOD,
    "additions first": b'{"enhancement":{},' + BODY[1:],
}

SPOILED_NOTES = {
    "running": {
        "a key of a step is missing": lambda said: said["workflow_steps"]["steps"][0].pop("cost"),
        "a step too many": lambda said: said["workflow_steps"].update(total_steps=99),
        "the wrong current step": lambda said: said["workflow_steps"].update(current_step=1),
        "ids do not start at one": lambda said: said["workflow_steps"]["steps"].reverse(),
        "an unknown state": lambda said: said["workflow_steps"]["steps"][0].update(status="done"),
        "a time without its zone": lambda said: said["progress_summary"].update(last_event_at="2026-03-01T09:00:00"),
        "all done while running": lambda said: said["progress_summary"].update(completion_percentage=100.0),
        "no phase": lambda said: said["progress_summary"].update(current_phase=None),
        "a field of another status": lambda said: said.update(final_result=None),
        "no details": lambda said: said.pop("run_details"),
        "tools without errors": lambda said: said["run_details"]["tools"].update(Read={"calls": 1}),
        "an unknown cache state": lambda said: said["enhancement"].update(cache="warm"),
    },
    "completed": {
        "success without completion": lambda said: said["step_by_step_results"][0].update(success=False),
        "a key of the summary is missing": lambda said: said["workflow_summary"].pop("tests_passed"),
        "a rate over the whole": lambda said: said["workflow_summary"].update(success_rate=101),
        "a result that is no text": lambda said: said.update(final_result={}),
        "an unknown outcome": lambda said: said["run_details"].update(outcome="fine"),
        "progress of a completed run": lambda said: said["run_details"].update(completion_percentage=80.0),
    },
}


def test_an_additive_body_is_accepted():
    """Two members were added, and exactly they are given back."""
    assert additions(BODY, GOOD) == {"enhancement": {}, "run_details": {}}


@pytest.mark.parametrize("how", SPOILED_BODIES)
def test_a_body_that_is_not_additive_is_refused(how):
    """Any change of the upstream's part, and any JSON that is no longer one object with unique names."""
    with pytest.raises((AssertionError, ValueError)):
        additions(BODY, SPOILED_BODIES[how])


@pytest.mark.parametrize(("status", "how"), [(status, how) for status, ways in SPOILED_NOTES.items() for how in ways])
def test_notes_that_break_the_contract_are_refused(gloss, upstream, status, how):
    """Real notes pass the check, and the same ones spoiled in one place do not."""
    events = recorded_runs.todo_run()
    path = upstream.run(events if status == "completed" else events[:20], status=status)
    direct, enhanced = (httpx_client("GET", url + path, [KEY, ENHANCED]) for url in (upstream.url, gloss.url))
    notes = additions(direct.body, enhanced.body)
    check_additions(status, notes)
    spoiled = copy.deepcopy(notes)
    SPOILED_NOTES[status][how](spoiled)
    with pytest.raises(AssertionError):
        check_additions(status, spoiled)


@pytest.mark.parametrize(
    "through",
    [
        Answer(200, [("server", "uvicorn"), ("set-cookie", "a, b")], b"x"),
        Answer(200, [("server", "uvicorn"), ("set-cookie", "a"), ("set-cookie", "b"), ("via", "1.1 p")], b"x"),
        Answer(200, [("set-cookie", "a"), ("set-cookie", "b")], b"x"),
        Answer(200, [("server", "uvicorn"), ("set-cookie", "b"), ("set-cookie", "a")], b"x"),
        Answer(200, [("server", "uvicorn"), ("set-cookie", "a"), ("set-cookie", "b")], b"X"),
        Answer(201, [("server", "uvicorn"), ("set-cookie", "a"), ("set-cookie", "b")], b"x"),
    ],
    ids=["joined", "added", "dropped", "swapped", "body", "status"],
)
def test_a_changed_answer_is_not_the_same(through):
    """Joined, added, dropped or reordered header lines are seen, and so are a changed body and status."""
    direct = Answer(200, [("Server", "uvicorn"), ("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Date", "now")], b"x")
    assert_same(direct, Answer(200, [*direct.headers, ("connection", "close")], b"x"))
    with pytest.raises(AssertionError):
        assert_same(direct, through)
