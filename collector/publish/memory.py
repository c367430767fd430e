"""
Turn findings about memory into published events: `exit137.memory_pressure` and `exit137.container_stuck`.

This module decides the form of the events, never whether they are published. Kills and deaths use `memory_of` too, for
the memory before them.
"""

from typing import Final, assert_never

from collector.correlate.container_record import ContainerRecord
from collector.memory.classify import shape_of
from collector.memory.latch import Level
from collector.memory.pressure import HostLoad, PressureAlert
from collector.memory.sample_ring import Point, SampleRing
from collector.memory.shape import Shape, Trend
from collector.memory.stuck import Stuck
from collector.publish import memory_sentences as sentences
from collector.publish.containers import container_of_record, orchestrator_of, service_of
from sinks.event import (
    Advice,
    Confidence,
    Container,
    EcsEvent,
    Event,
    EventType,
    Evidence,
    EvidenceSource,
    Exit137,
    Host,
    Memory,
    Pressure,
    Series,
    Severity,
)
from sinks.event import HostLoad as PublishedLoad
from sinks.event import Stuck as PublishedStuck
from sinks.event.ids import pressure_id, stuck_id

# The kernel log and the samples are on different clocks: a sample taken this shortly before a kill may show a process
# that was already dying and giving its memory back.
_DYING_NS: Final = 100_000_000
_NS_PER_S: Final = 1_000_000_000
# Points of a published curve: enough for a chart, few enough to keep the event small.
_SERIES_POINTS: Final = 120


def pressure_event(
    alert: PressureAlert,
    host: Host,
    record: ContainerRecord | None,
    ring: SampleRing | None,
    advice: tuple[Advice, ...] = (),
) -> Event:
    """
    Build the event of a warning that was raised or resolved.

    Args:
        alert: the change.
        host: this host, as it is published.
        record: the container's inventory record; None for a warning about the host.
        ring: the container's samples.
        advice: suggestions for the operator; left out once the warning is resolved.
    """
    sample, resolved = alert.sample, alert.level is Level.RESOLVED
    memory = memory_of(ring, alert.at_ns) if ring is not None else None
    subject = f"container/{sample.container_id}" if sample is not None else "host"
    return Event(
        id=pressure_id(host.id, subject, alert.kind.value, alert.level.value, alert.since_ns),
        type=EventType.MEMORY_PRESSURE,
        subject=subject,
        time_ns=alert.at_ns,
        message=sentences.of_pressure(alert, record),
        event=_ecs_event(
            "memory-pressure",
            alert.kind.value,
            _severity(alert.level, memory),
            category="process" if sample is not None else "host",
            resolved=resolved,
        ),
        host=host,
        container=_container(sample.container_id, record) if sample is not None else None,
        orchestrator=orchestrator_of(record) if record is not None else None,
        service=service_of(record) if record is not None else None,
        exit137=_pressure_fields(alert, memory, () if resolved else advice),
    )


def stuck_event(
    stuck: Stuck,
    host: Host,
    record: ContainerRecord | None,
    ring: SampleRing | None,
    advice: tuple[Advice, ...] = (),
) -> Event:
    """
    Build the event of a container that got stuck after the OOM kill of a child, or recovered.

    Args:
        stuck: the state.
        host: this host, as it is published.
        record: the container's inventory record.
        ring: the container's samples.
        advice: suggestions for the operator; left out once the container has recovered.
    """
    return Event(
        id=stuck_id(stuck.container_id, stuck.state.value, stuck.since_ns, over=stuck.resolved),
        type=EventType.CONTAINER_STUCK,
        subject=f"container/{stuck.container_id}",
        time_ns=stuck.at_ns,
        message=sentences.of_stuck(stuck, record),
        event=_classified_stuck(stuck),
        host=host,
        container=_container(stuck.container_id, record),
        orchestrator=orchestrator_of(record) if record is not None else None,
        service=service_of(record) if record is not None else None,
        exit137=Exit137(
            confidence=Confidence.LIKELY,
            memory=memory_of(ring, stuck.at_ns) if ring is not None else None,
            stuck=_stuck(stuck),
            advice=() if stuck.resolved else advice,
        ),
    )


def memory_of(
    ring: SampleRing, at_ns: int, killed_at_limit: int | None = None, shape: Shape | None = None
) -> Memory | None:
    """
    Describe a container's memory before an event; None if there are no samples.

    Args:
        ring: the container's samples.
        at_ns: the time of the event, wall clock.
        killed_at_limit: the limit in bytes that was reached, if the event is a kill or a death at the limit.
        shape: the shape of the curve before the event, if the caller knows it already.
    """
    sample = ring.latest_until(at_ns - _DYING_NS) if killed_at_limit is not None else ring.latest
    if sample is None:
        return None
    points = curve_until(ring, at_ns, killed_at_limit)
    shape = shape or shape_of(points, killed_at_limit or sample.limit_bytes)
    return Memory(
        limit_bytes=killed_at_limit or sample.limit_bytes,
        limit_cgroup=sample.limit_cgroup if sample.limit_cgroup != sample.cgroup else None,
        peak_bytes=max(ring.peak_bytes, killed_at_limit or 0),
        working_set_bytes=sample.working_set_bytes,
        anon_bytes=sample.anon_bytes,
        file_bytes=sample.file_bytes,
        shmem_bytes=sample.shmem_bytes,
        kernel_bytes=sample.kernel_bytes,
        swap_bytes=sample.swap_bytes,
        trend=shape.trend.value,
        trend_confidence=shape.confidence if shape.trend is not Trend.UNKNOWN else None,
        growth_bytes_per_min=_rounded(shape.growth_bytes_per_min),
        r_squared=_rounded(shape.r_squared, 3),
        rise_s=_rounded(shape.rise_s, 2),
        series=_series(points, at_ns),
    )


def shape_before(ring: SampleRing, at_ns: int, killed_at_limit: int | None = None) -> Shape:
    """
    Return the shape of the curve before an event, for the advice. The arguments are those of `memory_of`.
    """
    limit_bytes = ring.latest.limit_bytes if ring.latest is not None else None
    return shape_of(curve_until(ring, at_ns, killed_at_limit), killed_at_limit or limit_bytes)


def curve_until(ring: SampleRing, at_ns: int, killed_at_limit: int | None) -> list[Point]:
    """
    Return the samples before an event, oldest first; a kill at the limit adds a last point at the limit.
    """
    at_s = at_ns / _NS_PER_S
    if killed_at_limit is None:
        return [point for point in ring.points() if point.at_s <= at_s]
    points = [point for point in ring.points() if point.at_s <= at_s - _DYING_NS / _NS_PER_S]
    return [*points, Point(at_s=at_s, working_set_bytes=killed_at_limit)]


def _series(points: list[Point], at_ns: int) -> Series:
    """
    Return up to 120 points: the newest ones, and an even selection of the older.
    """
    recent = points[-_SERIES_POINTS // 2 :]
    older = points[: -_SERIES_POINTS // 2]
    step = -(-len(older) // (_SERIES_POINTS // 2)) or 1
    at_s = at_ns / _NS_PER_S
    kept = (*older[::step], *recent)
    return Series(
        seconds=tuple(round(float(point.at_s - at_s), 2) for point in kept),
        bytes=tuple(point.working_set_bytes for point in kept),
    )


def _severity(level: Level, memory: Memory | None) -> Severity:
    match level:
        case Level.RESOLVED:
            return Severity.INFO
        case Level.CRITICAL | Level.WARNING if memory is not None and memory.trend == Trend.CACHE.value:
            return Severity.NOTICE
        case Level.WARNING:
            return Severity.WARNING
        case Level.CRITICAL:
            return Severity.ERROR
        case _:
            assert_never(level)


def _ecs_event(action: str, reason: str, severity: Severity, *, category: str, resolved: bool) -> EcsEvent:
    return EcsEvent(
        kind="event" if resolved else "alert",
        category=(category,),
        type=("info",),
        action=action,
        reason=reason,
        severity=severity,
    )


def _pressure_fields(alert: PressureAlert, memory: Memory | None, advice: tuple[Advice, ...]) -> Exit137:
    return Exit137(
        confidence=Confidence.CERTAIN,
        evidence=_evidence(alert),
        memory=memory,
        pressure=_pressure(alert),
        advice=advice,
    )


def _evidence(alert: PressureAlert) -> tuple[Evidence, ...]:
    """
    Return the figures that the cgroup files showed, as evidence.
    """
    sample = alert.sample
    if sample is None:
        return ()
    parts = {
        "usage": sample.usage_bytes,
        "working_set": sample.working_set_bytes,
        "anon": sample.anon_bytes,
        "file": sample.file_bytes,
        "limit": sample.limit_bytes,
    }
    text = " ".join(f"{name}={value}" for name, value in parts.items() if value is not None)
    return (Evidence(source=EvidenceSource.CGROUP, time_ns=sample.at_ns, text=f"{sample.cgroup}: {text}"),)


def _pressure(alert: PressureAlert) -> Pressure:
    forecast = alert.forecast
    return Pressure(
        kind=alert.kind.value,
        level=alert.level.value,
        since_ns=alert.since_ns,
        value=_rounded(alert.value, 4),
        growth_bytes=alert.growth_bytes,
        seconds_to_limit=_rounded(forecast.seconds) if forecast is not None else None,
        soonest_s=_rounded(forecast.soonest_s) if forecast is not None else None,
        latest_s=_rounded(forecast.latest_s) if forecast is not None else None,
        host=_load(alert.load) if alert.load is not None else None,
    )


def _classified_stuck(stuck: Stuck) -> EcsEvent:
    severity = Severity.INFO if stuck.resolved else Severity.ERROR
    return _ecs_event("container-stuck", stuck.state.value, severity, category="process", resolved=stuck.resolved)


def _stuck(stuck: Stuck) -> PublishedStuck:
    return PublishedStuck(
        state=stuck.state.value,
        resolved=stuck.resolved,
        since_ns=stuck.since_ns,
        kills=stuck.kills,
        first_kill_ns=stuck.first_kill_ns,
        oom_kill_ids=stuck.kill_ids,
        cpu_share=stuck.cpu_share,
    )


def _load(load: HostLoad) -> PublishedLoad:
    return PublishedLoad(
        total_bytes=load.total_bytes,
        working_sets_bytes=load.working_sets_bytes,
        limits_bytes=load.limits_bytes,
        containers=load.containers,
        unlimited=load.unlimited,
    )


def _container(container_id: str, record: ContainerRecord | None) -> Container:
    return container_of_record(record) if record is not None else Container(id=container_id)


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return round(value, digits) if value is not None else None
