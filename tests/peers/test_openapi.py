"""schemathesis reads the service's own description and tries, through gloss, to make it break its word."""

import subprocess
import sys

import pytest
from conftest import KEY
from processes import HERE

TOOL = HERE.parent / ".venv" / "bin" / "schemathesis"


def test_the_service_keeps_its_word_through_gloss(gloss, upstream, tmp_path):
    """Valid and invalid requests to every route: gloss is no reason for an answer that the description excludes."""
    through = tried(gloss.url, tmp_path)
    if "No issues found" not in through:
        pytest.fail(f"through gloss: {through}\nwithout: {tried(upstream.url, tmp_path)}")


def tried(url, folder):
    """What schemathesis says of the service at this address."""
    command = [
        sys.executable,
        TOOL,
        "run",
        f"{url}/openapi.json",
        "-H",
        f"{KEY[0]}: {KEY[1]}",
        "--seed",
        "1",
        "-n",
        "10",
    ]
    command += ["--phases", "coverage,fuzzing", "--generation-database", "none", "--continue-on-failure", "--no-color"]
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=180)
    assert "Tested: 3" in done.stdout, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout[-3000:]
