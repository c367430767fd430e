"""
When a fact occurred: the gauge of a source's lag is computed from it, whatever the source.
"""

import typing
from dataclasses import replace

import pytest

from collector.facts.memory import ContainerProcessesFact, MemoryRoundFact
from collector.facts.observed import (
    ContainerGoneFact,
    DockerDaemonFact,
    Fact,
    GapFact,
    LogTailFact,
    LogTailRequestedFact,
    OomCountedFact,
    SignalFact,
)
from collector.facts.restored import RestoredRunFact, RestoredWarningFact
from collector.facts.watermark import WatermarkFact
from parsers.docker_event import DockerAction
from sinks.event import GapKind
from tests.unit.collector.correlate.scene import A, by_systemd, docker, exited, line, marked, ns, running

SIGNAL = SignalFact(
    signal=9,
    code=0,
    sender_pid=1,
    sender_comm="kill",
    sender_uid=0,
    sender_container=None,
    sender_unit=None,
    target_pid=2,
    target_comm="hog",
    at_ns=ns(3),
)


@pytest.mark.parametrize("fact_type", typing.get_args(Fact), ids=lambda fact_type: fact_type.__name__)
def test_every_fact_says_when_it_occurred(fact_type: type[Fact]) -> None:
    """
    No fact may lack the property, or the lag of its source keeps an old value.
    """
    assert isinstance(fact_type.occurred_at_ns, property)


@pytest.mark.parametrize(
    "fact",
    [
        line("some line", 3),
        docker(DockerAction.START, 3),
        running(started_s=2.95),
        ContainerGoneFact(container_id=A, seen_at_ns=ns(3)),
        DockerDaemonFact(up=True, at_ns=ns(3), text=""),
        by_systemd(A, 3),
        exited(2, at_s=3),
        marked(2, at_s=3),
        SIGNAL,
        WatermarkFact(source="processes", read_until_ns=ns(3)),
        OomCountedFact(container_id=A, count=1, from_ns=ns(1), read_ns=ns(2), to_ns=ns(3)),
        MemoryRoundFact(at_ns=ns(3), samples=()),
        ContainerProcessesFact(container_id=A, at_ns=ns(3), processes=()),
        GapFact(source="kmsg", what=GapKind.RECORDS_LOST, at_ns=ns(3), text="", from_ns=ns(1)),
        RestoredWarningFact(container_id=A, kind="growth", level="warning", since_ns=ns(3)),
        RestoredRunFact(container_id=A, name=None, image=None, boot_id=None, started_at_ns=ns(3), main_pid=None),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_a_fact_occurred_when_its_source_saw_it(fact: Fact) -> None:
    """
    The time is that of the observation, on the wall clock.
    """
    assert fact.occurred_at_ns == ns(3)


def test_a_fact_without_a_time_of_its_own_says_so() -> None:
    """
    A line whose clock cannot be joined with the wall clock has no time, and nobody knows when a log tail was
    written.
    """
    unstamped = line("some line", 3)
    assert replace(unstamped, line=replace(unstamped.line, at_ns=None)).occurred_at_ns is None
    assert LogTailRequestedFact(container_id=A, die_event_ns=ns(3)).occurred_at_ns is None
    assert LogTailFact(container_id=A, die_event_ns=ns(3)).occurred_at_ns is None
