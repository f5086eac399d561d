"""What is added is what the schema says, and the models made from it take real answers."""

import copy
import filecmp
import importlib.util
import json
import subprocess
import sys

import httpx
import jsonschema_rs
import pytest
from clients import PLAIN, httpx_client
from conftest import ENHANCED, KEY
from contract import BY_STATUS, additions
from processes import HERE, start_gloss
from schema import FILE, check_schema, errors, schema
from upstream import recorded_runs

CLIENTS = HERE.parent.parent / "deploy" / "clients"
TSC = HERE / "node_modules" / ".bin" / "tsc"
COMPATIBLE = {"max_turns", "current_phase", "cache_efficiency"}
RUNS = [recorded_runs.todo_run, recorded_runs.task_run]


def notes(gloss_url, upstream, path, suffix=""):
    """The members that are added to a run's status, and the whole body."""
    basic = httpx_client("GET", upstream.url + path + suffix, [KEY])
    enhanced = httpx_client("GET", gloss_url + path + suffix, [KEY, ENHANCED])
    assert enhanced.one("gloss-variant") == "enhanced", enhanced.one("gloss-reason")
    return additions(basic.body, enhanced.body), enhanced.body


@pytest.fixture(scope="module")
def answers(gloss, upstream):
    """The added members and the body of an answer of every status with notes, of runs of several kinds."""
    collected = []
    for run in RUNS:
        for status in BY_STATUS:
            events = run()
            path = upstream.run(events if status == "completed" else events[:-3], status=status)
            collected.append((status, *notes(gloss.url, upstream, path)))
    return collected


def test_every_status_is_as_the_schema_says(answers):
    """Enhanced answers have the members that the schema names, in the form that it gives them, and no others."""
    for _, added, _ in answers:
        check_schema(added)
    seen = set().union(*(added for _, added, _ in answers))
    assert seen | COMPATIBLE == set(schema()["properties"]), "every member occurs"


def test_without_steps_it_is_as_the_schema_says(gloss, upstream):
    """What ``include_steps=false`` leaves out is not required."""
    for status in BY_STATUS:
        added, _ = notes(gloss.url, upstream, upstream.run(recorded_runs.todo_run(), status=status), "?include_steps=false")
        check_schema(added)
        assert not {"workflow_steps", "step_by_step_results"} & set(added)


def test_the_fields_for_one_client_are_in_the_schema(upstream, logs):
    """``enrich.compat_fields`` adds three members, which the schema knows."""
    child, url = start_gloss(upstream.url, logs, enrich_compat_fields="true")
    with child:
        added, _ = notes(url, upstream, upstream.run(recorded_runs.todo_run(), status="running"))
    assert COMPATIBLE <= set(added)
    check_schema(added)


def test_the_check_would_find_what_is_wrong(answers):
    """A member too many or too few, a word that is none of the list, a text for a number."""
    _, good, _ = answers[0]
    for change in (
        lambda added: added.update(more=1),
        lambda added: added.pop("enhancement"),
        lambda added: added["enhancement"].update(cache="warm"),
        lambda added: added["enhancement"].update(generated_at="yesterday"),
        lambda added: added["run_details"]["usage"].pop("input_tokens"),
        lambda added: added["workflow_steps"]["steps"][0].update(step_id="1"),
    ):
        spoiled = copy.deepcopy(good)
        change(spoiled)
        assert errors(spoiled), change
    assert not errors(good)


def test_operators_are_given_the_same_schema(upstream, logs):
    """The admin listener serves the file, which is itself a good schema."""
    child, _ = start_gloss(upstream.url, logs, admin="127.0.0.1:0")
    with child:
        answer = httpx.get(child.wait_for(r"gloss: admin on (\S+)") + "/api/schema", **PLAIN)
    assert answer.headers["content-type"] == "application/schema+json"
    assert answer.content == FILE.read_bytes()
    jsonschema_rs.meta.validate(schema())


def test_the_models_are_those_that_the_schema_makes(tmp_path):
    """Whoever changes the schema makes them anew by deploy/clients/generate."""
    done = subprocess.run([CLIENTS / "generate", tmp_path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for name in ("gloss_notes.ts", "gloss_notes.py"):
        assert filecmp.cmp(tmp_path / name, CLIENTS / name, shallow=False), f"{name}: run deploy/clients/generate"


def test_the_python_model_takes_answers_and_their_additions(answers, monkeypatch):
    """Of a whole body it reads the notes, and what it reads is what was written."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location("gloss_notes", CLIENTS / "gloss_notes.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for status, added, body in answers:
        model = module.GlossNotes.model_validate_json(body)
        read = json.loads(model.model_dump_json(exclude_unset=True))
        assert without_times(read) == without_times(added), status
        written = added["enhancement"]["generated_at"].replace("Z", "+00:00")
        assert abs(model.enhancement.generated_at - type(model.enhancement.generated_at).fromisoformat(written)).seconds == 0


def without_times(value):
    """The same without its times, whose fractions models print otherwise; that they are there stays."""
    if isinstance(value, dict):
        return {name: "time" if is_time(name, one) else without_times(one) for name, one in value.items()}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def is_time(name, value):
    return name.endswith(("_at", "_completion")) and isinstance(value, str) or name == "at"


def compiled(folder, name, text):
    """What the TypeScript compiler says of this program."""
    (folder / f"{name}.ts").write_text(text)
    command = [TSC, "--noEmit", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"]
    command += ["--skipLibCheck", "--types", "", folder / f"{name}.ts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr if done.returncode else ""


def test_the_typescript_types_take_real_additions_and_no_others(answers, tmp_path):
    """Each answer satisfies the type as a literal, which may have neither too little nor too much."""
    (tmp_path / "gloss_notes.ts").write_bytes((CLIENTS / "gloss_notes.ts").read_bytes())
    head = 'import type { GlossNotes } from "./gloss_notes";\n'
    literals = [f"export const n{n} = {json.dumps(added)} satisfies GlossNotes;\n" for n, (_, added, _) in enumerate(answers)]
    assert compiled(tmp_path, "real", head + "".join(literals)) == ""
    more = json.dumps(answers[0][1] | {"more": 1})
    assert "more" in compiled(tmp_path, "more", f"{head}export const n = {more} satisfies GlossNotes;\n")


def test_a_typescript_program_reads_an_answer(tmp_path):
    """The example compiles, and one that forgets that a field may be missing does not."""
    (tmp_path / "gloss_notes.ts").write_bytes((CLIENTS / "gloss_notes.ts").read_bytes())
    example = (CLIENTS / "example.ts").read_text()
    assert compiled(tmp_path, "example", example) == ""
    assert "possibly 'undefined'" in compiled(tmp_path, "careless", example.replace("progress_summary?.", "progress_summary."))
