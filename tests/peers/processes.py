"""Starts the programs under test, learns from their own output where they listen, and ends them again."""

import os
import queue
import re
import subprocess
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE = 30


class Child:
    """A running program; ``wait_for`` reads its stdout up to a line that matches."""

    def __init__(self, name, command, **options):
        self.name = name
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.PIPE, stderr=self.errors, text=True, **options
        )
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def wait_for(self, pattern):
        """The first group of the first line that matches."""
        while True:
            try:
                line = self.lines.get(timeout=PATIENCE)
            except queue.Empty:
                complaint = f"{self.name}: no line like {pattern!r} within {PATIENCE} s\n{self.stderr()}"
                raise AssertionError(complaint) from None
            if line is None:
                raise AssertionError(f"{self.name} ended before a line like {pattern!r}\n{self.stderr()}")
            found = re.search(pattern, line)
            if found:
                return found.group(1)

    def stderr(self):
        """What the program has complained about so far."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")[-4000:]

    def stop(self):
        """Asks the program to end; it is killed if it does not within ten seconds. Gives its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def gloss_binary():
    """The program under test: ``$GLOSS_BIN``, else the debug build of this checkout."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target"))
    binary = Path(os.environ.get("GLOSS_BIN", target / "debug" / "gloss"))
    if not binary.is_file():
        raise AssertionError(f"{binary} is not there: build it with `cargo build`, or name another in GLOSS_BIN")
    return binary.resolve()


def start_gloss(upstream, logs, *flags, binary=None, budget="10s", listen="127.0.0.1:0", admin="off", **settings):
    """``gloss serve`` on a free port; gives the child and the URL it says it listens on.

    ``budget`` is how long notes may take: a machine that is busy with other tests must not turn an enhanced answer into
    a basic one. None leaves it at the default. Further settings are named as their variables are, without the prefix:
    ``server_idle_timeout="1s"``.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GLOSS_")}
    if budget:
        kept["GLOSS_ENRICH_BUDGET"] = budget
    kept |= {f"GLOSS_{name.upper()}": str(value) for name, value in settings.items()}
    command = [binary or gloss_binary(), "serve", "--listen", listen, "--admin", admin]
    child = Child("gloss", [*command, "--upstream", upstream, "--logs", logs, *flags], env=kept)
    return child, listening(child, r"gloss: listening on (\S+)")


def listening(child, pattern):
    """The URL of a child that was just started; it is ended if it never says one."""
    try:
        return child.wait_for(pattern)
    except AssertionError:
        child.stop()
        raise
