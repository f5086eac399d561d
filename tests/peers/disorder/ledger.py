"""What happened, and whether it may: every request's outcome, every fault's time, and the judgement over both."""

import time
from collections import Counter
from dataclasses import dataclass, field

# How long after its end a fault may still show: in connections that broke without anybody having noticed yet.
AFTERMATH = 1.0


@dataclass
class Fault:
    """A time in which outcomes of these classes have an explanation.

    A class is what the client saw (``502``, ``aborted``, ``basic:no-log``), for all kinds of requests or for one
    (``502/post``).
    """

    name: str
    explains: frozenset
    began: float
    ended: float = float("inf")

    def explains_outcome(self, outcome):
        """Whether this fault was on while the request was, and accounts for what became of it."""
        overlaps = outcome.began <= self.ended + AFTERMATH and outcome.ended >= self.began
        return overlaps and bool({outcome.what, f"{outcome.what}/{outcome.kind}"} & self.explains)


@dataclass
class Outcome:
    """What became of one request that did not simply get its answer."""

    kind: str
    token: str
    what: str
    began: float
    ended: float
    detail: str = ""


@dataclass
class Ledger:
    """Everything that is judged."""

    faults: list = field(default_factory=list)
    # Times in which not gloss's surroundings but what judges it was at fault.
    standstills: list = field(default_factory=list)
    odd: list = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    latencies: list = field(default_factory=list)

    def right(self, kind, began):
        """A request got the upstream's very answer."""
        now = time.monotonic()
        self.counts[kind, "right"] += 1
        if kind in ("poll", "notes"):
            self.latencies.append((began, now - began))

    def other(self, outcome):
        """A request got something else, or nothing."""
        self.counts[outcome.kind, outcome.what] += 1
        self.odd.append(outcome)

    def unexplained(self):
        """The outcomes that no fault accounts for."""
        faults = [*self.faults, *self.standstills]
        return [one for one in self.odd if not any(fault.explains_outcome(one) for fault in faults)]

    def p99(self, since, until):
        """The 99th percentile in seconds of the polls that began then; None if there were none."""
        taken = sorted(seconds for began, seconds in self.latencies if since <= began < until)
        return taken[int(len(taken) * 0.99)] if taken else None

    def recoveries(self, first, end):
        """For each fault the p99 after it, until the next, as a multiple of the p99 before the first."""
        normal = self.p99(first, self.faults[0].began) if self.faults else None
        ratios = {}
        for fault, following in zip(self.faults, [*self.faults[1:], None], strict=True):
            after = self.p99(fault.ended + AFTERMATH, following.began if following else end)
            if normal and after:
                ratios.setdefault(fault.name, []).append(after / normal)
        return normal, ratios
