"""
What is counted.
"""

import pytest

from collector.metrics import Circuit, Method, Metrics
from sinks.errors import Reason
from sinks.event import (
    Cause,
    Confidence,
    Container,
    EcsEvent,
    Event,
    EventType,
    Evidence,
    EvidenceSource,
    Exit137,
    Host,
    Killer,
    Oom,
    Scope,
)


def event(
    event_type: EventType = EventType.OOM_KILL,
    cause: Cause | None = None,
    *evidence: EvidenceSource,
    container: str | None = "c",
    cgroup: str | None = None,
) -> Event:
    return Event(
        id="1",
        type=event_type,
        subject="container/c",
        time_ns=1,
        message="It died.",
        event=EcsEvent(kind="alert", category=("process",), type=("end",), action="a", severity=5),
        host=Host(id="h", hostname="h"),
        container=Container(id=container) if container is not None else None,
        exit137=Exit137(
            cause=cause,
            confidence=Confidence.CERTAIN,
            evidence=tuple(Evidence(source=source, text="seen") for source in evidence),
            oom=Oom(scope=Scope.CONTAINER, killer=Killer.KERNEL, victim_cgroup=cgroup),
        ),
    )


def test_closed_sets_are_there_before_anything_happens() -> None:
    """
    A series that begins with its first event hides that event from `increase()`.
    """
    metrics = Metrics(sources=["kmsg"], sinks=["a"])
    assert metrics.value("exit137_events", "exit137.oom_kill", "oom_kill") == 0
    assert metrics.value("exit137_source_gaps", "kmsg", "records_lost") == 0
    assert {metrics.value("exit137_sink_errors", "a", reason.value) for reason in Reason} == {0}
    assert {metrics.value("exit137_attributions", method.value) for method in Method} == {0}


def test_an_event_is_counted_by_type_and_cause() -> None:
    """
    One without a cause has the cause `none`.
    """
    metrics = Metrics()
    metrics.event(event(EventType.CONTAINER_DEATH, Cause.CRASH))
    metrics.event(event(EventType.AGENT))
    assert metrics.value("exit137_events", "exit137.container_death", "crash") == 1
    assert metrics.value("exit137_events", "exit137.agent", "none") == 1


@pytest.mark.parametrize(
    ("kill", "method"),
    [
        (event(EventType.OOM_KILL, None, EvidenceSource.KMSG, cgroup="/docker/c"), Method.CGROUP),
        (event(EventType.OOM_KILL, None, EvidenceSource.KMSG, EvidenceSource.PROCESS), Method.PID),
        (event(EventType.OOM_KILL, None, EvidenceSource.KMSG, EvidenceSource.DOCKER), Method.DOCKER),
        (event(EventType.OOM_KILL, None, EvidenceSource.KMSG, EvidenceSource.JOURNALD), Method.SYSTEMD),
        (event(EventType.OOM_KILL, None, EvidenceSource.KMSG, container=None, cgroup="/init.scope"), Method.NONE),
    ],
)
def test_a_kill_is_counted_by_what_named_its_container(kill: Event, method: Method) -> None:
    """
    The kernel's own path, else the last piece of evidence; a death says nothing of it.
    """
    metrics = Metrics()
    metrics.event(kill)
    metrics.event(event(EventType.CONTAINER_DEATH, Cause.OOM_KILL))
    counted = {each for each in Method if metrics.value("exit137_attributions", each.value)}
    assert counted == {method}


def test_a_sink_that_is_gone_leaves_its_counts_alone() -> None:
    """
    What it took stays counted; how it is is not known any more.
    """
    metrics = Metrics(sinks=["a"])
    metrics.sink_sent("a", 3)
    metrics.sink_circuit("a", Circuit.OPEN)
    metrics.sink_removed("a")
    assert metrics.value("exit137_sink_sent", "a") == 3
    assert metrics.value("exit137_sink_circuit", "a", "open") is None


def test_clocks_that_differ_make_no_negative_lag() -> None:
    """
    The kernel's clock and the wall clock are some hundredths of a second apart.
    """
    metrics = Metrics()
    metrics.source_lag("kmsg", -0.02)
    assert metrics.value("exit137_source_lag_seconds", "kmsg") == 0
