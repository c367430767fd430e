"""
From findings about memory to the published event: `exit137.memory_pressure` and `exit137.container_stuck`.

No judgement here, only form. `memory_of` is also what the events of kills and deaths say of the memory before.
"""

from typing import Final, assert_never

from collector.correlate.identity import pressure_id, stuck_id
from collector.correlate.metadata import container_of_record, orchestrator_of
from collector.correlate.runs import ContainerRecord
from collector.memory import sentences
from collector.memory.latch import Level
from collector.memory.samples import Point, SampleRing
from collector.memory.shape import Shape, Trend, shape_of
from collector.memory.stuck import Stuck
from collector.memory.warnings import Alarm, HostLoad
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
    Severity,
)
from sinks.event import HostLoad as PublishedLoad
from sinks.event import Stuck as PublishedStuck

# The log and the samples have clocks of their own: what was looked at so shortly before a kill may be what the dying
# process still had.
_DYING_NS: Final = 100_000_000
_NS_PER_S: Final = 1_000_000_000
_SERIES: Final = 120


def pressure_event(
    alarm: Alarm,
    host: Host,
    record: ContainerRecord | None,
    ring: SampleRing | None,
    advice: tuple[Advice, ...] = (),
) -> Event:
    """
    The event of a warning, or of its end.

    Args:
        alarm: what rose or passed.
        host: where.
        record: what is known of the container; None for a warning about the host.
        ring: the container's samples.
        advice: what to do.
    """
    sample = alarm.sample
    memory = memory_of(ring, alarm.at_ns) if ring is not None else None
    subject = f"container/{sample.container_id}" if sample is not None else "host"
    return Event(
        id=pressure_id(host.id, subject, alarm.kind.value, alarm.level.value, alarm.since_ns),
        type=EventType.MEMORY_PRESSURE,
        subject=subject,
        time_ns=alarm.at_ns,
        message=sentences.of_alarm(alarm, record),
        event=EcsEvent(
            kind="alert" if alarm.level is not Level.RESOLVED else "event",
            category=("process",) if sample is not None else ("host",),
            type=("info",),
            action="memory-pressure",
            reason=alarm.kind.value,
            severity=_severity(alarm.level, memory),
        ),
        host=host,
        container=_container(sample.container_id, record) if sample is not None else None,
        orchestrator=orchestrator_of(record) if record is not None else None,
        exit137=Exit137(
            confidence=Confidence.CERTAIN,
            evidence=_evidence(alarm),
            memory=memory,
            pressure=_pressure(alarm),
            advice=advice if alarm.level is not Level.RESOLVED else (),
        ),
    )


def stuck_event(
    stuck: Stuck,
    host: Host,
    record: ContainerRecord | None,
    ring: SampleRing | None,
    advice: tuple[Advice, ...] = (),
) -> Event:
    """
    The event of a container that is in a bad state since the kill of a child, or out of it again.

    Args:
        stuck: the state.
        host: where.
        record: what is known of the container.
        ring: the container's samples.
        advice: what to do.
    """
    text = sentences.of_stuck(stuck, record)
    return Event(
        id=stuck_id(stuck.container_id, stuck.state.value, stuck.since_ns, over=stuck.over),
        type=EventType.CONTAINER_STUCK,
        subject=f"container/{stuck.container_id}",
        time_ns=stuck.at_ns,
        message=text,
        event=EcsEvent(
            kind="event" if stuck.over else "alert",
            category=("process",),
            type=("info",),
            action="container-stuck",
            reason=stuck.state.value,
            severity=Severity.INFO if stuck.over else Severity.ERROR,
        ),
        host=host,
        container=_container(stuck.container_id, record),
        orchestrator=orchestrator_of(record) if record is not None else None,
        exit137=Exit137(
            confidence=Confidence.LIKELY,
            memory=memory_of(ring, stuck.at_ns) if ring is not None else None,
            stuck=PublishedStuck(
                state=stuck.state.value,
                resolved=stuck.over,
                since_ns=stuck.since_ns,
                kills=stuck.kills,
                first_kill_ns=stuck.first_kill_ns,
                oom_kill_ids=stuck.kill_ids,
                cpu_share=stuck.cpu_share,
            ),
            advice=() if stuck.over else advice,
        ),
    )


def memory_of(
    ring: SampleRing, at_ns: int, killed_at_limit: int | None = None, shape: Shape | None = None
) -> Memory | None:
    """
    What a container's memory did before a moment; None where there is no sample.

    Args:
        ring: its samples.
        at_ns: the moment of the event.
        killed_at_limit: the limit in bytes that was reached at that moment, where the event is a kill.
        shape: of the curve before that moment, where it is known already.
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
    The shape of the curve before a moment, for the advice; the arguments as those of `memory_of`.
    """
    limit_bytes = ring.latest.limit_bytes if ring.latest is not None else None
    return shape_of(curve_until(ring, at_ns, killed_at_limit), killed_at_limit or limit_bytes)


def curve_until(ring: SampleRing, at_ns: int, killed_at_limit: int | None) -> list[Point]:
    """
    The samples before a moment; a kill at the limit is the last of them, since none was taken then.
    """
    at_s = at_ns / _NS_PER_S
    if killed_at_limit is None:
        return [point for point in ring.points() if point.at_s <= at_s]
    points = [point for point in ring.points() if point.at_s <= at_s - _DYING_NS / _NS_PER_S]
    return [*points, Point(at_s=at_s, working_set_bytes=killed_at_limit)]


def _series(points: list[Point], at_ns: int) -> tuple[tuple[float, int], ...]:
    """
    The newest points all, as far as they fit beside an even choice of the older ones.
    """
    recent = points[-_SERIES // 2 :]
    older = points[: -_SERIES // 2]
    step = -(-len(older) // (_SERIES // 2)) or 1
    at_s = at_ns / _NS_PER_S
    return tuple((round(point.at_s - at_s, 2), point.working_set_bytes) for point in (*older[::step], *recent))


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


def _evidence(alarm: Alarm) -> tuple[Evidence, ...]:
    """
    The figures as the cgroup has them.
    """
    sample = alarm.sample
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


def _pressure(alarm: Alarm) -> Pressure:
    ahead = alarm.forecast
    return Pressure(
        kind=alarm.kind.value,
        level=alarm.level.value,
        since_ns=alarm.since_ns,
        value=_rounded(alarm.value, 4),
        growth_bytes=alarm.growth_bytes,
        seconds_to_limit=_rounded(ahead.seconds) if ahead is not None else None,
        soonest_s=_rounded(ahead.soonest_s) if ahead is not None else None,
        latest_s=_rounded(ahead.latest_s) if ahead is not None else None,
        host=_load(alarm.load) if alarm.load is not None else None,
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
