"""
From stored events back to facts: what the analyzer knew before the agent was last stopped.
"""

from collections.abc import Iterable, Iterator

from collector.facts.restored import RestoredDeathFact, RestoredKillFact, RestoredWarningFact
from collector.memory.latch import Level
from collector.memory.pressure import PressureKind
from collector.store import PastEvent
from parsers.docker_event import DockerAction
from sinks.event import Confidence, EvidenceSource, Killer, Scope
from sinks.event.reader import UnreadableEventError, read_event, time_ns
from sinks.event.views import Exit137View, OomView, VictimView


def kills(past: PastEvent) -> Iterator[RestoredKillFact]:
    """
    Yield the victims of a stored `exit137.oom_kill` event that were in a container.

    Args:
        past: the event; a body that cannot be read yields nothing.
    """
    exit137 = _exit137(past)
    oom = exit137.oom or OomView()
    for victim in oom.victims:
        kill = _kill(past, exit137, oom, victim)
        if kill is not None:
            yield kill


def deaths(past: Iterable[PastEvent]) -> list[RestoredDeathFact]:
    """
    Return the deaths of stored `exit137.container_death` events; a body that cannot be read gives one without stamps.
    """
    return [
        RestoredDeathFact(container_id=event.container_id, ended_us=tuple(_ended_us(_exit137(event))))
        for event in past
        if event.container_id is not None
    ]


def warnings(past: Iterable[PastEvent]) -> list[RestoredWarningFact]:
    """
    Return the warnings that are not resolved: the latest of each container and kind.

    Args:
        past: stored `exit137.memory_pressure` events, oldest first; a body that cannot be read is skipped.
    """
    latest: dict[tuple[str | None, str], RestoredWarningFact] = {}
    for event in past:
        warning = _warning(event)
        if warning is not None:
            latest[warning.container_id, warning.kind] = warning
    return [warning for warning in latest.values() if warning.level != Level.RESOLVED.value]


def _warning(past: PastEvent) -> RestoredWarningFact | None:
    pressure = _exit137(past).pressure
    since_ns = time_ns(pressure.since) if pressure is not None else None
    if pressure is None or since_ns is None:
        return None
    try:
        kind, level = PressureKind(pressure.kind), Level(pressure.level or "")
    except ValueError:
        return None
    return RestoredWarningFact(container_id=past.container_id, kind=kind.value, level=level.value, since_ns=since_ns)


def _ended_us(exit137: Exit137View) -> Iterator[int]:
    """
    Yield the stamps of an end: when the run finished, and Docker's `die` among the evidence.
    """
    finished_at = exit137.death.finished_at if exit137.death is not None else None
    died = (item.time for item in exit137.evidence if item.source == EvidenceSource.DOCKER and _is_die(item.text))
    for stamp in (finished_at, *died):
        at_ns = time_ns(stamp)
        if at_ns is not None:
            yield at_ns // 1000


def _is_die(text: str) -> bool:
    return text.partition(" ")[0] == DockerAction.DIE


def _kill(past: PastEvent, exit137: Exit137View, oom: OomView, victim: VictimView) -> RestoredKillFact | None:
    if victim.container_id is None or victim.pid is None:
        return None
    try:
        killer, scope = Killer(oom.killer or ""), Scope(oom.scope) if oom.scope is not None else None
    except ValueError:
        return None
    return RestoredKillFact(
        event_id=past.id,
        container_id=victim.container_id,
        at_ns=past.time_ns,
        pid=victim.pid,
        comm=victim.name,
        main_process=victim.main_process,
        killer=killer,
        scope=scope,
        limit_bytes=oom.limit_bytes,
        text=exit137.evidence[0].text if exit137.evidence else "",
        vouched_for=exit137.confidence in (Confidence.CERTAIN.value, Confidence.LIKELY.value),
    )


def _exit137(past: PastEvent) -> Exit137View:
    try:
        return read_event(past.body).exit137
    except UnreadableEventError:
        return Exit137View()
