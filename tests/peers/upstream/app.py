"""The upstream of the peer tests: FastAPI on uvicorn, as the service that gloss stands in front of.

    python -m upstream.app --logs DIR [--keep-alive SECONDS] [--http h11|httptools]
                           [--listen HOST:PORT | --uds PATH] [--ssl-keyfile FILE --ssl-certfile FILE]

prints ``upstream: http://127.0.0.1:PORT`` once it listens (or ``https://…``, or ``unix:PATH``). Routes under ``/_control`` make runs and let them grow;
those under ``/plain`` (see ``plain.py``) have nothing to do with runs and show whether a proxy changes anything.
"""

import argparse
import json
import socket
import sys
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import uvicorn
from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Security
from fastapi.responses import Response
from fastapi.security import APIKeyHeader, APIKeyQuery
from pydantic import BaseModel, Field

from . import plain
from .cors import OpenCors
from .log_writer import LogWriter, log_path, utc_now
from .status import Run, answer

API_KEY = "peer-key"
API = "/api/v1/workflows/claude-code"


class WorkflowRequest(BaseModel):
    """The body that starts a run."""

    message: str
    max_turns: int = Field(default=30, ge=1, le=100)
    session_name: str | None = None


class StatusResponse(BaseModel):
    """What the description says of the status answer; the answer itself is not made from it."""

    run_id: str
    status: str
    session_id: str
    workflow_name: str
    started_at: str
    updated_at: str | None = None
    container_id: str | None = None
    execution_time: float | None = None
    result: str | None = None
    exit_code: int | None = None
    git_commits: list[str] = []
    error: str | None = None
    logs: str | None = None
    cost: float | None = None
    tokens: int | None = None
    turns: int | None = None
    tool_calls: int | None = None
    tools_used: list[str] | None = None
    claude_session_id: str | None = None
    progress_indicator: str | None = None
    last_activity: str | None = None
    recent_steps: dict | None = None
    elapsed_seconds: int | None = None
    debug_info: dict | None = None


class Runs:
    """Every run of this process, and the writer of each one's log."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.known = {}
        self.writers = {}

    def create(self, run):
        """Registers a run; its log starts with the first event, not here."""
        self.known[run.run_id] = run
        self.writers[run.run_id] = LogWriter(self.folder, run.run_id, run.workflow_name, run.session_id)
        return run

    def append(self, run_id, events):
        """Lets the run go on: the events are written to its log, and what is appended at once happens at one moment."""
        writer, moment = self.writers[run_id], utc_now()
        writer.clock = lambda: moment
        if not writer.path.exists():
            writer.start()
        for event in events:
            writer.event(event)


def require_key(
    header: Annotated[str | None, Security(APIKeyHeader(name="x-api-key", auto_error=False))],
    query: Annotated[str | None, Security(APIKeyQuery(name="x-api-key", auto_error=False))],
):
    """A key in the header or in the query, before anything else is looked at."""
    key = header or query
    if key is None:
        raise HTTPException(401, "x-api-key is missing in headers or query parameters")
    if key != API_KEY:
        raise HTTPException(401, "Invalid API Key")


def python_json(content):
    """JSON as Python's own encoder prints it: compact, raw UTF-8, floats such as ``1e-07`` and ``90.0``."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, media_type="application/json")


REFUSALS = {401: {"description": "No key, or a wrong one"}, 404: {"description": "No such run"}}


def workflow_routes(runs):
    """The public API."""
    router = APIRouter(prefix=API, dependencies=[Depends(require_key)], responses=REFUSALS)

    @router.get("/run/{run_id}/status", responses={200: {"model": StatusResponse}})
    async def status(run_id: str, debug: bool = False):
        """Get the status of a run."""
        if run_id not in runs.known:
            raise HTTPException(404, f"Run {run_id} not found")
        run = runs.known[run_id]
        if run.gate:
            await plain.wait_at(run.gate)
        return python_json(answer(run, log_path(runs.folder, run_id), debug))

    @router.post("/run/{workflow_name}")
    async def start(workflow_name: str, wanted: WorkflowRequest):
        """Start a run of a workflow."""
        run = runs.create(Run(f"run_{uuid4().hex[:12]}", workflow_name, max_turns=wanted.max_turns, fresh=True))
        runs.append(run.run_id, [])
        return python_json(
            {
                "run_id": run.run_id,
                "status": run.status,
                "message": f"Started workflow '{workflow_name}'",
                "session_id": run.session_id,
                "workflow_name": workflow_name,
                "started_at": run.started_at,
            }
        )

    return router


def control_routes(runs):
    """What the tests use to make a run and to let it go on."""
    router = APIRouter(prefix="/_control/runs", include_in_schema=False)

    @router.post("")
    async def create(fields: Annotated[dict, Body()]):
        return {"run_id": runs.create(Run(**fields)).run_id}

    @router.patch("/{run_id}")
    async def change(run_id: str, fields: Annotated[dict, Body()]):
        for name, value in fields.items():
            setattr(runs.known[run_id], name, value)
        return {"run_id": run_id}

    @router.post("/{run_id}/events")
    async def append(run_id: str, events: Annotated[list[dict], Body()]):
        runs.append(run_id, events)
        return {"appended": len(events)}

    return router


def build(folder):
    """The whole application, with its logs in ``folder``."""
    app = FastAPI(title="workflows", version="0.1.4")
    app.add_middleware(OpenCors)
    runs = Runs(folder)

    @app.get("/health")
    def health():
        """Tell that the service is up."""
        return {"status": "healthy"}

    app.include_router(workflow_routes(runs))
    app.include_router(control_routes(runs))
    app.include_router(plain.router)
    return app


def listen(args):
    """The socket, and the URL that leads to it."""
    if args.uds:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(args.uds)
        listener.listen()
        return listener, f"unix:{args.uds}"
    # Named as TCP, so that asyncio sends small answers at once, as it does where uvicorn makes the socket itself.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    host, _, port = args.listen.rpartition(":")
    listener.bind((host, int(port)))
    listener.listen()
    scheme = "https" if args.ssl_keyfile else "http"
    return listener, f"{scheme}://{host}:{listener.getsockname()[1]}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--logs", required=True)
    parser.add_argument("--keep-alive", type=int, default=5)
    parser.add_argument("--http", choices=["h11", "httptools"], default="h11", help="what reads and writes HTTP")
    parser.add_argument("--listen", default="127.0.0.1:0", help="where, as HOST:PORT")
    parser.add_argument("--uds")
    parser.add_argument("--ssl-keyfile")
    parser.add_argument("--ssl-certfile")
    args = parser.parse_args()
    listener, url = listen(args)
    tls = {"ssl_keyfile": args.ssl_keyfile, "ssl_certfile": args.ssl_certfile}
    config = uvicorn.Config(
        build(args.logs), timeout_keep_alive=args.keep_alive, http=args.http, log_level="warning", **tls
    )
    print(f"upstream: {url}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
