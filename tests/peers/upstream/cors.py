"""CORS as the service answers it: any origin, with credentials, both as constants and without ``Vary``.

Current versions of the framework answer otherwise, hence this middleware of its own.
"""

SIMPLE = [(b"access-control-allow-origin", b"*"), (b"access-control-allow-credentials", b"true")]
PREFLIGHT = [
    *SIMPLE,
    (b"access-control-allow-methods", b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
    (b"access-control-max-age", b"600"),
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"2"),
]


class OpenCors:
    """Adds the two headers to answers to requests with ``Origin``, and answers preflights itself."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        asked = dict(scope["headers"]) if scope["type"] == "http" else {}
        if b"origin" not in asked:
            return await self.app(scope, receive, send)
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in asked:
            await send({"type": "http.response.start", "status": 200, "headers": PREFLIGHT})
            return await send({"type": "http.response.body", "body": b"OK"})

        async def with_cors(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SIMPLE]
            await send(message)

        return await self.app(scope, receive, with_cors)
