"""Sends the same random requests to the upstream and to gloss, and compares every answer and what arrived behind.

    python differential.py [--seed N] [--talks N] DIRECT-URL GLOSS-URL

Left out of the comparison is what contract section 4 names: hop-by-hop headers, letter case of header names, the order
of headers of different names, `Content-Length` of 204 and 304.
"""

import argparse
import json
import sys
from dataclasses import dataclass

from clients import OF_THE_CONNECTION
from generated import Generator, Talk, minimal
from wire import Incomplete, Malformed, address_of, converse

RECONNECTIONS = 8


@dataclass
class Disagreement:
    """A talk, made as small as it goes, and how the two answers to it differ."""

    talk: Talk
    difference: str

    def __str__(self):
        kind = "pipelined" if self.talk.pipelined else "one after the other"
        sent = "\n".join(f"  {wanted.encoded()[:2000]!r}" for wanted in self.talk.requests)
        return f"{self.difference}\nsent, {kind}, in pieces {self.talk.pieces}:\n{sent}"


def answers(address, talk):
    """All answers to a talk; where one says that the connection closes, the rest is asked over a new one."""
    methods, writes, got = talk.methods(), talk.writes(), []
    for _ in range(RECONNECTIONS):
        got += converse(address, methods[len(got) :], writes[len(got) :], not talk.pipelined)
        if len(got) == len(methods):
            return got
    raise Incomplete(f"{len(got)} of {len(methods)} answers after {RECONNECTIONS} connections")


def difference(direct, through):
    """In what two answers to one request differ; empty where they agree."""
    if direct.status != through.status or direct.reason != through.reason:
        before, after = (f"{answer.status} {answer.reason!r}" for answer in (direct, through))
        return f"status {before} became {after}: {through.body[:200]!r}"
    before, after = comparable(direct), comparable(through)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            return f"header {name!r}: {before.get(name)} became {after.get(name)}"
    if echo(direct) is not None and echo(through) is not None:
        before, after = echo(direct), echo(through)
        wrong = [key for key in before if before[key] != after.get(key)]
        return f"arrived otherwise, {wrong}: {[(before[key], after.get(key)) for key in wrong]}"[:3000] if wrong else ""
    if direct.body != through.body:
        return f"body {direct.body[:200]!r} became {through.body[:200]!r}"
    return ""


def comparable(answer):
    names = {name for name, _ in answer.headers} - {name.encode() for name in OF_THE_CONNECTION}
    # The length of an echo tells the length of the port in it.
    if answer.status in (204, 304) or echo(answer) is not None:
        names -= {b"content-length"}
    return {name: answer.all(name) for name in names}


def echo(answer):
    """What the echo route says, without what belongs to the connection; None for another answer."""
    if not answer.body.startswith(b'{"method":'):
        return None
    said = json.loads(answer.body)
    del said["port"]
    grouped = {}
    for name, value in said["headers"]:
        if name not in OF_THE_CONNECTION:
            # Space around a value is no part of it (RFC 9110, section 5.5); h11 keeps some of it.
            grouped.setdefault(name, []).append(value.strip(" \t"))
    return said | {"headers": grouped}


class Differential:
    """Compares talk by talk; counts what it has seen."""

    def __init__(self, direct, through):
        self.direct, self.through = address_of(direct), address_of(through)
        self.requests = 0
        self.unanswered = 0
        self.statuses = {}

    def compare(self, talk):
        """How gloss's answers to this talk differ from the upstream's; empty where they agree.

        A talk that the upstream itself breaks off tells nothing.
        """
        try:
            direct = answers(self.direct, talk)
        except (Incomplete, Malformed):
            self.unanswered += 1
            return ""
        self.requests += len(direct)
        for answer in direct:
            self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        try:
            through = answers(self.through, talk)
        except (Incomplete, Malformed) as error:
            return f"{type(error).__name__}: {error}"
        return next(filter(None, map(difference, direct, through)), "")

    def run(self, generator, talks):
        """The first disagreement of so many talks, made small; None if there is none."""
        for _ in range(talks):
            talk = generator.talk()
            if self.compare(talk):
                talk = minimal(talk, self.compare)
                return Disagreement(talk, self.compare(talk))
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--talks", type=int, default=1000)
    parser.add_argument("urls", nargs=2)
    args = parser.parse_args()
    differential = Differential(*args.urls)
    found = differential.run(Generator(args.seed, ["run_x"]), args.talks)
    print(
        f"seed {args.seed}: {differential.requests} requests, by status {dict(sorted(differential.statuses.items()))}"
    )
    print(found or "no disagreement")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
