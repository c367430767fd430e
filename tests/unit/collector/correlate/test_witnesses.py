"""
What was seen of processes: how long it is kept, what it proves, and how it is told.
"""

from dataclasses import replace

import pytest

from collector.correlate.facts import SignalSeen
from collector.correlate.witnesses import Witnesses, described, evidence_of
from parsers.cgroup_path import ContainerRef, Runtime
from tests.unit.collector.correlate.scene import A, exited, marked, ns

SENT = SignalSeen(
    signal=9,
    code=0,
    sender_pid=27095,
    sender_comm="bash",
    sender_uid=1000,
    sender_container=None,
    sender_unit="session-3.scope",
    target_pid=7,
    target_comm="hog",
    at_ns=ns(10),
)
IN_A = ContainerRef(runtime=Runtime.DOCKER, id=A)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (SENT, '"bash" (pid 27095, uid 1000) in session-3.scope'),
        (replace(SENT, sender_container=IN_A), '"bash" (pid 27095, uid 1000) in container aaaaaaaaaaaa'),
        (replace(SENT, sender_comm=None, sender_uid=None, sender_unit=None), '"?" (pid 27095)'),
        (replace(SENT, code=128), "the kernel"),
    ],
    ids=["of a unit", "in a container", "gone", "the kernel"],
)
def test_a_sender_is_told_with_what_is_known_of_him(sent: SignalSeen, words: str) -> None:
    """
    His container says more than his unit, which is made of it.
    """
    assert described(sent) == words


def test_an_end_is_told_by_its_wait_status() -> None:
    """
    Signal 9 and exit(137) are different there.
    """
    killed, exited_so = exited(7, at_s=10, signal=9), exited(7, at_s=10, code=137)
    unseen = replace(killed, status=None)
    told = [
        evidence.text if evidence is not None else None for evidence in map(evidence_of, (killed, exited_so, unseen))
    ]
    assert told == ["pid 7 ended: wait status signal 9", "pid 7 ended: wait status code 137", None]


def test_a_sender_that_was_gone_is_known_by_its_end() -> None:
    """
    A `kill` command lives for a millisecond, too short to look up where it was.
    """
    witnesses = Witnesses()
    witnesses.note(SENT)
    witnesses.note(exited(27095, A, at_s=10.01, code=0))
    found = witnesses.sender(7, 9, ns(10.1))
    assert found is not None
    assert found.sender_container == IN_A


def test_a_container_that_was_looked_up_is_believed() -> None:
    """
    The pid may have been used again since.
    """
    witnesses = Witnesses()
    witnesses.note(replace(SENT, sender_container=IN_A))
    witnesses.note(exited(27095, "b" * 64, at_s=10.01, code=0))
    found = witnesses.sender(7, 9, ns(10.1))
    assert found is not None
    assert found.sender_container == IN_A


def test_killed_is_who_was_chosen_or_ended_by_sigkill_that_nobody_sent() -> None:
    """
    Not who ended by itself, by another signal, or by the hand of a process.
    """
    witnesses = Witnesses()
    chosen, killed = marked(1, at_s=10), exited(2, at_s=10, signal=9)
    others = exited(3, at_s=10, code=0), exited(4, at_s=10, signal=15), exited(7, at_s=10.1, signal=9)
    unknown = replace(exited(5, at_s=10), status=None)
    for fact in (chosen, killed, *others, unknown, SENT):
        witnesses.note(fact)
    assert witnesses.killed_between(ns(9), ns(11)) == [chosen, killed]
    assert witnesses.killed_between(ns(11), ns(12)) == []


def test_4096_pids_are_kept() -> None:
    """
    Who was heard of last stays.
    """
    witnesses = Witnesses()
    for pid in (1, 2, *range(3, 4097), 1, 4097):
        witnesses.note(marked(pid, at_s=10))
    kept = [bool(witnesses.of_kill(pid, ns(10))) for pid in (1, 2, 3, 4097)]
    assert kept == [True, False, True, True]
