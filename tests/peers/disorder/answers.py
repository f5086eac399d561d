"""What each kind of request must be answered with: known beforehand to the byte, from the token that it carries."""

import json
import zlib

from contract import KEYS

ROUTE = "/api/v1/workflows/claude-code/run/{}/status"
LOGS_TEXT = "2026-03-01T09:00:00+00:00 [event] a line of the log — ünïcode\n" * 40
EVENTS = 4


def status_body(run_id, token):
    """The status answer to the request with this token."""
    answer = dict.fromkeys(KEYS)
    answer |= {"run_id": run_id, "status": "running", "session_id": token, "workflow_name": "implement"}
    answer |= {"started_at": "2026-03-01T09:00:00", "execution_time": 2.9157259499999992}
    answer |= {"git_commits": [], "logs": LOGS_TEXT}
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def upload(token):
    """The body that is sent with this token: some hundred bytes to some ten thousand."""
    lines = 10 + zlib.crc32(token.encode()) % 2000
    return b"".join(b"%s %d\n" % (token.encode(), number) for number in range(lines))


def receipt(token, body):
    """What the upstream says of a body that arrived."""
    return json.dumps({"token": token, "length": len(body), "crc": zlib.crc32(body)}).encode()


def early(token):
    """What the upstream says without having read the body."""
    return json.dumps({"token": token, "detail": "no need to go on"}).encode()


def stream(token):
    """The parts of a streamed answer."""
    parts = 4 + zlib.crc32(token.encode()) % 40
    return [b"".join(b"%s %d %d\n" % (token.encode(), part, line) for line in range(60)) for part in range(parts)]


def events(token):
    """Server-sent events, in order."""
    return [b"id: %d\ndata: %s\n\n" % (number, token.encode()) for number in range(EVENTS)]
