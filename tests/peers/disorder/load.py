"""The load: clients of every kind, each of which knows to the byte what it must receive."""

import asyncio
import json
import random
import time
import traceback

from contract import additions, check_additions
from disorder import answers
from disorder.ledger import Outcome
from wire import Malformed, Reader

PATIENCE = 20
KINDS = {"poll": 6, "notes": 8, "post": 5, "chunks": 3, "stream": 3, "events": 2, "tunnel": 1, "slow": 1, "leaving": 2}


class Aborted(Exception):
    """The connection ended before the answer was whole."""


class Link:
    """A client's connection, made when it is needed first."""

    def __init__(self, address):
        self.address = address
        self.reader = self.writer = None
        self.buffer = Reader()

    async def send(self, data):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(*self.address)
            self.buffer = Reader()
        self.writer.write(data)

    async def answer(self, method):
        """The next answer; the connection is dropped with the one that ends it, unless it became a tunnel."""
        while (got := self.buffer.take(method, False)) is None:
            await self.more(self.buffer)
        if got.closes and got.status != 101:
            self.drop()
        return got

    async def more(self, buffer, most=65536):
        data = await self.reader.read(most)
        if not data:
            raise Aborted(f"after {len(buffer.buffer)} bytes")
        buffer.buffer += data

    def drop(self):
        if self.writer is not None:
            self.writer.transport.abort()
        self.reader = self.writer = None


class Client:
    """Asks one thing after the other until told to stop, and enters in the ledger what came of it."""

    def __init__(self, name, address, run_ids, ledger, seed):
        self.name, self.ledger, self.run_ids = name, ledger, run_ids
        self.random = random.Random(f"{seed}/{name}")
        self.link = Link(address)
        self.asked = 0

    async def run(self, going):
        """Until ``going`` is cleared; the request that is under way is finished."""
        while going.is_set():
            kind = self.random.choices(list(KINDS), KINDS.values())[0]
            self.asked += 1
            await self.ask(kind, f"{self.name}-{self.asked}")
            await asyncio.sleep(self.random.uniform(0, 0.04))
        self.link.drop()

    async def ask(self, kind, token):
        began = time.monotonic()
        try:
            what = await asyncio.wait_for(getattr(self, kind)(token), PATIENCE)
            detail = ""
        except (Aborted, ConnectionError) as error:
            what, detail = "aborted", repr(error)
        except asyncio.TimeoutError:  # a class of its own before Python 3.11
            what, detail = "no answer", ""
        except (AssertionError, Malformed, ValueError, KeyError, IndexError) as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            what, detail = "wrong", f"{type(error).__name__} {str(error)[:300]} in line {place.lineno}: {place.line}"
        if what == "right":
            self.ledger.right(kind, began)
            return
        self.link.drop()
        if what != "left":
            self.ledger.other(Outcome(kind, token, what, began, time.monotonic(), detail))
        else:
            self.ledger.counts[kind, "left"] += 1

    def head(self, method, target, token, *lines):
        return "\r\n".join([f"{method} {target} HTTP/1.1", "host: a", f"x-token: {token}", *lines, "", ""]).encode()

    async def exchange(self, method, data, token, expected, status=200):
        """Sends, reads and compares: ``right``, or the status with which gloss answered in the upstream's place."""
        await self.link.send(data)
        answer = await self.link.answer(method)
        if answer.status != status:
            return own_answer(answer)
        assert answer.all(b"x-token") == [token.encode()], f"an answer for {answer.all(b'x-token')}"
        assert answer.body == expected, f"{len(answer.body)} bytes instead of {len(expected)}"
        return "right"

    async def poll(self, token):
        run_id = self.random.choice(self.run_ids)
        data = self.head("GET", answers.ROUTE.format(run_id), token)
        return await self.exchange("GET", data, token, answers.status_body(run_id, token))

    async def notes(self, token):
        """An enhanced poll: additions, or the upstream's own bytes and the reason."""
        run_id = self.random.choice(self.run_ids)
        await self.link.send(self.head("GET", answers.ROUTE.format(run_id), token, "gloss: enhanced"))
        answer = await self.link.answer("GET")
        if answer.status != 200:
            return own_answer(answer)
        assert answer.all(b"x-token") == [token.encode()], f"an answer for {answer.all(b'x-token')}"
        expected = answers.status_body(run_id, token)
        if answer.all(b"gloss-variant") == [b"basic"]:
            assert answer.body == expected, "a fallback is not the upstream's answer"
            return "basic:" + answer.all(b"gloss-reason")[0].decode()
        check_additions("running", additions(expected, answer.body))
        return "right"

    async def post(self, token):
        body = answers.upload(token)
        data = self.head("POST", "/echo", token, f"content-length: {len(body)}") + body
        return await self.sent(data, token, body)

    async def chunks(self, token):
        body, framed = answers.upload(token), [self.head("POST", "/echo", token, "transfer-encoding: chunked")]
        for at in range(0, len(body), 5000):
            piece = body[at : at + 5000]
            framed.append(b"%x\r\n%s\r\n" % (len(piece), piece))
        return await self.sent(b"".join(framed) + b"0\r\n\r\n", token, body)

    async def sent(self, data, token, body):
        await self.link.send(data)
        answer = await self.link.answer("POST")
        if answer.status == 413:
            assert answer.body == answers.early(token), answer.body[:200]
            # What is left of the body may still be on its way.
            self.link.drop()
            return "right"
        if answer.status != 200:
            return own_answer(answer)
        assert answer.body == answers.receipt(token, body), answer.body[:200]
        return "right"

    async def stream(self, token):
        data = self.head("GET", "/stream", token)
        return await self.exchange("GET", data, token, b"".join(answers.stream(token)))

    async def events(self, token):
        data = self.head("GET", "/events", token)
        return await self.exchange("GET", data, token, b"".join(answers.events(token)))

    async def slow(self, token):
        """Trickles the head, sips the answer."""
        data = self.head("GET", "/stream", token)
        for at in range(0, len(data), 20):
            await self.link.send(data[at : at + 20])
            await asyncio.sleep(0.02)
        for _ in range(20):
            await self.link.more(self.link.buffer, 200)
            await asyncio.sleep(0.01)
            if b"\r\n0\r\n\r\n" in self.link.buffer.buffer or not self.link.buffer.buffer.startswith(b"HTTP/1.1 200"):
                break
        return await self.exchange("GET", b"", token, b"".join(answers.stream(token)))

    async def leaving(self, token):
        """Leaves in the middle of its request, or of the answer."""
        if self.random.random() < 0.5:
            body = answers.upload(token)
            await self.link.send(self.head("POST", "/echo", token, f"content-length: {len(body)}") + body[:-1])
        else:
            await self.link.send(self.head("GET", "/stream", token))
            await self.link.more(self.link.buffer, 100)
        return "left"

    async def tunnel(self, token):
        """Lines over a tunnel come back in order, with the token that the upstream was told."""
        self.link.drop()
        await self.link.send(self.head("GET", "/tunnel", token, "connection: upgrade", "upgrade: lines"))
        answer = await self.link.answer("GET")
        if answer.status != 101:
            return own_answer(answer)
        for number in range(10):
            self.link.writer.write(b"line %d\n" % number)
            expected = f"{token} line {number}\n".encode()
            while b"\n" not in self.link.buffer.buffer:
                await self.link.more(self.link.buffer)
            line, _, self.link.buffer.buffer = self.link.buffer.buffer.partition(b"\n")
            assert line + b"\n" == expected, line[:200]
        self.link.drop()
        return "right"


def own_answer(answer):
    """The status of an answer that gloss made itself; it has to say so."""
    assert answer.status in (502, 503, 504), f"{answer.status} {answer.body[:200]!r}"
    said = answer.all(b"proxy-status")
    assert said and said[0].startswith(b"gloss; error="), f"{answer.status} that is not gloss's: {said}"
    assert isinstance(json.loads(answer.body)["detail"], str)
    return str(answer.status)
