"""Later versions of the real service: recorded answers and logs of theirs, enhanced with nothing configured but the folder.

``GLOSS_DATA`` names a folder of recordings as `tests/run --data` does; they are not part of this repository, and without
them these tests are skipped. What is right is read from the recordings themselves: from what the service says of the
run in its own answer, and by a plain reading of the log with nothing of gloss in it.
"""

import ast
import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest
from clients import httpx_client
from conftest import ENHANCED, KEY, STATUS
from contract import additions, check_additions
from processes import start_gloss
from real_data import Replayer

VERSIONS = ("two-days-later", "newest")


@pytest.fixture(params=VERSIONS)
def recorded(request):
    """The folder of one version's recordings."""
    data = os.environ.get("GLOSS_DATA")
    if not data:
        pytest.skip("no recordings: `tests/run --data DIR` has them")
    folder = Path(data) / "upstream" / request.param
    assert list(folder.glob("*.http")), f"{folder} has no recorded answers"
    return folder


@pytest.fixture
def ask(tmp_path):
    """Asks gloss, which reads logs from ``tmp_path``, for the notes on an answer of the service."""
    replayer = Replayer()
    child, url = start_gloss(replayer.url, tmp_path)

    def ask(body):
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        replayer.answer = head.encode() + body
        answer = httpx_client("GET", url + STATUS.format(json.loads(body)["run_id"]), [KEY, ENHANCED])
        label = answer.one("gloss-variant"), answer.one("gloss-reason")
        return label, additions(body, answer.body) if label[0] == "enhanced" else answer.body == body

    with child:
        yield ask
    replayer.shutdown()


def answers(folder):
    """The bodies of a version's recorded answers, by run, each with the log of the run, if there is one."""
    logs = {json.loads(log.read_text().splitlines()[0])["run_id"]: log for log in folder.glob("*.log")}
    for recording in sorted(folder.glob("*.http")):
        body = recording.read_bytes().split(b"\r\n\r\n", 1)[1]
        yield body, logs.get(json.loads(body)["run_id"])


def calls(lines):
    """Id, name and input of every tool call in a log, in the dialects of these versions."""
    seen = {}
    for line in lines:
        entry = json.loads(line)
        kind, message = entry["event_type"], entry["data"]["message"]
        if kind == "claude_stream_raw" and message.startswith("{"):
            event = json.loads(message)
            kind, message = f"claude_stream_{event['type']}", event.get("message")
        if kind == "claude_stream_assistant":
            parts = [part for part in message["content"] if part["type"] == "tool_use"]
        elif kind == "claude_message" and message.startswith("AssistantMessage("):
            made = [node for node in ast.walk(ast.parse(message, mode="eval")) if isinstance(node, ast.Call)]
            parts = [
                {word.arg: ast.literal_eval(word.value) for word in node.keywords}
                for node in made
                if node.func.id == "ToolUseBlock"
            ]
        else:
            continue
        # A line as Claude Code printed it comes once more as the service read it.
        seen |= {part["id"]: (part["id"], part["name"], part["input"]) for part in parts}
    return list(seen.values())


def check_calls(added, steps, lines):
    """The tools are those that were called, and the steps are the last list whose writing has been confirmed."""
    called = calls(lines)
    answered = set(re.findall(r"tool_use_id\W+(toolu_\w+)", "".join(lines)))
    lists = [given["todos"] for id_, name, given in called if name == "TodoWrite" and id_ in answered]
    ends = {"in_progress": "failed"} if added["run_details"]["outcome"] == "failed" else {}
    if lists:
        said = [(step["name"], step["status"]) for step in steps]
        assert said == [(item["content"], ends.get(item["status"], item["status"])) for item in lists[-1]]
    assert {name: tool["calls"] for name, tool in added["run_details"]["tools"].items()} == Counter(
        name for _, name, _ in called
    )
    return bool(lists)


def test_a_run_that_ended_is_told_as_the_service_and_the_log_tell_it(recorded, ask, tmp_path):
    """Turns, cost, tools and the whole result against the answer's own members; the steps against the log."""
    told = 0
    for body, log in answers(recorded):
        own = json.loads(body)
        if log is None or own["status"] == "running":
            continue
        (tmp_path / log.name).write_bytes(log.read_bytes())
        label, added = ask(body)
        assert label == ("enhanced", "header")
        check_additions(own["status"], added)
        details = added["run_details"]
        assert details["outcome"] == ("success" if own["status"] == "completed" else "failed")
        assert details["turns"] == own["progress"]["turns"]
        usage = details["usage"]
        assert (usage["cost_usd"], usage["cost_is_estimate"]) == (own["metrics"]["cost_usd"], False)
        kinds = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")
        assert sum(usage[kind] for kind in kinds) == own["metrics"]["tokens"]["total"]
        assert set(details["tools"]) == set(own["metrics"]["tools_used"])
        # The newest version answers with every text of the run, of which the last is the result.
        result = added["final_result"].strip()
        assert result and own["result"]["final_output"].strip().endswith(result)
        assert own["progress"]["max_turns"] in (None, details["max_turns"])
        notes = added["enhancement"]
        assert (notes["log_source"], notes["unrecognised_lines"], notes["complete"]) == ("file", 0, True)
        assert check_calls(added, added["step_by_step_results"], log.read_text().splitlines())
        told += 1
    assert told, f"{recorded} has no run that ended and its log"


def test_a_run_that_goes_on_is_told_as_far_as_its_log_goes(recorded, ask, tmp_path):
    """A log as it grew, line by line, under the answer of a run that goes on; steps and tools are those of its lines."""
    grown = 0
    for body, log in answers(recorded):
        if log is None:
            continue
        own = json.loads(body)
        running = body.replace(f'"status":"{own["status"]}"'.encode(), b'"status":"running"', 1)
        lines = log.read_text().splitlines(keepends=True)
        for count in range(1, len(lines) - 4):
            (tmp_path / log.name).write_text("".join(lines[:count]))
            label, added = ask(running)
            assert label == ("enhanced", "header"), count
            check_additions("running", added)
            grown += check_calls(added, added["workflow_steps"]["steps"], lines[:count])
    assert grown, f"{recorded} has no log of a run with a list"


def test_a_run_whose_log_is_not_there_keeps_the_answer_of_the_service(recorded, ask):
    """To the byte; every recorded answer has a reason why it gets no notes."""
    for body, _ in answers(recorded):
        assert ask(body) == (("basic", "no-log"), True)
