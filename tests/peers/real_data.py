"""Replays recorded answers of the real service, byte for byte, with the logs that belong to them.

    python real_data.py DATA_DIR [GLOSS_BIN]

``DATA_DIR/upstream/seed`` holds ``*.http`` files (status line, headers and body as received) and the logs of the runs
in them; the recordings are not part of this repository. Without an opt-in gloss must give the very answer, with one
the answer's bytes and the notes of its status. Prints a line a check and, last, ``N passed, N failed``.
"""

import http.client
import re
import shutil
import socketserver
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from clients import Answer
from contract import BY_STATUS, GLOSS_HEADERS, additions, check_additions
from processes import gloss_binary, start_gloss
from schema import check_schema

ROUTE = "/api/v1/workflows/claude-code/run/{}/status"
REQUESTS = {"307": ("GET", "/"), "405": ("HEAD", ""), "422": ("GET", "?debug=maybe")}
DATE = {"date"}


@dataclass
class Recording:
    """One answer as it was received, and the request that asks for it again."""

    name: str
    raw: bytes
    method: str
    path: str
    status: str

    @property
    def body(self):
        return self.raw.split(b"\r\n\r\n", 1)[1]

    @property
    def code(self):
        return int(self.raw.split(b" ", 2)[1])


def recordings(folder):
    """Every recorded answer; one of which only the head was kept gets the body that has its length."""
    raw = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.http"))}
    bodies = {len(body): body for body in (whole.split(b"\r\n\r\n", 1)[1] for whole in raw.values()) if body}
    for name, whole in raw.items():
        head, body = whole.split(b"\r\n\r\n", 1)
        method, suffix = REQUESTS.get(name.split("-")[0], ("GET", ""))
        length = int(re.search(rb"content-length: (\d+)", head)[1])
        if not body and length and method != "HEAD":
            whole = head + b"\r\n\r\n" + bodies[length]
        run = re.search(rb'"run_id":"([^"]+)","status":"([^"]+)"', whole)
        run_id, status = (found.decode() for found in run.groups()) if run else ("run_of_nobody", "")
        yield Recording(name, whole, method, ROUTE.format(run_id) + suffix, status)


class Replayer(socketserver.ThreadingTCPServer):
    """Answers every request on every connection with the bytes in ``answer``, and nothing else."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Connection)
        self.answer = b""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        lines = 0
        while line := self.rfile.readline():
            lines += 1
            if line == b"\r\n" and lines > 1:
                self.wfile.write(self.server.answer)
                lines = 0


def ask(address, recording, headers):
    """One request; the answer with every header line."""
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request(recording.method, recording.path, headers={"x-api-key": "k", **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return Answer(answer.status, answer.getheaders(), body)


def recorded_answer(recording):
    """What a client would have received from the service itself."""
    lines = recording.raw.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")[1:]
    pairs = [tuple(line.split(": ", 1)) for line in lines]
    return Answer(recording.code, pairs, recording.body)


def header_set(answer, without=()):
    """The recorded ``date`` is a byte like any other here: it must come through."""
    return answer.header_set(without) | {name: answer.all(name) for name in DATE}


def check_untouched(recording, through):
    """No opt-in: the same status, bytes and header set."""
    recorded = recorded_answer(recording)
    assert through.status == recorded.status, through.status
    assert through.body == recorded.body, "the body differs"
    assert header_set(through) == header_set(recorded), f"{through.headers} instead of {recorded.headers}"


def check_opted_in(recording, through, has_log):
    """An opt-in: notes where there is something to note, else the same bytes and the reason why."""
    if recording.method != "GET" or recording.path.endswith("/"):
        return check_untouched(recording, through)  # not the status route
    recorded = recorded_answer(recording)
    own = {*GLOSS_HEADERS, "content-length"}
    assert through.status == recorded.status, through.status
    assert header_set(through, own) == header_set(recorded, own), f"{through.headers} instead of {recorded.headers}"
    variant, reason = through.one("gloss-variant"), through.one("gloss-reason")
    wanted = expected_reason(recording, has_log)
    assert (variant, reason) == wanted, f"{variant}, {reason} instead of {wanted}"
    if variant == "basic":
        assert through.body == recorded.body, "the body differs"
        return
    added = additions(recorded.body, through.body)
    check_additions(recording.status, added)
    check_schema(added)
    said = added.get("step_by_step_results") or added.get("workflow_steps", {}).get("steps")
    assert said, "a run that has begun shows no step"
    if recording.status == "completed" and added["run_details"]["outcome"] == "success":
        assert added["final_result"], "a success without its result"


def expected_reason(recording, has_log):
    if recording.code != 200:
        return "basic", "upstream-status"
    if recording.status not in BY_STATUS:
        return "basic", "status"
    return ("enhanced", "header") if has_log else ("basic", "no-log")


def main():
    seed = Path(sys.argv[1]) / "upstream" / "seed"
    binary = Path(sys.argv[2]) if len(sys.argv) > 2 else gloss_binary()
    replayer, failed, passed = Replayer(), 0, 0
    with tempfile.TemporaryDirectory() as logs:
        for log in seed.glob("*.log"):
            shutil.copy(log, logs)
        child, url = start_gloss(replayer.url, logs, binary=binary)
        address = url.removeprefix("http://")
        with child:
            for recording in recordings(seed):
                replayer.answer = recording.raw
                log = Path(logs) / f"run_{recording.path.split('/')[6]}.log"
                checks = {
                    "untouched": lambda: check_untouched(recording, ask(address, recording, {})),
                    "opted in": lambda: check_opted_in(
                        recording, ask(address, recording, {"gloss": "enhanced"}), log.exists()
                    ),
                }
                for name, check in checks.items():
                    try:
                        check()
                        passed += 1
                    except (AssertionError, OSError, http.client.HTTPException) as error:
                        failed += 1
                        print(f"FAILED {recording.name}, {name}: {str(error)[:500] or repr(error)}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
