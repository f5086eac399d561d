"""As a new operator: find the service, write the configuration, start, and check it, before FastAPI on uvicorn."""

import json
import os
import subprocess
import sys

import pytest
from conftest import KEY, Upstream
from processes import HERE, Child, gloss_binary, listening
from upstream import recorded_runs

# Of the environment nothing of gloss, but time enough on a busy machine.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GLOSS_")}


def gloss(*arguments, cwd):
    """Runs a command of gloss to its end."""
    command = [gloss_binary(), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)


@pytest.fixture
def service(tmp_path):
    """The service in a folder of its own, with its logs below it."""
    logs = tmp_path / "logs"
    logs.mkdir()
    command = [sys.executable, "-m", "upstream.app", "--logs", logs, "--keep-alive", "5"]
    with Child("upstream", command, cwd=tmp_path, env=ENVIRONMENT | {"PYTHONPATH": str(HERE)}) as child:
        yield Upstream(listening(child, r"upstream: (\S+)"), logs)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what other processes have open")
def test_from_nothing_to_notes_in_three_commands(service, tmp_path):
    """init finds the service's port, route and logs; serve runs by its file; doctor finds nothing wrong."""
    path = service.run(recorded_runs.todo_run(), run_id="run_1", status="completed")
    assert path.split("/")[-2] == "run_1"
    port = service.url.rsplit(":", 1)[1]
    found = gloss("init", "--port", port, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert f"{service.logs.resolve()}: 1 log, " in found.stdout and "the usual one" in found.stdout, found.stdout
    flags = ["--config", "gloss.toml", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    command = [gloss_binary(), "serve", *flags]
    with Child("gloss", command, cwd=tmp_path, env=ENVIRONMENT | {"GLOSS_ENRICH_BUDGET": "10s"}) as child:
        url, admin = listening(child, r"gloss: listening on (\S+)"), child.wait_for(r"gloss: admin on (\S+)")
        assert gloss("health", "--url", admin, cwd=tmp_path).returncode == 0
        where = ["--config", "gloss.toml", "--url", url, "--admin", admin, "--format", "json"]
        checked = gloss("doctor", "run_1", *where, "--header", ": ".join(KEY), cwd=tmp_path)
        without_key = gloss("doctor", "run_1", *where, "--quick", cwd=tmp_path)
    findings = {finding["check"]: finding for finding in json.loads(checked.stdout)["findings"]}
    assert {finding["verdict"] for finding in findings.values()} == {"ok"}, checked.stdout
    # uvicorn's own five seconds, and the four of gloss.
    assert "closes an idle connection after 5." in findings["keep-alive"]["what"], findings["keep-alive"]
    assert checked.returncode == 0 and KEY[1] not in checked.stdout
    assert without_key.returncode == 1 and "not as it should be: key" in without_key.stderr
