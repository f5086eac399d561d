"""Routes that have nothing to do with runs: each is one thing that a proxy could get wrong.

Order in time is made with gates, never with sleeps: a route waits until the test opens its gate, and a test asks
``/plain/arrived`` to be told how much of an upload is there.
"""

import asyncio
import gzip
import hashlib
from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Header, Request, WebSocket
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

router = APIRouter(prefix="/plain", include_in_schema=False)
gates = defaultdict(asyncio.Event)
arrived = defaultdict(int)
progress = asyncio.Condition()

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]
BLOCK = bytes(range(256)) * 256
ETAG = '"v1"'


@router.api_route("/echo/{rest:path}", methods=METHODS)
async def echo(request: Request, rest: str):
    """What arrived here: method, target, headers as they came, the digest of the body, the peer's port."""
    body = await request.body()
    return JSONResponse(
        {
            "method": request.method,
            "target": request.scope["raw_path"].decode() + "?" + request.scope["query_string"].decode(),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers.raw],
            "length": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            # On a socket in the file system nobody has a port.
            "port": request.client and request.client.port,
        }
    )


@router.post("/open/{gate}")
async def open_gate(gate: str):
    """Lets whatever waits for this gate go on."""
    gates[gate].set()
    return {"open": gate}


@router.get("/gated/{gate}")
async def gated(gate: str):
    """Two chunks; the second is sent only when the gate is open."""

    async def chunks():
        yield b"first"
        await gates[gate].wait()
        yield b"second"

    return StreamingResponse(chunks(), media_type="application/octet-stream")


@router.get("/events/{gate}")
async def events(gate: str):
    """Server-sent events; the second one only when the gate is open."""

    async def messages():
        yield b"id: 1\nevent: step\ndata: one\n\n"
        await gates[gate].wait()
        yield b"id: 2\nevent: step\ndata: two\n\n: end\n\n"

    return StreamingResponse(messages(), media_type="text/event-stream", headers={"cache-control": "no-cache"})


async def wait_at(gate):
    """Returns when the gate is open; that one more waits there is told under ``arrived``."""
    async with progress:
        arrived[gate] += 1
        progress.notify_all()
    await gates[gate].wait()


@router.get("/slow/{gate}")
async def slow(gate: str):
    """No answer at all before the gate is open."""
    await wait_at(gate)
    return {"waited": gate}


@router.get("/download/{blocks}")
async def download(blocks: int):
    """So many blocks of 64 KiB, streamed."""

    async def chunks():
        for _ in range(blocks):
            yield BLOCK

    return StreamingResponse(chunks(), media_type="application/octet-stream")


@router.post("/upload/{name}")
async def upload(name: str, request: Request):
    """The digest of what came, counted as it comes."""
    digest = hashlib.sha256()
    async for chunk in request.stream():
        digest.update(chunk)
        async with progress:
            arrived[name] += len(chunk)
            progress.notify_all()
    return {"sha256": digest.hexdigest(), "length": arrived[name]}


@router.get("/arrived/{name}/{length}")
async def wait_for_arrival(name: str, length: int):
    """Answers once that many bytes of that upload, or that many requests at that gate, are here."""
    async with progress:
        await progress.wait_for(lambda: arrived[name] >= length)
    return {"arrived": arrived[name]}


@router.get("/cookies")
async def cookies():
    """Two cookies, each in a header of its own."""
    response = JSONResponse({"cookies": 2})
    response.set_cookie("one", "1", path="/", httponly=True)
    response.set_cookie("two", "2; x", path="/plain")
    return response


@router.get("/gzip")
async def compressed():
    """A body that is compressed already."""
    body = gzip.compress(b"all of this is compressed " * 200, mtime=0)
    return Response(body, media_type="text/plain", headers={"content-encoding": "gzip", "vary": "Accept-Encoding"})


@router.get("/cached")
async def cached(if_none_match: Annotated[str | None, Header()] = None):
    """An entity tag, and 304 for whoever has it."""
    if if_none_match == ETAG:
        return Response(status_code=304, headers={"etag": ETAG})
    return Response(b"the entity", headers={"etag": ETAG, "cache-control": "max-age=60"})


@router.get("/redirect/{code}")
async def redirect(code: int):
    """A redirect to a relative place."""
    return RedirectResponse("/plain/cookies?from=redirect", status_code=code)


@router.api_route("/status/{code}", methods=["GET", "HEAD"])
async def with_status(code: int):
    """An answer of this status, with headers that are nobody's standard."""
    body = b"" if code == 204 else f"status {code}\n".encode()
    return Response(body, status_code=code, headers={"x-odd": "a=\xe9; b", "server-timing": "db;dur=1.5"})


@router.post("/refused")
async def refused():
    """An answer that does not look at the body."""
    return JSONResponse({"detail": "too large"}, status_code=413)


@router.websocket("/socket")
async def socket(websocket: WebSocket):
    """Sends back every message, text as text and bytes as bytes, until the word ``bye``."""
    await websocket.accept(subprotocol="echo" if "echo" in websocket.scope["subprotocols"] else None)
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") == "bye":
            await websocket.close(code=4321, reason="as you wish")
            return
        if message.get("text") is not None:
            await websocket.send_text(message["text"])
        else:
            await websocket.send_bytes(message["bytes"])
