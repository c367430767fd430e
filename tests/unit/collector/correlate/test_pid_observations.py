"""
What was seen of processes: how long it is kept, what it proves, and how it is events.
"""

from dataclasses import replace

import pytest

from collector.correlate.pid_observations import PidObservations, described, evidence_of
from collector.facts.observed import SignalFact
from parsers.cgroup_path import ContainerRef, Runtime
from tests.unit.collector.correlate.scene import A, exited, marked, ns

SENT = SignalFact(
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
def test_a_sender_is_described_with_what_is_known(sent: SignalFact, words: str) -> None:
    """
    His container says more than his unit, which is made of it.
    """
    assert described(sent) == words


def test_an_exit_is_described_by_its_wait_status() -> None:
    """
    Signal 9 and exit(137) are different there.
    """
    killed, exited_so = exited(7, at_s=10, signal=9), exited(7, at_s=10, code=137)
    unseen = replace(killed, status=None)
    events = [
        evidence.text if evidence is not None else None for evidence in map(evidence_of, (killed, exited_so, unseen))
    ]
    assert events == ["pid 7 ended: wait status signal 9", "pid 7 ended: wait status code 137", None]


def test_a_sender_that_was_gone_is_known_by_its_end() -> None:
    """
    A `kill` command lives for a millisecond, too short to look up where it was.
    """
    observations = PidObservations()
    observations.add(SENT)
    observations.add(exited(27095, A, at_s=10.01, code=0))
    found = observations.sender(7, 9, ns(10.1))
    assert found is not None
    assert found.sender_container == IN_A


def test_a_container_that_was_looked_up_is_believed() -> None:
    """
    The pid may have been used again since.
    """
    observations = PidObservations()
    observations.add(replace(SENT, sender_container=IN_A))
    observations.add(exited(27095, "b" * 64, at_s=10.01, code=0))
    found = observations.sender(7, 9, ns(10.1))
    assert found is not None
    assert found.sender_container == IN_A


def test_killed_is_who_was_chosen_or_ended_by_sigkill_that_nobody_sent() -> None:
    """
    Not who ended by itself, by another signal, or by the hand of a process.
    """
    observations = PidObservations()
    chosen, killed = marked(1, at_s=10), exited(2, at_s=10, signal=9)
    others = exited(3, at_s=10, code=0), exited(4, at_s=10, signal=15), exited(7, at_s=10.1, signal=9)
    unknown = replace(exited(5, at_s=10), status=None)
    for fact in (chosen, killed, *others, unknown, SENT):
        observations.add(fact)
    assert observations.killed_between(ns(9), ns(11)) == [chosen, killed]
    assert observations.killed_between(ns(11), ns(12)) == []


def test_4096_pids_are_kept() -> None:
    """
    Who was heard of last stays.
    """
    observations = PidObservations()
    for pid in (1, 2, *range(3, 4097), 1, 4097):
        observations.add(marked(pid, at_s=10))
    kept = [bool(observations.of_kill(pid, ns(10))) for pid in (1, 2, 3, 4097)]
    assert kept == [True, False, True, True]
