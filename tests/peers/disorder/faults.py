"""The faults: what each does, how it ends, and which outcomes it accounts for."""

import asyncio
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What a broken upstream may turn a request into.
NO_ANSWER = {"502"}
BROKEN_OFF = {"502", "aborted"}
# The reasons for basic answers that troubles with a log may have.
NO_LOG = {"basic:no-log", "basic:log-unreadable"}
LATE = {"basic:deadline", "basic:log-timeout"}
LATE_UPSTREAM = {"502", "504"}


@dataclass
class Scene:
    """What the faults act on."""

    upstream: Any
    logs: Any
    pid: int
    random: Any

    def faults(self):
        """Every fault by name: what it accounts for, and the coroutine that does it, waits, and undoes it."""
        modes = {
            "silent": LATE_UPSTREAM,
            "slow": set(),
            "garbage": NO_ANSWER,
            "resetting in the head": NO_ANSWER,
            "resetting in the body": BROKEN_OFF,
            # What may be sent again is: only what has a body, or asks for a tunnel, may fail.
            "closing idle": {"502/post", "502/chunks", "502/tunnel"},
            "early": set(),
        }
        spoiled = {
            "folder removed": (self.logs.remove_folder, NO_LOG),
            "logs forbidden": (self.logs.forbid, NO_LOG),
            "logs replaced": (self.logs.replace, LATE),
            "logs truncated": (self.logs.truncate, NO_LOG | LATE),
            "huge line": (self.logs.append_huge_line, LATE),
            "garbage in logs": (self.logs.append_garbage, LATE),
        }
        found = {f"upstream {name}": (explains, self.misbehaving(name)) for name, explains in modes.items()}
        found |= {name: (explains, self.spoiling(spoil)) for name, (spoil, explains) in spoiled.items()}
        found["upstream down"] = (BROKEN_OFF, self.down)
        found["upstream restarting"] = (BROKEN_OFF, self.restarting)
        found["descriptors scarce"] = ({"502", "503", "aborted", "no answer", "basic:log-unreadable"}, self.scarce)
        found["stopped"] = (set(), self.stopped)
        if handles(self.pid, signal.SIGHUP):
            found["hang-up"] = (set(), self.hang_up)
        return found

    def misbehaving(self, mode):
        async def fault(seconds):
            self.upstream.set_mode(mode)
            await asyncio.sleep(seconds)
            self.upstream.set_mode("")

        return fault

    def spoiling(self, spoil):
        async def fault(seconds):
            spoil(self.random)
            await asyncio.sleep(seconds)
            self.logs.restore()

        return fault

    async def down(self, seconds):
        await self.upstream.close()
        await asyncio.sleep(seconds)
        await self.upstream.open()

    async def restarting(self, seconds):
        for _ in range(3):
            await self.down(seconds / 6)
            await asyncio.sleep(seconds / 6)

    async def scarce(self, seconds):
        """Two descriptors more than are open now: new connections on either side and logs have to share them."""
        before = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        few = min(before[0], len(descriptors(self.pid)) + 2)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (few, before[1]))
        await asyncio.sleep(seconds)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, before)

    async def stopped(self, seconds):
        """For no longer than the shortest timeout of gloss."""
        os.kill(self.pid, signal.SIGSTOP)
        await asyncio.sleep(min(seconds, 0.7))
        os.kill(self.pid, signal.SIGCONT)

    async def hang_up(self, seconds):
        for _ in range(3):
            os.kill(self.pid, signal.SIGHUP)
            await asyncio.sleep(seconds / 3)


def handles(pid, number):
    """Whether a process has a handler of its own for a signal, which would otherwise end it."""
    caught = int(Path(f"/proc/{pid}/status").read_text().split("SigCgt:")[1].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


def descriptors(pid):
    """What a process has open."""
    return os.listdir(f"/proc/{pid}/fd")
