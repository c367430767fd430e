"""
The answer to "why?": the death of a container, the kills in it, and what could not be seen, from the store.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from collector.correlate.standing import ContainerState, Standing
from collector.store import PastEvent, PastEvents
from sinks.event import EventType, rfc3339
from sinks.event.reader import UnreadableEventError, read_event, time_ns
from sinks.event.views import EventView

_KILLS: Final = (EventType.OOM_KILL.value,)
_DEATHS: Final = (EventType.CONTAINER_DEATH.value,)
_KERNEL: Final = (EventType.KERNEL_EVENT.value,)
_AGENT: Final = (EventType.AGENT.value,)
_MOST: Final = 50
# Without a time and without a death: what happened within a day.
_DEFAULT_NS: Final = 86_400_000_000_000
# A kill may be stamped before the start that Docker states.
_BEFORE_START_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """
    What an answer is about.

    Attributes:
        container: an id, or the name or id that was asked for.
        pid: only kills and deaths of this process; None: all of the container.
        since_ns: the earliest time that matters; None: the start of its last run.
    """

    container: str | None
    pid: int | None
    since_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """
    A source that is not read.
    """

    source: str
    why: str


def answer(
    past: PastEvents, subject: Subject, *, standing: Standing, asked_ns: int, down: Sequence[Down]
) -> dict[str, Any] | None:
    """
    Return the answer as JSON; None if nothing is known of the container or process.

    Args:
        past: the store.
        subject: what was asked for.
        standing: whether everything is known.
        asked_ns: the moment of the question.
        down: the sources that are not read now.
    """
    death = _death(past, subject)
    since_ns = _since_ns(subject, death, asked_ns)
    kills = _found(past, subject, _KILLS, since_ns)
    kernel = _found(past, subject, _KERNEL, since_ns)
    if death is None and not kills and not kernel and standing.state is ContainerState.UNKNOWN:
        return None
    newest = death or next(iter(kills or kernel), None)
    view = _view(newest)
    known = view.data.container if view is not None else None
    name, id_ = (known.name, known.id) if known is not None else (standing.name, standing.container_id)
    return {
        "settled": not standing.awaited,
        "awaited": list(standing.awaited),
        "asked_at": rfc3339(asked_ns),
        "since": rfc3339(since_ns),
        "state": standing.state.value,
        "container": {"id": id_, "name": name} if id_ or name else None,
        "message": view.data.message if view is not None else _nothing(name or id_, standing),
        "cause": view.exit137.cause if view is not None and death is not None else None,
        "confidence": view.exit137.confidence if view is not None else None,
        "death": _json(death),
        "kills": [_json(kill) for kill in kills],
        "kernel_events": [_json(event) for event in kernel],
        "blind": [*_gaps(past, since_ns), *({"source": one.source, "now": True, "text": one.why} for one in down)],
    }


def _death(past: PastEvents, subject: Subject) -> PastEvent | None:
    """
    Return the last death of the container, or of the process; not one before the time that matters.
    """
    if subject.container is None:
        return None
    page = past.page(container=subject.container, types=_DEATHS, since_ns=subject.since_ns, limit=1)
    return next(iter(page.events), None)


def _since_ns(subject: Subject, death: PastEvent | None, asked_ns: int) -> int:
    if subject.since_ns is not None:
        return subject.since_ns
    view = _view(death)
    details = view.exit137.death if view is not None else None
    started_ns = time_ns(details.started_at) if details is not None else None
    return (started_ns - _BEFORE_START_NS) if started_ns is not None else asked_ns - _DEFAULT_NS


def _found(past: PastEvents, subject: Subject, types: Sequence[str], since_ns: int) -> list[PastEvent]:
    """
    Return the events of these types, newest first; a process is looked for in the victims of kills.
    """
    if subject.container is not None:
        found = past.page(container=subject.container, types=types, since_ns=since_ns, limit=_MOST).events
    elif types == _KILLS:
        found = past.page(types=types, since_ns=since_ns, text=f"pid {subject.pid}", limit=_MOST).events
    else:
        found = []
    return found if subject.pid is None else [event for event in found if _names(event, subject.pid)]


def _names(event: PastEvent, pid: int) -> bool:
    view = _view(event)
    oom = view.exit137.oom if view is not None else None
    return oom is not None and any(victim.pid == pid for victim in oom.victims)


def _gaps(past: PastEvents, since_ns: int) -> Iterator[Mapping[str, Any]]:
    """
    Yield what the agent said it could not see, oldest first.
    """
    for event in reversed(past.page(types=_AGENT, since_ns=since_ns, limit=_MOST).events):
        view = _view(event)
        if view is not None and view.exit137.gap is not None:
            gap = view.exit137.gap
            yield {"source": gap.source, "what": gap.what, "time": view.time, "text": view.data.message}


def _view(event: PastEvent | None) -> EventView | None:
    try:
        return read_event(event.body) if event is not None else None
    except UnreadableEventError:
        return None


def _nothing(who: str | None, standing: Standing) -> str:
    return f"{who or 'The container'} is {standing.state.value}. No kill or death of it is known."


def _json(event: PastEvent | None) -> Any:  # noqa: ANN401 (JSON)
    return orjson.loads(event.body) if event is not None else None
