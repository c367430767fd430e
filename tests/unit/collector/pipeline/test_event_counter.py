"""
Counting published events.
"""

import pytest

from collector.correlate.attribution import Method
from collector.metrics import Metrics
from collector.pipeline.event_counter import EventCounter
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


def test_every_attribution_method_starts_at_zero() -> None:
    """
    A series that begins with its first event hides that event from `increase()`.
    """
    metrics = Metrics()
    EventCounter(metrics)
    assert {metrics.value("exit137_attributions", method.value) for method in Method} == {0}


def test_an_event_is_counted_by_type_and_cause() -> None:
    """
    An event without a cause is counted with the cause `none`.
    """
    metrics = Metrics()
    counter = EventCounter(metrics)
    counter.count(event(EventType.CONTAINER_DEATH, Cause.CRASH))
    counter.count(event(EventType.AGENT))
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
def test_a_kill_is_counted_by_what_identified_its_container(kill: Event, method: Method) -> None:
    """
    The cgroup path in the kernel's line decides, else the last evidence; a death is not counted as an attribution.
    """
    metrics = Metrics()
    counter = EventCounter(metrics)
    counter.count(kill)
    counter.count(event(EventType.CONTAINER_DEATH, Cause.OOM_KILL))
    counted = {each for each in Method if metrics.value("exit137_attributions", each.value)}
    assert counted == {method}
