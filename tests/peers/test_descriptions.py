"""The service's own OpenAPI document with what gloss adds: clients that are made from it understand both answers."""

import importlib.util
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from clients import httpx_client
from conftest import ENHANCED, KEY, STATUS
from contract import BY_STATUS
from processes import HERE, start_gloss
from test_openapi import TOOL
from upstream import recorded_runs

BIN = HERE.parent / ".venv" / "bin"
MODEL = "StatusResponse"


@pytest.fixture(scope="module")
def describing(upstream, logs):
    """gloss in front of the shared upstream, describing what it adds."""
    child, url = start_gloss(upstream.url, logs, enrich_openapi="true")
    yield SimpleNamespace(url=url)
    child.stop()


@pytest.fixture(scope="module")
def models(describing, tmp_path_factory):
    """Python classes made from the description as gloss gives it; they refuse members that it does not name."""
    folder = tmp_path_factory.mktemp("models")
    document, source = folder / "openapi.json", folder / "generated_models.py"
    document.write_bytes(httpx_client("GET", describing.url + "/openapi.json", []).body)
    options = ["--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel", "--extra-fields", "forbid"]
    command = [BIN / "datamodel-codegen", "--input", document, "--output", source, *options]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    spec = importlib.util.spec_from_file_location("generated_models", source)
    module = importlib.util.module_from_spec(spec)
    sys.modules["generated_models"] = module
    spec.loader.exec_module(module)
    return module


def test_without_the_switch_the_description_is_the_services_own(both):
    """Nothing in a description changes unless an operator wants it."""
    direct, through = both("GET", "/openapi.json", headers=[])
    assert through.body == direct.body
    assert b"Gloss" not in direct.body


def test_all_that_the_service_describes_stays_and_in_its_order(upstream, describing):
    """Every path, parameter and schema of the service's is still there, as it was, before what is added."""
    ours = json.loads(httpx_client("GET", upstream.url + "/openapi.json", []).body)
    described = json.loads(httpx_client("GET", describing.url + "/openapi.json", []).body)
    assert list(described) == list(ours)
    assert list(described["paths"]) == list(ours["paths"])
    path = STATUS.format("{run_id}")
    assert all(described["paths"][other] == ours["paths"][other] for other in ours["paths"] if other != path)
    before, after = ours["paths"][path]["get"], described["paths"][path]["get"]
    assert after["parameters"][: len(before["parameters"])] == before["parameters"]
    added = [parameter["name"] for parameter in after["parameters"][len(before["parameters"]) :]]
    assert added == ["enhanced", "include_steps", "include_logs", "Gloss", "Gloss-Version"]
    schemas = described["components"]["schemas"]
    for name, schema in ours["components"]["schemas"].items():
        changed = schemas[name]
        assert {key: changed[key] for key in schema if key != "properties"} == {
            key: schema[key] for key in schema if key != "properties"
        }
        assert all(changed["properties"][key] == value for key, value in schema.get("properties", {}).items())
        assert (list(changed) == list(schema)) or name == MODEL


@pytest.mark.parametrize("status", [*BY_STATUS, "pending"])
def test_a_client_made_from_it_understands_both_answers(describing, upstream, models, status):
    """Generated classes take the basic and the enhanced answer of every status, and find the notes by their names."""
    events = recorded_runs.todo_run()
    path = upstream.run(events if status == "completed" else events[:-3], status=status)
    model = getattr(models, MODEL)
    basic = httpx_client("GET", describing.url + path, [KEY])
    assert model.model_validate_json(basic.body).run_details is None
    answer = httpx_client("GET", describing.url + path, [KEY, ENHANCED])
    enhanced = model.model_validate_json(answer.body)
    if status == "pending":
        assert enhanced.run_details is None
        return
    assert enhanced.enhancement.version == 1
    steps = enhanced.workflow_steps.steps if status == "running" else enhanced.step_by_step_results
    assert [step.step_id for step in steps] == list(range(1, len(steps) + 1))


def test_schemathesis_finds_that_enhanced_answers_are_as_described(describing, upstream, tmp_path):
    """Requests drawn from the enhanced description, for a run that is there: every answer conforms to it."""
    path = upstream.run(recorded_runs.todo_run()[:-3], status="running")
    run = path.split("/")[-2]
    (tmp_path / "schemathesis.toml").write_text(f'[parameters]\n"path.run_id" = "{run}"\n')
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [sys.executable, TOOL, "run", f"{describing.url}/openapi.json", "-H", f"{KEY[0]}: {KEY[1]}"]
    command += ["--include-path", STATUS.format("{run_id}"), "--checks", checks, "--seed", "1", "-n", "30"]
    command += ["--phases", "coverage,fuzzing", "--mode", "positive", "--generation-database", "none", "--no-color"]
    command += ["--report", "ndjson", "--report-dir", tmp_path]
    done = subprocess.run([str(part) for part in command], cwd=tmp_path, capture_output=True, text=True, timeout=180)
    assert "No issues found" in done.stdout, done.stdout[-3000:] + done.stderr[-1000:]
    told = "".join(report.read_text() for report in tmp_path.glob("*.ndjson"))
    for variant in ("basic", "enhanced"):
        assert f'"gloss-variant":["{variant}"]' in told, f"no answer was {variant}"
