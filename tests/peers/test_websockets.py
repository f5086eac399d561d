"""WebSockets through gloss, as three libraries speak them: messages, pings, every way of ending."""

import asyncio
import contextlib
import queue
import socket
import struct
import threading

import aiohttp
import pytest
from clients import PATIENCE, node
from processes import start_gloss
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import serve

AT_ONCE = {"open_timeout": PATIENCE, "close_timeout": PATIENCE, "proxy": None, "max_size": None}
LARGE = 5_000_000
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset, and nothing that was still to be sent


def vanish(connection):
    """Ends a connection as a crash or a broken network would: with a reset, without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
    connection.close()


@pytest.fixture
def peer(logs):
    """A WebSocket server whose far end the test holds: connections come out of ``accepted``, endings of ``ended``."""
    accepted, ended = queue.Queue(), queue.Queue()

    def hold(connection):
        accepted.put(connection)
        try:
            for message in connection:
                connection.send(message)
        except ConnectionClosed:
            pass
        ended.put((connection.protocol.close_code, connection.protocol.close_reason))

    with serve(hold, "127.0.0.1", 0, max_size=None, ping_interval=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        child, url = start_gloss(f"http://127.0.0.1:{port}", logs)
        with child:
            yield Far(url.replace("http", "ws", 1), accepted, ended)
        server.shutdown()


class Far:
    """The server's side of the tunnels."""

    def __init__(self, url, accepted, ended):
        self.url, self.accepted, self.ended = url, accepted, ended

    @contextlib.contextmanager
    def open(self):
        """A new tunnel: the client's end and the server's."""
        with connect(self.url, **AT_ONCE) as near:
            yield near, self.accepted.get(timeout=PATIENCE)

    def ending(self):
        """Code and reason with which a connection ended for the server."""
        return self.ended.get(timeout=PATIENCE)


def test_messages_of_any_size_are_echoed(peer):
    """From nothing to megabytes, text and bytes, compressed as the two ends agree."""
    with peer.open() as (near, _):
        for message in ("", "héllo \U0001f600", b"\x00\xff\r\n", "x" * 65_536, bytes(range(256)) * (LARGE // 256)):
            near.send(message)
            assert near.recv(timeout=PATIENCE) == message
        assert near.protocol.extensions, "compression was agreed on end to end"


def test_a_message_in_fragments_arrives_in_one(peer):
    """Frames are the two ends' affair."""
    with peer.open() as (near, _):
        near.send(iter([b"one ", b"two ", b"", b"three"]))
        assert near.recv(timeout=PATIENCE) == b"one two three"


def test_pings_are_answered_by_the_far_end_both_ways(peer):
    """gloss answers no ping itself and swallows none."""
    with peer.open() as (near, far):
        assert near.ping(b"from the client").wait(PATIENCE)
        assert far.ping(b"from the server").wait(PATIENCE)


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "going away"), (3000, "x" * 123), (4999, "é")])
def test_a_closing_code_arrives_both_ways(peer, code, reason):
    """Code and reason, whoever closes."""
    with peer.open() as (near, _):
        near.close(code, reason)
        assert peer.ending() == (code, reason)
    with peer.open() as (near, far), pytest.raises(ConnectionClosed) as closed:
        far.close(code, reason)
        near.recv(timeout=PATIENCE)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)


def test_a_client_that_vanishes_is_gone_for_the_server(peer):
    """No goodbye, a reset: the server notices without waiting for a ping to fail."""
    with peer.open() as (near, _):
        near.send("here")
        assert near.recv(timeout=PATIENCE) == "here"
        vanish(near.socket)
        assert peer.ending()[0] == 1006


def test_a_server_that_vanishes_is_gone_for_the_client(peer):
    """The same the other way round."""
    with peer.open() as (near, far), pytest.raises(ConnectionClosed) as closed:
        vanish(far.socket)
        near.recv(timeout=PATIENCE)
    assert closed.value.rcvd is None


def test_a_hundred_tunnels_do_not_mix(peer):
    """Each gets its own messages back, in order."""
    with contextlib.ExitStack() as tunnels:
        opened = [tunnels.enter_context(peer.open())[0] for _ in range(100)]
        for number, near in enumerate(opened):
            for turn in range(3):
                near.send(f"{number}/{turn}")
        for number, near in enumerate(opened):
            assert [near.recv(timeout=PATIENCE) for _ in range(3)] == [f"{number}/{turn}" for turn in range(3)]


def test_ws_of_node_speaks_through_gloss(gloss):
    """Node's ``ws`` with uvicorn behind: messages, sub-protocol, ping, compression, closing both ways."""
    said = node("socket.mjs", gloss.url.replace("http", "ws", 1) + "/plain/socket", 500_000)
    assert (said["protocol"], said["extensions"]) == ("echo", "permessage-deflate")
    assert [said[what] for what in ("text", "empty", "bytes", "large")] == [True] * 4
    assert said["pong"] == "are you there"
    assert said["closedByServer"] == [4321, "as you wish"]
    assert said["closedByClient"] == [3456, "I leave"]


def test_aiohttp_speaks_through_gloss(gloss):
    """aiohttp with uvicorn behind."""

    async def speak():
        async with aiohttp.ClientSession() as session, session.ws_connect(gloss.url + "/plain/socket") as near:
            await near.send_str("héllo")
            assert await near.receive_str(timeout=PATIENCE) == "héllo"
            await near.send_bytes(b"\x00" * 500_000)
            assert await near.receive_bytes(timeout=PATIENCE) == b"\x00" * 500_000
            await near.send_str("bye")
            assert (await near.receive(timeout=PATIENCE)).type is aiohttp.WSMsgType.CLOSE
            return near.close_code

    assert asyncio.run(speak()) == 4321
