"""A short run of ``chaos.py`` with a fixed seed, and its judgement tried on cases that it has to condemn."""

import copy

import chaos
import pytest
from disorder import answers
from disorder.ledger import AFTERMATH, Fault, Ledger, Outcome

SECONDS = "25"


def test_nothing_is_lost_in_a_short_chaos(capsys):
    """Faults of most kinds under load: each request got its answer, or an error that a fault accounts for."""
    code = chaos.main(["--seconds", SECONDS, "--seed", "3", "--clients", "24"])
    assert code == 0, capsys.readouterr().out


def outcome(what, began, ended, kind="post"):
    return Outcome(kind, "t", what, began, ended)


@pytest.mark.parametrize(
    ("one", "explained"),
    [
        (outcome("502", 11, 12), True),
        (outcome("502", 9, 10.5), True),
        (outcome("502", 20 + AFTERMATH / 2, 30), True),
        (outcome("502", 8, 9.9), False),
        (outcome("502", 20.1 + AFTERMATH, 30), False),
        (outcome("504", 11, 12), False),
        (outcome("wrong", 11, 12), False),
        (outcome("aborted", 11, 12), True),
        (outcome("aborted", 11, 12, "poll"), False),
    ],
)
def test_only_what_a_fault_accounts_for_at_its_time_is_explained(one, explained):
    """An error before, after, or of another class is none that may be."""
    ledger = Ledger([Fault("down", frozenset({"502", "aborted/post"}), 10, 20)])
    ledger.other(one)
    assert ledger.unexplained() == ([] if explained else [one])


def test_a_standstill_of_the_judge_accounts_for_a_late_upstream_and_nothing_else():
    """It counts at its own time only."""
    ledger = Ledger(standstills=[Fault("judge", frozenset({"504"}), 10, 14)])
    late, other, later = outcome("504", 9, 14), outcome("aborted", 9, 14), outcome("504", 20, 22)
    for one in (late, other, later):
        ledger.other(one)
    assert ledger.unexplained() == [other, later]


KEPT = {
    "unexplained": [],
    "arrived_twice": [],
    "arrived_wrong": [],
    "requests": 10,
    "outcomes": {"poll": {"right": 9, "502": 1}},
    "faults": {"down": {"times": 1, "p99_after": [1.0]}},
    "before": {"memory_mb": 30, "descriptors": 9, "threads": 5, "connections": 0},
    "after": {"memory_mb": 31, "descriptors": 9, "threads": 5, "connections": 0},
    "memory_mb": [30, 31],
}
BROKEN = {
    "unexplained": lambda said: said.update(unexplained=[{}]),
    "twice": lambda said: said.update(arrived_twice=["t"]),
    "otherwise": lambda said: said.update(arrived_wrong=["t"]),
    "not served again": lambda said: said["faults"]["down"].update(p99_after=[]),
    "no fault at all": lambda said: said.update(faults={}),
    "hardly served": lambda said: said.update(requests=100),
    "connections": lambda said: said["after"].update(connections=1),
    "descriptors": lambda said: said["after"].update(descriptors=10),
    "threads": lambda said: said["after"].update(threads=6),
    "memory": lambda said: said["after"].update(memory_mb=99),
    "memory meanwhile": lambda said: said.update(memory_mb=[30, 99]),
}


@pytest.mark.parametrize("how", BROKEN)
def test_each_broken_promise_is_seen(how):
    """Everything kept passes, and any one thing that is not fails just that."""
    assert all(chaos.checks(KEPT, 64).values())
    said = copy.deepcopy(KEPT)
    BROKEN[how](said)
    assert list(chaos.checks(said, 64).values()).count(False) == 1


def test_a_request_that_arrives_twice_or_cut_is_remembered():
    """The upstream compares every body with the one that its token stands for."""
    upstream = chaos.Upstream(1)
    whole = answers.upload("a")
    upstream.remember("a", whole)
    assert upstream.arrived == {"a": 1} and upstream.wrong == []
    upstream.remember("a", whole[:-1])
    assert upstream.arrived == {"a": 2} and len(upstream.wrong) == 1
